/* One URL parser for the check and for the send (libcurl's, CURLU): scheme http or https, no
 * userinfo, host in canonical lower case without a trailing dot, no backslash, no control or blank
 * characters. */
#ifndef NET_URL_H
#define NET_URL_H

#include "buf.h"

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

#endif
