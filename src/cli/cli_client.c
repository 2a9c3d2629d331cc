#include "cli_client.h"

#include <stdio.h>

#include "cli.h"
#include "cli_output.h"
#include "encode.h"
#include "json_decode.h"

enum { ANSWER_MAX_BYTES = 64 * 1024 * 1024, PATH_MAX_TEXT = 4096 };

static int opened(enum err e, const char *why)
{
    if (e == OK)
        return 0;
    fprintf(stderr, "safelight: %s\n", why);
    return e == ERR_UNAUTHORIZED ? EXIT_CODE_NOT_ALLOWED : EXIT_CODE_INVALID;
}

int cli_client_open(struct cli_client *c)
{
    const char *why = "";
    c->arena = arena_make();
    enum err e = client_open(&c->server, &why); /* before `why` is read */
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
    struct str error, details, errors;
};
static const struct json_field failure_fields[] = {
    JSON_FIELD(struct failure, error, "error", JSON_AS_STR, JSON_OPTIONAL, 4096),
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
    cli_put_printable(s, "", stderr);
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
            say(before, d.field, ": ");
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
        struct failure f = {STR_EMPTY, STR_EMPTY, STR_EMPTY};
        if (json_decode(element, failure_fields, ARRAY_LEN(failure_fields), STR_EMPTY, &problems,
                        &f) != OK)
            continue;
        say("  job ", cli_member(element, "index", &c->arena), ": ");
        say("", f.error, "\n");
        say_details(c, f.details, "    ");
    }
}

int cli_explain(struct cli_client *c, const struct fetch_result *answer)
{
    struct problems problems;
    struct failure f = {STR_EMPTY, STR_EMPTY, STR_EMPTY};
    if (answer->status >= 200 && answer->status <= 299)
        return 0;
    problems_init(&problems, &c->arena);
    if (json_decode(buf_str(&answer->body), failure_fields, ARRAY_LEN(failure_fields), STR_EMPTY,
                    &problems, &f) != OK ||
        f.error.len == 0) {
        fprintf(stderr, "safelight: the server answered with status %d\n", answer->status);
        return exit_for(answer->status);
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

int cli_unreachable(struct cli_client *c, enum err e, const char *why)
{
    fprintf(stderr, "safelight: %s: %s\n%s", err_text(e), why,
            c->server.socket[0] ? "  is safelight serve running on this data directory?\n"
                                : "  is SAFELIGHT_URL right, and safelight serve running there?\n");
    return EXIT_CODE_UNREACHABLE;
}

int cli_request_typed(struct cli_client *c, const char *method, const char *path, const char *type,
                      struct str body, struct buf *ret_body)
{
    struct fetch f = {.body = body, .body_fd = -1, .body_max_bytes = ANSWER_MAX_BYTES};
    struct fetch_result answer __attribute__((cleanup(fetch_result_auto))) = {0};
    enum err e = client_send(&c->server, method, path, type, &f, &answer);
    if (e != OK)
        return cli_unreachable(c, e, answer.why);
    int code = cli_explain(c, &answer);
    if (code == 0 && ret_body && buf_put(ret_body, buf_str(&answer.body)) != OK)
        code = EXIT_CODE_FAILED;
    return code;
}

int cli_request(struct cli_client *c, const char *method, const char *path, struct str body,
                struct buf *ret_body)
{
    return cli_request_typed(c, method, path, body.len ? "application/json" : NULL, body, ret_body);
}
