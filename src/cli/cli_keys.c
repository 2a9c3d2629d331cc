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

/* Of a rotation there is nothing to say before the first; "resume" is none that people asked for.
 */
static struct str rotation_of(struct str status, struct arena *a)
{
    struct str level = cli_member(status, "rotation.level", a);
    struct str state = cli_member(status, "rotation.state", a);
    if (str_is(state, "idle"))
        return STR("none since the server was started");
    return arena_printf(a, "%.*s, %.*s", str_is(level, "resume") ? 7 : (int)level.len,
                        str_is(level, "resume") ? "resumed" : level.ptr, (int)state.len, state.ptr);
}

static struct str rewrapped_of(struct str status, struct arena *a)
{
    bool idle = str_is(cli_member(status, "rotation.state", a), "idle");
    return idle ? STR_EMPTY : cli_member(status, "rotation.done", a);
}

static struct str pending_of(struct str status, struct arena *a)
{
    bool pending = str_is(cli_member(status, "pendingRoot", a), "true");
    return pending ? STR("a new one waits to take the old one's place") : STR_EMPTY;
}

static void print_status(const struct cli_args *args, struct str status, struct arena *a)
{
    static const struct cli_column columns[] = {
        CLI_TEXT("master key version", "masterVersion", 0),
        CLI_TEXT("master keys held", "masterVersions", 0),
        CLI_OF("root key", "pendingRoot", 0, pending_of),
        CLI_OF("rotation", "rotation", 0, rotation_of),
        CLI_OF("records rewrapped", "rotation.done", 0, rewrapped_of),
    };
    cli_put_one(args, status, columns, ARRAY_LEN(columns), a);
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
    if (!cli_body_end(&o))
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
