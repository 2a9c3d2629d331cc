/* login, logout, profile list and use. */
#include <stdio.h>
#include <stdlib.h>

#include "cli.h"
#include "cli_client.h"
#include "cli_commands.h"
#include "cli_global.h"
#include "cli_output.h"
#include "cli_profile.h"
#include "cli_value.h"
#include "json_encode.h"
#include "nearest.h"
#include "url.h"

enum { ANSWER_MAX_BYTES = 64 * 1024 };

static const struct cli_column who_columns[] = {
    CLI_TEXT("PROFILE", "name", 0),  CLI_TEXT("SERVER", "url", 0),
    CLI_TEXT("TEAM", "team", 0),     CLI_TEXT("ROLE", "role", 0),
    CLI_TEXT("SECRETS", "names", 0), CLI_TEXT("EXPIRES", "expiresAt", 0),
};

static int failed(enum err e, const char *why)
{
    fprintf(stderr, "safelight: %s\n", why[0] ? why : err_text(e));
    return e == ERR_FORBIDDEN   ? EXIT_CODE_NOT_ALLOWED
           : e == ERR_NOT_FOUND ? EXIT_CODE_NOT_FOUND
           : e == ERR_INVALID   ? EXIT_CODE_INVALID
                                : EXIT_CODE_FAILED;
}

static int no_such_profile(const char *name)
{
    AUTO(arena) struct arena arena = arena_make();
    struct nearest near = nearest_to(str_from(name));
    char why[PROFILE_WHY_BYTES] = "";
    struct str *names;
    size_t count;
    if (profile_list(&arena, &names, &count, why) == OK) {
        for (size_t i = 0; i < count; i++)
            nearest_offer(&near, names[i]);
    }
    if (near.name.len)
        fprintf(stderr, "safelight: there is no such profile; did you mean %.*s?\n",
                (int)near.name.len, near.name.ptr);
    else
        fputs("safelight: there is no such profile; safelight login makes one\n", stderr);
    return EXIT_CODE_NOT_FOUND;
}

/* --profile, SAFELIGHT_PROFILE, else `otherwise` (NULL: the one in use). 0, or an exit code. */
static int name_wanted(const char *otherwise, char ret[static PROFILE_NAME_MAX_BYTES + 1])
{
    char why[PROFILE_WHY_BYTES] = "";
    const char *name = cli_profile_flag(), *variable = getenv("SAFELIGHT_PROFILE");
    if (!name)
        name = variable && variable[0] ? variable : otherwise;
    if (!name) {
        enum err e = profile_current(ret, why);
        if (e == ERR_NOT_FOUND)
            snprintf(why, sizeof why, "no profile is in use; safelight profile list shows them");
        return e == OK ? 0 : failed(e, why);
    }
    if (profile_name_valid(str_from(name)) &&
        str_to_text(str_from(name), ret, PROFILE_NAME_MAX_BYTES + 1) == OK)
        return 0;
    if (!otherwise) /* none can be called so */
        return no_such_profile(name);
    fputs("safelight: a profile's name is 1 to 64 of a-z A-Z 0-9 . _ -, beginning with a letter or "
          "digit\n",
          stderr);
    return EXIT_CODE_INVALID;
}

/* --- login --- */

static int url_wanted(const struct cli_args *args, const char *name, struct profile *ret)
{
    char why[PROFILE_WHY_BYTES] = "";
    struct profile before __attribute__((cleanup(profile_auto))) = {.token = NULL};
    const char *url = cli_flag_value(args, "url"), *variable = getenv("SAFELIGHT_URL");
    enum err e = profile_load(name, &before, why);
    if (e == ERR_FORBIDDEN) /* a file that is not ours is not overwritten in silence either */
        return failed(e, why);
    if (!url)
        url = e == OK ? before.url : variable && variable[0] ? variable : CLIENT_URL_DEFAULT;
    AUTO(url) struct url parsed = {.https = false};
    if (url_parse(str_from(url), &parsed) != OK ||
        str_to_text(str_from(url), ret->url, sizeof ret->url) != OK) {
        fputs("safelight: the server's address is http:// or https://, a host, and perhaps a "
              "port\n",
              stderr);
        return EXIT_CODE_INVALID;
    }
    cli_warn_of_plain_http(ret->url);
    return 0;
}

