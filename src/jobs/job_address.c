#include "job_address.h"

#include "encode.h"

enum {
    DAY_MS = 24 * 3600 * 1000,
    MAC_BYTES = 32,
    SIGNATURE_CHARS = 2 * MAC_BYTES,
};

/* No address of an upload ends so: it ends with a file's name. */
#define BARE_END STR("?")

struct str job_address_bare(struct str base_url, struct str output_name, struct arena *a)
{
    return arena_printf(a, "%.*s/o/%.*s?", (int)base_url.len, base_url.ptr, (int)output_name.len,
                        output_name.ptr);
}

bool job_address_is_ours(const struct job *job)
{
    return str_ends(job->output_url, BARE_END);
}

int64_t job_address_expiry(int64_t now_ms)
{
    int64_t days = (now_ms + DAY_MS - 1) / DAY_MS + OUTPUT_ADDRESS_DAYS;
    return days * (DAY_MS / 1000);
}

/* What is signed. The file's name holds the job's id, so it is one file's alone. */
static struct str statement(struct str output_name, int64_t expires, struct arena *a)
{
    return arena_printf(a, "output\n%.*s\n%lld", (int)output_name.len, output_name.ptr,
                        (long long)expires);
}

static struct str complete(struct str bare, int64_t expires, const uint8_t mac[static MAC_BYTES],
                           struct arena *a)
{
    AUTO(buf) struct buf hex = buf_make(SIGNATURE_CHARS);
    ASSERT(encode_hex(&hex, str_bytes(mac, MAC_BYTES)) == OK);
    return arena_printf(a, "%.*sexpires=%lld&signature=%.*s", (int)bare.len, bare.ptr,
                        (long long)expires, (int)hex.len, hex.ptr);
}

enum err job_address_sign(struct vault *v, struct job *const *jobs, size_t count, int64_t now_ms,
                          struct arena *a)
{
    int64_t expires = job_address_expiry(now_ms);
    struct str *statements = arena_array(a, count + 1, sizeof *statements);
    struct job **ours = arena_array(a, count + 1, sizeof *ours);
    uint8_t(*macs)[MAC_BYTES] = arena_array(a, count + 1, sizeof *macs);
    size_t found = 0;
    for (size_t i = 0; i < count; i++) {
        if (!job_address_is_ours(jobs[i]))
            continue;
        ours[found] = jobs[i];
        statements[found++] = statement(jobs[i]->output_name, expires, a);
    }
    if (!found)
        return OK;
    TRY(vault_sign_addresses(v, statements, found, macs));
    for (size_t i = 0; i < found; i++)
        ours[i]->output_url = complete(ours[i]->output_url, expires, macs[i], a);
    return OK;
}

enum err job_address_sign_list(struct vault *v, struct job *jobs, size_t count, int64_t now_ms,
                               struct arena *a)
{
    struct job **list = arena_array(a, count + 1, sizeof *list);
    for (size_t i = 0; i < count; i++)
        list[i] = &jobs[i];
    return job_address_sign(v, list, count, now_ms, a);
}

static void collect(struct job_prepared *p, struct job **ret, size_t *count)
{
    ret[(*count)++] = &p->job;
    for (size_t i = 0; i < p->child_count; i++)
        collect(&p->children[i], ret, count);
}

static size_t count_of(const struct job_prepared *p)
{
    size_t count = 1;
    for (size_t i = 0; i < p->child_count; i++)
        count += count_of(&p->children[i]);
    return count;
}

enum err job_address_sign_new(struct vault *v, struct job_prepared *p, int64_t now_ms,
                              struct arena *a)
{
    size_t count = 0;
    struct job **jobs = arena_array(a, count_of(p), sizeof *jobs);
    collect(p, jobs, &count);
    return job_address_sign(v, jobs, count, now_ms, a);
}

/* In constant time. */
static bool same(struct str signature, const uint8_t mac[static MAC_BYTES])
{
    AUTO(buf) struct buf want = buf_make(SIGNATURE_CHARS);
    unsigned char different = 0;
    ASSERT(encode_hex(&want, str_bytes(mac, MAC_BYTES)) == OK);
    if (signature.len != want.len)
        return false;
    for (size_t i = 0; i < want.len; i++)
        different = (unsigned char)(different | (signature.ptr[i] ^ want.ptr[i]));
    return different == 0;
}

enum err job_address_check(struct vault *v, struct str output_name, struct str expires,
                           struct str signature, int64_t now_ms, struct arena *a)
{
    uint64_t until;
    uint8_t mac[1][MAC_BYTES];
    if (signature.len != SIGNATURE_CHARS || str_to_u64(expires, INT64_MAX / 1000, &until) != OK)
        return ERR_FORBIDDEN;
    struct str statements[] = {statement(output_name, (int64_t)until, a)};
    TRY(vault_sign_addresses(v, statements, 1, mac));
    if (!same(signature, mac[0]))
        return ERR_FORBIDDEN;
    return (int64_t)until * 1000 > now_ms ? OK : ERR_GONE;
}
