#include <stdio.h>

#include "cli.h"
#include "cli_client.h"
#include "cli_commands.h"
#include "cli_global.h"
#include "cli_output.h"
#include "cli_team.h"

enum { ANSWER_MAX_BYTES = 4096 };

static void say(const struct cli_args *args, bool all, struct str answer, struct arena *a)
{
    struct str count = cli_member(answer, "approved", a);
    bool none = str_is(count, "0"), one = str_is(count, "1");
    if (cli_flag(args, "json")) {
        cli_print_json(answer);
        return;
    }
    if (cli_quiet())
        return;
    if (!all)
        puts(none ? "This token was good already." : "The token is good again.");
    else if (none)
        puts("No token of this team was void.");
    else
        printf("%.*s token%s good again.\n", (int)count.len, count.ptr, one ? " is" : "s are");
}

int cli_token_approve(const struct cli_args *args)
{
    struct cli_client c __attribute__((cleanup(cli_client_auto))) = {0};
    AUTO(buf) struct buf answer = buf_make(ANSWER_MAX_BYTES);
    const char *data = cli_flag_value(args, "data"), *team = cli_flag_value(args, "team");
    bool all = str_is(str_from(args->positional[0]), "all");
    int code = cli_client_operator(&c, data);
    if (code != 0)
        return code;
    struct str name = cli_escaped(&c, team);
    struct str id = cli_escaped(&c, args->positional[0]);
    struct str path =
        all ? arena_printf(&c.arena, "/operator/teams/%.*s/approve-tokens", (int)name.len, name.ptr)
            : arena_printf(&c.arena, "/operator/teams/%.*s/tokens/%.*s/approve", (int)name.len,
                           name.ptr, (int)id.len, id.ptr);
    code = cli_team_known(&c, team);
    if (code != 0)
        return code;
    if (!all)
        cli_about(&c, "token of this id in the team", NULL);
    code = cli_request(&c, "POST", path.ptr, STR_EMPTY, &answer);
    if (code == 0)
        say(args, all, buf_str(&answer), &c.arena);
    return code;
}
