#include "api_policy.h"

#include "clock.h"
#include "job_rules.h"
#include "ref_scan.h"

enum { SINK_MAX_BYTES = 32 };

struct body {
    struct str sinks, hosts, expires_at;
};
static const struct json_field FIELDS[] = {
    JSON_FIELD(struct body, sinks, "sinks", JSON_AS_ARRAY, JSON_NULLABLE, 0),
    JSON_FIELD(struct body, hosts, "hosts", JSON_AS_ARRAY, JSON_NULLABLE, 0),
    JSON_FIELD(struct body, expires_at, "expiresAt", JSON_AS_STR, JSON_NULLABLE, 64),
};
static const char *const KNOWN[] = {"sinks", "hosts", "expiresAt", NULL};

#define AT "/policy"

static struct str pointer_of(struct job_rules *r, const char *array, size_t index)
{
    return arena_printf(r->arena, AT "/%s/%zu", array, index);
}

static unsigned sink_of(struct str word)
{
    for (unsigned sink = 0; 1u << sink <= POLICY_SINKS; sink++)
        if (str_is(word, ref_sink_name((enum ref_sink)sink)))
            return 1u << sink;
    return 0;
}

static enum err read_sinks(struct job_rules *r, struct str array, struct policy *p)
{
    enum err e = OK;
    struct json_elements elements;
    struct str element, word;
    json_elements_init(&elements, array);
    while (json_elements_next(&elements, &element)) {
        unsigned bit = job_rules_string(r, element, SINK_MAX_BYTES, &word) ? sink_of(word) : 0;
        if (!bit)
            e = problems_add(r->problems, pointer_of(r, "sinks", elements.index),
                             "must be credential, upload, header, url, body, text or script");
        p->sinks = (uint8_t)(p->sinks | bit);
    }
    if (!elements.begun || (e == OK && p->sinks == 0))
        return problems_add(r->problems, STR(AT "/sinks"),
                            "must name at least one; leave it out to allow all");
    return e;
}

static enum err read_host(struct job_rules *r, struct str element, size_t index, struct policy *p)
{
    AUTO(buf) struct buf host = buf_make(POLICY_HOST_MAX_BYTES);
    struct str text, pointer = pointer_of(r, "hosts", index);
    const char *why = "must be a string";
    if (!job_rules_string(r, element, 2 * POLICY_HOST_MAX_BYTES, &text))
        return problems_add(r->problems, pointer, "must be the text of a host");
    if (policy_host(text, &host, &why) != OK)
        return problems_add(r->problems, pointer, why);
    why = policy_host_shared(buf_str(&host));
    if (why)
        return problems_add(r->problems, pointer, why);
    p->hosts[p->host_count++] = arena_str(r->arena, buf_str(&host));
    return OK;
}

static enum err read_hosts(struct job_rules *r, struct str array, struct policy *p)
{
    enum err e = OK;
    struct json_elements elements;
    struct str element;
    json_elements_init(&elements, array);
    while (json_elements_next(&elements, &element)) {
        if (elements.index == POLICY_HOSTS_MAX)
            return problems_addf(r->problems, STR(AT "/hosts"), "may hold at most %d hosts",
                                 POLICY_HOSTS_MAX);
        enum err one = read_host(r, element, elements.index, p);
        e = one == OK ? e : one;
    }
    if (e == OK && p->host_count == 0)
        return problems_add(r->problems, STR(AT "/hosts"),
                            "must name at least one; leave it out to allow all");
    return e;
}

static enum err read_expiry(struct job_rules *r, struct str text, struct policy *p)
{
    if (clock_parse(text, &p->expires_at_ms) != OK)
        return problems_add(r->problems, STR(AT "/expiresAt"),
                            "must be a time as in 2027-01-31T00:00:00Z");
    if (p->expires_at_ms <= clock_unix_ms())
        return problems_add(r->problems, STR(AT "/expiresAt"), "must be in the future");
    return OK;
}

enum err api_policy_read(struct str raw, struct arena *a, struct problems *problems,
                         struct policy *ret)
{
    struct job_rules r = {.arena = a, .problems = problems};
    struct body body = {.sinks = {NULL, 0}};
    struct policy p = {.sinks = 0};
    *ret = p;
    if (!raw.len || str_is(raw, "null"))
        return OK;
    if (raw.ptr[0] != '{')
        return problems_add(problems, STR("policy"), "must be an object or null");
    enum err e = job_rules_only(&r, raw, STR(AT), KNOWN);
    enum err shape = json_decode(raw, FIELDS, ARRAY_LEN(FIELDS), STR(AT), problems, &body);
    if (shape != OK && shape != ERR_INVALID)
        return shape;
    enum err each[] = {
        shape,
        body.sinks.ptr ? read_sinks(&r, body.sinks, &p) : OK,
        body.hosts.ptr ? read_hosts(&r, body.hosts, &p) : OK,
        body.expires_at.ptr ? read_expiry(&r, body.expires_at, &p) : OK,
    };
    for (size_t i = 0; i < ARRAY_LEN(each); i++)
        e = e == OK ? each[i] : e;
    if (e == OK)
        *ret = p;
    return e;
}

struct str api_policy_bytes(const struct policy *p, bool strict, struct arena *a)
{
    AUTO(buf) struct buf bytes = buf_make(POLICY_MAX_BYTES);
    struct policy whole = *p;
    if (strict && whole.sinks == 0)
        whole.sinks = POLICY_STRICT_SINKS;
    ASSERT(policy_encode(&whole, &bytes) == OK);
    return arena_str(a, buf_str(&bytes));
}

enum err api_policy_write(struct json_out *o, struct str bytes)
{
    struct policy p;
    if (bytes.len == 0)
        return OK;
    if (policy_decode(bytes, &p) != OK)
        return ERR_TAMPERED;
    json_out_key(o, "policy");
    json_out_open(o, '{');
    if (p.sinks) {
        json_out_key(o, "sinks");
        json_out_open(o, '[');
        for (unsigned sink = 0; 1u << sink <= POLICY_SINKS; sink++)
            if (p.sinks & 1u << sink)
                json_out_str(o, str_from(ref_sink_name((enum ref_sink)sink)));
        json_out_close(o, ']');
    }
    if (p.host_count) {
        json_out_key(o, "hosts");
        json_out_open(o, '[');
        for (size_t i = 0; i < p.host_count; i++)
            json_out_str(o, p.hosts[i]);
        json_out_close(o, ']');
    }
    if (p.expires_at_ms)
        json_out_member_time(o, "expiresAt", p.expires_at_ms);
    json_out_close(o, '}');
    return OK;
}
