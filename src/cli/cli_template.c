#include <stdio.h>

#include "cli.h"
#include "cli_commands.h"
#include "cli_resource.h"
#include "cli_transfer.h"
#include "cli_wait.h"
#include "json_encode.h"
#include "limit.h"

enum { ANSWER_MAX_BYTES = 64 * 1024 * 1024, BODY_MAX_BYTES = 64 * 1024 };

static const struct cli_column columns[] = {
    CLI_WHOLE("ID", "id", 0),
    CLI_WHOLE("TYPE", "type", 2),
    CLI_WHOLE("STATUS", "status", 1),
    CLI_TEXT("NAME", "displayName", 1),
    CLI_TEXT("CREATED", "createdAt", 3),
    CLI_TEXT("ERROR", "error", 1),
};
static const struct cli_resource templates = {
    .what = "template",
    .path = "/templates",
    .member = "displayName",
    .more = " and its file; jobs that name it will fail",
    .columns = columns,
    .count = ARRAY_LEN(columns),
};

/* --type, else the file's extension. */
static const char *type_of(const struct cli_args *args, const char *name)
{
    static const char *const types[] = {"aep", "zip", "mogrt"};
    const char *said = cli_flag_value(args, "type"), *dot = strrchr(name, '.');
    for (size_t i = 0; !said && dot && i < ARRAY_LEN(types); i++)
        if (str_equal_nocase(str_from(dot + 1), str_from(types[i])))
            return types[i];
    if (!said)
        fputs("safelight: the file's name does not tell its type; say --type aep, zip or mogrt\n",
              stderr);
    return said;
}

/* Makes the template; ret_id and ret_address borrow from the arena. */
static int create(struct cli_client *c, const char *name, const char *type, struct str *ret_id,
                  struct str *ret_address)
{
    AUTO(buf) struct buf body = buf_make(BODY_MAX_BYTES);
    AUTO(buf) struct buf answer = buf_make(ANSWER_MAX_BYTES);
    struct json_out o = json_out_make(&body);
    json_out_open(&o, '{');
    json_out_member_str(&o, "type", str_from(type));
    json_out_member_str(&o, "displayName", str_from(name));
    json_out_close(&o, '}');
    if (!cli_body_end(&o))
        return EXIT_CODE_INVALID;
    int code = cli_request(c, "POST", "/templates", buf_str(&body), &answer);
    if (code != 0)
        return code;
    *ret_id = arena_str(&c->arena, cli_member(buf_str(&answer), "id", &c->arena));
    *ret_address = arena_str(&c->arena, cli_member(buf_str(&answer), "uploadInfo.url", &c->arena));
    return 0;
}

/* Until the server has looked at what came. */
static int wait_for(struct cli_client *c, const struct cli_args *args, const char *id)
{
    AUTO(buf) struct buf one = buf_make(ANSWER_MAX_BYTES);
    int64_t until_ms;
    int code = cli_wait_until(args, &until_ms);
    while (code == 0) {
        code = cli_resource_get(c, &templates, id, &one);
        if (code != 0)
            break;
        struct str status = cli_member(buf_str(&one), "status", &c->arena);
        if (str_is(status, "uploaded") || str_is(status, "error")) {
            cli_put_one(args, buf_str(&one), columns, ARRAY_LEN(columns), &c->arena);
            return str_is(status, "uploaded") ? 0 : EXIT_CODE_FAILED;
        }
        if (!cli_wait_more(until_ms, "the template's check", NULL))
            return EXIT_CODE_FAILED;
    }
    return code;
}

int cli_template_upload(const struct cli_args *args)
{
    struct cli_client c __attribute__((cleanup(cli_client_auto))) = {0};
    struct cli_file file __attribute__((cleanup(cli_file_auto))) = {-1, 0};
    struct str id = STR_EMPTY, address = STR_EMPTY;
    const char *name = NULL, *said = cli_flag_value(args, "name");
    int code = cli_file_name(args->positional[0], &name);
    const char *type = code == 0 ? type_of(args, name) : NULL;
    if (code == 0 && !type)
        code = EXIT_CODE_USAGE;
    if (code == 0)
        code = cli_client_open(&c);
    if (code == 0)
        code = cli_file_open(args->positional[0], TEMPLATE_MAX_BYTES, &file);
    if (code == 0)
        code = create(&c, said ? said : name, type, &id, &address);
    if (code != 0)
        return code;
    code = cli_upload(&c, address.ptr, &file);
    if (code == 0)
        return wait_for(&c, args, id.ptr);
    fprintf(stderr,
            "  template %.*s was made but has no file; safelight template delete removes it\n",
            (int)id.len, id.ptr);
    return code;
}

int cli_template_list(const struct cli_args *args)
{
    return cli_resource_list(args, &templates);
}

int cli_template_show(const struct cli_args *args)
{
    return cli_resource_show(args, &templates);
}

int cli_template_delete(const struct cli_args *args)
{
    return cli_resource_delete(args, &templates);
}

int cli_template_download(const struct cli_args *args)
{
    struct cli_client c __attribute__((cleanup(cli_client_auto))) = {0};
    AUTO(buf) struct buf one = buf_make(ANSWER_MAX_BYTES);
    AUTO(buf) struct buf where = buf_make(ANSWER_MAX_BYTES);
    int code = cli_client_open(&c);
    if (code == 0)
        code = cli_resource_get(&c, &templates, args->positional[0], &one);
    if (code != 0)
        return code;
    code =
        cli_request(&c, "GET", cli_resource_path(&c, &templates, args->positional[0], "/download"),
                    STR_EMPTY, &where);
    if (code != 0)
        return code;
    struct str id = cli_member(buf_str(&one), "id", &c.arena);
    struct str type = cli_member(buf_str(&one), "type", &c.arena);
    struct str name =
        arena_printf(&c.arena, "%.*s.%.*s", (int)id.len, id.ptr, (int)type.len, type.ptr);
    if (str_find(name, '/') < name.len)
        name = STR("template");
    const struct cli_download wanted = {
        .address = arena_text(&c.arena, cli_member(buf_str(&where), "url", &c.arena)),
        .name = name.ptr,
        .id = arena_text(&c.arena, id)};
    return cli_download(&c, args, &wanted);
}
