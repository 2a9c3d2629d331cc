#include "cli_client.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "cli.h"
#include "cli_global.h"
#include "cli_output.h"
#include "cli_profile.h"
#include "encode.h"
#include "json_decode.h"
#include "term.h"
#include "url.h"

enum {
    ANSWER_MAX_BYTES = 64 * 1024 * 1024,
    ANSWER_NODES_MAX = 16 * 1024 * 1024, /* no answer of that size has more */
    PATH_MAX_TEXT = 4096
};

static int opened(enum err e, const char *why)
{
    if (e == OK)
        return 0;
    fprintf(stderr, "safelight: %s\n", why);
    return e == ERR_UNAUTHORIZED || e == ERR_FORBIDDEN ? EXIT_CODE_NOT_ALLOWED
           : e == ERR_NOT_FOUND                        ? EXIT_CODE_NOT_FOUND
                                                       : EXIT_CODE_INVALID;
}

static bool is_set(const char *variable)
{
    const char *value = getenv(variable);
    return value && value[0];
}

static enum err no_profile(char *why)
{
    snprintf(why, PROFILE_WHY_BYTES,
             "there is no such profile; safelight profile list shows them, safelight login makes "
             "one");
    return ERR_NOT_FOUND;
}

/* Which profile is meant; strongest first: --profile, then a token in SAFELIGHT_TOKEN (none), then
 * SAFELIGHT_PROFILE, then a token in NEXRENDER_API_KEY (none), then the one in use. */
static enum err wanted_profile(char ret[static PROFILE_NAME_MAX_BYTES + 1], char *why)
{
    const char *name = cli_profile_flag();
    ret[0] = 0;
    if (!name && is_set("SAFELIGHT_TOKEN"))
        return OK;
    if (!name && is_set("SAFELIGHT_PROFILE"))
        name = getenv("SAFELIGHT_PROFILE");
    if (!name && is_set("NEXRENDER_API_KEY"))
        return OK;
    if (!name) {
        enum err e = profile_current(ret, why);
        return e == ERR_NOT_FOUND ? OK : e;
    }
    if (profile_name_valid(str_from(name)))
        return str_to_text(str_from(name), ret, PROFILE_NAME_MAX_BYTES + 1);
    return no_profile(why);
}

/* A profile's token goes to the profile's server and nowhere else. */
static enum err open_profile(struct cli_client *c, const char *name, char *why)
{
    struct profile p __attribute__((cleanup(profile_auto))) = {.token = NULL};
    const char *client_why = "";
    if (!cli_profile_flag() && !is_set("SAFELIGHT_PROFILE") && is_set("SAFELIGHT_URL")) {
        snprintf(why, PROFILE_WHY_BYTES,
                 "SAFELIGHT_URL is set without SAFELIGHT_TOKEN; set both, or unset it to use the "
                 "profile's own server");
        return ERR_UNAUTHORIZED;
    }
    enum err e = profile_load(name, &p, why);
    if (e == ERR_NOT_FOUND)
        return no_profile(why);
    TRY(e);
    e = client_open_to(&c->server, p.url, &p.token, &client_why);
    if (e != OK)
        snprintf(why, PROFILE_WHY_BYTES, "%s", client_why);
    return e;
}

static bool is_this_machine(struct str host)
{
    char text[INET_ADDRSTRLEN];
    struct in_addr address;
    if (str_is(host, "localhost") || str_is(host, "::1"))
        return true;
    return str_to_text(host, text, sizeof text) == OK && inet_pton(AF_INET, text, &address) == 1 &&
           ntohl(address.s_addr) >> 24 == 127;
}

void cli_warn_of_plain_http(const char *url)
{
    AUTO(url) struct url u = {.https = false};
    if (url_parse(str_from(url), &u) != OK || u.https || is_this_machine(buf_str(&u.host)))
        return;
    fputs("safelight: warning: the token goes to this server in clear, and anybody on the way can "
          "read it; use https\n",
          stderr);
}

int cli_client_open(struct cli_client *c)
{
    char name[PROFILE_NAME_MAX_BYTES + 1], why[PROFILE_WHY_BYTES] = "";
    c->arena = arena_make();
    enum err e = wanted_profile(name, why);
    if (e == OK && name[0]) {
        e = open_profile(c, name, why);
    } else if (e == OK) {
        const char *client_why = "";
        e = client_open(&c->server, &client_why);
        if (e == OK && isatty(STDERR_FILENO) == 1) /* a script was told when it was written */
            cli_warn_of_plain_http(c->server.url);
        snprintf(why, sizeof why, "%s%s", client_why,
                 e == ERR_UNAUTHORIZED ? ", or keep one with safelight login" : "");
    }
    return opened(e, why);
}

