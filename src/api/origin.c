#include "origin.h"

#include <arpa/inet.h>

/* "host:port" in its parts; port 0: not written. */
struct authority {
    struct str host;
    uint64_t port;
};

static bool read_authority(struct str text, struct authority *ret)
{
    size_t colon = text.len;
    for (size_t i = text.len; i > 0 && text.ptr[i - 1] != ']'; i--) {
        if (text.ptr[i - 1] == ':')
            colon = i - 1;
    }
    ret->host = str_slice(text, 0, colon);
    ret->port = 0;
    if (ret->host.len == 0)
        return false;
    if (colon == text.len)
        return true;
    return str_to_u64(str_slice(text, colon + 1, text.len), UINT16_MAX, &ret->port) == OK &&
           ret->port != 0;
}

/* What is not written is the scheme's. */
static bool same_authority(struct str a, struct str b, uint64_t usual_port)
{
    struct authority one, other;
    if (!read_authority(a, &one) || !read_authority(b, &other))
        return false;
    return str_equal_nocase(one.host, other.host) &&
           (one.port ? one.port : usual_port) == (other.port ? other.port : usual_port);
}

/* "https://host:port/path" in its parts. */
static bool read_url(struct str url, bool *ret_tls, struct str *ret_authority)
{
    static const struct str plain = STR("http://"), tls = STR("https://");
    *ret_tls = str_starts(url, tls);
    if (!*ret_tls && !str_starts(url, plain))
        return false;
    struct str rest = str_slice(url, *ret_tls ? tls.len : plain.len, url.len);
    str_split(rest, '/', ret_authority);
    return ret_authority->len > 0;
}

static uint64_t usual_port(bool tls)
{
    return tls ? 443 : 80;
}

static bool is_public(const struct origin_self *self, bool *ret_tls)
{
    struct str authority;
    return read_url(self->public_url, ret_tls, &authority) &&
           same_authority(self->host, authority, usual_port(*ret_tls));
}

enum host_kind { HOST_NAME, HOST_ADDRESS, HOST_LOOPBACK };

static enum host_kind kind_of(struct str text)
{
    struct authority a;
    char host[INET6_ADDRSTRLEN];
    uint8_t address[16];
    if (!read_authority(text, &a))
        return HOST_NAME;
    if (str_equal_nocase(a.host, STR("localhost")) || str_is(a.host, "[::1]"))
        return HOST_LOOPBACK;
    bool v6 = a.host.len > 2 && a.host.ptr[0] == '[' && a.host.ptr[a.host.len - 1] == ']';
    struct str bare = v6 ? str_slice(a.host, 1, a.host.len - 1) : a.host;
    if (str_to_text(bare, host, sizeof host) != OK ||
        inet_pton(v6 ? AF_INET6 : AF_INET, host, address) != 1)
        return HOST_NAME;
    return !v6 && address[0] == 127 ? HOST_LOOPBACK : HOST_ADDRESS;
}

enum err origin_check_host(const struct origin_self *self)
{
    bool tls;
    bool known =
        is_public(self, &tls) || (self->tls && self->certified) || kind_of(self->host) != HOST_NAME;
    return known ? OK : ERR_HOST;
}

/* As a browser writes it: scheme and authority, nothing behind. */
static bool is_origin(struct str origin, bool tls, struct str authority)
{
    struct str given;
    bool given_tls;
    return read_url(origin, &given_tls, &given) && given_tls == tls &&
           given.ptr + given.len == origin.ptr + origin.len &&
           same_authority(given, authority, usual_port(tls));
}

/* A proxy may hand on another Host than the browser's, but says who it is by the setting. */
static bool is_own(const struct origin_self *self, struct str origin)
{
    bool tls;
    struct str authority;
    if (read_url(self->public_url, &tls, &authority) && is_origin(origin, tls, authority))
        return true;
    if (is_public(self, &tls)) /* it has this one name and scheme */
        return false;
    return is_origin(origin, self->tls, self->host);
}

enum err origin_check(const struct origin_self *self, const struct origin_given *given)
{
    if (given->fetch_site.len && !str_is(given->fetch_site, "same-origin"))
        return ERR_ORIGIN;
    if (given->origin.len == 0)
        return given->changes ? ERR_ORIGIN : OK;
    return is_own(self, given->origin) ? OK : ERR_ORIGIN;
}

/* Behind a proxy that hands on a Host of its own, only the Origin tells which way was taken. */
static bool by_public_tls(const struct origin_self *self, struct str origin)
{
    bool tls;
    struct str authority;
    if (!read_url(self->public_url, &tls, &authority) || !tls)
        return false;
    return origin.len == 0 || is_origin(origin, true, authority);
}

enum err origin_check_secure(const struct origin_self *self, const struct origin_given *given)
{
    bool secure =
        self->tls || kind_of(self->host) == HOST_LOOPBACK || by_public_tls(self, given->origin);
    return secure ? OK : ERR_HTTPS;
}
