/* Settings with a form of their own: what is wrong with them, and what they mean. */
#include "alloc.h"
#include "config.h"
#include "job_stock.h"

static const char *const levels[] = {"debug", "info", "warn", "error"};
static const char *const formats[] = {"logfmt", "json"};
static const char *const readers[] = {"off", "loopback", "token"};

/* Its place, or count. */
static size_t word_of(const char *text, const char *const *words, size_t count)
{
    size_t i = 0;
    while (i < count && !str_is(str_from(text), words[i]))
        i++;
    return i;
}

enum log_level config_log_level(const struct config *c)
{
    return (enum log_level)word_of(c->log_level, levels, ARRAY_LEN(levels));
}

enum log_format config_log_format(const struct config *c)
{
    return (enum log_format)word_of(c->log_format, formats, ARRAY_LEN(formats));
}

enum config_metrics config_metrics(const struct config *c)
{
    return (enum config_metrics)word_of(c->metrics, readers, ARRAY_LEN(readers));
}

static enum err listen_unix(struct str path, struct config_listen *ret)
{
    if (path.len < 2 || path.ptr[0] != '/' || path.ptr[path.len - 1] == '/')
        return ERR_INVALID; /* also @, by which abstract sockets go: anybody may connect to those */
    ret->is_unix = true;
    return str_to_text(path, ret->address, sizeof ret->address) == OK ? OK : ERR_INVALID;
}

enum err config_listen(struct str listen, struct config_listen *ret)
{
    *ret = (struct config_listen){.port = 0};
    if (str_starts(listen, STR("unix:")))
        return listen_unix(str_slice(listen, 5, listen.len), ret);
    size_t colon = listen.len;
    while (colon > 0 && listen.ptr[colon - 1] != ':')
        colon--;
    if (colon == 0)
        return ERR_INVALID;
    struct str host = str_slice(listen, 0, colon - 1);
    if (host.len >= 2 && host.ptr[0] == '[' && host.ptr[host.len - 1] == ']')
        host = str_slice(host, 1, host.len - 1);
    uint64_t port;
    TRY(str_to_u64(str_slice(listen, colon, listen.len), UINT16_MAX, &port));
    if (host.len == 0 || str_to_text(host, ret->address, 64) != OK)
        return ERR_INVALID;
    ret->port = (uint16_t)port;
    return OK;
}

enum err config_mode(struct str octal, unsigned *ret)
{
    unsigned mode = 0;
    if (octal.len < 3 || octal.len > 4)
        return ERR_INVALID;
    for (size_t i = 0; i < octal.len; i++) {
        if (octal.ptr[i] < '0' || octal.ptr[i] > '7')
            return ERR_INVALID;
        mode = mode * 8 + (unsigned)(octal.ptr[i] - '0');
    }
    if (mode > 0777 || (mode & 0600) != 0600)
        return ERR_INVALID;
    *ret = mode;
    return OK;
}

/* It stands in front of one-time addresses. */
static bool is_base_url(struct str url)
{
    bool https = str_starts(url, STR("https://")), http = str_starts(url, STR("http://"));
    struct str rest = str_slice(url, https ? 8 : 7, url.len);
    if ((!http && !https) || rest.len == 0 || rest.ptr[0] == '/')
        return false;
    for (size_t i = 0; i < rest.len; i++) {
        unsigned char c = (unsigned char)rest.ptr[i];
        if (c <= 0x20 || c >= 0x7f || strchr("@?#\"'\\<>", c))
            return false;
    }
    return true;
}

const char *config_wrong(const struct config *c, enum config_id id)
{
    static const uint8_t none[CONFIG_HASH_BYTES];
    struct config_listen listen;
    enum job_stock_log stock_log;
    unsigned mode;
    switch (id) {
    case CONFIG_listen:
        return config_listen(str_from(c->listen), &listen) == OK
                   ? NULL
                   : "say address:port, for example 127.0.0.1:4300, or unix:/path (absolute, at "
                     "most 107 bytes; no abstract socket)";
    case CONFIG_listen_mode:
        return config_mode(str_from(c->listen_mode), &mode) == OK
                   ? NULL
                   : "say octal permissions with read and write for ourselves, for example 0660";
    case CONFIG_tls_cert:
        return c->tls_cert[0] || !c->tls_key[0] ? NULL : "tls-cert and tls-key go together";
    case CONFIG_tls_key:
        return c->tls_key[0] || !c->tls_cert[0] ? NULL : "tls-cert and tls-key go together";
    case CONFIG_public_url:
        return !c->public_url[0] || is_base_url(str_from(c->public_url))
                   ? NULL
                   : "say http:// or https://, a host and perhaps a path; no user, no query";
    case CONFIG_log_level:
        return config_log_level(c) < ARRAY_LEN(levels) ? NULL : "say debug, info, warn or error";
    case CONFIG_log_format:
        return config_log_format(c) < ARRAY_LEN(formats) ? NULL : "say logfmt or json";
    case CONFIG_metrics:
        if (config_metrics(c) >= ARRAY_LEN(readers))
            return "say off, loopback or token";
        return config_metrics(c) == CONFIG_METRICS_TOKEN &&
                       equal_constant_time(c->metrics_token, none, sizeof none)
                   ? "token needs metrics-token in the file"
                   : NULL;
    case CONFIG_stock_log:
        return job_stock_log_from(str_from(c->stock_log), &stock_log) ? NULL
                                                                      : "say off, temp or project";
    default:
        return NULL;
    }
}
