/* The web console's page and its files: static, without data of anybody, so they need no token.
 * What they show they ask for by the API. */
#include "api_request.h"
#include "console_file.h"
#include "session_guard.h"

static const char PAGE[] = "index.html";

/* Nothing is loaded from elsewhere, nothing runs that is not in a file of ours, nobody frames it,
 * and text never becomes markup. */
static const struct {
    const char *name, *value;
} headers[] = {
    {"Cache-Control", "no-cache"},
    {"Content-Security-Policy",
     "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
     "connect-src 'self'; form-action 'none'; base-uri 'none'; frame-ancestors 'none'; "
     "require-trusted-types-for 'script'; trusted-types 'none'"},
    {"Referrer-Policy", "no-referrer"},
    {"X-Frame-Options", "DENY"},
    {"Cross-Origin-Opener-Policy", "same-origin"},
    {"Cross-Origin-Embedder-Policy", "require-corp"},
    {"Cross-Origin-Resource-Policy", "same-origin"},
    {"Origin-Agent-Cluster", "?1"},
    {"Permissions-Policy",
     "accelerometer=(), autoplay=(), camera=(), clipboard-read=(), clipboard-write=(self), "
     "display-capture=(), encrypted-media=(), fullscreen=(), geolocation=(), gyroscope=(), "
     "magnetometer=(), microphone=(), midi=(), payment=(), picture-in-picture=(), "
     "publickey-credentials-get=(), screen-wake-lock=(), usb=(), xr-spatial-tracking=()"},
};

static void reply_file(struct http_request *r, struct str name)
{
    enum err e = session_guard_host(r);
    if (e != OK) {
        http_fail(r, e);
        return;
    }
    for (size_t i = 0; i < console_file_count; i++) {
        const struct console_file *f = &console_files[i];
        if (!str_is(name, f->name))
            continue;
        for (size_t h = 0; h < ARRAY_LEN(headers); h++)
            http_answer_header(r, headers[h].name, headers[h].value);
        http_answer_tag(r, f->tag);
        http_reply_static(r, f->type, str_bytes(f->bytes, f->len));
        return;
    }
    http_fail(r, ERR_NOT_FOUND);
}

void api_console_page(struct http_request *r)
{
    reply_file(r, str_from(PAGE));
}

void api_console_file(struct http_request *r)
{
    reply_file(r, http_param(r, "file"));
}

/* For whoever types the server's address; programs hear what they heard before. */
void api_console_root(struct http_request *r)
{
    struct str accept = http_header(r, "Accept");
    if (str_search(accept, STR("text/html"), 0) == accept.len) {
        http_fail(r, ERR_NOT_FOUND);
        return;
    }
    http_answer_header(r, "Location", "/team/settings");
    http_reply_empty(r, 303);
}
