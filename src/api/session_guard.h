/* What a browser's request must have before its session counts. A browser sends cookies by itself,
 * also when another page makes it ask; so a cookie is worth nothing without the signs that our own
 * page asks: the host, the origin, and the header X-Safelight-CSRF, which no other page can send or
 * know. Any thread. */
#ifndef API_SESSION_GUARD_H
#define API_SESSION_GUARD_H

#include "http.h"

#define SESSION_COOKIE "__Host-safelight"

/* The page is served under a name that is ours. ERR_HOST. */
enum err session_guard_host(const struct http_request *r) MUST_USE;
/* And the request is our own page's, on a connection over which browsers keep the cookie.
 * ERR_HOST, ERR_ORIGIN, ERR_HTTPS. */
enum err session_guard_origin(const struct http_request *r) MUST_USE;

/* The cookie, when it may stand for a token here: there is no Authorization header, exactly one
 * such cookie, and the route is the console's or of the API for clients, never one of operators,
 * workers or protocol v1. Else empty. */
struct str session_guard_cookie(const struct http_request *r, const struct http_route *route);
/* ERR_HOST, ERR_ORIGIN, ERR_HTTPS, ERR_CSRF. What only asks which session this is (GET
 * /console/session) needs no CSRF token: that is where it comes from. */
enum err session_guard_check(const struct http_request *r, struct str cookie) MUST_USE;
/* The page asks by itself, without its user: X-Safelight-Background. */
bool session_guard_background(const struct http_request *r);

#endif
