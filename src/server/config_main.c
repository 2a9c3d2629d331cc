#include "config_main.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "config_files.h"
#include "json_encode.h"
#include "term.h"

enum { EXIT_DONE = 0, EXIT_USAGE = 2, EXIT_FAILED = 7, EXIT_INVALID = 9 };
enum { SHOW_MAX_BYTES = 256 * 1024, VALUE_MAX_BYTES = 2 * CONFIG_TEXT_MAX_BYTES };

static int tell(const struct buf *problems, int code)
{
    struct str rest = buf_str(problems), line;
    while (rest.ptr && rest.len) {
        rest = str_split(rest, '\n', &line);
        fputs("safelight config: ", stderr);
        term_put(line, "", stderr); /* a path may hold anything */
        fputc('\n', stderr);
    }
    return code;
}

static enum err write_origin(const struct config_inputs *in, enum config_id id,
                             struct config_source from, struct buf *out)
{
    char variable[64];
    config_variable(id, variable);
    switch (from.origin) {
    case CONFIG_FROM_DEFAULT:
        return buf_put(out, STR("default"));
    case CONFIG_FROM_FILE:
        return buf_printf(out, "%s:%u", in->file, from.line);
    case CONFIG_FROM_ENVIRONMENT:
        return buf_put(out, str_from(variable));
    case CONFIG_FROM_FLAG:
        return buf_printf(out, "--%s", config_setting(id)->name);
    }
    return ERR_INTERNAL;
}

struct row {
    struct buf value, origin;
};

static void row_auto(struct row *r)
{
    buf_auto(&r->value);
    buf_auto(&r->origin);
}

static enum err write_row(const struct config_inputs *in, const struct config *c, enum config_id id,
                          struct config_source from, struct json_out *json, struct buf *text)
{
    const struct config_setting *s = config_setting(id);
    AUTO(row) struct row r = {buf_make(VALUE_MAX_BYTES), buf_make(VALUE_MAX_BYTES)};
    TRY(config_value(c, id, &r.value));
    TRY(write_origin(in, id, from, &r.origin));
    json_out_open(json, '{');
    json_out_member_str(json, "name", str_from(s->name));
    json_out_member_str(json, "value", buf_str(&r.value));
    json_out_member_str(json, "from", buf_str(&r.origin));
    json_out_member_str(json, "default", str_from(s->fallback));
    json_out_member_bool(json, "secret", s->type == CONFIG_TYPE_SECRET);
    json_out_member_bool(json, "reload", s->reloads);
    json_out_close(json, '}');
    return buf_printf(text, "%-22s %-24.*s %.*s\n", s->name, (int)r.value.len,
                      buf_str(&r.value).ptr, (int)r.origin.len, buf_str(&r.origin).ptr);
}

static int show(const struct config_inputs *in, const struct config *c,
                const struct config_source *from, bool as_json)
{
    AUTO(buf) struct buf json = buf_make(SHOW_MAX_BYTES);
    AUTO(buf) struct buf text = buf_make(SHOW_MAX_BYTES);
    struct json_out o = json_out_make(&json);
    enum err e = OK;
    json_out_open(&o, '[');
    for (enum config_id id = 0; id < CONFIG_COUNT && e == OK; id++)
        e = write_row(in, c, id, from[id], &o, &text);
    json_out_close(&o, ']');
    if (e == OK)
        e = json_out_end(&o);
    if (e != OK)
        return EXIT_FAILED;
    const struct buf *out = as_json ? &json : &text;
    printf("%.*s%s", (int)out->len, out->ptr, as_json ? "\n" : "");
    return fflush(stdout) == 0 ? EXIT_DONE : EXIT_FAILED;
}

/* --- what is wrong, for a program --- */

/* VARIABLE of "environment: VARIABLE: ...", "listen" of "--listen: ...". */
static bool take_until(struct str *rest, const char *before, struct str *ret)
{
    size_t at = str_search(*rest, STR(": "), strlen(before));
    if (!str_starts(*rest, str_from(before)) || at == rest->len)
        return false;
    *ret = str_slice(*rest, strlen(before), at);
    *rest = str_slice(*rest, at + 2, rest->len);
    return true;
}