int cli_client_operator(struct cli_client *c, const char *data)
{
    const char *why = "";
    c->arena = arena_make();
    enum err e = client_open_operator(&c->server, data, &why);
    return opened(e, why);
}

void cli_client_auto(struct cli_client *c)
{
    client_auto(&c->server);
    arena_auto(&c->arena);
}

struct str cli_escaped(struct cli_client *c, const char *text)
{
    AUTO(buf) struct buf out = buf_make(PATH_MAX_TEXT);
    if (encode_percent(&out, str_from(text), false) != OK)
        return STR("-");
    return arena_str(&c->arena, buf_str(&out));
}

void cli_no_such(const char *what, struct str near, const char *lister)
{
    fprintf(stderr, "safelight: there is no %s", what);
    if (near.len == 0) {
        fprintf(stderr, lister ? "; safelight %s shows them\n" : "\n", lister);
        return;
    }
    fputs("; did you mean ", stderr);
    term_put(near, "", stderr);
    fputs("?\n", stderr);
}

void cli_about(struct cli_client *c, const char *what, const char *lister)
{
    c->what = what;
    c->lister = lister;
}

bool cli_body_end(struct json_out *o)
{
    if (json_out_end(o) == OK)
        return true;
    fputs("safelight: that is longer than anything the server takes; nothing was sent\n", stderr);
    return false;
}

static int exit_for(int status)
{
    switch (status) {
    case 400:
    case 413:
    case 415:
    case 422:
        return EXIT_CODE_INVALID;
    case 401:
    case 403:
        return EXIT_CODE_NOT_ALLOWED;
    case 404:
    case 410:
        return EXIT_CODE_NOT_FOUND;
    case 409:
        return EXIT_CODE_CONFLICT;
    default:
        return EXIT_CODE_FAILED;
    }
}

struct failure {
    struct str error, code, details, errors;
};
static const struct json_field failure_fields[] = {
    JSON_FIELD(struct failure, error, "error", JSON_AS_STR, JSON_OPTIONAL, 4096),
    JSON_FIELD(struct failure, code, "code", JSON_AS_STR, JSON_OPTIONAL, 64),
    JSON_FIELD(struct failure, details, "details", JSON_AS_ARRAY, JSON_OPTIONAL, 0),
    JSON_FIELD(struct failure, errors, "errors", JSON_AS_ARRAY, JSON_OPTIONAL, 0),
};
struct detail {
    struct str field, message;
};
static const struct json_field detail_fields[] = {
    JSON_FIELD(struct detail, field, "field", JSON_AS_STR, JSON_OPTIONAL, 4096),
    JSON_FIELD(struct detail, message, "message", JSON_AS_STR, JSON_OPTIONAL, 4096),
};

static void say(const char *before, struct str s, const char *after)
{
    fputs(before, stderr);
    term_put(s, "", stderr);
    fputs(after, stderr);
}

static void say_details(struct cli_client *c, struct str details, const char *before)
{
    struct problems problems;
    struct json_elements all;
    struct str element;
    problems_init(&problems, &c->arena);
    json_elements_init(&all, details);
    while (details.len && json_elements_next(&all, &element)) {
        struct detail d = {STR_EMPTY, STR_EMPTY};
        if (json_decode(element, detail_fields, ARRAY_LEN(detail_fields), STR_EMPTY, &problems,
                        &d) == OK) {
            say(before, d.field, d.field.len ? ": " : ""); /* empty: the body as a whole */
            say("", d.message, "\n");
        }
    }
}

void cli_refused_jobs(struct cli_client *c, struct str errors)
{
    struct problems problems;
    struct json_elements all;
    struct str element;
    problems_init(&problems, &c->arena);
    json_elements_init(&all, errors);
    while (errors.len && json_elements_next(&all, &element)) {
        struct failure f = {STR_EMPTY, STR_EMPTY, STR_EMPTY, STR_EMPTY};
        if (json_decode(element, failure_fields, ARRAY_LEN(failure_fields), STR_EMPTY, &problems,
                        &f) != OK)
            continue;
        say("  job ", cli_member(element, "index", &c->arena), ": ");
        say("", f.error, "\n");
        say_details(c, f.details, "    ");
    }
}

