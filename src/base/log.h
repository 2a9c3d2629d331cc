/* The log: one line to stderr for each event, an event name and typed key/values, as logfmt or
 * JSON. A struct secret has no association below, so logging one does not compile. Text from
 * outside is capped at LOG_TEXT_MAX_BYTES and escaped (control characters, ANSI, bidi). Any thread.
 *
 *     log_warn("upload_failed", kv("job", job_id), kv("status", 403));
 */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include <stdatomic.h>

#include "str.h"

enum log_level { LOG_DEBUG, LOG_INFO, LOG_WARN, LOG_ERROR };
enum log_format { LOG_LOGFMT, LOG_JSON };
enum { LOG_TEXT_MAX_BYTES = 256 };

struct log_kv {
    const char *key;
    enum { LOG_KV_END, LOG_KV_STR, LOG_KV_INT, LOG_KV_UINT, LOG_KV_BOOL } type;
    union {
        struct str str;
        int64_t i;
        uint64_t u;
    } value;
};

static inline struct log_kv log_kv_str(const char *key, struct str v)
{
    return (struct log_kv){key, LOG_KV_STR, {.str = v}};
}
static inline struct log_kv log_kv_text(const char *key, const char *v)
{
    return (struct log_kv){key, LOG_KV_STR, {.str = str_from(v)}};
}
static inline struct log_kv log_kv_int(const char *key, int64_t v)
{
    return (struct log_kv){key, LOG_KV_INT, {.i = v}};
}
static inline struct log_kv log_kv_uint(const char *key, uint64_t v)
{
    return (struct log_kv){key, LOG_KV_UINT, {.u = v}};
}
static inline struct log_kv log_kv_bool(const char *key, bool v)
{
    return (struct log_kv){key, LOG_KV_BOOL, {.u = v}};
}

#define kv(key, v)                                                                                 \
    _Generic((v),                                                                                  \
        struct str: log_kv_str,                                                                    \
        char *: log_kv_text,                                                                       \
        const char *: log_kv_text,                                                                 \
        int: log_kv_int,                                                                           \
        long: log_kv_int,                                                                          \
        long long: log_kv_int,                                                                     \
        unsigned: log_kv_uint,                                                                     \
        unsigned long: log_kv_uint,                                                                \
        unsigned long long: log_kv_uint,                                                           \
        unsigned short: log_kv_uint,                                                               \
        unsigned char: log_kv_uint,                                                                \
        bool: log_kv_bool)(key, v)

/* The array begins with an element that is skipped, so that there may be no pairs at all. */
#define log_write(level, event, ...)                                                               \
    log_emit(level, event,                                                                         \
             (const struct log_kv[]){{.type = LOG_KV_END}, ##__VA_ARGS__, {.type = LOG_KV_END}} +  \
                 1)
#define log_debug(event, ...) log_write(LOG_DEBUG, event, ##__VA_ARGS__)
#define log_info(event, ...)  log_write(LOG_INFO, event, ##__VA_ARGS__)
#define log_warn(event, ...)  log_write(LOG_WARN, event, ##__VA_ARGS__)
#define log_error(event, ...) log_write(LOG_ERROR, event, ##__VA_ARGS__)

void log_open(const char *process, enum log_level least, enum log_format format);
/* Level and format from now on. */
void log_set(enum log_level least, enum log_format format);
/* The same, looked up for each line: how another process changes them under way (LOG_WORD). Must
 * stay readable for as long as the process lives. */
#define LOG_WORD(least, format) ((unsigned)(least) | (unsigned)(format) << 2)
void log_follow(const atomic_uint *word);
/* Lines of this thread carry this request id until the next call; empty: none. Copied. */
void log_request(struct str id);
void log_emit(enum log_level level, const char *event, const struct log_kv *kvs);

#endif
