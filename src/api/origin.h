/* Where a browser's request comes from, and whether that is one of our own pages. A page elsewhere
 * can make a browser ask us (cross-site requests), and can make its own name lead to our address
 * (DNS rebinding): neither may act with a cookie. Pure; any thread. */
#ifndef API_ORIGIN_H
#define API_ORIGIN_H

#include "str.h"

/* How this server is reached. */
struct origin_self {
    struct str public_url; /* the setting; empty: none */
    struct str host;       /* the request's Host header */
    bool tls;              /* the request came over our own TLS */
    bool certified;        /* and the certificate names that host */
};

/* The host is the setting's, one the certificate names, or one that no DNS answer can redirect: an
 * address or localhost. ERR_HOST. */
enum err origin_check_host(const struct origin_self *self) MUST_USE;

/* What the browser says of the request. Empty: the header is missing. */
struct origin_given {
    struct str origin, fetch_site; /* Origin, Sec-Fetch-Site */
    bool changes;                  /* neither GET nor HEAD */
};
/* All that is there must say that our own page asks; what changes something must say so by its
 * Origin. ERR_ORIGIN. */
enum err origin_check(const struct origin_self *self, const struct origin_given *given) MUST_USE;

/* Browsers keep a Secure cookie over HTTPS, be it a proxy's, and on the machine itself. ERR_HTTPS.
 */
enum err origin_check_secure(const struct origin_self *self,
                             const struct origin_given *given) MUST_USE;

#endif
