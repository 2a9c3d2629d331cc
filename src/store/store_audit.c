#include "store_audit.h"

#include "audit_bytes.h"
#include "clock.h"
#include "store_inner.h"

static const char *const codes[AUDIT_EVENT_COUNT] = {
#define AUDIT(name, code, text) [AUDIT_##name] = code,
#include "audit.def"
#undef AUDIT
};

const char *audit_event_code(enum audit_event_type type)
{
    ASSERT((unsigned)type < AUDIT_EVENT_COUNT);
    return codes[type];
}

/* The sequence is known when the group ends. */
static enum err encode(const struct audit_record *r, int64_t at_ms, struct buf *out)
{
    return audit_bytes_put(&(struct audit_fields){.at_ms = at_ms,
                                                  .team_id = r->team_id,
                                                  .event = str_from(audit_event_code(r->type)),
                                                  .actor = r->actor,
                                                  .address = r->address,
                                                  .request_id = r->request_id,
                                                  .subject = r->subject,
                                                  .name = r->name,
                                                  .version = r->version,
                                                  .job_id = r->job_id,
                                                  .field = r->field,
                                                  .host = r->host},
                           out);
}

bool audit_event_from(struct str code, enum audit_event_type *ret)
{
    for (unsigned i = 0; i < AUDIT_EVENT_COUNT; i++) {
        if (str_is(code, codes[i])) {
            *ret = (enum audit_event_type)i;
            return true;
        }
    }
    return false;
}

/* The strs borrow from `bytes`. ERR_INVALID: not a record; ERR_TAMPERED: an unknown event. */
static enum err decode(struct str bytes, struct audit_row *ret)
{
    struct audit_fields f;
    TRY(audit_bytes_read(bytes, &f));
    ret->sequence = f.sequence;
    ret->at_ms = f.at_ms;
    ret->fields = (struct audit_record){.team_id = f.team_id,
                                        .actor = f.actor,
                                        .address = f.address,
                                        .request_id = f.request_id,
                                        .subject = f.subject,
                                        .name = f.name,
                                        .version = f.version,
                                        .job_id = f.job_id,
                                        .field = f.field,
                                        .host = f.host};
    return audit_event_from(f.event, &ret->fields.type) ? OK : ERR_TAMPERED;
}

enum err store_audit(struct store_tx *tx, const struct audit_record *r)
{
    ASSERT_WRITING(tx);
    struct audit_pending *p = tx->audit;
    AUTO(buf) struct buf bytes = buf_make(AUDIT_BYTES_MAX);
    int64_t at_ms = clock_unix_ms();
    TRY(encode(r, at_ms, &bytes));
    p->list = store_list_grow(&p->arena, p->list, p->count, &p->capacity, sizeof *p->list);
    p->list[p->count++] = (struct audit_entry){
        .team_id = arena_str(&p->arena, r->team_id),
        .record = arena_text(&p->arena, buf_str(&bytes)),
        .record_len = bytes.len,
        .at_ms = at_ms,
    };
    store_count(tx, METRIC_AUDIT_RECORDS, r->type);
    return OK;
}

static enum err last_of(struct store_tx *tx, struct str team_id, int64_t *ret_sequence,
                        uint8_t ret_mac[static 32])
{
    static const char sql[] =
        "SELECT sequence, mac FROM audit WHERE team_id = ? ORDER BY sequence DESC LIMIT 1";
    AUTOP(db_stmt) struct db_stmt *q = NULL;
    TRY(db_prepare(tx->db, sql, &q));
    db_bind_text(q, team_id);
    bool row;
    TRY(db_step(q, &row));
    if (!row) {
        *ret_sequence = 0;
        memset(ret_mac, 0, 32);
        return OK;
    }
    *ret_sequence = db_column_int(q);
    return store_column_32(q, ret_mac);
}

enum err store_audit_last(struct store_tx *tx, struct str team_id, int64_t *ret)
{
    static const char sql[] = "SELECT COALESCE(MAX(sequence), 0) FROM audit WHERE team_id = ?";
    AUTOP(db_stmt) struct db_stmt *q = NULL;
    TRY(db_prepare(tx->db, sql, &q));
    db_bind_text(q, team_id);
    TRY(db_row(q));
    *ret = db_column_int(q);
    return OK;
}

static enum err insert(struct store_tx *tx, const struct audit_entry *e, int64_t sequence,
                       const uint8_t mac[static 32])
{
    static const char sql[] =
        "INSERT INTO audit (team_id, sequence, at_ms, record, mac) VALUES (?, ?, ?, ?, ?)";
    AUTOP(db_stmt) struct db_stmt *q = NULL;
    TRY(db_prepare(tx->db, sql, &q));
    db_bind_text(q, e->team_id);
    db_bind_int(q, sequence);
    db_bind_int(q, e->at_ms);
    db_bind_blob(q, str_bytes(e->record, e->record_len));
    db_bind_blob(q, str_bytes(mac, 32));
    return db_run(q);
}

