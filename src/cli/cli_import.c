/* secret import: many secrets out of one file. The file is read twice: once to see whether all of
 * it can be read, once to send, so that only one value at a time stands in locked memory. */
#include <stdio.h>
#include <stdlib.h>

#include "cli.h"
#include "cli_client.h"
#include "cli_commands.h"
#include "cli_env.h"
#include "cli_global.h"
#include "cli_output.h"
#include "cli_secret.h"
#include "cli_value.h"
#include "json_decode.h"
#include "json_encode.h"
#include "limit.h"
#include "progress.h"

enum { BODY_MAX_BYTES = 1024 * 1024, LIST_MAX_BYTES = 64 * 1024 * 1024 };

struct item {
    struct str name;
    const char *status; /* "created", "rotated", "refused", "unknown", "not tried" */
    struct str why;
    unsigned line;
};

struct import {
    struct cli_client c;
    const struct cli_args *args;
    const char *prefix; /* of every name; NULL: none */
    struct buf text;
    enum cli_env_format format;
    struct item *items, **sorted; /* as in the file; by name */
    size_t count, bad;
};

static void import_auto(struct import *im)
{
    cli_client_auto(&im->c);
    buf_auto(&im->text);
}

static void refuse(struct import *im, struct item *item, struct str why)
{
    item->status = "refused";
    item->why = why;
    im->bad++;
}

/* --- what the file says --- */

static int unreadable(const struct cli_env *env, enum err e)
{
    if (e == ERR_LIMIT)
        fputs("safelight: there is no locked memory left (ulimit -l)", stderr);
    else if (env->line)
        fprintf(stderr, "safelight: line %u: %s", env->line, env->why);
    else
        fprintf(stderr, "safelight: %s", env->why);
    fputs("; nothing was stored\n", stderr);
    return EXIT_CODE_INVALID;
}

static struct str whole_name(struct import *im, struct str name)
{
    return im->prefix ? arena_printf(&im->c.arena, "%s%.*s", im->prefix, (int)name.len, name.ptr)
                      : name;
}

static int read_names(struct import *im)
{
    struct cli_env env __attribute__((cleanup(cli_env_auto))) =
        cli_env_make(buf_str(&im->text), im->format, &im->c.arena);
    im->items = arena_array(&im->c.arena, IMPORT_ENTRIES_MAX, sizeof *im->items);
    for (;;) {
        struct cli_env_entry entry = {.value = NULL};
        enum err e = cli_env_next(&env, &entry);
        if (e == ERR_NOT_FOUND)
            break;
        if (e != OK)
            return unreadable(&env, e);
        secret_free(&entry.value);
        if (im->count == IMPORT_ENTRIES_MAX) {
            fprintf(stderr, "safelight: the file has more than %d entries; nothing was stored\n",
                    IMPORT_ENTRIES_MAX);
            return EXIT_CODE_INVALID;
        }
        struct item *item = &im->items[im->count++];
        *item =
            (struct item){.name = whole_name(im, entry.name), .why = STR_EMPTY, .line = entry.line};
        if (entry.why)
            refuse(im, item, str_from(entry.why));
        else if (im->prefix && (!entry.name.len || !cli_secret_name_valid(item->name)))
            refuse(im, item, STR(CLI_SECRET_NAME_RULE));
    }
    if (im->count > 0)
        return 0;
    fputs("safelight: there is nothing in that file to store\n", stderr);
    return EXIT_CODE_INVALID;
}

static int by_name(const void *a, const void *b)
{
    const struct item *const *one = a, *const *other = b;
    return str_compare((*one)->name, (*other)->name);
}

