/* The half of policy.h that reads hosts as people write them. */
#include <arpa/inet.h>

#include "policy.h"

enum { LABEL_MAX_BYTES = 63 };

/* Names under which strangers can have one of their own. A wildcard there, or below (bucket names
 * hold dots), would let the value go to whoever takes the right name; one exact host is fine. */
static const struct {
    const char *suffix, *why;
} shared[] = {
#define STORAGE "anyone can have a bucket under that name; list the exact hosts"
#define HOSTING "anyone can have a site under that name; list the exact hosts"
#define TUNNEL  "anyone can have a tunnel under that name; list the exact hosts"
    {"amazonaws.com", STORAGE}, /* s3.REGION, s3-REGION, execute-api, elb */
    {"amazonaws.com.cn", STORAGE},
    {"googleapis.com", STORAGE}, /* storage.googleapis.com and its buckets */
    {"r2.cloudflarestorage.com", STORAGE},
    {"r2.dev", STORAGE},
    {"core.windows.net", STORAGE}, /* blob, file, queue, table, web */
    {"digitaloceanspaces.com", STORAGE},
    {"backblazeb2.com", STORAGE},
    {"wasabisys.com", STORAGE},
    {"linodeobjects.com", STORAGE},
    {"vultrobjects.com", STORAGE},
    {"your-objectstorage.com", STORAGE},
    {"scw.cloud", STORAGE},
    {"cloud.ovh.net", STORAGE},
    {"aliyuncs.com", STORAGE},
    {"myqcloud.com", STORAGE},
    {"oraclecloud.com", STORAGE},
    {"supabase.co", STORAGE},
    {"cloudfront.net", HOSTING},
    {"azureedge.net", HOSTING},
    {"azurefd.net", HOSTING},
    {"azurewebsites.net", HOSTING},
    {"cloudapp.net", HOSTING},
    {"cloudapp.azure.com", HOSTING},
    {"trafficmanager.net", HOSTING},
    {"on.aws", HOSTING}, /* lambda-url */
    {"amplifyapp.com", HOSTING},
    {"elasticbeanstalk.com", HOSTING},
    {"awsapprunner.com", HOSTING},
    {"appspot.com", HOSTING},
    {"run.app", HOSTING},
    {"cloudfunctions.net", HOSTING},
    {"firebaseapp.com", HOSTING},
    {"firebaseio.com", HOSTING},
    {"web.app", HOSTING},
    {"vercel.app", HOSTING},
    {"now.sh", HOSTING},
    {"netlify.app", HOSTING},
    {"herokuapp.com", HOSTING},
    {"github.io", HOSTING},
    {"githubusercontent.com", HOSTING},
    {"gitlab.io", HOSTING},
    {"workers.dev", HOSTING},
    {"pages.dev", HOSTING},
    {"fly.dev", HOSTING},
    {"onrender.com", HOSTING},
    {"railway.app", HOSTING},
    {"deno.dev", HOSTING},
    {"surge.sh", HOSTING},
    {"glitch.me", HOSTING},
    {"repl.co", HOSTING},
    {"replit.app", HOSTING},
    {"ondigitalocean.app", HOSTING},
    {"fastly.net", HOSTING},
    {"fastlylb.net", HOSTING},
    {"akamaized.net", HOSTING},
    {"edgekey.net", HOSTING},
    {"b-cdn.net", HOSTING},
    {"myshopify.com", HOSTING},
    {"blogspot.com", HOSTING},
    {"pipedream.net", HOSTING},
    {"webhook.site", HOSTING},
    {"ngrok.io", TUNNEL},
    {"ngrok.app", TUNNEL},
    {"ngrok.dev", TUNNEL},
    {"ngrok-free.app", TUNNEL},
    {"ngrok-free.dev", TUNNEL},
    {"trycloudflare.com", TUNNEL},
    {"loca.lt", TUNNEL},
    {"ts.net", TUNNEL},
    {"duckdns.org", TUNNEL},
    {"nip.io", TUNNEL},
    {"sslip.io", TUNNEL},
#undef STORAGE
#undef HOSTING
#undef TUNNEL
};

/* Under these, in a country's domain, registries sell names as they do under ".com". */
static const char *const registries[] = {
    "ac",  "asso", "co",  "com", "edu", "firm", "gen", "go",   "gob", "gov", "gv",
    "id",  "idv",  "ind", "k12", "lg",  "ltd",  "me",  "med",  "mil", "ne",  "net",
    "nhs", "nic",  "nom", "or",  "org", "plc",  "pol", "priv", "res", "sch", "web"};

static bool is_registry(struct str name)
{
    struct str first, country = str_split(name, '.', &first);
    if (country.len != 2 || str_find(country, '.') < country.len)
        return false;
    for (size_t i = 0; i < ARRAY_LEN(registries); i++)
        if (str_is(first, registries[i]))
            return true;
    return false;
}

static bool is_or_is_below(struct str name, struct str suffix)
{
    if (!str_ends(name, suffix))
        return false;
    return name.len == suffix.len || name.ptr[name.len - suffix.len - 1] == '.';
}

