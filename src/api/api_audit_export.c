/* GET /audit/export?after=N: every record behind N as a line, up to the one that is the last when
 * the export begins. A slow client keeps no thread: lines are read as they are taken. */
#include <stdlib.h>

#include "alloc.h"
#include "api_audit_walk.h"
#include "audit_line.h"

enum { PIECE_RECORDS = 50, PIECE_MAX_BYTES = PIECE_RECORDS * AUDIT_LINE_MAX_BYTES };

struct export
{
    struct store *store;
    char team_id[ULID_LEN + 1];
    int64_t after, last;
};

static enum err put_row(const struct export *x, const struct audit_raw *row, struct buf *out)
{
    struct audit_fields fields;
    uint8_t mac[HASH_BYTES];
    if (!audit_walk_whole(row, str_from(x->team_id), &fields))
        return audit_line_put_damaged(row->sequence, row->record, row->mac, out);
    memcpy(mac, row->mac.ptr, sizeof mac);
    return audit_line_put(&fields, row->record, mac, out);
}

static enum err next(void *ctx, struct buf *piece)
{
    struct export *x = ctx;
    AUTO(arena) struct arena a = arena_make();
    struct store_tx *tx;
    struct audit_raw *rows;
    size_t count;
    TRY(store_read_begin(x->store, &tx));
    enum err e =
        store_audit_raw(tx, str_from(x->team_id), x->after, PIECE_RECORDS, &a, &rows, &count);
    store_read_end(x->store, &tx);
    TRY(e);
    for (size_t i = 0; i < count && rows[i].sequence <= x->last; i++) {
        TRY(put_row(x, &rows[i], piece));
        x->after = rows[i].sequence;
    }
    return OK;
}

/* The sequence of the last record there is; 0: none. */
static enum err find_last(struct http_request *r, struct str team_id, int64_t *ret)
{
    struct store_tx *tx;
    TRY(store_read_begin(api_of(r)->store, &tx));
    enum err e = store_audit_last(tx, team_id, ret);
    store_read_end(api_of(r)->store, &tx);
    return e;
}

void api_audit_export(struct http_request *r)
{
    uint64_t after = 0;
    struct str team_id;
    int64_t last = 0;
    if (!api_query_only(r, "after") || !api_query_number(r, "after", 0, INT64_MAX, &after))
        return;
    enum err e = api_audit_team(r, &team_id);
    if (e == OK)
        e = find_last(r, team_id, &last);
    if (e != OK) {
        http_fail(r, e);
        return;
    }
    struct export *x = xcalloc(1, sizeof *x);
    *x = (struct export){.store = api_of(r)->store, .after = (int64_t)after, .last = last};
    ASSERT(str_to_text(team_id, x->team_id, sizeof x->team_id) == OK);
    struct str name =
        arena_printf(http_arena(r), "attachment; filename=\"audit-%s.ndjson\"", x->team_id);
    http_answer_header(r, "Content-Disposition", name.ptr);
    http_reply_source(r, 200, "application/x-ndjson",
                      &(struct http_source){
                          .next = next, .end = free, .ctx = x, .piece_max_bytes = PIECE_MAX_BYTES});
}