/* What a person wants to know about it, as one object. */
static int print_who(struct cli_client *c, const struct cli_args *args, const char *name,
                     const char *url, struct str who)
{
    AUTO(buf) struct buf text = buf_make(ANSWER_MAX_BYTES);
    static const char *const members[] = {"role", "names", "expiresAt"};
    struct json_out o = json_out_make(&text);
    json_out_open(&o, '{');
    json_out_member_str(&o, "name", str_from(name));
    json_out_member_str(&o, "url", str_from(url));
    json_out_member_str(&o, "team", cli_member(who, "team.name", &c->arena));
    for (size_t i = 0; i < ARRAY_LEN(members); i++) {
        struct str value = cli_member(who, members[i], &c->arena);
        if (value.len)
            json_out_member_str(&o, members[i], value);
    }
    json_out_close(&o, '}');
    if (json_out_end(&o) != OK)
        return EXIT_CODE_FAILED;
    cli_put_one(args, buf_str(&text), who_columns, ARRAY_LEN(who_columns), &c->arena);
    return 0;
}

int cli_login(const struct cli_args *args)
{
    struct cli_client c __attribute__((cleanup(cli_client_auto))) = {0};
    struct profile p __attribute__((cleanup(profile_auto))) = {.token = NULL};
    AUTOP(secret) struct secret *sent = NULL;
    AUTO(buf) struct buf who = buf_make(ANSWER_MAX_BYTES);
    char name[PROFILE_NAME_MAX_BYTES + 1], why[PROFILE_WHY_BYTES] = "";
    const char *client_why = "";
    int code = name_wanted("default", name);
    if (code == 0)
        code = url_wanted(args, name, &p);
    if (code == 0)
        code = cli_token_read(&p.token, &sent);
    if (code != 0)
        return code;
    c.arena = arena_make();
    enum err e = client_open_to(&c.server, p.url, &sent, &client_why);
    if (e != OK)
        return failed(e, client_why);
    code = cli_request(&c, "GET", "/token", STR_EMPTY, &who);
    if (code != 0) {
        cli_note("  nothing was stored");
        return code;
    }
    e = profile_save(name, &p, why);
    if (e == OK)
        e = profile_use(name, why);
    return e == OK ? print_who(&c, args, name, p.url, buf_str(&who)) : failed(e, why);
}

/* --- the others --- */

int cli_logout(const struct cli_args *args)
{
    char name[PROFILE_NAME_MAX_BYTES + 1], why[PROFILE_WHY_BYTES] = "";
    int code = name_wanted(NULL, name);
    if (code != 0)
        return code;
    enum err e = profile_remove(name, why);
    if (e == ERR_NOT_FOUND)
        return no_such_profile(name);
    if (e != OK)
        return failed(e, why);
    cli_note("The profile %s is forgotten; its token stays valid until it is revoked (safelight "
             "token revoke).",
             name);
    cli_done(args, "removed", name);
    return 0;
}

int cli_profile_list(const struct cli_args *args)
{
    static const struct cli_column columns[] = {
        CLI_TEXT("NAME", "name", 0),
        CLI_WHOLE("IN USE", "inUse", 0),
        CLI_TEXT("SERVER", "url", 1),
        CLI_TEXT("NOTE", "note", 1),
    };
    AUTO(arena) struct arena arena = arena_make();
    AUTO(buf) struct buf text = buf_make(4 * 1024 * 1024);
    char current[PROFILE_NAME_MAX_BYTES + 1] = "", why[PROFILE_WHY_BYTES] = "";
    struct str *names;
    size_t count;
    enum err e = profile_list(&arena, &names, &count, why);
    if (e == OK)
        e = profile_current(current, why);
    if (e != OK && e != ERR_NOT_FOUND)
        return failed(e, why);
    struct json_out o = json_out_make(&text);
    json_out_open(&o, '[');
    for (size_t i = 0; i < count; i++) {
        struct profile p __attribute__((cleanup(profile_auto))) = {.token = NULL};
        char note[PROFILE_WHY_BYTES] = "";
        bool good = profile_load(names[i].ptr, &p, note) == OK;
        json_out_open(&o, '{');
        json_out_member_str(&o, "name", names[i]);
        json_out_member_bool(&o, "inUse", str_is(names[i], current));
        if (good)
            json_out_member_str(&o, "url", str_from(p.url));
        else
            json_out_member_str(&o, "note", str_from(note));
        json_out_close(&o, '}');
    }
    json_out_close(&o, ']');
    if (json_out_end(&o) != OK)
        return EXIT_CODE_FAILED;
    cli_put_list(args, buf_str(&text), columns, ARRAY_LEN(columns), &arena);
    return 0;
}

int cli_profile_use(const struct cli_args *args)
{
    struct profile p __attribute__((cleanup(profile_auto))) = {.token = NULL};
    char why[PROFILE_WHY_BYTES] = "";
    const char *name = args->positional[0];
    if (!profile_name_valid(str_from(name)))
        return no_such_profile(name);
    enum err e = profile_load(name, &p, why);
    if (e == ERR_NOT_FOUND)
        return no_such_profile(name);
    if (e == OK)
        e = profile_use(name, why);
    if (e != OK)
        return failed(e, why);
    cli_done(args, "inUse", name);
    return 0;
}
