#include "config.h"

#include <ctype.h>
#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include "alloc.h"
#include "hash.h"
#include "job_stock.h"
#include "nearest.h"

#define RELOAD true
#define FIXED  false
static const struct config_setting settings[CONFIG_COUNT] = {
#define CONFIG_TEXT(member, name, def, reload, doc)                                                \
    {name, def, "", doc, CONFIG_TYPE_TEXT, reload, offsetof(struct config, member), 0, 0},
#define CONFIG_WORD(member, name, def, words, reload, doc)                                         \
    {name, def, words, doc, CONFIG_TYPE_TEXT, reload, offsetof(struct config, member), 0, 0},
#define CONFIG_BOOL(member, name, def, reload, doc)                                                \
    {name, def, "", doc, CONFIG_TYPE_BOOL, reload, offsetof(struct config, member), 0, 0},
#define CONFIG_INT(member, name, def, least, most, unit, reload, doc)                              \
    {name, def, unit, doc, CONFIG_TYPE_INT, reload, offsetof(struct config, member), least, most},
#define CONFIG_SECRET(member, name, def, reload, doc)                                              \
    {name, def, "", doc, CONFIG_TYPE_SECRET, reload, offsetof(struct config, member), 0, 0},
#include "config.def"
#undef CONFIG_TEXT
#undef CONFIG_WORD
#undef CONFIG_BOOL
#undef CONFIG_INT
#undef CONFIG_SECRET
};

const struct config_setting *config_setting(enum config_id id)
{
    ASSERT(id < CONFIG_COUNT);
    return &settings[id];
}

/* UNSAFE: the offset is that of a member of the type the table names (X-macro). */
static void *member_of(struct config *c, enum config_id id)
{
    return (char *)c + config_setting(id)->offset;
}

static const void *member_in(const struct config *c, enum config_id id)
{
    return (const char *)c + config_setting(id)->offset;
}

/* --- one value --- */

static enum err parse_bool(struct str value, bool *ret)
{
    static const char *const yes[] = {"on", "true", "yes", "1"}, *const no[] = {"off", "false",
                                                                                "no", "0"};
    for (size_t i = 0; i < ARRAY_LEN(yes); i++) {
        if (str_is(value, yes[i]) || str_is(value, no[i])) {
            *ret = str_is(value, yes[i]);
            return OK;
        }
    }
    return ERR_INVALID;
}

static bool is_printable(struct str value, bool blanks)
{
    for (size_t i = 0; i < value.len; i++) {
        unsigned char c = (unsigned char)value.ptr[i];
        if (c < 0x20 || c == 0x7f || (!blanks && (c == ' ' || c > 0x7f)))
            return false;
    }
    return true;
}

static enum err assign_text(char *member, struct str value, char *ret_why)
{
    snprintf(ret_why, CONFIG_WHY_BYTES, "longer than %d bytes", CONFIG_TEXT_MAX_BYTES - 1);
    if (value.len >= CONFIG_TEXT_MAX_BYTES)
        return ERR_INVALID;
    snprintf(ret_why, CONFIG_WHY_BYTES, "holds a control character");
    if (!is_printable(value, true))
        return ERR_INVALID;
    return str_to_text(value, member, CONFIG_TEXT_MAX_BYTES);
}

static enum err assign_int(int64_t *member, const struct config_setting *s, struct str value,
                           char *ret_why)
{
    uint64_t number;
    snprintf(ret_why, CONFIG_WHY_BYTES, "say a whole number from %" PRId64 " to %" PRId64, s->least,
             s->most);
    if (str_to_u64(value, (uint64_t)s->most, &number) != OK || (int64_t)number < s->least)
        return ERR_INVALID;
    *member = (int64_t)number;
    return OK;
}

