#include "job_ticket.h"

#include "alloc.h"
#include "clock.h"
#include "encode.h"
#include "hash.h"

enum {
    TICKET_DIGITS = 32, /* of base62: 190 bits */
    DOWNLOADS = 3,
    TICKET_MS = 7 * 24 * 3600 * 1000, /* the lease ends it earlier; this is for the sweep */
};

static bool is_download(enum ticket_kind kind)
{
    return kind == TICKET_ASSET_GET || kind == TICKET_OUTPUT_GET || kind == TICKET_TEMPLATE_GET ||
           kind == TICKET_FONT_GET;
}

enum err job_ticket_issue(struct store_tx *tx, const struct job_ticket *t, struct arena *a,
                          struct str *ret_url)
{
    char random[TICKET_DIGITS + 1];
    random_base62(random, TICKET_DIGITS);
    struct ticket row = {.kind = t->kind,
                         .team_id = t->job->team_id,
                         .job_id = t->job->id,
                         .lease_id = t->job->lease_id,
                         .pointer = t->pointer.ptr ? t->pointer : STR_EMPTY,
                         .expires_at_ms = clock_unix_ms() + TICKET_MS,
                         .uses_left = is_download(t->kind) ? DOWNLOADS : 1};
    hash_blake2b(str_bytes(random, TICKET_DIGITS), row.hash);
    *ret_url = arena_printf(a, "%.*s/t/%s%.*s", (int)t->base_url.len, t->base_url.ptr, random,
                            (int)t->extension.len, t->extension.ptr ? t->extension.ptr : "");
    wipe(random, sizeof random);
    return store_ticket_insert(tx, &row);
}
