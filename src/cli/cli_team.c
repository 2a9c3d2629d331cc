#include <stdio.h>

#include "cli.h"
#include "cli_commands.h"
#include "cli_global.h"
#include "cli_prompt.h"
#include "cli_resource.h"
#include "cli_team.h"
#include "json_decode.h"
#include "json_encode.h"
#include "nearest.h"

enum { BODY_MAX_BYTES = 64 * 1024, LIST_MAX_BYTES = 16 * 1024 * 1024 };

static int open_operator(struct cli_client *c, const struct cli_args *args)
{
    return cli_client_operator(c, cli_flag_value(args, "data"));
}

static struct str team_path(struct cli_client *c, const struct cli_args *args)
{
    struct str name = cli_escaped(c, args->positional[0]);
    return arena_printf(&c->arena, "/operator/teams/%.*s", (int)name.len, name.ptr);
}

static int send_one(struct cli_client *c, const char *method, const char *path, const char *key,
                    const char *value, struct buf *ret_answer)
{
    AUTO(buf) struct buf body = buf_make(BODY_MAX_BYTES);
    struct json_out o = json_out_make(&body);
    json_out_open(&o, '{');
    json_out_member_str(&o, key, str_from(value));
    json_out_close(&o, '}');
    if (!cli_body_end(&o))
        return EXIT_CODE_INVALID;
    return cli_request(c, method, path, buf_str(&body), ret_answer);
}

int cli_team_known(struct cli_client *c, const char *name)
{
    AUTO(buf) struct buf answer = buf_make(LIST_MAX_BYTES);
    struct nearest near = nearest_to(str_from(name));
    struct json_elements all;
    struct str element;
    int code = cli_request(c, "GET", "/operator/teams", STR_EMPTY, &answer);
    if (code != 0)
        return code;
    json_elements_init(&all, buf_str(&answer));
    while (json_elements_next(&all, &element)) {
        struct str present = cli_member(element, "name", &c->arena);
        if (str_is(present, name))
            return 0;
        nearest_offer(&near, present);
    }
    cli_no_such("team of this name", near.name, "team list");
    return EXIT_CODE_NOT_FOUND;
}

int cli_team_open(struct cli_client *c, const struct cli_args *args, bool installation,
                  const char **ret_base)
{
    const char *data = cli_flag_value(args, "data"), *team = cli_flag_value(args, "team");
    *ret_base = data ? "/operator" : "";
    if ((team && !data) || (data && !team && !installation)) {
        fputs("safelight: --team goes with --data (the operator's way); without both, "
              "SAFELIGHT_TOKEN's team is meant\n",
              stderr);
        return EXIT_CODE_USAGE;
    }
    int code = data ? cli_client_operator(c, data) : cli_client_open(c);
    if (code == 0 && team)
        code = cli_team_known(c, team);
    if (code == 0 && team)
        *ret_base = arena_printf(&c->arena, "/operator/teams/%s", cli_escaped(c, team).ptr).ptr;
    return code;
}

int cli_team_create(const struct cli_args *args)
{
    struct cli_client c __attribute__((cleanup(cli_client_auto))) = {0};
    AUTO(buf) struct buf answer = buf_make(BODY_MAX_BYTES);
    int code = open_operator(&c, args);
    if (code == 0)
        code = send_one(&c, "POST", "/operator/teams", "name", args->positional[0], &answer);
    if (code != 0)
        return code;
    if (cli_flag(args, "json")) {
        cli_print_json(buf_str(&answer));
        return 0;
    }
    cli_note("The team's admin token; it is shown only now:");
    cli_print_json(cli_member(buf_str(&answer), "token", &c.arena));
    return 0;
}

int cli_team_list(const struct cli_args *args)
{
    static const struct cli_column columns[] = {
        CLI_TEXT("NAME", "name", 0),
        CLI_WHOLE("PUT-EXISTING", "putExisting", 2),
        CLI_WHOLE("POLICY-DEFAULT", "policyDefault", 2),
        CLI_TEXT("SIGNS WEBHOOKS", "webhookSigningSecret", 3),
        CLI_TEXT("CREATED", "createdAt", 1),
        CLI_WHOLE("ID", "id", 4),
    };
    struct cli_client c __attribute__((cleanup(cli_client_auto))) = {0};
    int code = open_operator(&c, args);
    return code == 0 ? cli_list_from(&c, args, "/operator/teams", columns, ARRAY_LEN(columns))
                     : code;
}

int cli_team_set(const struct cli_args *args)
{
    static const struct {
        const char *flag, *member;
    } settings[] = {{"put-existing", "putExisting"},
                    {"policy-default", "policyDefault"},
                    {"webhook-signing-secret", "webhookSigningSecret"}};
    struct cli_client c __attribute__((cleanup(cli_client_auto))) = {0};
    AUTO(buf) struct buf body = buf_make(BODY_MAX_BYTES);
    struct json_out o = json_out_make(&body);
    bool any = false;
    json_out_open(&o, '{');
    for (size_t i = 0; i < ARRAY_LEN(settings); i++) {
        const char *value = cli_flag_value(args, settings[i].flag);
        if (!value)
            continue;
        json_out_key(&o, settings[i].member);
        if (value[0])
            json_out_str(&o, str_from(value));
        else
            json_out_null(&o);
        any = true;
    }
    json_out_close(&o, '}');
    if (!any) {
        fputs("safelight: say what to set; safelight team set --help shows it\n", stderr);
        return EXIT_CODE_USAGE;
    }
    if (!cli_body_end(&o))
        return EXIT_CODE_INVALID;
    int code = open_operator(&c, args);
    if (code != 0)
        return code;
    code = cli_team_known(&c, args->positional[0]);
    if (code == 0)
        code = cli_request(&c, "PATCH", team_path(&c, args).ptr, buf_str(&body), NULL);
    if (code == 0)
        cli_done(args, "changed", args->positional[0]);
    return code;
}

int cli_team_delete(const struct cli_args *args)
{
    struct cli_client c __attribute__((cleanup(cli_client_auto))) = {0};
    const char *name = args->positional[0];
    int code = cli_confirm_possible(args);
    if (code == 0)
        code = open_operator(&c, args);
    if (code == 0)
        code = cli_team_known(&c, name);
    if (code == 0)
        code = cli_confirm(args, "the team", str_from(name),
                           ": its keys, secrets, tokens, jobs and outputs");
    cli_about(&c, "team of this name any more; somebody else deleted it", NULL);
    if (code == 0)
        code = cli_request(&c, "DELETE", team_path(&c, args).ptr, STR_EMPTY, NULL);
    if (code == 0)
        cli_done(args, "deleted", name);
    return code;
}
