#include <stdio.h>

#include "cli.h"
#include "cli_client.h"
#include "cli_commands.h"
#include "cli_output.h"
#include "json_encode.h"

enum { BODY_MAX_BYTES = 64 * 1024 };

int cli_key_status(const struct cli_args *args)
{
    static const struct cli_column columns[] = {
        {"master key version", "masterVersion"}, {"master keys held", "masterVersions"},
        {"pending root key", "pendingRoot"},     {"rotation", "rotation.level"},
        {"rotation state", "rotation.state"},    {"records rewrapped", "rotation.done"},
    };
    struct cli_client c __attribute__((cleanup(cli_client_auto))) = {0};
    AUTO(buf) struct buf answer = buf_make(BODY_MAX_BYTES);
    int code = cli_client_operator(&c, cli_flag_value(args, "data"));
    if (code == 0)
        code = cli_request(&c, "GET", "/operator/keys", STR_EMPTY, &answer);
    if (code != 0)
        return code;
    if (cli_flag(args, "json"))
        cli_print_json(buf_str(&answer));
    else
        cli_print_object(buf_str(&answer), columns, ARRAY_LEN(columns), &c.arena);
    return 0;
}

int cli_key_rotate(const struct cli_args *args)
{
    struct cli_client c __attribute__((cleanup(cli_client_auto))) = {0};
    AUTO(buf) struct buf body = buf_make(BODY_MAX_BYTES);
    const char *team = cli_flag_value(args, "team");
    int code = cli_client_operator(&c, cli_flag_value(args, "data"));
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
    if (code == 0)
        fputs("rotation begun; safelight key status shows how far it is\n", stderr);
    return code;
}
