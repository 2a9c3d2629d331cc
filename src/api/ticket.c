#include "ticket.h"

#include "clock.h"
#include "hash.h"
#include "store_token.h"

enum err ticket_hash(struct http_request *r, uint8_t ret[static 32])
{
    struct str text;
    str_split(http_param(r, "ticket"), '.', &text); /* an extension is for whoever looks at it */
    if (text.len < TICKET_TEXT_MIN || text.len > TICKET_TEXT_MAX)
        return ERR_NOT_FOUND;
    hash_blake2b(text, ret);
    return OK;
}

enum err ticket_take(struct store_tx *tx, const uint8_t hash[static 32], enum ticket_kind kind,
                     struct arena *a, struct ticket *ret, struct job *ret_job)
{
    return ticket_take_any(tx, hash, 1u << kind, a, ret, ret_job);
}

/* Addresses are a worker's, as its token is: what was stolen with one ends with it. */
static bool token_lives(struct store_tx *tx, struct str id, int64_t now_ms, struct arena *a)
{
    struct token token;
    return store_token_get(tx, id, a, &token) == OK && token.revoked_at_ms == 0 &&
           (token.expires_at_ms == 0 || token.expires_at_ms > now_ms);
}

bool ticket_lease_runs(struct store_tx *tx, const struct job *job, struct str lease_id,
                       int64_t now_ms, struct arena *a)
{
    return job->state == JOB_RENDERING && str_equal(job->lease_id, lease_id) &&
           job->lease_expires_at_ms > now_ms && token_lives(tx, job->lease_token, now_ms, a);
}

/* Is it of such a kind, and may it be used now? */
static enum err is_good(struct store_tx *tx, unsigned kinds, const struct ticket *t, int64_t now_ms,
                        struct arena *a, struct job *ret_job)
{
    if (!(kinds & 1u << t->kind))
        return ERR_NOT_FOUND;
    enum err e = store_job_any(tx, ulid_str(&t->job_id), true, a, ret_job);
    if (e == ERR_NOT_FOUND)
        return ERR_GONE;
    TRY(e);
    if (t->lease_id.len > 0 && !ticket_lease_runs(tx, ret_job, t->lease_id, now_ms, a))
        return ERR_GONE;
    return OK;
}

enum err ticket_take_any(struct store_tx *tx, const uint8_t hash[static 32], unsigned kinds,
                         struct arena *a, struct ticket *ret, struct job *ret_job)
{
    int64_t now = clock_unix_ms();
    TRY(store_ticket_take(tx, hash, now, a, ret));
    return is_good(tx, kinds, ret, now, a, ret_job);
}

enum err ticket_look(struct store *store, const uint8_t hash[static 32], unsigned kinds,
                     struct arena *a, struct ticket *ret, struct job *ret_job)
{
    int64_t now = clock_unix_ms();
    struct store_tx *tx;
    TRY(store_read_begin(store, &tx));
    enum err e = store_ticket_look(tx, hash, now, a, ret);
    if (e == OK)
        e = is_good(tx, kinds, ret, now, a, ret_job);
    store_read_end(store, &tx);
    return e;
}
