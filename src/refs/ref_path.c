#include "ref_path.h"

#include <stdio.h>

/* Which member sinks what. The first rule that fits counts; `below`: whatever stands deeper, too.
 * A NULL in `keys` ends the path. */
struct rule {
    const char *keys[4];
    bool below;
    enum ref_sink sink;
};

static const struct rule job_rules[] = {
    {{"upload", "params", "accessKeyId"}, false, REF_CREDENTIAL},
    {{"upload", "params", "accessKeySecret"}, false, REF_CREDENTIAL},
    {{"upload"}, true, REF_UPLOAD},
    {{"webhook", "url"}, false, REF_URL},
    {{"webhook", "data"}, true, REF_BODY},
    {{"webhook"}, true, REF_HEADER}, /* the method goes into the head, too */
    {{"template", "src"}, false, REF_URL},
};

static const struct rule asset_rules[] = {
    /* paths within the asset */
    {{"src"}, false, REF_URL},
    {{"template", "src"}, false, REF_URL},
    {{"params", "headers"}, true, REF_HEADER},
    {{NULL}, true, REF_TEXT},
};

static bool rule_fits(const struct rule *rule, const struct ref_path *path, size_t from)
{
    size_t at = from;
    for (size_t i = 0; i < ARRAY_LEN(rule->keys) && rule->keys[i]; i++, at++)
        if (at == path->depth || !ref_path_key_is(&path->levels[at], str_from(rule->keys[i])))
            return false;
    return rule->below || at == path->depth;
}

bool ref_path_sink(const struct ref_path *path, enum ref_sink *ret, size_t *ret_asset)
{
    const struct rule *rules = job_rules;
    size_t count = ARRAY_LEN(job_rules), from = 0;
    *ret_asset = JSON_DEPTH_MAX;
    for (size_t i = 0; i < path->depth; i++) {
        if (!path->levels[i].asset)
            continue;
        *ret_asset = from = i; /* the innermost asset decides */
        rules = asset_rules;
        count = ARRAY_LEN(asset_rules);
    }
    for (size_t i = 0; i < count; i++) {
        if (!rule_fits(&rules[i], path, from))
            continue;
        *ret = rules[i].sink;
        return true;
    }
    if (path->depth == 0 || !ref_path_key_is(&path->levels[0], STR("assets")))
        return false;
    *ret = REF_TEXT; /* in /assets, but not in an asset: the worker gets it as it is */
    return true;
}

/* Appends to a pointer that may be full. */
struct pointer {
    char text[REF_POINTER_MAX_BYTES];
    size_t len;
    bool full;
};

static void put(struct pointer *p, struct str bytes)
{
    static const char dots[] = "...";
    size_t room = sizeof p->text - (sizeof dots - 1) - p->len;
    if (p->full)
        return;
    if (bytes.len <= room) {
        memcpy(p->text + p->len, bytes.ptr, bytes.len);
        p->len += bytes.len;
        return;
    }
    while (room > 0 && ((unsigned char)bytes.ptr[room] & 0xc0) == 0x80)
        room--; /* not in the middle of a character */
    memcpy(p->text + p->len, bytes.ptr, room);
    memcpy(p->text + p->len + room, dots, sizeof dots - 1);
    p->len += room + sizeof dots - 1;
    p->full = true;
}

static bool is_simple(struct str key)
{
    for (size_t i = 0; i < key.len; i++)
        if (memchr("\\$~/", key.ptr[i], 4))
            return false;
    return true;
}

static void put_key(struct pointer *p, struct str raw)
{
    if (is_simple(raw)) {
        put(p, raw);
        return;
    }
    char scratch[JSON_ESCAPE_MAX_BYTES], key[REF_POINTER_MAX_BYTES];
    struct str piece;
    size_t len = 0;
    char last = 0;
    for (struct str rest = raw; json_piece_next(&rest, scratch, &piece);) {
        /* Looked for behind the unescaping: "\u0024{" counts as well. */
        bool across = last == '$' && piece.ptr[0] == '{';
        if (across || str_search(piece, STR("${"), 0) < piece.len) {
            put(p, STR("<key>"));
            return;
        }
        last = piece.ptr[piece.len - 1];
        size_t take = piece.len < sizeof key - len ? piece.len : sizeof key - len;
        memcpy(key + len, piece.ptr, take);
        len += take;
    }
    for (size_t i = 0, run = 0; i <= len; i++) {
        if (i < len && key[i] != '~' && key[i] != '/')
            continue;
        put(p, str_bytes(key + run, i - run));
        if (i < len)
            put(p, key[i] == '~' ? STR("~0") : STR("~1"));
        run = i + 1;
    }
}

struct str ref_path_pointer(const struct ref_path *path, bool in_key, struct arena *arena)
{
    struct pointer p = {.len = 0};
    for (size_t i = 0; i < path->depth; i++) {
        const struct ref_level *level = &path->levels[i];
        put(&p, STR("/"));
        if (in_key && i == path->depth - 1) {
            put(&p, STR("<key>"));
        } else if (level->array) {
            char index[24];
            int len = snprintf(index, sizeof index, "%zu", level->index - 1);
            put(&p, str_bytes(index, (size_t)len));
        } else {
            put_key(&p, level->key);
        }
    }
    return arena_str(arena, str_bytes(p.text, p.len));
}
