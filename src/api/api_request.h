/* What every handler does: finds the context and the actor, refuses odd bodies, answers with JSON,
 * and commits while the request waits. */
#ifndef API_REQUEST_H
#define API_REQUEST_H

#include "api.h"
#include "auth.h"
#include "json_decode.h"
#include "json_encode.h"
#include "store_audit.h"

#define ROUTE(method, pattern, body, max, scope, handler) void handler(struct http_request *r);
#include "routes.def"
#undef ROUTE

struct api *api_of(const struct http_request *r);
const struct auth_user *api_user(const struct http_request *r);
const struct actor *api_actor(const struct http_request *r);

/* Somebody was refused for his token; counts nothing of other errors. */
void api_count_refusal(enum err e);

/* The actor's fields of a record; the rest is the caller's. */
struct audit_record api_audit(const struct actor *actor, enum audit_event_type type);

/* Decodes the JSON body; answers itself (415, 400 with details, 413, 503) and returns false when
 * it cannot. `ret` is zeroed by the caller; on failure its secrets are still the caller's to free.
 */
bool api_decode(struct http_request *r, const struct json_field *fields, size_t field_count,
                void *ret);
/* 415 unless the body is JSON or says nothing of its type. */
bool api_body_is_json(struct http_request *r);
/* A whole number in the query; *ret stays as it is when it is absent. False: it is none from least
 * to most, and the request was answered. */
bool api_query_number(struct http_request *r, const char *name, uint64_t least, uint64_t most,
                      uint64_t *ret);
/* Every parameter of the query is one of these (a comma list), and stands there once: where a
 * misspelt one would give something else than was asked for. False: answered with 400. */
bool api_query_only(struct http_request *r, const char *names);
/* 400 with one entry of details. */
void api_fail_field(struct http_request *r, const char *field, const char *message);

/* Answers with what was written, or with the error that writing it met. */
void api_reply_out(struct http_request *r, int status, struct buf *body, struct json_out *out);

/* Suspends and commits; `done` answers, on the writer's thread. */
void api_write(struct http_request *r, store_op *op, store_done *done, void *ctx);

/* http_defer, with something for `run` to find by api_work(). False: too much waits already;
 * nothing was answered and `work` is still the caller's. Any thread. */
bool api_defer(struct http_request *r, void (*run)(struct http_request *r), void *work) MUST_USE;
/* The same for work that owns nothing: answers ERR_BUSY itself. */
void api_defer_or_fail(struct http_request *r, void (*run)(struct http_request *r), void *work);
/* At the end of a streamed body. False: it is not whole, or ERR_BUSY was answered; `work` is still
 * the caller's. */
bool api_defer_body(struct http_request *r, bool whole, void (*run)(struct http_request *r),
                    void *work) MUST_USE;
void *api_work(const struct http_request *r);

/* A record that a key rotation is moving right now cannot be read with the others: tries again for
 * a moment. Counts the attempts; false when it is enough. Blocks: deferred work only. */
bool api_try_again(enum err e, unsigned *attempts);

/* How clients reach us: the setting public-url, else as this request says. No trailing slash. */
struct str api_base_url(struct http_request *r);
/* A delivery may have become due: the dispatcher looks now. */
void api_wake(const struct api *api);

#endif
