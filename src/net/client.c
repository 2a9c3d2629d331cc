#include "client.h"

#include <stdio.h>
#include <stdlib.h>

#include "alloc.h"
#include "io.h"
#include "url.h"

enum { BEARER_MAX_BYTES = 4096 };

static const char *environment(const char *ours, const char *vendors)
{
    const char *value = getenv(ours);
    if (!value || !value[0])
        value = getenv(vendors);
    return value && value[0] ? value : NULL;
}

/* One word that a header can carry: a file saved on Windows ends its line with CR, too. */
static bool is_token(struct str s)
{
    for (size_t i = 0; i < s.len; i++) {
        if ((unsigned char)s.ptr[i] <= ' ' || (unsigned char)s.ptr[i] >= 0x7f)
            return false;
    }
    return s.len > 0;
}

enum err client_open_to(struct client *c, const char *url, struct secret **token,
                        const char **ret_why)
{
    AUTO(url) struct url parsed = {.https = false};
    *c = (struct client){.token = NULL};
    if (!is_token(secret_reveal(*token))) {
        *ret_why = "that is no API token (SAFELIGHT_TOKEN, or the profile's): it is one line of "
                   "plain letters, slt_..., without blanks or line ends";
        return ERR_INVALID;
    }
    if (url_parse(str_from(url), &parsed) != OK) {
        *ret_why = "the server's address (SAFELIGHT_URL, or the profile's) is http:// or https://, "
                   "a host, and perhaps a port; no name or password stands in it";
        return ERR_INVALID;
    }
    *ret_why = "the server's address or the token is too long";
    struct str base = str_from(url);
    while (base.len && base.ptr[base.len - 1] == '/')
        base.len--;
    const char *tail = str_ends(base, STR("/api/v2")) ? "" : "/api/v2";
    int n = snprintf(c->url, sizeof c->url, "%.*s%s", (int)base.len, base.ptr, tail);
    if (n >= (int)sizeof c->url || secret_len(*token) > BEARER_MAX_BYTES / 2)
        return ERR_INVALID;
    c->token = TAKE(*token);
    return fetch_open();
}

enum err client_open(struct client *c, const char **ret_why)
{
    AUTOP(secret) struct secret *held = NULL;
    const char *url = environment("SAFELIGHT_URL", "NEXRENDER_API_URL");
    const char *token = environment("SAFELIGHT_TOKEN", "NEXRENDER_API_KEY");
    *c = (struct client){.token = NULL};
    *ret_why = "set SAFELIGHT_TOKEN to an API token (safelight token create makes one)";
    if (!token)
        return ERR_UNAUTHORIZED;
    *ret_why = "SAFELIGHT_URL or SAFELIGHT_TOKEN is too long";
    if (strlen(token) > BEARER_MAX_BYTES / 2)
        return ERR_INVALID;
    TRY(secret_new(str_from(token), &held));
    return client_open_to(c, url ? url : CLIENT_URL_DEFAULT, &held, ret_why);
}

enum err client_open_from(struct client *c, int fd, const char **ret_why)
{
    AUTO(buf) struct buf text = buf_make(BEARER_MAX_BYTES / 2);
    AUTOP(secret) struct secret *held = NULL;
    const char *url = environment("SAFELIGHT_URL", "NEXRENDER_API_URL");
    *c = (struct client){.token = NULL};
    *ret_why = "the token is too long, or cannot be read";
    if (io_read_all(fd, &text) != OK)
        return ERR_INVALID;
    struct str token = str_trim(buf_str(&text)), line;
    *ret_why = "there is more than one line on stdin; give it the API token alone";
    if (str_split(token, '\n', &line).ptr)
        return ERR_INVALID;
    *ret_why = "there is no token on stdin; give it one line with an API token";
    if (token.len == 0)
        return ERR_UNAUTHORIZED;
    TRY(secret_new(token, &held));
    return client_open_to(c, url ? url : CLIENT_URL_DEFAULT, &held, ret_why);
}

static void forget(const char *name)
{
    char *value = getenv(name);
    if (value)
        wipe(value, strlen(value));
    (void)unsetenv(name);
}

void client_forget_environment(void)
{
    forget("SAFELIGHT_TOKEN");
    forget("NEXRENDER_API_KEY");
}

enum err client_open_operator(struct client *c, const char *data, const char **ret_why)
{
    *c = (struct client){.token = NULL};
    *ret_why = "the path of the data directory is too long for a socket";
    snprintf(c->url, sizeof c->url, "http://localhost");
    if (snprintf(c->socket, sizeof c->socket, "%s/safelight.sock", data) >= (int)sizeof c->socket)
        return ERR_INVALID;
    return fetch_open();
}

void client_auto(struct client *c)
{
    secret_free(&c->token);
}

enum err client_send(const struct client *c, const char *method, const char *path, const char *type,
                     struct fetch *f, struct fetch_result *ret)
{
    AUTO(buf) struct buf bearer = buf_make(BEARER_MAX_BYTES);
    AUTO(buf) struct buf url = buf_make(URL_MAX_BYTES);
    struct fetch_header headers[2];
    size_t count = 0;
    bool whole = path[0] != '/';
    if (!whole)
        TRY(buf_put(&url, str_from(c->url)));
    TRY(buf_put(&url, str_from(path)));
    if (c->token && !whole) {
        TRY(buf_put(&bearer, STR("Bearer ")));
        TRY(buf_put(&bearer, secret_reveal(c->token)));
        headers[count++] = (struct fetch_header){STR("Authorization"), buf_str(&bearer)};
    }
    if (type)
        headers[count++] = (struct fetch_header){STR("Content-Type"), str_from(type)};
    f->method = str_from(method);
    f->url = buf_str(&url);
    f->headers = headers;
    f->header_count = count;
    f->unix_socket = c->socket[0] ? c->socket : NULL;
    f->ca_file = getenv("SAFELIGHT_CA_FILE");
    enum err e = fetch_run(f, ret);
    f->url = STR_EMPTY;
    f->headers = NULL;
    f->header_count = 0;
    return e;
}
