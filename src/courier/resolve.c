#include "resolve.h"

#include "errand.h"
#include "jobs.h"
#include "json_scan.h"

enum { HOST_MAX_BYTES = 300 }; /* a DNS name or an address, and a port */

static bool inside(const struct ref_use *use, struct str fragment, struct str member)
{
    if (member.len == 0)
        return false;
    /* UNSAFE: members borrow from the fragment (resolve_how), so both pointers are in one array. */
    size_t begin = (size_t)(member.ptr - fragment.ptr);
    return use->begin >= begin && use->end <= begin + member.len;
}

/* The part of a bundle that decides the destination: the same fragment, fewer uses and records. */
static struct ref_bundle part_of(const struct ref_bundle *all, const struct str *members,
                                 struct arena *arena)
{
    struct ref_bundle part = *all;
    part.uses = arena_array(arena, all->use_count, sizeof *part.uses);
    part.records = arena_array(arena, all->use_count, sizeof *part.records);
    part.use_count = part.record_count = 0;
    for (size_t i = 0; i < all->use_count; i++) {
        struct ref_use use = all->uses[i];
        bool wanted = false;
        for (size_t m = 0; m < RESOLVE_MEMBERS_MAX; m++)
            wanted = wanted || inside(&use, all->fragment, members[m]);
        if (!wanted)
            continue;
        if (!use.literal) {
            part.records[part.record_count] = all->records[use.record];
            use.record = (uint32_t)part.record_count++;
        }
        part.uses[part.use_count++] = use;
    }
    return part;
}

/* host empty: it is not known yet. */
static enum err open_bundle(const struct errand *e, const struct ref_bundle *b, struct str host,
                            struct ref_values *ret_values, struct buf *ret_json,
                            struct str *ret_refused)
{
    const struct vault_use use = {.purpose = host.len ? VAULT_FOR_DELIVERY : VAULT_FOR_ADDRESS,
                                  .job_id = e->order->job_id,
                                  .host = host};
    if (b->record_count)
        TRY(ref_bundle_open(b, e->vault, &use, ret_values, ret_refused));
    return ref_bundle_splice(b, ret_values, ret_json);
}

static enum err find_destination(const struct errand *e, const struct resolve_how *how,
                                 struct arena *arena, struct url *ret, struct str *ret_refused)
{
    const struct ref_bundle *all = &e->order->bundle;
    struct str members[RESOLVE_MEMBERS_MAX] = {{0}};
    AUTO(ref_values) struct ref_values values = {0};
    AUTO(buf) struct buf json = buf_make(RESOLVED_PAYLOAD_MAX_BYTES);
    TRY(how->members(all->fragment, members));
    struct ref_bundle part = part_of(all, members, arena);
    TRY(open_bundle(e, &part, STR_EMPTY, &values, &json, ret_refused));
    return how->destination(e->order, buf_str(&json), ret);
}

static enum job_part part_for(enum order_kind kind)
{
    return kind == ORDER_UPLOAD    ? JOB_PART_UPLOAD
           : kind == ORDER_WEBHOOK ? JOB_PART_WEBHOOK
                                   : JOB_PART_ASSET;
}

/* Where a reference decides the host, the host is a value as well: sent, echoed and named in a
 * message it has the parser's spelling (lower case, no dot at the end), which is none of the forms
 * of what is stored. */
static enum err add_host(const struct errand *e, const struct url *url, struct arena *arena,
                         struct secret *ret[static 2])
{
    const struct ref_bundle *all = &e->order->bundle;
    AUTO(buf) struct buf authority = buf_make(URL_MAX_BYTES);
    if (!all->record_count || job_bundle_host(part_for(e->order->kind), all, arena).len)
        return OK;
    TRY(url_authority(url, &authority));
    TRY(secret_new(buf_str(&authority), &ret[0]));
    return secret_new(buf_str(&url->host), &ret[1]);
}

static enum err make_set(const struct errand *e, struct arena *arena, struct resolved *r)
{
    struct secret *host[2] = {NULL, NULL};
    const struct secret **values = arena_array(arena, r->values.count + 2, sizeof *values);
    size_t count = r->values.count;
    enum err err = add_host(e, &r->url, arena, host);
    for (size_t i = 0; i < count; i++)
        values[i] = r->values.values[i];
    for (size_t i = 0; i < ARRAY_LEN(host) && host[i]; i++)
        values[count++] = host[i];
    if (err == OK && count)
        err = redact_set_new(values, count, &r->set);
    for (size_t i = 0; i < ARRAY_LEN(host); i++)
        secret_free(&host[i]);
    return err;
}

enum err resolve(const struct errand *e, const struct resolve_how *how, struct resolved *ret)
{
    AUTO(arena) struct arena arena = arena_make();
    AUTO(buf) struct buf host = buf_make(HOST_MAX_BYTES);
    const struct ref_bundle *all = &e->order->bundle;
    *ret = (struct resolved){.json = buf_make(RESOLVED_PAYLOAD_MAX_BYTES), .refused = STR_EMPTY};
    TRY(find_destination(e, how, &arena, &ret->url, &ret->refused));
    if (all->record_count && !ret->url.https && !e->guard->allow_http)
        return ERR_ADDRESS_REFUSED;
    TRY(url_host_port(&ret->url, &host));
    TRY(open_bundle(e, all, buf_str(&host), &ret->values, &ret->json, &ret->refused));
    return make_set(e, &arena, ret);
}

void resolved_auto(struct resolved *r)
{
    redact_set_free(&r->set);
    ref_values_auto(&r->values);
    buf_auto(&r->json);
    url_auto(&r->url);
}

enum err resolve_text(struct str raw, struct buf *out)
{
    if (raw.len == 0 || str_is(raw, "null"))
        return OK;
    if (raw.len < 2 || raw.ptr[0] != '"')
        return ERR_INVALID;
    return json_unescape(str_slice(raw, 1, raw.len - 1), out);
}
