#include "config.h"

#include <ctype.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include "io.h"
#include "job_stock.h"

enum type { TYPE_TEXT, TYPE_BOOL, TYPE_INT };

static const struct setting {
    const char *name, *fallback, *doc;
    enum type type;
    size_t offset;
    int64_t least, most;
} settings[] = {
#define CONFIG_TEXT(member, name, def, doc)                                                        \
    {name, def, doc, TYPE_TEXT, offsetof(struct config, member), 0, 0},
#define CONFIG_BOOL(member, name, def, doc)                                                        \
    {name, def, doc, TYPE_BOOL, offsetof(struct config, member), 0, 0},
#define CONFIG_INT(member, name, def, least, most, doc)                                            \
    {name, def, doc, TYPE_INT, offsetof(struct config, member), least, most},
#include "config.def"
#undef CONFIG_TEXT
#undef CONFIG_BOOL
#undef CONFIG_INT
};

enum { CONFIG_FILE_MAX_BYTES = 64 * 1024 };

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

static enum err assign(struct config *c, const struct setting *s, struct str value,
                       const char **ret_why)
{
    /* UNSAFE: the offset is that of a member of the type the table names (X-macro). */
    void *member = (char *)c + s->offset;
    uint64_t number;
    switch (s->type) {
    case TYPE_TEXT:
        *ret_why = "too long";
        return str_to_text(value, member, CONFIG_TEXT_MAX_BYTES) == OK ? OK : ERR_INVALID;
    case TYPE_BOOL:
        *ret_why = "say on or off";
        return parse_bool(value, member);
    case TYPE_INT:
        *ret_why = "not a whole number within the setting's limits";
        TRY(str_to_u64(value, (uint64_t)s->most, &number));
        if ((int64_t)number < s->least)
            return ERR_INVALID;
        *(int64_t *)member = (int64_t)number;
        return OK;
    }
    return ERR_INTERNAL;
}

void config_defaults(struct config *c)
{
    *c = (struct config){0};
    for (size_t i = 0; i < ARRAY_LEN(settings); i++) {
        const char *why;
        enum err e = assign(c, &settings[i], str_from(settings[i].fallback), &why);
        ASSERT(e == OK);
    }
}

enum err config_set(struct config *c, struct str name, struct str value, const char **ret_why)
{
    for (size_t i = 0; i < ARRAY_LEN(settings); i++) {
        if (str_is(name, settings[i].name))
            return assign(c, &settings[i], value, ret_why);
    }
    *ret_why = "there is no such setting";
    return ERR_NOT_FOUND;
}

enum err config_read_file(struct config *c, const char *path, char ret_why[static 200])
{
    AUTO(buf) struct buf file = buf_make(CONFIG_FILE_MAX_BYTES);
    enum err e = io_read_file(path, &file);
    if (e == ERR_NOT_FOUND)
        return e;
    if (e != OK) {
        snprintf(ret_why, 200, "it cannot be read");
        return ERR_INVALID;
    }
    struct str rest = buf_str(&file), line;
    for (unsigned number = 1; rest.ptr && rest.len; number++) {
        rest = str_split(rest, '\n', &line);
        line = str_trim(line);
        if (line.len == 0 || line.ptr[0] == '#')
            continue;
        struct str name, value = str_split(line, '=', &name);
        const char *why = "say name = value";
        if (!value.ptr || config_set(c, str_trim(name), str_trim(value), &why) != OK) {
            snprintf(ret_why, 200, "line %u: %s", number, why);
            return ERR_INVALID;
        }
    }
    return OK;
}

enum err config_read_environment(struct config *c, char ret_why[static 200])
{
    for (size_t i = 0; i < ARRAY_LEN(settings); i++) {
        char variable[64] = "SAFELIGHT_";
        size_t at = strlen(variable);
        for (const char *n = settings[i].name; *n; n++)
            variable[at++] = *n == '-' ? '_' : (char)toupper((unsigned char)*n);
        variable[at] = 0;
        const char *value = getenv(variable), *why;
        if (value && assign(c, &settings[i], str_from(value), &why) != OK) {
            snprintf(ret_why, 200, "the environment variable %s: %s", variable, why);
            return ERR_INVALID;
        }
    }
    return OK;
}

enum err config_address(struct str listen, char ret_address[static 64], uint16_t *ret_port)
{
    size_t colon = listen.len;
    while (colon > 0 && listen.ptr[colon - 1] != ':')
        colon--;
    if (colon == 0)
        return ERR_INVALID;
    struct str host = str_slice(listen, 0, colon - 1);
    if (host.len >= 2 && host.ptr[0] == '[' && host.ptr[host.len - 1] == ']')
        host = str_slice(host, 1, host.len - 1);
    uint64_t port;
    TRY(str_to_u64(str_slice(listen, colon, listen.len), UINT16_MAX, &port));
    TRY(str_to_text(host, ret_address, 64));
    *ret_port = (uint16_t)port;
    return host.len ? OK : ERR_INVALID;
}

enum err config_check(const struct config *c, char ret_why[static 200])
{
    char address[64];
    uint16_t port;
    const char *why = NULL;
    struct str level = str_from(c->log_level);
    if (config_address(str_from(c->listen), address, &port) != OK)
        why = "listen: say address:port, for example 127.0.0.1:4300";
    else if (!c->tls_cert[0] != !c->tls_key[0])
        why = "tls-cert and tls-key go together";
    else if (!str_is(str_from(c->log_format), "logfmt") && !str_is(str_from(c->log_format), "json"))
        why = "log-format: say logfmt or json";
    else if (!str_is(level, "debug") && !str_is(level, "info") && !str_is(level, "warn") &&
             !str_is(level, "error"))
        why = "log-level: say debug, info, warn or error";
    enum job_stock_log stock_log;
    if (!why && !job_stock_log_from(str_from(c->stock_log), &stock_log))
        why = "stock-log: say off, temp or project";
    if (!why)
        return OK;
    snprintf(ret_why, 200, "%s", why);
    return ERR_INVALID;
}

bool config_setting(size_t i, struct config_setting *ret)
{
    if (i >= ARRAY_LEN(settings))
        return false;
    const struct setting *s = &settings[i];
    const char *argument = s->type == TYPE_BOOL ? "on|off" : s->type == TYPE_INT ? "N" : "TEXT";
    *ret = (struct config_setting){s->name, argument, s->doc, s->fallback};
    return true;
}