/* "FILE:12: " */
static bool take_place(struct str *rest, struct str file, uint64_t *ret_line)
{
    struct str behind = str_slice(*rest, file.len, rest->len), line;
    *ret_line = 0;
    if (file.len == 0 || !str_starts(*rest, file) || !str_starts(behind, STR(":")))
        return false;
    if (take_until(&behind, ":", &line))
        (void)(str_to_u64(line, UINT32_MAX, ret_line) == OK); /* of the whole file: no number */
    if (*ret_line == 0)
        behind = str_slice(*rest, file.len + 2, rest->len);
    *rest = behind;
    return true;
}

/* Which setting the sentence is about: its first word, often with a colon. */
static struct str take_name(struct str *rest)
{
    struct str name, word;
    if (take_until(rest, "", &name)) {
        if (config_find(name) < CONFIG_COUNT)
            return name;
        *rest = str_bytes(name.ptr, name.len + 2 + rest->len);
    }
    str_split(*rest, ' ', &word);
    return config_find(word) < CONFIG_COUNT ? word : STR_EMPTY;
}

static struct str name_of(struct str variable)
{
    char text[64];
    for (enum config_id id = 0; id < CONFIG_COUNT; id++) {
        config_variable(id, text);
        if (str_is(variable, text))
            return str_from(config_setting(id)->name);
    }
    return STR_EMPTY;
}

/* All problems of config_load have one of these forms. */
static void put_problem(struct json_out *o, struct str file, struct str line)
{
    struct str name = STR_EMPTY, variable = STR_EMPTY;
    uint64_t number = 0;
    bool placed = take_place(&line, file, &number);
    bool flag = !placed && take_until(&line, "--", &name);
    if (!placed && !flag)
        (void)take_until(&line, "environment: ", &variable);
    if (variable.len)
        name = name_of(variable);
    else if (!flag)
        name = take_name(&line);
    json_out_open(o, '{');
    if (name.len)
        json_out_member_str(o, "name", name);
    if (placed)
        json_out_member_str(o, "file", file);
    if (number)
        json_out_member_int(o, "line", (int64_t)number);
    if (variable.len)
        json_out_member_str(o, "variable", variable);
    json_out_member_str(o, "message", line);
    json_out_close(o, '}');
}

static int tell_json(const struct config_inputs *in, const struct buf *problems, int code)
{
    AUTO(buf) struct buf json = buf_make(SHOW_MAX_BYTES);
    struct json_out o = json_out_make(&json);
    struct str rest = buf_str(problems), line;
    json_out_open(&o, '{');
    json_out_member_bool(&o, "valid", code == EXIT_DONE);
    json_out_key(&o, "problems");
    json_out_open(&o, '[');
    while (rest.ptr && rest.len) {
        rest = str_split(rest, '\n', &line);
        put_problem(&o, str_from(in->file), line);
    }
    json_out_close(&o, ']');
    json_out_close(&o, '}');
    if (json_out_end(&o) != OK)
        return EXIT_FAILED;
    printf("%.*s\n", (int)json.len, json.ptr);
    return code;
}

int config_main(int argc, char **argv)
{
    bool shows = argc > 1 && strcmp(argv[1], "show") == 0;
    static struct config c;
    static struct config_source from[CONFIG_COUNT];
    struct config_output output = {false, false};
    AUTO(config_inputs) struct config_inputs in;
    AUTO(buf) struct buf problems = buf_make(CONFIG_PROBLEMS_MAX_BYTES);
    if (config_inputs_read(argc - 1, argv + 1, &output, &in, &problems) != OK)
        return tell(&problems, EXIT_USAGE);
    enum err e = config_load_right(&in, &c, from, &problems);
    if (e == OK && shows)
        return show(&in, &c, from, output.json);
    if (!shows && config_files(&in, &c, from, &problems) != OK)
        e = ERR_INVALID;
    if (!shows && output.json)
        return tell_json(&in, &problems, e == OK ? EXIT_DONE : EXIT_INVALID);
    if (e != OK)
        return tell(&problems, EXIT_INVALID);
    if (!output.quiet)
        puts(in.file[0] && access(in.file, F_OK) == 0 ? "the settings are valid"
                                                      : "the settings are valid; there is no file");
    return EXIT_DONE;
}
