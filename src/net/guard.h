/* Which addresses an outbound request may connect to. Checked on the resolved address, in the
 * socket callback, so the address that was checked is the one that is used. Any thread. */
#ifndef NET_GUARD_H
#define NET_GUARD_H

#include "str.h"
#include <sys/socket.h>

struct guard_policy {
    bool allow_loopback;
    bool allow_private; /* RFC 1918, fc00::/7, 100.64/10 */
    bool allow_http;    /* http:// although a secret is involved */
};

/* OK or ERR_ADDRESS_REFUSED. Refused always: link-local and metadata (169.254/16, fe80::/10),
 * multicast, 0/8, broadcast, documentation and reserved ranges; IPv4 inside IPv6 (mapped,
 * compatible, NAT64 64:ff9b::/96, 6to4) is judged by the IPv4 address. */
enum err guard_check(const struct guard_policy *policy, const struct sockaddr *address) MUST_USE;

#endif
