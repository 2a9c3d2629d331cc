/* One URL parser for the check and for the send (libcurl's, CURLU): scheme http or https, no
 * userinfo, host in canonical lower case without a trailing dot, no backslash, no control or blank
 * characters. Non-ASCII bytes of a path or query are percent-encoded; everything else of them is
 * left as written (a presigned URL must not change), the fragment is dropped. A host must be ASCII
 * (an international name in its xn-- form); odd spellings of an IPv4 address become the usual one.
 * Any thread. */
#ifndef NET_URL_H
#define NET_URL_H

#include "buf.h"

enum { URL_MAX_BYTES = 16 * 1024 };

struct url {
    bool https;
    struct buf host; /* canonical; IPv6 without brackets */
    uint16_t port;
    struct buf path;  /* begins with '/', as it will be sent */
    struct buf query; /* without '?', may be empty */
    struct buf text;  /* the whole URL, canonical: this is what is sent */
};
enum err url_parse(struct str text, struct url *ret) MUST_USE; /* ERR_INVALID */
void url_auto(struct url *u);

/* The value of the Host header that goes with it: host, and the port unless it is the scheme's. */
enum err url_authority(const struct url *u, struct buf *out) MUST_USE;
/* The same with the port always there: what the policy of a secret is asked about. */
enum err url_host_port(const struct url *u, struct buf *out) MUST_USE;

#endif
