#include "auth_address.h"

#include <arpa/inet.h>

/* Every address as IPv6: one comparison serves both. */
struct prefix {
    uint8_t bytes[16];
    unsigned bits;
};
enum { MAPPED_BITS = 96, ADDRESS_BITS = 128 };

static bool read_address(struct str text, struct prefix *ret, unsigned *ret_most_bits)
{
    char address[INET6_ADDRSTRLEN];
    static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};
    if (str_to_text(text, address, sizeof address) != OK)
        return false;
    if (inet_pton(AF_INET, address, ret->bytes + sizeof mapped) == 1) {
        memcpy(ret->bytes, mapped, sizeof mapped);
        *ret_most_bits = ADDRESS_BITS - MAPPED_BITS;
        return true;
    }
    *ret_most_bits = ADDRESS_BITS;
    return inet_pton(AF_INET6, address, ret->bytes) == 1;
}

static bool read_prefix(struct str text, struct prefix *ret)
{
    struct str address, length = str_split(text, '/', &address);
    unsigned most;
    uint64_t bits;
    if (!read_address(address, ret, &most))
        return false;
    bits = most;
    if (length.ptr && str_to_u64(length, most, &bits) != OK)
        return false;
    ret->bits = ADDRESS_BITS - most + (unsigned)bits;
    return true;
}

/* The next of the list; false at its end. */
static bool next(struct str *rest, struct str *ret)
{
    if (!rest->ptr)
        return false;
    *rest = str_split(*rest, ',', ret);
    *ret = str_trim(*ret);
    return true;
}

static bool covers(const struct prefix *outer, const struct prefix *inner)
{
    if (inner->bits < outer->bits)
        return false;
    unsigned whole = outer->bits / 8, left = outer->bits % 8;
    if (memcmp(outer->bytes, inner->bytes, whole) != 0)
        return false;
    return left == 0 || (outer->bytes[whole] ^ inner->bytes[whole]) >> (8 - left) == 0;
}

static bool covered(struct str list, const struct prefix *inner)
{
    struct str one;
    while (next(&list, &one)) {
        struct prefix outer;
        if (read_prefix(one, &outer) && covers(&outer, inner))
            return true;
    }
    return false;
}

bool auth_addresses_valid(struct str list)
{
    struct str one;
    struct prefix p;
    if (list.len == 0)
        return true;
    while (next(&list, &one)) {
        if (!read_prefix(one, &p))
            return false;
    }
    return true;
}

bool auth_addresses_allow(struct str list, struct str peer)
{
    struct prefix p;
    unsigned most;
    if (list.len == 0)
        return true;
    if (!read_address(peer, &p, &most))
        return false;
    p.bits = ADDRESS_BITS;
    return covered(list, &p);
}

bool auth_addresses_within(struct str inner, struct str outer)
{
    struct str one;
    if (outer.len == 0)
        return true;
    if (inner.len == 0)
        return false;
    while (next(&inner, &one)) {
        struct prefix p;
        if (!read_prefix(one, &p) || !covered(outer, &p))
            return false;
    }
    return true;
}
