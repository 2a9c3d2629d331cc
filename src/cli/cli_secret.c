#include "cli_secret.h"

#include <stdio.h>

#include "cli.h"
#include "cli_commands.h"
#include "cli_prompt.h"
#include "cli_resource.h"
#include "cli_value.h"
#include "json_decode.h"
#include "limit.h"
#include "nearest.h"
#include "ulid.h"

enum { BODY_MAX_BYTES = 1024 * 1024, LIST_MAX_BYTES = 64 * 1024 * 1024 };

static const struct cli_column columns[] = {
    CLI_TEXT("NAME", "name", 0),
    CLI_WHOLE("VERSION", "version", 1),
    CLI_TEXT("CREATED", "createdAt", 3),
    CLI_TEXT("UPDATED", "updatedAt", 2),
    CLI_TEXT("EXPIRES", "policy.expiresAt", 1),
    CLI_WHOLE("ID", "id", 4), /* the name does for every command */
};

static int put(const struct cli_args *args, bool rotate)
{
    struct cli_client c __attribute__((cleanup(cli_client_auto))) = {0};
    AUTOP(secret) struct secret *value = NULL;
    AUTO(buf) struct buf body = buf_make(BODY_MAX_BYTES);
    AUTO(buf) struct buf answer = buf_make(BODY_MAX_BYTES);
    int code = cli_client_open(&c);
    if (code == 0)
        code = cli_value_read(cli_flag_value(args, "file"), cli_flag(args, "trim"), &value);
    if (code != 0)
        return code;
    struct json_out o = json_out_make(&body);
    json_out_open(&o, '{');
    json_out_member_str(&o, "name", str_from(args->positional[0]));
    json_out_member_str(&o, "value", secret_reveal(value));
    if (rotate)
        json_out_member_bool(&o, "rotate", true);
    bool any;
    code = cli_policy_member(args, STR_EMPTY, &c.arena, &o, &any);
    if (code != 0)
        return code;
    json_out_close(&o, '}');
    if (!cli_body_end(&o))
        return EXIT_CODE_INVALID;
    code = cli_request(&c, "PUT", "/secrets", buf_str(&body), &answer);
    if (code != 0)
        return code;
    cli_warnings(&c, buf_str(&answer));
    cli_put_one(args, buf_str(&answer), columns, ARRAY_LEN(columns), &c.arena);
    return 0;
}

int cli_secret_set(const struct cli_args *args)
{
    return put(args, false);
}

int cli_secret_list(const struct cli_args *args)
{
    static const struct cli_resource secrets = {
        .what = "secret", .path = "/secrets", .columns = columns, .count = ARRAY_LEN(columns)};
    return cli_resource_list(args, &secrets);
}

int cli_secret_find(struct cli_client *c, const char *name, struct str *ret_row)
{
    AUTO(buf) struct buf answer = buf_make(LIST_MAX_BYTES);
    int code = cli_request(c, "GET", "/secrets", STR_EMPTY, &answer);
    if (code != 0)
        return code;
    struct json_elements all;
    struct str element;
    struct nearest near = nearest_to(str_from(name));
    json_elements_init(&all, buf_str(&answer));
    while (json_elements_next(&all, &element)) {
        struct str present = cli_member(element, "name", &c->arena);
        if (str_is(present, name) || str_is(cli_member(element, "id", &c->arena), name)) {
            *ret_row = arena_str(&c->arena, element);
            return 0;
        }
        nearest_offer(&near, present);
    }
    cli_no_such("secret of this name or id", near.name, "secret list");
    return EXIT_CODE_NOT_FOUND;
}

/* Rotating what is not there would create it under a mistyped name. */
int cli_secret_rotate(const struct cli_args *args)
{
    struct cli_client c __attribute__((cleanup(cli_client_auto))) = {0};
    struct str row;
    int code = cli_client_open(&c);
    if (code == 0)
        code = cli_secret_find(&c, args->positional[0], &row);
    return code == 0 ? put(args, true) : code;
}

/* What will fail without it: how many jobs have not ended that refer to it, and the first few. */
static int ask_before_delete(struct cli_client *c, const struct cli_args *args, struct str row,
                             const char *path)
{
    enum { NAMED = 3, COUNTED = 100 };
    AUTO(buf) struct buf answer = buf_make(LIST_MAX_BYTES);
    struct json_elements all;
    struct str element, ids = STR_EMPTY;
    unsigned count = 0;
    if (cli_flag(args, "yes"))
        return 0;
    int code = cli_request(
        c, "GET", arena_printf(&c->arena, "%s/jobs?waiting=true&limit=%d", path, COUNTED).ptr,
        STR_EMPTY, &answer);
    if (code != 0)
        return code;
    json_elements_init(&all, buf_str(&answer));
    for (; json_elements_next(&all, &element); count++) {
        struct ulid id;
        if (count < NAMED && ulid_from(cli_member(element, "id", &c->arena), &id) == OK)
            ids = arena_printf(&c->arena, "%.*s%s%s", (int)ids.len, ids.ptr, ids.len ? ", " : " (",
                               id.text);
    }
    const char *more = " and all its versions; no job waits for it";
    if (count)
        more = arena_printf(&c->arena,
                            " and all its versions; %s%u job%s that %s not ended will fail%.*s%s",
                            count == COUNTED ? "at least " : "", count, count == 1 ? "" : "s",
                            count == 1 ? "has" : "have", (int)ids.len, ids.ptr,
                            ids.len == 0    ? ""
                            : count > NAMED ? ", ...)"
                                            : ")")
                   .ptr;
    return cli_confirm(args, "the secret", cli_member(row, "name", &c->arena), more);
}

int cli_secret_delete(const struct cli_args *args)
{
    struct cli_client c __attribute__((cleanup(cli_client_auto))) = {0};
    struct str row = STR_EMPTY;
    int code = cli_confirm_possible(args);
    if (code == 0)
        code = cli_client_open(&c);
    if (code == 0)
        code = cli_secret_find(&c, args->positional[0], &row);
    if (code != 0)
        return code;
    const char *id = arena_text(&c.arena, cli_member(row, "id", &c.arena));
    const char *path = arena_printf(&c.arena, "/secrets/%s", cli_escaped(&c, id).ptr).ptr;
    cli_about(&c, "secret of this name or id any more; somebody else deleted it", NULL);
    code = ask_before_delete(&c, args, row, path);
    if (code == 0)
        code = cli_request(&c, "DELETE", path, STR_EMPTY, NULL);
    if (code == 0)
        cli_done(args, "deleted", arena_text(&c.arena, cli_member(row, "name", &c.arena)));
    return code;
}

bool cli_secret_name_valid(struct str name)
{
    for (size_t i = 0; i < name.len; i++) {
        char c = name.ptr[i];
        bool word = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
        if (!word && c != '_' && c != '-' && c != '.' && c != '/')
            return false;
    }
    return name.len > 0 && name.len <= SECRET_NAME_MAX_BYTES;
}
