/* A record's canonical bytes, integers little-endian, strings with a u32 length before them:
 *
 *     u8 format = 1 | u64 sequence | u64 time in ms | team id | event code | actor | address |
 *     request id | subject | name | u32 version | job id | field | host
 *
 * An event is stored by its code, so that the order of audit.def means nothing. */
#include "store_audit.h"

#include "buf.h"
#include "clock.h"
#include "store_inner.h"

enum {
    FORMAT_1 = 1,
    SEQUENCE_OFFSET = 1,
    RECORD_MAX_BYTES = 64 * 1024, /* a JSON pointer can be long; nothing else is */
};

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

static enum err encode(const struct audit_record *r, int64_t at_ms, struct buf *out)
{
    TRY(buf_put_byte(out, FORMAT_1));
    TRY(buf_put_u64(out, 0)); /* the sequence, known when the group ends */
    TRY(buf_put_u64(out, (uint64_t)at_ms));
    TRY(buf_put_lengthed(out, r->team_id));
    TRY(buf_put_lengthed(out, str_from(audit_event_code(r->type))));
    TRY(buf_put_lengthed(out, r->actor));
    TRY(buf_put_lengthed(out, r->address));
    TRY(buf_put_lengthed(out, r->request_id));
    TRY(buf_put_lengthed(out, r->subject));
    TRY(buf_put_lengthed(out, r->name));
    TRY(buf_put_u32(out, r->version));
    TRY(buf_put_lengthed(out, r->job_id));
    TRY(buf_put_lengthed(out, r->field));
    return buf_put_lengthed(out, r->host);
}

static enum err event_from(struct str code, enum audit_event_type *ret)
{
    for (unsigned i = 0; i < AUDIT_EVENT_COUNT; i++) {
        if (str_is(code, codes[i])) {
            *ret = (enum audit_event_type)i;
            return OK;
        }
    }
    return ERR_TAMPERED;
}

/* The strs borrow from `bytes`. ERR_INVALID: not a record; ERR_TAMPERED: an unknown event. */
static enum err decode(struct str bytes, struct audit_row *ret)
{
    struct reader in = {bytes};
    struct audit_record *r = &ret->fields;
    uint8_t format;
    uint64_t sequence, at_ms;
    struct str code;
    TRY(reader_u8(&in, &format));
    if (format != FORMAT_1)
        return ERR_INVALID;
    TRY(reader_u64(&in, &sequence));
    TRY(reader_u64(&in, &at_ms));
    TRY(reader_lengthed(&in, &r->team_id));
    TRY(reader_lengthed(&in, &code));
    TRY(reader_lengthed(&in, &r->actor));
    TRY(reader_lengthed(&in, &r->address));
    TRY(reader_lengthed(&in, &r->request_id));
    TRY(reader_lengthed(&in, &r->subject));
    TRY(reader_lengthed(&in, &r->name));
    TRY(reader_u32(&in, &r->version));
    TRY(reader_lengthed(&in, &r->job_id));
    TRY(reader_lengthed(&in, &r->field));
    TRY(reader_lengthed(&in, &r->host));
    TRY(reader_end(&in));
    ret->sequence = (int64_t)sequence;
    ret->at_ms = (int64_t)at_ms;
    return event_from(code, &r->type);
}

enum err store_audit(struct store_tx *tx, const struct audit_record *r)
{
    ASSERT_WRITING(tx);
    struct audit_pending *p = tx->audit;
    AUTO(buf) struct buf bytes = buf_make(RECORD_MAX_BYTES);
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
        e->record[SEQUENCE_OFFSET + i] = (char)(uint8_t)((uint64_t)sequence >> (8 * i));
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
    static const char sql[] = "SELECT sequence, at_ms, record, mac FROM audit"
                              " WHERE team_id = ? AND sequence > ? ORDER BY sequence LIMIT ?";
    AUTOP(db_stmt) struct db_stmt *q = NULL;
    TRY(db_prepare(tx->db, sql, &q));
    db_bind_text(q, team_id);
    db_bind_int(q, after_sequence);
    db_bind_int(q, limit > INT64_MAX ? INT64_MAX : (int64_t)limit);
    struct store_rows rows;
    TRY(store_rows_read(q, a, sizeof(struct audit_row), read_row, &rows));
    *ret = rows.list;
    *ret_count = rows.count;
    return OK;
}