static void set_sequence(struct audit_entry *e, int64_t sequence)
{
    for (unsigned i = 0; i < 8; i++)
        e->record[AUDIT_BYTES_AT_SEQUENCE + i] = (char)(uint8_t)((uint64_t)sequence >> (8 * i));
}

/* All records of the team at p->list[first] that are not chained yet; they lose their `record`. */
static enum err chain_team(struct store_tx *tx, size_t first, store_chain *chain, void *ctx)
{
    struct audit_pending *p = tx->audit;
    struct str team_id = p->list[first].team_id;
    size_t room = 0, count = 0;
    for (size_t i = first; i < p->count; i++)
        room += str_equal(p->list[i].team_id, team_id);
    struct audit_entry *mine = arena_array(&p->arena, room, sizeof *mine);
    struct str *records = arena_array(&p->arena, room, sizeof *records);
    uint8_t previous[32];
    int64_t last;
    TRY(last_of(tx, team_id, &last, previous));
    for (size_t i = first; i < p->count; i++) {
        struct audit_entry *e = &p->list[i];
        if (!str_equal(e->team_id, team_id))
            continue;
        mine[count] = *e;
        set_sequence(&mine[count], last + 1 + (int64_t)count);
        records[count] = str_bytes(e->record, e->record_len);
        count++;
        e->record = NULL;
    }
    uint8_t(*macs)[32] = arena_array(&p->arena, count, sizeof *macs);
    if (chain)
        TRY(chain(ctx, previous, records, count, macs));
    for (size_t i = 0; i < count; i++)
        TRY(insert(tx, &mine[i], last + 1 + (int64_t)i, macs[i]));
    return OK;
}

enum err store_audit_chain(struct store_tx *tx, store_chain *chain, void *ctx)
{
    for (size_t i = 0; i < tx->audit->count; i++) {
        if (tx->audit->list[i].record)
            TRY(chain_team(tx, i, chain, ctx));
    }
    return OK;
}

static enum err read_row(struct db_stmt *q, struct arena *a, void *ret_row)
{
    struct audit_row *ret = ret_row;
    int64_t sequence = db_column_int(q), at_ms = db_column_int(q);
    ret->record = store_column_str(q, a);
    TRY(store_column_32(q, ret->mac));
    enum err e = decode(ret->record, ret);
    /* Columns and record are written together; a difference was made by hand. */
    if (e == ERR_INVALID || ret->sequence != sequence || ret->at_ms != at_ms)
        return ERR_TAMPERED;
    return e;
}

enum err store_audit_list(struct store_tx *tx, struct str team_id, int64_t after_sequence,
                          size_t limit, struct arena *a, struct audit_row **ret, size_t *ret_count)
{
    return store_audit_page(tx, team_id,
                            &(struct audit_page){.after = after_sequence, .limit = limit}, a, ret,
                            ret_count);
}

#define PAGE_HEAD                                                                                  \
    "SELECT sequence, at_ms, record, mac FROM audit"                                               \
    " WHERE team_id = ? AND sequence > ? AND sequence < ? ORDER BY sequence"

enum err store_audit_page(struct store_tx *tx, struct str team_id, const struct audit_page *page,
                          struct arena *a, struct audit_row **ret, size_t *ret_count)
{
    static const char oldest[] = PAGE_HEAD " LIMIT ?", newest[] = PAGE_HEAD " DESC LIMIT ?";
    AUTOP(db_stmt) struct db_stmt *q = NULL;
    TRY(db_prepare(tx->db, page->newest_first ? newest : oldest, &q));
    db_bind_text(q, team_id);
    db_bind_int(q, page->after);
    db_bind_int(q, page->before ? page->before : INT64_MAX);
    db_bind_int(q, page->limit > INT64_MAX ? INT64_MAX : (int64_t)page->limit);
    struct store_rows rows;
    TRY(store_rows_read(q, a, sizeof(struct audit_row), read_row, &rows));
    *ret = rows.list;
    *ret_count = rows.count;
    return OK;
}

static enum err read_raw(struct db_stmt *q, struct arena *a, void *ret_row)
{
    struct audit_raw *ret = ret_row;
    ret->sequence = db_column_int(q);
    ret->at_ms = db_column_int(q);
    ret->record = store_column_str(q, a);
    ret->mac = store_column_str(q, a);
    return OK;
}

enum err store_audit_raw(struct store_tx *tx, struct str team_id, int64_t after, size_t limit,
                         struct arena *a, struct audit_raw **ret, size_t *ret_count)
{
    static const char sql[] = PAGE_HEAD " LIMIT ?";
    AUTOP(db_stmt) struct db_stmt *q = NULL;
    TRY(db_prepare(tx->db, sql, &q));
    db_bind_text(q, team_id);
    db_bind_int(q, after);
    db_bind_int(q, INT64_MAX);
    db_bind_int(q, (int64_t)limit);
    struct store_rows rows;
    TRY(store_rows_read(q, a, sizeof(struct audit_raw), read_raw, &rows));
    *ret = rows.list;
    *ret_count = rows.count;
    return OK;
}