/* Of two values for one name nobody knows which is meant. */
static void refuse_doubles(struct import *im)
{
    struct item **sorted = arena_array(&im->c.arena, im->count, sizeof(struct item *));
    im->sorted = sorted;
    for (size_t i = 0; i < im->count; i++)
        sorted[i] = &im->items[i];
    qsort(sorted, im->count, sizeof(struct item *), by_name);
    for (size_t i = 0; i < im->count; i++) {
        bool before = i > 0 && str_equal(sorted[i]->name, sorted[i - 1]->name);
        bool after = i + 1 < im->count && str_equal(sorted[i]->name, sorted[i + 1]->name);
        if ((before || after) && !sorted[i]->status)
            refuse(im, sorted[i], STR("the name stands in the file more than once"));
    }
}

/* --- what becomes of it --- */

static struct item *find(struct import *im, struct str name)
{
    struct item wanted = {.name = name}, *key = &wanted;
    struct item **found = bsearch(&key, im->sorted, im->count, sizeof(struct item *), by_name);
    return found ? *found : NULL;
}

/* Without storing: what is there already is what --rotate is for. */
static int foretell(struct import *im)
{
    AUTO(buf) struct buf answer = buf_make(LIST_MAX_BYTES);
    struct json_elements all;
    struct str element;
    int code = cli_request(&im->c, "GET", "/secrets", STR_EMPTY, &answer);
    if (code != 0)
        return code;
    json_elements_init(&all, buf_str(&answer));
    while (json_elements_next(&all, &element)) {
        struct item *item = find(im, cli_member(element, "name", &im->c.arena));
        if (item && !item->status && cli_flag(im->args, "rotate"))
            item->status = "rotate";
        else if (item && !item->status)
            refuse(im, item, STR("it exists already; --rotate gives it a new value"));
    }
    for (size_t i = 0; i < im->count; i++) {
        struct item *item = &im->items[i];
        if (!item->status && !cli_secret_name_valid(item->name))
            refuse(im, item, STR(CLI_SECRET_NAME_RULE));
        else if (!item->status)
            item->status = "create";
    }
    return 0;
}

static enum err put_body(const struct import *im, const struct item *item,
                         const struct secret *value, struct buf *ret)
{
    struct json_out o = json_out_make(ret);
    json_out_open(&o, '{');
    json_out_member_str(&o, "name", item->name);
    json_out_member_str(&o, "value", secret_reveal(value));
    if (cli_flag(im->args, "rotate"))
        json_out_member_bool(&o, "rotate", true);
    json_out_close(&o, '}');
    return json_out_end(&o);
}

/* 0 also when the server refuses this one; else no other will fare better. */
static int send_one(struct import *im, struct item *item, const struct secret *value)
{
    AUTO(buf) struct buf body = buf_make(BODY_MAX_BYTES);
    AUTO(buf) struct buf answer = buf_make(BODY_MAX_BYTES);
    struct str why;
    if (put_body(im, item, value, &body) != OK) {
        refuse(im, item, STR("the value is too large"));
        return 0;
    }
    int code = cli_try(&im->c, "PUT", "/secrets", buf_str(&body), &answer, &why);
    if (code == 0) {
        bool first = str_is(cli_member(buf_str(&answer), "version", &im->c.arena), "1");
        item->status = first ? "created" : "rotated";
        item->why = cli_first_warning(&im->c, buf_str(&answer));
        return 0;
    }
    refuse(im, item, why);
    if (im->c.in_doubt) /* it was sent, and may be stored */
        item->status = "unknown";
    else if (code == EXIT_CODE_UNREACHABLE)
        item->status = "not tried";
    if (code == EXIT_CODE_CONFLICT && !cli_flag(im->args, "rotate"))
        item->why = arena_printf(&im->c.arena, "%.*s; --rotate gives it a new value", (int)why.len,
                                 why.ptr);
    return code == EXIT_CODE_INVALID || code == EXIT_CODE_CONFLICT ? 0 : code;
}

