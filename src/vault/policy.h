/* What a secret may be used for: allowed sinks, allowed hosts, an end. Kept as canonical bytes
 * (docs/FORMAT-envelope.md, section 8), which are part of the associated data of every version, so
 * that a policy that was edited in the database opens nothing. No bytes at all is the policy that
 * allows everything. Why it is as it is: docs/decisions/0010-policies.md. Any thread. */
#ifndef VAULT_POLICY_H
#define VAULT_POLICY_H

#include "buf.h"
#include "limit.h"

/* One bit for each enum ref_sink, in its order; part of the format. */
enum policy_sink {
    POLICY_CREDENTIAL = 1 << 0,
    POLICY_UPLOAD = 1 << 1,
    POLICY_HEADER = 1 << 2,
    POLICY_URL = 1 << 3,
    POLICY_BODY = 1 << 4,
    POLICY_TEXT = 1 << 5,
    POLICY_SCRIPT = 1 << 6
};
enum {
    POLICY_SINKS = 0x7f,
    POLICY_TO_WORKER = POLICY_TEXT | POLICY_SCRIPT,
    /* What a team that is strict allows a secret that names no sinks: used to sign, or sent to the
     * server that it is for. Not painted, not run, not in a body, nowhere that answers show. */
    POLICY_STRICT_SINKS = POLICY_CREDENTIAL | POLICY_HEADER | POLICY_URL
};

enum {
    POLICY_NAME_MAX_BYTES = 253, /* of DNS; with "*." in front it is shorter by as much */
    POLICY_HOST_MAX_BYTES = POLICY_NAME_MAX_BYTES + sizeof ":65535" - 1,
    POLICY_HEAD_BYTES = 1 + 1 + 8 + 2,
    POLICY_MAX_BYTES = POLICY_HEAD_BYTES + POLICY_HOSTS_MAX * (4 + POLICY_HOST_MAX_BYTES)
};

struct policy {
    uint8_t sinks;         /* bits; 0: any */
    int64_t expires_at_ms; /* 0: never */
    struct str hosts[POLICY_HOSTS_MAX];
    size_t host_count; /* 0: any */
};

/* Appends; nothing for a policy that restricts nothing. Hosts need not be in order; one that stands
 * there twice is written once. ERR_INVALID: a sink that is none, a time before 1970, a host that is
 * not as policy_host() writes it. */
enum err policy_encode(const struct policy *p, struct buf *out) MUST_USE;
/* Hosts borrow. ERR_INVALID for anything that policy_encode() would not have written. */
enum err policy_decode(struct str bytes, struct policy *ret) MUST_USE;

/* Appends the canonical form of a host as a person writes it: a name in lower case without a dot at
 * its end, "*." in front of a name of at least two labels for exactly one label more, an IPv4
 * address, or an IPv6 address (with brackets); then ":" and a port, or none for any port.
 * ERR_INVALID: *ret_why says what is wrong and quotes nothing. */
enum err policy_host(struct str text, struct buf *out, const char **ret_why) MUST_USE;
/* Why a canonical host may not be allowed: it stands for names that strangers can take, such as
 * *.s3.amazonaws.com. NULL: it may. What was stored before a name came on the list stays valid. */
const char *policy_host_shared(struct str host);

struct policy_use {
    unsigned sinks;  /* bits of all places the value would go to */
    struct str host; /* "host:port", IPv6 in brackets; empty: not decided yet */
    bool to_worker;  /* handed over: where it goes from there is not known */
    int64_t now_ms;
};
/* OK, ERR_POLICY_EXPIRED, ERR_POLICY_SINK or ERR_POLICY_HOST. A policy with hosts lets a value go
 * to a worker only when it names its sinks as well. */
enum err policy_allows(const struct policy *p, const struct policy_use *use) MUST_USE;

/* Is it one of the three? */
static inline bool policy_refused(enum err e)
{
    return e == ERR_POLICY_EXPIRED || e == ERR_POLICY_SINK || e == ERR_POLICY_HOST;
}

#endif
