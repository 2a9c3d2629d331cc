#include "url.h"

#include <arpa/inet.h>
#include <curl/curl.h>

#include "alloc.h"

/* What every part is checked for before and after libcurl's parser has seen it: libcurl skips or
 * rewrites some of these, and a check that sees other bytes than the send is no check. */
static bool text_ok(struct str text)
{
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.ptr[i];
        if (c <= 0x20 || c == 0x7f || c == '\\')
            return false;
    }
    return true;
}

/* libcurl takes one to three slashes behind the scheme; only two are a URL. */
static bool scheme_ok(struct str text, bool *ret_https)
{
    struct str rest;
    if (str_equal_nocase(str_slice(text, 0, 8), STR("https://"))) {
        rest = str_slice(text, 8, text.len);
        *ret_https = true;
    } else if (str_equal_nocase(str_slice(text, 0, 7), STR("http://"))) {
        rest = str_slice(text, 7, text.len);
        *ret_https = false;
    } else {
        return false;
    }
    return rest.len > 0 && rest.ptr[0] != '/';
}

static bool host_char_ok(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_';
}

/* "[...]" as libcurl gives it: an IPv6 address without a zone, in one spelling. */
static enum err host_ipv6(struct str host, struct buf *out)
{
    char text[INET6_ADDRSTRLEN];
    struct in6_addr address;
    TRY(str_to_text(str_slice(host, 1, host.len - 1), text, sizeof text) == OK ? OK : ERR_INVALID);
    if (inet_pton(AF_INET6, text, &address) != 1 ||
        !inet_ntop(AF_INET6, &address, text, sizeof text))
        return ERR_INVALID;
    return buf_put(out, str_from(text));
}

