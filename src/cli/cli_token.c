#include <stdio.h>

#include "cli.h"
#include "cli_commands.h"
#include "cli_global.h"
#include "cli_resource.h"
#include "cli_team.h"
#include "clock.h"
#include "json_encode.h"

enum { BODY_MAX_BYTES = 64 * 1024 };

static int open_either(struct cli_client *c, const struct cli_args *args, struct str *ret_path)
{
    const char *base;
    int code = cli_team_open(c, args, false, &base);
    if (code == 0)
        *ret_path = arena_printf(&c->arena, "%s/tokens", base);
    return code;
}

/* "90d" or "90": days. */
static bool days_of(const char *text, int64_t *ret)
{
    struct str s = str_from(text);
    uint64_t days;
    if (str_ends(s, STR("d")))
        s = str_slice(s, 0, s.len - 1);
    if (str_to_u64(s, 100000, &days) != OK)
        return false;
    *ret = (int64_t)days;
    return true;
}

int cli_token_create(const struct cli_args *args)
{
    struct cli_client c __attribute__((cleanup(cli_client_auto))) = {0};
    AUTO(buf) struct buf body = buf_make(BODY_MAX_BYTES);
    AUTO(buf) struct buf answer = buf_make(BODY_MAX_BYTES);
    static const char *const texts[] = {"role", "name", "names", "addresses"};
    struct str path;
    int64_t days = 0;
    const char *expires = cli_flag_value(args, "expires");
    if (expires && !days_of(expires, &days)) {
        fputs("safelight: --expires is a number of days, for example 90d\n", stderr);
        return EXIT_CODE_INVALID;
    }
    int code = open_either(&c, args, &path);
    if (code != 0)
        return code;
    struct json_out o = json_out_make(&body);
    json_out_open(&o, '{');
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        if (cli_flag_value(args, texts[i]))
            json_out_member_str(&o, texts[i], str_from(cli_flag_value(args, texts[i])));
    }
    if (expires)
        json_out_member_int(&o, "expiresInDays", days);
    json_out_close(&o, '}');
    if (!cli_body_end(&o))
        return EXIT_CODE_INVALID;
    code = cli_request(&c, "POST", path.ptr, buf_str(&body), &answer);
    if (code != 0)
        return code;
    if (cli_flag(args, "json")) {
        cli_print_json(buf_str(&answer));
        return 0;
    }
    cli_note("The token; it is shown only now:");
    cli_print_json(cli_member(buf_str(&answer), "token", &c.arena));
    return 0;
}

/* One word for what a token is good for now. */
static struct str state_of(struct str token, struct arena *a)
{
    int64_t until_ms;
    if (cli_member(token, "revokedAt", a).len)
        return STR("revoked");
    if (clock_parse(cli_member(token, "expiresAt", a), &until_ms) == OK &&
        until_ms <= clock_unix_ms())
        return STR("ended");
    return cli_member(token, "suspendedAt", a).len ? STR("void") : STR("good");
}

int cli_token_list(const struct cli_args *args)
{
    static const struct cli_column columns[] = {
        CLI_WHOLE("ID", "id", 0),
        CLI_OF("STATE", "status", 0, state_of),
        CLI_WHOLE("ROLE", "role", 1),
        CLI_TEXT("NAME", "name", 1),
        CLI_TEXT("NAMES", "names", 3),
        CLI_TEXT("ADDRESSES", "addresses", 4),
        CLI_TEXT("EXPIRES", "expiresAt", 2),
        CLI_TEXT("LAST USED", "lastUsedAt", 2),
    };
    struct cli_client c __attribute__((cleanup(cli_client_auto))) = {0};
    struct str path = STR_EMPTY;
    int code = open_either(&c, args, &path);
    return code == 0 ? cli_list_from(&c, args, path.ptr, columns, ARRAY_LEN(columns)) : code;
}

int cli_token_revoke(const struct cli_args *args)
{
    struct cli_client c __attribute__((cleanup(cli_client_auto))) = {0};
    struct str path;
    int code = open_either(&c, args, &path);
    if (code != 0)
        return code;
    struct str id = cli_escaped(&c, args->positional[0]);
    path = arena_printf(&c.arena, "%.*s/%.*s", (int)path.len, path.ptr, (int)id.len, id.ptr);
    cli_about(&c, "token of this id", "token list");
    code = cli_request(&c, "DELETE", path.ptr, STR_EMPTY, NULL);
    if (code == 0)
        cli_done(args, "revoked", args->positional[0]);
    return code;
}
