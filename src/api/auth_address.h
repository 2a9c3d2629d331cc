/* Where a token may be used from: a comma list of addresses and prefixes such as 10.0.0.0/8 or
 * 2001:db8::/32. An empty list is anywhere. IPv4 in IPv6 (::ffff:a.b.c.d) is judged as IPv4.
 * Any thread. */
#ifndef API_AUTH_ADDRESS_H
#define API_AUTH_ADDRESS_H

#include "str.h"

bool auth_addresses_valid(struct str list);
/* `peer` is an address as text; one that cannot be read is allowed nowhere but by an empty list. */
bool auth_addresses_allow(struct str list, struct str peer);
/* inner allows nothing that outer does not. Both valid. */
bool auth_addresses_within(struct str inner, struct str outer);

#endif
