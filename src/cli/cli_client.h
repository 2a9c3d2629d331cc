/* One request to a Safelight server, and what to say when it fails. Owner thread. */
#ifndef CLI_CLIENT_H
#define CLI_CLIENT_H

#include "arena.h"
#include "buf.h"
#include "cli_args.h"
#include "client.h"
#include "json_encode.h"

struct cli_client {
    struct client server;
    struct arena arena;
    const char *what, *lister; /* cli_about */
    bool absence_is_fine;      /* a 404 is not said, only returned */
    bool id_is_none;           /* it can be no id: a 400 says just that */
    bool only_asks;            /* its POSTs change nothing: they can be repeated */
    bool elsewhere;            /* the address is one that our server gave, maybe a storage's */
    bool in_doubt;             /* set: a write was sent, and nobody knows whether it was done */
};

/* A team's client, from --profile, the environment or the profile in use (docs/CLI.md has the
 * order); says what is missing. Returns 0 or an exit code. */
int cli_client_open(struct cli_client *c);
/* On stderr, when a token would go over a network in clear: it is as good as given away. */
void cli_warn_of_plain_http(const char *url);
/* The operator's, over DIR/safelight.sock. */
int cli_client_operator(struct cli_client *c, const char *data);
void cli_client_auto(struct cli_client *c);

/* What the next requests are about, for the answer that there is no such thing (also: that its id
 * can be none): "job of this id", and the command that lists them or NULL. Not copied. */
void cli_about(struct cli_client *c, const char *what, const char *lister);

/* Sends; path is appended to the base. A 2xx: 0 and the body. Else the error is said on stderr
 * (error, details, request id) and the exit code returned. `body` JSON or empty. */
int cli_request(struct cli_client *c, const char *method, const char *path, struct str body,
                struct buf *ret_body);

/* The same with a body of another type. */
int cli_request_typed(struct cli_client *c, const char *method, const char *path, const char *type,
                      struct str body, struct buf *ret_body);

/* The same, but an error that the server explains is not said: *ret_why is its sentence, in the
 * arena. What else goes wrong is said. */
int cli_try(struct cli_client *c, const char *method, const char *path, struct str body,
            struct buf *ret_body, struct str *ret_why);

/* Ends a request's body; false when it is longer than any that the server takes, which is said. */
bool cli_body_end(struct json_out *o);

/* What cli_request says, for other ways to send: of an answer (0: it is a 2xx), and when there was
 * none: of a write that was sent also that it may have been done. */
int cli_explain(struct cli_client *c, const struct fetch_result *answer);
int cli_unreachable(struct cli_client *c, const struct fetch *f, enum err e,
                    const struct fetch_result *answer);
/* The one of both that fits. */
int cli_ended(struct cli_client *c, const struct fetch *f, enum err e,
              const struct fetch_result *answer);
/* Is the answer of this kind ("text/plain")? Else says that something else answers there. */
int cli_check_type(const struct fetch_result *answer, const char *type);
/* On stderr: each entry of an answer's `warnings`; of a batch's `errors`. */
void cli_warnings(struct cli_client *c, struct str answer);
struct str cli_first_warning(struct cli_client *c, struct str answer); /* or empty; in the arena */
void cli_refused_jobs(struct cli_client *c, struct str errors);

/* Says on stderr that there is no such `what`, and which one was probably meant (near may be empty,
 * then which command lists them, if one does). */
void cli_no_such(const char *what, struct str near, const char *lister);

/* Appends the text percent-encoded, as one path segment or query value. */
struct str cli_escaped(struct cli_client *c, const char *text);

#endif