static enum err assign_secret(uint8_t *member, struct str value, char *ret_why)
{
    memset(member, 0, CONFIG_HASH_BYTES);
    if (value.len == 0)
        return OK;
    snprintf(ret_why, CONFIG_WHY_BYTES,
             "say %d to %d printable characters without blanks, for example from: openssl rand "
             "-hex 32",
             CONFIG_SECRET_MIN_BYTES, CONFIG_SECRET_MAX_BYTES);
    if (value.len < CONFIG_SECRET_MIN_BYTES || value.len > CONFIG_SECRET_MAX_BYTES ||
        !is_printable(value, false))
        return ERR_INVALID;
    hash_sha256(value, member);
    return OK;
}

enum err config_assign(struct config *c, enum config_id id, struct str value,
                       char ret_why[static CONFIG_WHY_BYTES])
{
    const struct config_setting *s = config_setting(id);
    void *member = member_of(c, id);
    switch (s->type) {
    case CONFIG_TYPE_TEXT:
        return assign_text(member, value, ret_why);
    case CONFIG_TYPE_BOOL:
        snprintf(ret_why, CONFIG_WHY_BYTES, "say on or off");
        return parse_bool(value, member);
    case CONFIG_TYPE_INT:
        return assign_int(member, s, value, ret_why);
    case CONFIG_TYPE_SECRET:
        return assign_secret(member, value, ret_why);
    }
    return ERR_INTERNAL;
}

void config_defaults(struct config *c)
{
    *c = (struct config){0};
    for (enum config_id id = 0; id < CONFIG_COUNT; id++) {
        char why[CONFIG_WHY_BYTES];
        enum err e = config_assign(c, id, str_from(settings[id].fallback), why);
        ASSERT(e == OK);
    }
}

enum config_id config_find(struct str name)
{
    enum config_id id = 0;
    while (id < CONFIG_COUNT && !str_is(name, settings[id].name))
        id++;
    return id;
}

const char *config_nearest(struct str name)
{
    struct nearest near = nearest_to(name);
    for (size_t i = 0; i < ARRAY_LEN(settings); i++)
        nearest_offer(&near, str_from(settings[i].name));
    return near.name.len ? near.name.ptr : NULL; /* borrowed from the table, which ends with NUL */
}

/* --- all of them --- */

enum err config_value(const struct config *c, enum config_id id, struct buf *out)
{
    static const uint8_t none[CONFIG_HASH_BYTES];
    const void *member = member_in(c, id);
    switch (config_setting(id)->type) {
    case CONFIG_TYPE_TEXT:
        return buf_put(out, str_from(member));
    case CONFIG_TYPE_BOOL:
        return buf_put(out, *(const bool *)member ? STR("on") : STR("off"));
    case CONFIG_TYPE_INT:
        return buf_printf(out, "%" PRId64, *(const int64_t *)member);
    case CONFIG_TYPE_SECRET:
        return buf_put(out, equal_constant_time(member, none, sizeof none) ? STR("not set")
                                                                           : STR("set"));
    }
    return ERR_INTERNAL;
}

bool config_same(const struct config *a, const struct config *b, enum config_id id)
{
    const void *x = member_in(a, id), *y = member_in(b, id);
    switch (config_setting(id)->type) {
    case CONFIG_TYPE_TEXT:
        return str_is(str_from(x), y);
    case CONFIG_TYPE_BOOL:
        return *(const bool *)x == *(const bool *)y;
    case CONFIG_TYPE_INT:
        return *(const int64_t *)x == *(const int64_t *)y;
    case CONFIG_TYPE_SECRET:
        return equal_constant_time(x, y, CONFIG_HASH_BYTES);
    }
    return false;
}

void config_copy(struct config *to, const struct config *from, enum config_id id)
{
    static const size_t sizes[] = {CONFIG_TEXT_MAX_BYTES, sizeof(bool), sizeof(int64_t),
                                   CONFIG_HASH_BYTES};
    memcpy(member_of(to, id), member_in(from, id), sizes[config_setting(id)->type]);
}
