/* Which route a request's path means. Patterns are split once at the start; a request's path is
 * split and decoded once, then compared segment by segment. Routes are tried as written and under
 * /api/v2; a pattern that begins with '!' is served only as written behind the '!'.
 * Built once, then read by any thread. */
#ifndef API_ROUTER_H
#define API_ROUTER_H

#include "arena.h"
#include "http.h"

enum { ROUTER_SEGMENTS_MAX = 16, ROUTER_PARAMS_MAX = 4 };

enum router_method {
    ROUTER_GET = 1,
    ROUTER_HEAD = 2,
    ROUTER_POST = 4,
    ROUTER_PUT = 8,
    ROUTER_DELETE = 16,
    ROUTER_PATCH = 32,
    ROUTER_OPTIONS = 64,
    ROUTER_NEVER = 128,   /* TRACE, CONNECT: known, answered with 405 */
    ROUTER_UNKNOWN = 256, /* 501 */
};
enum router_method router_method(struct str name);

struct router_path {
    struct str whole; /* decoded */
    struct str segments[ROUTER_SEGMENTS_MAX];
    size_t count;
};

/* Splits "/a/b%20c". ERR_NOT_FOUND for what no route can mean: an empty segment (but for the
 * last, which is no parameter's value: "/a/" is what a pattern "/a/" alone means), "." or "..",
 * a broken escape, a decoded NUL, control byte or '/', too many segments. Borrows from `raw` or
 * lives in the arena. */
enum err router_split(struct str raw, struct arena *arena, struct router_path *ret) MUST_USE;

struct router_match {
    const struct http_route *route;
    struct str names[ROUTER_PARAMS_MAX], values[ROUTER_PARAMS_MAX];
    size_t count;
};

struct router;
struct router *router_new(const struct http_route *routes, size_t count);
void router_free(struct router **r);

/* ERR_NOT_FOUND, or ERR_METHOD with the methods that the path does answer. */
enum err router_find(const struct router *r, const struct router_path *path,
                     enum router_method method, struct router_match *ret,
                     unsigned *ret_allowed) MUST_USE;

/* "GET, HEAD, PUT" for an Allow header; in the arena. */
struct str router_allow(unsigned methods, struct arena *arena);

#endif
