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

enum err ticket_take_any(struct store_tx *tx, const uint8_t hash[static 32], unsigned kinds,
                         struct arena *a, struct ticket *ret, struct job *ret_job)
{
    int64_t now = clock_unix_ms();
    TRY(store_ticket_take(tx, hash, now, a, ret));
    if (!(kinds & 1u << ret->kind))
        return ERR_NOT_FOUND;
    enum err e = store_job_any(tx, ulid_str(&ret->job_id), true, a, ret_job);
    if (e == ERR_NOT_FOUND)
        return ERR_GONE;
    TRY(e);
    if (ret->lease_id.len > 0 && !ticket_lease_runs(tx, ret_job, ret->lease_id, now, a))
        return ERR_GONE;
    return OK;
}

struct look {
    const uint8_t *hash;
    enum ticket_kind kind;
    struct arena *arena;
    struct ticket ticket;
    struct job job;
    enum err seen;
};

/* Always an error, so that the store undoes it. */
static enum err look_op(struct store_tx *tx, void *ctx)
{
    struct look *l = ctx;
    l->seen = ticket_take(tx, l->hash, l->kind, l->arena, &l->ticket, &l->job);
    return l->seen == OK ? ERR_CONFLICT : l->seen;
}

enum err ticket_look(struct store *store, const uint8_t hash[static 32], enum ticket_kind kind,
                     struct arena *a, struct ticket *ret, struct job *ret_job)
{
    struct look l = {.hash = hash, .kind = kind, .arena = a};
    enum err e = store_write_wait(store, look_op, &l);
    if (e != ERR_CONFLICT || l.seen != OK)
        return e;
    *ret = l.ticket;
    *ret_job = l.job;
    return OK;
}
