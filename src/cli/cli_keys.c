#include <stdio.h>

#include "cli.h"
#include "cli_client.h"
#include "cli_commands.h"
#include "cli_global.h"
#include "cli_output.h"
#include "cli_team.h"
#include "cli_wait.h"
#include "json_encode.h"

enum { BODY_MAX_BYTES = 64 * 1024 };

static void print_status(const struct cli_args *args, struct str status, struct arena *a)
{
    static const struct cli_column columns[] = {
        {"master key version", "masterVersion"}, {"master keys held", "masterVersions"},
        {"pending root key", "pendingRoot"},     {"rotation", "rotation.level"},
        {"rotation state", "rotation.state"},    {"records rewrapped", "rotation.done"},
    };
    if (cli_flag(args, "json"))
        cli_print_json(status);
    else
        cli_print_object(status, columns, ARRAY_LEN(columns), a);
}

int cli_key_status(const struct cli_args *args)
{
    struct cli_client c __attribute__((cleanup(cli_client_auto))) = {0};
    AUTO(buf) struct buf answer = buf_make(BODY_MAX_BYTES);
    int code = cli_client_operator(&c, cli_flag_value(args, "data"));
    if (code == 0)
        code = cli_request(&c, "GET", "/operator/keys", STR_EMPTY, &answer);
    if (code == 0)
        print_status(args, buf_str(&answer), &c.arena);
    return code;
}

/* Until the rotation is over; 7 unless it is done. */
static int follow(struct cli_client *c, const struct cli_args *args)
{
    AUTO(buf) struct buf answer = buf_make(BODY_MAX_BYTES);
    AUTO(progress) struct progress progress = progress_make("records rewrapped", PROGRESS_ITEMS, 0);
    int64_t until_ms;
    int code = cli_wait_until(args, &until_ms);
    while (code == 0) {
        uint64_t done = 0;
        buf_reset(&answer);
        code = cli_request(c, "GET", "/operator/keys", STR_EMPTY, &answer);
        if (code != 0)
            break;
        struct str state = cli_member(buf_str(&answer), "rotation.state", &c->arena);
        if (str_to_u64(cli_member(buf_str(&answer), "rotation.done", &c->arena), INT64_MAX,
                       &done) == OK)
            progress_at(&progress, done);
        if (!str_is(state, "running")) {
            progress_auto(&progress);
            print_status(args, buf_str(&answer), &c->arena);
            return str_is(state, "done") ? 0 : EXIT_CODE_FAILED;
        }
        if (!cli_wait_more(until_ms, "the rotation", &progress))
            return EXIT_CODE_FAILED;
    }
    return code;
}

int cli_key_rotate(const struct cli_args *args)
{
    struct cli_client c __attribute__((cleanup(cli_client_auto))) = {0};
    AUTO(buf) struct buf body = buf_make(BODY_MAX_BYTES);
    const char *team = cli_flag_value(args, "team");
    int code = cli_client_operator(&c, cli_flag_value(args, "data"));
    if (code == 0 && team)
        code = cli_team_known(&c, team);
    if (code != 0)
        return code;
    struct json_out o = json_out_make(&body);
    json_out_open(&o, '{');
    json_out_member_str(&o, "level", str_from(args->positional[0]));
    if (team)
        json_out_member_str(&o, "team", str_from(team));
    json_out_close(&o, '}');
    if (json_out_end(&o) != OK)
        return EXIT_CODE_INVALID;
    code = cli_request(&c, "POST", "/operator/keys/rotate", buf_str(&body), NULL);
    if (code == 0 && cli_flag(args, "wait"))
        return follow(&c, args);
    if (code == 0) {
        cli_note("rotation begun; safelight key status shows how far it is");
        cli_done(args, "rotating", args->positional[0]);
    }
    return code;
}