static int send_all(struct import *im)
{
    struct cli_env env __attribute__((cleanup(cli_env_auto))) =
        cli_env_make(buf_str(&im->text), im->format, &im->c.arena);
    AUTO(progress) struct progress progress = progress_make("importing", PROGRESS_ITEMS, im->count);
    int code = 0;
    for (size_t i = 0; i < im->count && code == 0; i++) {
        struct cli_env_entry entry = {.value = NULL};
        if (cli_env_next(&env, &entry) != OK)
            return EXIT_CODE_FAILED;
        if (!im->items[i].status && entry.value)
            code = send_one(im, &im->items[i], entry.value);
        secret_free(&entry.value);
        progress_at(&progress, i + 1);
    }
    for (size_t i = 0; i < im->count; i++) {
        if (!im->items[i].status)
            im->items[i].status = "not tried";
    }
    return code;
}

/* --- report --- */

static int report(struct import *im)
{
    static const struct cli_column columns[] = {
        CLI_TEXT("NAME", "name", 0),
        CLI_WHOLE("RESULT", "status", 0),
        CLI_WHOLE("LINE", "line", 2),
        CLI_TEXT("WHY", "why", 1),
    };
    AUTO(buf) struct buf text = buf_make(LIST_MAX_BYTES);
    struct json_out o = json_out_make(&text);
    json_out_open(&o, '[');
    for (size_t i = 0; i < im->count; i++) {
        const struct item *item = &im->items[i];
        bool stored = strcmp(item->status, "refused") != 0 &&
                      strcmp(item->status, "unknown") != 0 &&
                      strcmp(item->status, "not tried") != 0;
        if (cli_quiet() && !cli_flag(im->args, "json") && !stored)
            continue;
        json_out_open(&o, '{');
        json_out_member_str(&o, "name", item->name);
        json_out_member_str(&o, "status", str_from(item->status));
        if (item->line)
            json_out_member_int(&o, "line", item->line);
        if (item->why.len)
            json_out_member_str(&o, "why", item->why);
        json_out_close(&o, '}');
    }
    json_out_close(&o, ']');
    if (json_out_end(&o) != OK)
        return EXIT_CODE_FAILED;
    if (cli_flag(im->args, "json"))
        cli_print_json(buf_str(&text));
    else
        cli_print_table(buf_str(&text), columns, ARRAY_LEN(columns), &im->c.arena);
    return 0;
}

int cli_secret_import(const struct cli_args *args)
{
    struct import im
        __attribute__((cleanup(import_auto))) = {.args = args, .text = buf_make(IMPORT_MAX_BYTES)};
    const char *format = cli_flag_value(args, "format");
    im.prefix = cli_flag_value(args, "prefix");
    bool dry = cli_flag(args, "dry-run");
    if (format && strcmp(format, "env") != 0 && strcmp(format, "json") != 0) {
        fputs("safelight: --format is env or json\n", stderr);
        return EXIT_CODE_INVALID;
    }
    if (im.prefix && !cli_secret_name_valid(str_from(im.prefix))) {
        fputs("safelight: --prefix begins a name: " CLI_SECRET_NAME_RULE "\n", stderr);
        return EXIT_CODE_INVALID;
    }
    int code = cli_client_open(&im.c);
    if (code == 0)
        code = cli_text_read(args->positional[0], &im.text);
    if (code != 0)
        return code;
    im.format = format && strcmp(format, "json") == 0 ? CLI_ENV_JSON
                : format                              ? CLI_ENV_DOTENV
                                                      : cli_env_guess(buf_str(&im.text));
    code = read_names(&im);
    if (code != 0)
        return code;
    refuse_doubles(&im);
    code = dry ? foretell(&im) : send_all(&im);
    if (dry && code != 0)
        return code;
    int reported = report(&im);
    if (im.bad && code == 0)
        fprintf(stderr, "safelight: %zu of %zu %s\n", im.bad, im.count,
                dry ? "would be refused; nothing was stored" : "were refused");
    else if (dry)
        cli_note("Nothing was stored.");
    return code ? code : im.bad ? EXIT_CODE_FAILED : reported;
}