/* There is nothing of this id, or the id can be none. */
static bool says_absent(struct cli_client *c, const struct fetch_result *answer,
                        const struct failure *f)
{
    struct json_elements all;
    struct str first;
    if (!c->what)
        return false;
    if (answer->status == 404)
        return str_is(f->code, "NOT_FOUND");
    json_elements_init(&all, f->details);
    return answer->status == 400 && f->details.len && json_elements_next(&all, &first) &&
           (c->id_is_none || str_is(cli_member(first, "field", &c->arena), "id"));
}

/* Our server has a sentence for each error: what has none came from something before it. */
static int not_explained(const struct cli_client *c, int status)
{
    fprintf(stderr, "safelight: the server answered with status %d\n", status);
    if (c->elsewhere)
        return exit_for(status);
    if (status >= 502 && status <= 504) {
        fputs("  that is a proxy's word: does safelight serve run behind it?\n", stderr);
        return EXIT_CODE_UNREACHABLE;
    }
    if (status >= 300 && status <= 399)
        fputs("  that sends on to another address, where no token is taken: give the right one in "
              "SAFELIGHT_URL or the profile, perhaps with https://\n",
              stderr);
    return exit_for(status);
}

static bool has_sentence(struct cli_client *c, const struct fetch_result *answer,
                         struct failure *ret)
{
    struct problems problems;
    *ret = (struct failure){STR_EMPTY, STR_EMPTY, STR_EMPTY, STR_EMPTY};
    problems_init(&problems, &c->arena);
    return json_decode(buf_str(&answer->body), failure_fields, ARRAY_LEN(failure_fields), STR_EMPTY,
                       &problems, ret) == OK &&
           ret->error.len > 0;
}

int cli_explain(struct cli_client *c, const struct fetch_result *answer)
{
    struct failure f;
    if (answer->status >= 200 && answer->status <= 299)
        return 0;
    if (answer->status == 404 && c->absence_is_fine)
        return EXIT_CODE_NOT_FOUND;
    if (!has_sentence(c, answer, &f))
        return not_explained(c, answer->status);
    if (says_absent(c, answer, &f)) {
        cli_no_such(c->what, STR_EMPTY, c->lister);
        return EXIT_CODE_NOT_FOUND;
    }
    say("safelight: ", f.error, "\n");
    say_details(c, f.details, "  ");
    cli_refused_jobs(c, f.errors);
    if (answer->status >= 500 && answer->request_id[0])
        say("  request id: ", str_from(answer->request_id), "\n");
    return exit_for(answer->status);
}

struct warned {
    struct str warnings;
};
static const struct json_field warned_fields[] = {
    JSON_FIELD(struct warned, warnings, "warnings", JSON_AS_ARRAY, JSON_OPTIONAL, 0),
};

void cli_warnings(struct cli_client *c, struct str answer)
{
    struct problems problems;
    struct warned w = {STR_EMPTY};
    problems_init(&problems, &c->arena);
    if (json_decode(answer, warned_fields, ARRAY_LEN(warned_fields), STR_EMPTY, &problems, &w) ==
        OK)
        say_details(c, w.warnings, "safelight: warning: ");
}

struct str cli_first_warning(struct cli_client *c, struct str answer)
{
    struct json_elements all;
    struct str element;
    json_elements_init(&all, cli_member(answer, "warnings", &c->arena));
    return json_elements_next(&all, &element) ? cli_member(element, "message", &c->arena)
                                              : STR_EMPTY;
}

/* A write that was sent may have been done though its answer was lost. */
static void doubt(struct cli_client *c, const struct fetch *f)
{
    if (str_is(f->method, "GET") || str_is(f->method, "HEAD") || c->only_asks)
        return;
    c->in_doubt = true;
    fputs("  the request had been sent and may have been done; look before you repeat it\n",
          stderr);
}

int cli_unreachable(struct cli_client *c, const struct fetch *f, enum err e,
                    const struct fetch_result *answer)
{
    if (e == ERR_TOO_LARGE) {
        fputs("safelight: the server's answer is larger than any of ours; is SAFELIGHT_URL "
              "right?\n",
              stderr);
        return EXIT_CODE_FAILED;
    }
    fprintf(stderr, "safelight: %s: %s\n", err_text(e), answer->why);
    if (answer->sent)
        doubt(c, f);
    if (c->server.socket[0])
        fputs("  is safelight serve running on this data directory?\n", stderr);
    else
        fputs("  is SAFELIGHT_URL, or the profile's address, right, and safelight serve running "
              "there?\n",
              stderr);
    return EXIT_CODE_UNREACHABLE;
}

