/* A Safelight server as the command line and the worker see it: a base URL, a token, one request at
 * a time. Reads SAFELIGHT_URL and SAFELIGHT_TOKEN, else NEXRENDER_API_URL and NEXRENDER_API_KEY.
 * Owner thread. */
#ifndef NET_CLIENT_H
#define NET_CLIENT_H

#include "fetch.h"
#include "secret.h"

#define CLIENT_URL_DEFAULT "http://127.0.0.1:4300"

struct client {
    char url[1024];   /* base without a trailing slash; ends in /api/v2 over TCP */
    char socket[108]; /* operator's UNIX socket; empty: TCP */
    struct secret *token;
};

/* From the environment. On an error ret_why says what to set (static
 * text): ERR_UNAUTHORIZED no token, ERR_INVALID one that is none, or no
 * address, or too long. */
enum err client_open(struct client *c, const char **ret_why) MUST_USE;
/* The same with the token from `fd`, one line: no environment, argument or file that a child of
 * ours could read has it. */
enum err client_open_from(struct client *c, int fd, const char **ret_why) MUST_USE;
/* A server and a token that are known otherwise; the token is taken. ERR_INVALID as above. */
enum err client_open_to(struct client *c, const char *url, struct secret **token,
                        const char **ret_why) MUST_USE;
/* /proc shows the environment that a process began with, also to its children: wipes the tokens
 * there. Nothing can be opened from the environment afterwards. */
void client_forget_environment(void);
/* DIR/safelight.sock, without a token. */
enum err client_open_operator(struct client *c, const char *data, const char **ret_why) MUST_USE;
void client_auto(struct client *c);

/* method path body -> answer; `path` is appended to the base, or is a whole URL (then no token is
 * sent). `type` is the body's content type. Fills in the rest of *f's fields that are zero: a
 * caller may set body_fd, on_body, on_progress, ctx, time-outs and caps. Errors as fetch_run. */
enum err client_send(const struct client *c, const char *method, const char *path, const char *type,
                     struct fetch *f, struct fetch_result *ret) MUST_USE;

#endif