const char *policy_host_shared(struct str host)
{
    if (!str_starts(host, STR("*.")))
        return NULL;
    struct str name = str_slice(host, 2, str_find(host, ':'));
    if (is_registry(name))
        return "anyone can register a name there; list the exact hosts";
    for (size_t i = 0; i < ARRAY_LEN(shared); i++)
        if (is_or_is_below(name, str_from(shared[i].suffix)))
            return shared[i].why;
    return NULL;
}

static const char NOT_A_HOST[] =
    "must be a host: a name, *. and a name, or an address, then perhaps : and a port";
static const char NOT_ASCII[] = "must be ASCII; write an international name in its xn-- form";
static const char NOT_A_WILDCARD[] =
    "may hold a * only as its first label, before a name of at least two labels";

/* Would a resolver take the name for an IPv4 address? It does when its last label is a number. */
static bool is_numeric(struct str name)
{
    struct str label = name;
    while (str_find(label, '.') < label.len)
        label = str_slice(label, str_find(label, '.') + 1, label.len);
    bool hex = str_equal_nocase(str_slice(label, 0, 2), STR("0x"));
    for (size_t i = 0; i < label.len; i++) {
        char c = label.ptr[i];
        if (!hex && (c < '0' || c > '9'))
            return false;
    }
    return true;
}

static enum err put_label(struct str label, struct buf *out, const char **ret_why)
{
    *ret_why = NOT_A_HOST;
    if (label.len == 0 || label.len > LABEL_MAX_BYTES)
        return ERR_INVALID;
    for (size_t i = 0; i < label.len; i++) {
        char c = label.ptr[i];
        if (c >= 'A' && c <= 'Z')
            c = (char)(c - 'A' + 'a');
        bool plain = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
        if (!plain) {
            *ret_why = (unsigned char)c > 0x7e ? NOT_ASCII : c == '*' ? NOT_A_WILDCARD : NOT_A_HOST;
            return ERR_INVALID;
        }
        TRY(buf_put_byte(out, (uint8_t)c));
    }
    return OK;
}

static enum err put_name(struct str name, struct buf *out, const char **ret_why)
{
    size_t labels = 0;
    *ret_why = NOT_A_HOST;
    name.len -= str_ends(name, STR("."));
    bool wildcard = str_starts(name, STR("*."));
    if (name.len == 0 || name.len > POLICY_NAME_MAX_BYTES || is_numeric(name))
        return ERR_INVALID;
    if (wildcard) {
        TRY(buf_put(out, STR("*.")));
        name = str_slice(name, 2, name.len);
    }
    for (struct str rest = name, label; rest.ptr; labels++) {
        rest = str_split(rest, '.', &label);
        TRY(buf_put(out, labels ? STR(".") : STR_EMPTY));
        TRY(put_label(label, out, ret_why));
    }
    *ret_why = NOT_A_WILDCARD;
    return wildcard && labels < 2 ? ERR_INVALID : OK;
}

static enum err put_ipv6(struct str address, struct buf *out)
{
    char text[INET6_ADDRSTRLEN];
    struct in6_addr bytes;
    if (str_to_text(address, text, sizeof text) != OK || inet_pton(AF_INET6, text, &bytes) != 1 ||
        !inet_ntop(AF_INET6, &bytes, text, sizeof text))
        return ERR_INVALID;
    return buf_printf(out, "[%s]", text);
}

static bool is_ipv4(struct str host)
{
    char text[INET_ADDRSTRLEN];
    struct in_addr bytes;
    return str_to_text(host, text, sizeof text) == OK && inet_pton(AF_INET, text, &bytes) == 1;
}

static enum err put_port(struct str port, struct buf *out)
{
    uint64_t number;
    if (port.len == 0 || port.ptr[0] == '0' || str_to_u64(port, UINT16_MAX, &number) != OK)
        return ERR_INVALID;
    TRY(buf_put_byte(out, ':'));
    return buf_put(out, port);
}

static enum err put_host(struct str text, struct buf *out, const char **ret_why)
{
    *ret_why = NOT_A_HOST;
    struct str host = text, port = {NULL, 0};
    if (str_starts(text, STR("["))) {
        size_t end = str_find(text, ']');
        struct str rest = str_slice(text, end + 1, text.len);
        if (end == text.len || (rest.len && rest.ptr[0] != ':'))
            return ERR_INVALID;
        TRY(put_ipv6(str_slice(text, 1, end), out));
        return rest.len ? put_port(str_slice(rest, 1, rest.len), out) : OK;
    }
    port = str_split(text, ':', &host);
    if (port.ptr && str_find(port, ':') < port.len)
        return put_ipv6(text, out);
    if (is_ipv4(host))
        TRY(buf_put(out, host));
    else
        TRY(put_name(host, out, ret_why));
    *ret_why = NOT_A_HOST;
    return port.ptr ? put_port(port, out) : OK;
}

enum err policy_host(struct str text, struct buf *out, const char **ret_why)
{
    size_t before = out->len;
    /* One byte more than the canonical form can have: the dot at a name's end. */
    *ret_why = NOT_A_HOST;
    enum err e = text.len > POLICY_HOST_MAX_BYTES + 1 ? ERR_INVALID : put_host(text, out, ret_why);
    if (e != OK)
        buf_truncate(out, before);
    return e == ERR_TOO_LARGE ? ERR_INVALID : e;
}
