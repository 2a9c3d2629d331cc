/* One request to a Safelight server, and what to say when it fails. Owner thread. */
#ifndef CLI_CLIENT_H
#define CLI_CLIENT_H

#include "arena.h"
#include "buf.h"
#include "cli_args.h"
#include "client.h"

struct cli_client {
    struct client server;
    struct arena arena;
};

/* A team's client, from the environment; says what is missing. Returns 0 or an exit code. */
int cli_client_open(struct cli_client *c);
/* The operator's, over DIR/safelight.sock. */
int cli_client_operator(struct cli_client *c, const char *data);
void cli_client_auto(struct cli_client *c);

/* Sends; path is appended to the base. A 2xx: 0 and the body. Else the error is said on stderr
 * (error, details, request id) and the exit code returned. `body` JSON or empty. */
int cli_request(struct cli_client *c, const char *method, const char *path, struct str body,
                struct buf *ret_body);

/* Appends the text percent-encoded, as one path segment or query value. */
struct str cli_escaped(struct cli_client *c, const char *text);

#endif
