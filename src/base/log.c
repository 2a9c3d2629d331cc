#include "log.h"

#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

#include "clock.h"

static const char *process_name = "safelight";
static atomic_uint own_word = LOG_WORD(LOG_INFO, LOG_LOGFMT);
static const atomic_uint *word = &own_word;

enum { REQUEST_ID_MAX_BYTES = 32 };
static _Thread_local char request_id[REQUEST_ID_MAX_BYTES + 1];

static const char *const level_names[] = {"debug", "info", "warn", "error"};

void log_open(const char *process, enum log_level least, enum log_format format)
{
    process_name = process;
    log_set(least, format);
}

void log_set(enum log_level least, enum log_format format)
{
    atomic_store_explicit(&own_word, LOG_WORD(least, format), memory_order_relaxed);
}

void log_follow(const atomic_uint *other)
{
    word = other;
}

void log_request(struct str id)
{
    enum err e = str_to_text(id, request_id, sizeof request_id);
    ASSERT(e == OK);
}

/* One line is built on the stack and written with one write, so lines of several threads and
 * processes do not mix. The pairs that do not fit are left out and "cut" says so. */
struct line {
    char bytes[4096];
    size_t len;
};

static void put(struct line *l, const char *bytes, size_t len)
{
    size_t room = sizeof l->bytes - 2 - l->len;
    if (len > room)
        len = room;
    memcpy(l->bytes + l->len, bytes, len);
    l->len += len;
}

static void put_text(struct line *l, const char *text)
{
    put(l, text, strlen(text));
}

/* Everything but printable ASCII is written as \u00XX of its byte: a terminal or a JSON reader
 * sees neither control characters nor bidi marks, and no broken UTF-8. */
static void put_escaped(struct line *l, struct str s)
{
    size_t n = s.len < LOG_TEXT_MAX_BYTES ? s.len : LOG_TEXT_MAX_BYTES;
    put_text(l, "\"");
    for (size_t i = 0; i < n; i++) {
        unsigned char c = (unsigned char)s.ptr[i];
        char code[8];
        if (c == '"' || c == '\\') {
            snprintf(code, sizeof code, "\\%c", c);
            put_text(l, code);
        } else if (c < 0x20 || c >= 0x7f) {
            snprintf(code, sizeof code, "\\u%04x", c);
            put_text(l, code);
        } else {
            put(l, (const char *)&c, 1);
        }
    }
    put_text(l, n < s.len ? "...\"" : "\"");
}

static void put_value(struct line *l, const struct log_kv *kv)
{
    char number[32];
    switch (kv->type) {
    case LOG_KV_STR:
        put_escaped(l, kv->value.str);
        return;
    case LOG_KV_INT:
        snprintf(number, sizeof number, "%" PRId64, kv->value.i);
        break;
    case LOG_KV_UINT:
        snprintf(number, sizeof number, "%" PRIu64, kv->value.u);
        break;
    case LOG_KV_BOOL:
        snprintf(number, sizeof number, "%s", kv->value.u ? "true" : "false");
        break;
    case LOG_KV_END:
        return;
    }
    put_text(l, number);
}

/* The most bytes the pair can take: six for each byte of text, or a number. */
static size_t space_for(const struct log_kv *kv)
{
    size_t text = 24;
    if (kv->type == LOG_KV_STR)
        text =
            6 * (kv->value.str.len < LOG_TEXT_MAX_BYTES ? kv->value.str.len : LOG_TEXT_MAX_BYTES);
    return strlen(kv->key) + text + sizeof ",\"\":\"...\"";
}

static void put_pairs(struct line *l, const struct log_kv *kvs, bool json)
{
    for (; kvs->type != LOG_KV_END; kvs++) {
        bool fits = space_for(kvs) + sizeof ",\"cut\":true}" < sizeof l->bytes - l->len;
        put_text(l, json ? ",\"" : " ");
        put_text(l, fits ? kvs->key : "cut");
        put_text(l, json ? "\":" : "=");
        if (!fits) {
            put_text(l, "true");
            return;
        }
        put_value(l, kvs);
    }
}

void log_emit(enum log_level level, const char *event, const struct log_kv *kvs)
{
    unsigned now = atomic_load_explicit(word, memory_order_relaxed);
    if (level < (now & 3))
        return;
    bool json = now >> 2 == LOG_JSON;
    char time[CLOCK_TEXT_BYTES];
    clock_format(clock_unix_ms(), time);
    struct line l;
    l.len = 0;
    const char *head[][2] = {
        {"time", time}, {"level", level_names[level]}, {"process", process_name}, {"event", event}};
    if (json)
        put_text(&l, "{");
    for (size_t i = 0; i < 4; i++) {
        put_text(&l, i == 0 ? "" : json ? "," : " ");
        put_text(&l, json ? "\"" : "");
        put_text(&l, head[i][0]);
        put_text(&l, json ? "\":\"" : "=");
        put_text(&l, head[i][1]);
        put_text(&l, json ? "\"" : "");
    }
    if (request_id[0]) {
        const struct log_kv request[] = {log_kv_text("request", request_id), {.type = LOG_KV_END}};
        put_pairs(&l, request, json);
    }
    put_pairs(&l, kvs, json);
    if (json)
        put_text(&l, "}");
    l.bytes[l.len++] = '\n';
    ssize_t written = write(STDERR_FILENO, l.bytes, l.len);
    (void)written; /* nowhere left to say it */
}