/* Does a resolver take the name for an IPv4 address? It does when its last label is a number. */
static bool numeric(struct str host)
{
    struct str label = host;
    while (str_find(label, '.') < label.len)
        label = str_slice(label, str_find(label, '.') + 1, label.len);
    bool hex = str_equal_nocase(str_slice(label, 0, 2), STR("0x"));
    for (size_t i = hex ? 2 : 0; i < label.len; i++) {
        char c = label.ptr[i];
        bool letter = (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
        if (!(c >= '0' && c <= '9') && !(hex && letter))
            return false;
    }
    return true;
}

/* libcurl has turned numbers into the usual spelling; one that still is none would be read
 * differently the next time (a trailing dot, a number out of range). */
static bool ipv4(struct str host)
{
    char text[INET_ADDRSTRLEN];
    struct in_addr address;
    return str_to_text(host, text, sizeof text) == OK && inet_pton(AF_INET, text, &address) == 1;
}

static enum err host_name(struct str host, struct buf *out)
{
    bool dotted = str_ends(host, STR("."));
    host.len -= dotted;
    if (host.len == 0 || host.len > 253 || host.ptr[0] == '.' || host.ptr[host.len - 1] == '.')
        return ERR_INVALID;
    if (numeric(host) && (dotted || !ipv4(host)))
        return ERR_INVALID;
    for (size_t i = 0; i < host.len; i++) {
        char c = host.ptr[i];
        if (c >= 'A' && c <= 'Z')
            c = (char)(c - 'A' + 'a');
        if (!host_char_ok(c) || (c == '.' && host.ptr[i - 1] == '.'))
            return ERR_INVALID;
        TRY(buf_put_byte(out, (uint8_t)c));
    }
    return OK;
}

static enum err canonical_host(struct str host, struct buf *out)
{
    if (host.len >= 2 && host.ptr[0] == '[' && host.ptr[host.len - 1] == ']')
        return host_ipv6(host, out);
    return host_name(host, out);
}

static void part_auto(char **part)
{
    if (*part) {
        wipe(*part, strlen(*part));
        curl_free(*part);
    }
}

static void handle_auto(CURLU **handle)
{
    curl_url_cleanup(*handle);
}

/* A part that is not there is empty. */
static enum err get_part(CURLU *handle, CURLUPart part, unsigned flags, struct buf *out)
{
    AUTO(part) char *text = NULL;
    CURLUcode code = curl_url_get(handle, part, &text, flags);
    if (code == CURLUE_NO_QUERY)
        return OK;
    if (code != CURLUE_OK || !text_ok(str_from(text)))
        return ERR_INVALID;
    return buf_put(out, str_from(text));
}

static enum err get_port(CURLU *handle, uint16_t *ret)
{
    AUTO(part) char *text = NULL;
    uint64_t port;
    if (curl_url_get(handle, CURLUPART_PORT, &text, CURLU_DEFAULT_PORT) != CURLUE_OK)
        return ERR_INVALID;
    TRY(str_to_u64(str_from(text), UINT16_MAX, &port));
    if (port == 0)
        return ERR_INVALID;
    *ret = (uint16_t)port;
    return OK;
}

static enum err put_host(const struct url *u, struct buf *out)
{
    bool ipv6 = str_find(buf_str(&u->host), ':') < u->host.len;
    TRY(buf_put(out, ipv6 ? STR("[") : STR_EMPTY));
    TRY(buf_put(out, buf_str(&u->host)));
    return buf_put(out, ipv6 ? STR("]") : STR_EMPTY);
}

enum err url_host_port(const struct url *u, struct buf *out)
{
    TRY(put_host(u, out));
    return buf_printf(out, ":%u", (unsigned)u->port);
}

enum err url_authority(const struct url *u, struct buf *out)
{
    TRY(put_host(u, out));
    return u->port == (u->https ? 443 : 80) ? OK : buf_printf(out, ":%u", (unsigned)u->port);
}

/* The canonical text is put together from the checked parts, not taken from the input. */
static enum err put_text(struct url *u)
{
    TRY(buf_put(&u->text, u->https ? STR("https://") : STR("http://")));
    TRY(url_authority(u, &u->text));
    TRY(buf_put(&u->text, buf_str(&u->path)));
    if (u->query.len == 0)
        return OK;
    TRY(buf_put_byte(&u->text, '?'));
    return buf_put(&u->text, buf_str(&u->query));
}

static enum err parse(CURLU *handle, struct str text, struct url *u)
{
    AUTO(buf) struct buf zeroed = buf_make(URL_MAX_BYTES + 1);
    AUTO(buf) struct buf host = buf_make(URL_MAX_BYTES);
    if (text.len > URL_MAX_BYTES || !text_ok(text) || !scheme_ok(text, &u->https))
        return ERR_INVALID;
    TRY(buf_put(&zeroed, text));
    TRY(buf_put_byte(&zeroed, 0));
    unsigned flags = CURLU_DISALLOW_USER | CURLU_PATH_AS_IS | CURLU_URLENCODE;
    if (curl_url_set(handle, CURLUPART_URL, zeroed.ptr, flags) != CURLUE_OK)
        return ERR_INVALID;
    AUTO(part) char *zone = NULL;
    if (curl_url_get(handle, CURLUPART_ZONEID, &zone, 0) == CURLUE_OK)
        return ERR_INVALID;
    TRY(get_part(handle, CURLUPART_HOST, 0, &host));
    TRY(canonical_host(buf_str(&host), &u->host));
    TRY(get_port(handle, &u->port));
    TRY(get_part(handle, CURLUPART_PATH, 0, &u->path));
    TRY(get_part(handle, CURLUPART_QUERY, 0, &u->query));
    return put_text(u);
}

enum err url_parse(struct str text, struct url *ret)
{
    /* Percent-encoding makes three bytes of one. */
    struct url u = {.host = buf_make(256),
                    .path = buf_make(3 * URL_MAX_BYTES),
                    .query = buf_make(3 * URL_MAX_BYTES),
                    .text = buf_make(4 * URL_MAX_BYTES)};
    AUTO(handle) CURLU *handle = curl_url();
    ASSERT(handle);
    if (parse(handle, text, &u) != OK) {
        url_auto(&u);
        return ERR_INVALID;
    }
    *ret = u;
    return OK;
}

void url_auto(struct url *u)
{
    buf_auto(&u->host);
    buf_auto(&u->path);
    buf_auto(&u->query);
    buf_auto(&u->text);
}