/* A log and a signed note are text. */
static bool answers_text(struct str path)
{
    return str_ends(path, STR("/logs")) || str_ends(path, STR("/audit/checkpoint"));
}

/* Something else may answer under that address: a proxy's page, say. */
static int not_ours(void)
{
    fputs("safelight: that answer is not Safelight's; is SAFELIGHT_URL, or the profile's address, "
          "right?\n",
          stderr);
    return EXIT_CODE_FAILED;
}

int cli_ended(struct cli_client *c, const struct fetch *f, enum err e,
              const struct fetch_result *answer)
{
    if (e != OK)
        return cli_unreachable(c, f, e, answer);
    int code = cli_explain(c, answer);
    if (code == EXIT_CODE_UNREACHABLE)
        doubt(c, f);
    return code;
}

static int check_json(const struct fetch_result *answer)
{
    static const struct json_limits limits = {JSON_DEPTH_MAX, ANSWER_NODES_MAX};
    bool good = answer->body.len == 0 || json_valid(buf_str(&answer->body), limits) == OK;
    return good ? 0 : not_ours();
}

int cli_check_type(const struct fetch_result *answer, const char *type)
{
    return str_starts(str_from(answer->content_type), str_from(type)) ? 0 : not_ours();
}

int cli_request_typed(struct cli_client *c, const char *method, const char *path, const char *type,
                      struct str body, struct buf *ret_body)
{
    struct fetch f = {.body = body, .body_fd = -1, .body_max_bytes = ANSWER_MAX_BYTES};
    struct fetch_result answer __attribute__((cleanup(fetch_result_auto))) = {0};
    enum err e = client_send(&c->server, method, path, type, &f, &answer);
    int code = cli_ended(c, &f, e, &answer);
    if (code == 0 && ret_body)
        code = answers_text(str_from(path)) ? cli_check_type(&answer, "text/plain")
                                            : check_json(&answer);
    if (code == 0 && ret_body && buf_put(ret_body, buf_str(&answer.body)) != OK)
        code = EXIT_CODE_FAILED;
    return code;
}

/* The sentence, or the first of its details. */
static struct str explained(struct cli_client *c, const struct failure *f)
{
    struct problems problems;
    struct json_elements all;
    struct str element;
    struct detail d = {STR_EMPTY, STR_EMPTY};
    problems_init(&problems, &c->arena);
    json_elements_init(&all, f->details);
    if (f->details.len == 0 || !json_elements_next(&all, &element) ||
        json_decode(element, detail_fields, ARRAY_LEN(detail_fields), STR_EMPTY, &problems, &d) !=
            OK)
        return f->error;
    return arena_printf(&c->arena, "%.*s %.*s", (int)d.field.len, d.field.ptr, (int)d.message.len,
                        d.message.ptr);
}

int cli_try(struct cli_client *c, const char *method, const char *path, struct str body,
            struct buf *ret_body, struct str *ret_why)
{
    struct fetch f = {.body = body, .body_fd = -1, .body_max_bytes = ANSWER_MAX_BYTES};
    struct fetch_result answer __attribute__((cleanup(fetch_result_auto))) = {0};
    struct failure failure;
    *ret_why = STR("no answer came");
    enum err e =
        client_send(&c->server, method, path, body.len ? "application/json" : NULL, &f, &answer);
    if (e != OK)
        return cli_unreachable(c, &f, e, &answer);
    bool good = answer.status >= 200 && answer.status <= 299;
    if (!good && has_sentence(c, &answer, &failure)) {
        *ret_why = explained(c, &failure);
        return exit_for(answer.status);
    }
    int code = good ? check_json(&answer) : not_explained(c, answer.status);
    if (code == EXIT_CODE_UNREACHABLE)
        doubt(c, &f);
    if (code == 0 && buf_put(ret_body, buf_str(&answer.body)) != OK)
        code = EXIT_CODE_FAILED;
    *ret_why = STR("the server's answer cannot be understood");
    return code;
}

int cli_request(struct cli_client *c, const char *method, const char *path, struct str body,
                struct buf *ret_body)
{
    return cli_request_typed(c, method, path, body.len ? "application/json" : NULL, body, ret_body);
}
