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
    struct str error, details;
};
static const struct json_field failure_fields[] = {
    JSON_FIELD(struct failure, error, "error", JSON_AS_STR, JSON_OPTIONAL, 4096),
    JSON_FIELD(struct failure, details, "details", JSON_AS_ARRAY, JSON_OPTIONAL, 0),
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

static int explain(struct cli_client *c, const struct fetch_result *answer)
{
    struct problems problems;
    struct failure f = {STR_EMPTY, STR_EMPTY};
    problems_init(&problems, &c->arena);
    if (json_decode(buf_str(&answer->body), failure_fields, ARRAY_LEN(failure_fields), STR_EMPTY,
                    &problems, &f) != OK ||
        f.error.len == 0) {
        fprintf(stderr, "safelight: the server answered with status %d\n", answer->status);
        return exit_for(answer->status);
    }
    say("safelight: ", f.error, "\n");
    struct json_elements all;
    struct str element;
    json_elements_init(&all, f.details);
    while (f.details.len && json_elements_next(&all, &element)) {
        struct detail d = {STR_EMPTY, STR_EMPTY};
        if (json_decode(element, detail_fields, ARRAY_LEN(detail_fields), STR_EMPTY, &problems,
                        &d) == OK) {
            say("  ", d.field, ": ");
            say("", d.message, "\n");
        }
    }
    if (answer->status >= 500 && answer->request_id[0])
        say("  request id: ", str_from(answer->request_id), "\n");
    return exit_for(answer->status);
}

int cli_request(struct cli_client *c, const char *method, const char *path, struct str body,
                struct buf *ret_body)
{
    struct fetch f = {.body = body, .body_fd = -1, .body_max_bytes = ANSWER_MAX_BYTES};
    struct fetch_result answer __attribute__((cleanup(fetch_result_auto))) = {0};
    enum err e =
        client_send(&c->server, method, path, body.len ? "application/json" : NULL, &f, &answer);
    if (e != OK) {
        fprintf(stderr, "safelight: %s: %s\n%s", err_text(e), answer.why,
                c->server.socket[0]
                    ? "  is safelight serve running on this data directory?\n"
                    : "  is SAFELIGHT_URL right, and safelight serve running there?\n");
        return EXIT_CODE_UNREACHABLE;
    }
    if (answer.status < 200 || answer.status > 299)
        return explain(c, &answer);
    if (ret_body && buf_put(ret_body, buf_str(&answer.body)) != OK)
        return EXIT_CODE_FAILED;
    return 0;
}
