/* Bytes of a policy, integers little-endian:
 *
 *     u8    1, the format
 *     u8    sinks; 0: any
 *     u64   expires at, ms since 1970; 0: never
 *     u16   number of hosts; 0: any
 *     then each host, in byte order, each once, with its u32 length in front
 */
#include "policy.h"

#include <stdlib.h>

enum { FORMAT = 1 };

_Static_assert(POLICY_HEAD_BYTES == 12, "docs/FORMAT-envelope.md: policy");

static int by_bytes(const void *a, const void *b)
{
    const struct str *x = a, *y = b;
    return str_compare(*x, *y);
}

static bool is_canonical(struct str host)
{
    AUTO(buf) struct buf again = buf_make(POLICY_HOST_MAX_BYTES);
    const char *why;
    return policy_host(host, &again, &why) == OK && str_equal(buf_str(&again), host);
}

static bool restricts(const struct policy *p)
{
    return p->sinks != 0 || p->expires_at_ms != 0 || p->host_count != 0;
}

static enum err check(const struct policy *p)
{
    if (p->sinks > POLICY_SINKS || p->expires_at_ms < 0 || p->host_count > POLICY_HOSTS_MAX)
        return ERR_INVALID;
    for (size_t i = 0; i < p->host_count; i++)
        if (!is_canonical(p->hosts[i]))
            return ERR_INVALID;
    return OK;
}

enum err policy_encode(const struct policy *p, struct buf *out)
{
    struct policy sorted = *p;
    size_t count = 0;
    TRY(check(p));
    if (!restricts(p))
        return OK;
    qsort(sorted.hosts, sorted.host_count, sizeof *sorted.hosts, by_bytes);
    for (size_t i = 0; i < sorted.host_count; i++)
        if (i == 0 || !str_equal(sorted.hosts[i], sorted.hosts[count - 1]))
            sorted.hosts[count++] = sorted.hosts[i];
    TRY(buf_put_byte(out, FORMAT));
    TRY(buf_put_byte(out, sorted.sinks));
    TRY(buf_put_u64(out, (uint64_t)sorted.expires_at_ms));
    TRY(buf_put_u16(out, (uint16_t)count));
    for (size_t i = 0; i < count; i++)
        TRY(buf_put_lengthed(out, sorted.hosts[i]));
    return OK;
}

static enum err read_hosts(struct reader *r, struct policy *p)
{
    uint16_t count;
    TRY(reader_u16(r, &count));
    if (count > POLICY_HOSTS_MAX)
        return ERR_INVALID;
    for (size_t i = 0; i < count; i++) {
        TRY(reader_lengthed(r, &p->hosts[i]));
        if (i > 0 && str_compare(p->hosts[i - 1], p->hosts[i]) >= 0)
            return ERR_INVALID;
    }
    p->host_count = count;
    return reader_end(r);
}

enum err policy_decode(struct str bytes, struct policy *ret)
{
    struct reader r = {bytes};
    struct policy p = {0};
    uint8_t format;
    uint64_t expires_at_ms;
    if (bytes.len == 0) {
        *ret = p;
        return OK;
    }
    TRY(reader_u8(&r, &format));
    TRY(reader_u8(&r, &p.sinks));
    TRY(reader_u64(&r, &expires_at_ms));
    TRY(read_hosts(&r, &p));
    p.expires_at_ms = (int64_t)expires_at_ms;
    if (format != FORMAT || !restricts(&p))
        return ERR_INVALID;
    TRY(check(&p));
    *ret = p;
    return OK;
}

/* "name:port" apart; no port: empty. */
static struct str split_port(struct str host, struct str *ret_port)
{
    size_t from = host.len && host.ptr[0] == '[' ? str_find(host, ']') : 0;
    size_t colon = str_search(host, STR(":"), from);
    *ret_port = str_slice(host, colon + 1, host.len);
    return str_slice(host, 0, colon);
}

static bool host_matches(struct str pattern, struct str host)
{
    struct str pattern_port, port;
    pattern = split_port(pattern, &pattern_port);
    host = split_port(host, &port);
    if (pattern_port.len && !str_equal(pattern_port, port))
        return false;
    if (!str_starts(pattern, STR("*.")))
        return str_equal(pattern, host);
    size_t dot = str_find(host, '.');
    return dot > 0 && str_equal(str_slice(pattern, 1, pattern.len), str_slice(host, dot, host.len));
}

enum err policy_allows(const struct policy *p, const struct policy_use *use)
{
    if (p->expires_at_ms && use->now_ms >= p->expires_at_ms)
        return ERR_POLICY_EXPIRED;
    if (p->sinks && (use->sinks & ~(unsigned)p->sinks))
        return ERR_POLICY_SINK;
    if (p->host_count == 0)
        return OK;
    if (use->to_worker)
        return p->sinks ? OK : ERR_POLICY_HOST;
    if (use->host.len == 0)
        return OK;
    for (size_t i = 0; i < p->host_count; i++)
        if (host_matches(p->hosts[i], use->host))
            return OK;
    return ERR_POLICY_HOST;
}
