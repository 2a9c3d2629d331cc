#include "guard.h"

#include <netinet/in.h>

enum verdict { REFUSED, LOOPBACK, PRIVATE, EMBEDDED, PUBLIC };

/* The first row that matches decides. Sources: the IANA special-purpose address registries, and
 * the metadata addresses of the large clouds, which stand inside ranges that may be allowed. */
struct range {
    uint8_t address[16];
    uint8_t bits;
    enum verdict verdict;
    uint8_t ipv4_at; /* EMBEDDED: where the IPv4 address stands */
};

static const struct range ranges4[] = {
    {{0}, 8, REFUSED, 0},                   /* "this network"; connects to this machine */
    {{10}, 8, PRIVATE, 0},                  /* RFC 1918 */
    {{100, 100, 100, 200}, 32, REFUSED, 0}, /* metadata */
    {{100, 64}, 10, PRIVATE, 0},            /* carrier-grade NAT */
    {{127}, 8, LOOPBACK, 0},                /* */
    {{168, 63, 129, 16}, 32, REFUSED, 0},   /* metadata */
    {{169, 254}, 16, REFUSED, 0},           /* link-local, metadata */
    {{172, 16}, 12, PRIVATE, 0},            /* RFC 1918 */
    {{192, 0, 0}, 24, REFUSED, 0},          /* IETF protocol assignments, metadata */
    {{192, 0, 2}, 24, REFUSED, 0},          /* documentation */
    {{192, 88, 99}, 24, REFUSED, 0},        /* 6to4 relays, deprecated */
    {{192, 168}, 16, PRIVATE, 0},           /* RFC 1918 */
    {{198, 18}, 15, REFUSED, 0},            /* benchmarks */
    {{198, 51, 100}, 24, REFUSED, 0},       /* documentation */
    {{203, 0, 113}, 24, REFUSED, 0},        /* documentation */
    {{224}, 4, REFUSED, 0},                 /* multicast */
    {{240}, 4, REFUSED, 0},                 /* reserved, broadcast */
    {{0}, 0, PUBLIC, 0},
};

static const struct range ranges6[] = {
    {{0}, 128, REFUSED, 0},                                                /* :: */
    {{[15] = 1}, 128, LOOPBACK, 0},                                        /* ::1 */
    {{0}, 96, EMBEDDED, 12},                                               /* compatible */
    {{[10] = 0xff, [11] = 0xff}, 96, EMBEDDED, 12},                        /* mapped */
    {{[8] = 0xff, [9] = 0xff}, 96, EMBEDDED, 12},                          /* translated */
    {{0x00, 0x64, 0xff, 0x9b}, 96, EMBEDDED, 12},                          /* NAT64 */
    {{0x20, 0x02}, 16, EMBEDDED, 2},                                       /* 6to4 */
    {{0x20, 0x01, 0x00, 0x00}, 23, REFUSED, 0},                            /* IETF, Teredo */
    {{0x20, 0x01, 0x0d, 0xb8}, 32, REFUSED, 0},                            /* documentation */
    {{0x3f, 0xff, 0x00}, 20, REFUSED, 0},                                  /* documentation */
    {{0xfd, 0x00, 0x0e, 0xc2, [14] = 0x02, [15] = 0x54}, 128, REFUSED, 0}, /* metadata */
    {{0xfd, 0x20, 0x00, 0xce, [14] = 0x02, [15] = 0x54}, 128, REFUSED, 0}, /* metadata */
    {{0xfc}, 7, PRIVATE, 0},                                               /* RFC 4193 */
    {{0x20}, 3, PUBLIC, 0}, /* all that is given out */
    {{0}, 0, REFUSED, 0}, /* link-local, site-local, multicast, discard, local NAT64, unassigned */
};

static bool matches(const struct range *r, const uint8_t *address)
{
    size_t bytes = r->bits / 8, rest = r->bits % 8;
    if (memcmp(r->address, address, bytes) != 0)
        return false;
    return rest == 0 || ((r->address[bytes] ^ address[bytes]) >> (8 - rest)) == 0;
}

/* Both tables end with a row that always matches. */
static const struct range *find(const struct range *r, const uint8_t *address)
{
    while (!matches(r, address))
        r++;
    return r;
}

static enum verdict judge(const struct sockaddr *address)
{
    if (address->sa_family == AF_INET) {
        struct sockaddr_in in;
        memcpy(&in, address, sizeof in);
        uint8_t bytes[4];
        memcpy(bytes, &in.sin_addr, sizeof bytes);
        return find(ranges4, bytes)->verdict;
    }
    if (address->sa_family == AF_INET6) {
        struct sockaddr_in6 in;
        memcpy(&in, address, sizeof in);
        const struct range *r = find(ranges6, in.sin6_addr.s6_addr);
        if (r->verdict == EMBEDDED)
            r = find(ranges4, in.sin6_addr.s6_addr + r->ipv4_at);
        return r->verdict;
    }
    return REFUSED;
}

enum err guard_check(const struct guard_policy *policy, const struct sockaddr *address)
{
    bool allowed = false;
    switch (judge(address)) {
    case PUBLIC:
        allowed = true;
        break;
    case LOOPBACK:
        allowed = policy->allow_loopback;
        break;
    case PRIVATE:
        allowed = policy->allow_private;
        break;
    case REFUSED:
    case EMBEDDED:
        break;
    }
    return allowed ? OK : ERR_ADDRESS_REFUSED;
}
