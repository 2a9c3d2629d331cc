#include "api_audit_walk.h"

#include "alloc.h"

bool audit_walk_whole(const struct audit_raw *row, struct str team_id, struct audit_fields *ret)
{
    return row->mac.len == HASH_BYTES && row->record.len <= AUDIT_BYTES_MAX &&
           audit_bytes_read(row->record, ret) == OK && ret->sequence == row->sequence &&
           ret->at_ms == row->at_ms && str_equal(ret->team_id, team_id);
}

/* How many rows are whole and follow one another; behind them is the first bad one, if any. */
static size_t count_whole(const struct audit_walk *w, const struct audit_raw *rows, size_t count)
{
    struct audit_fields unused;
    size_t good = 0;
    while (good < count && rows[good].sequence == (int64_t)(w->tree.size + good + 1) &&
           audit_walk_whole(&rows[good], w->team_id, &unused))
        good++;
    return good;
}

static enum err check(struct api *api, struct audit_walk *w, const struct audit_raw *rows,
                      size_t count, struct arena *a)
{
    struct str *records = arena_array(a, count + 1, sizeof *records);
    uint8_t(*macs)[HASH_BYTES] = arena_array(a, count + 1, sizeof *macs);
    size_t good = count_whole(w, rows, count);
    for (size_t i = 0; i < good; i++)
        records[i] = rows[i].record;
    TRY(vault_chain_audit(api->vault, w->head, records, good, macs));
    for (size_t i = 0; i < good; i++) {
        uint8_t leaf[HASH_BYTES];
        if (!equal_constant_time(macs[i], rows[i].mac.ptr, HASH_BYTES)) {
            good = i;
            break;
        }
        audit_tree_leaf(records[i], macs[i], leaf);
        audit_tree_add(&w->tree, leaf);
        memcpy(w->head, macs[i], HASH_BYTES);
    }
    if (good < count)
        w->first_bad = (int64_t)w->tree.size + 1;
    return OK;
}

static enum err step(struct api *api, struct audit_walk *w, bool *ret_end)
{
    AUTO(arena) struct arena a = arena_make();
    struct store_tx *tx;
    struct audit_raw *rows;
    size_t count;
    TRY(store_read_begin(api->store, &tx));
    enum err e = store_audit_raw(tx, w->team_id, (int64_t)w->tree.size, AUDIT_STEP_RECORDS, &a,
                                 &rows, &count);
    store_read_end(api->store, &tx);
    TRY(e);
    TRY(check(api, w, rows, count, &a));
    *ret_end = count < AUDIT_STEP_RECORDS || w->first_bad;
    return OK;
}

enum err audit_walk(struct api *api, struct str team_id, struct audit_walk *ret)
{
    struct audit_walk w = {.team_id = team_id};
    char *place = audit_place_take(api, api->walking, AUDIT_WALKS_MAX, team_id);
    enum err e = OK;
    if (!place)
        return ERR_BUSY;
    for (bool end = false; e == OK && !end;)
        e = step(api, &w, &end);
    audit_place_leave(api, place);
    if (e == OK)
        *ret = w;
    return e;
}
