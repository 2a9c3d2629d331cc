#include "store_template.h"

#include "limit.h"
#include "store_inner.h"

static const char *const types[TEMPLATE_TYPE_COUNT] = {
    [TEMPLATE_AEP] = "aep", [TEMPLATE_ZIP] = "zip", [TEMPLATE_MOGRT] = "mogrt"};

static const char *const statuses[TEMPLATE_STATUS_COUNT] = {
    [TEMPLATE_AWAITING_UPLOAD] = "awaiting_upload",
    [TEMPLATE_UPLOADED] = "uploaded",
    [TEMPLATE_ERROR] = "error",
};

const char *template_type_name(enum template_type t)
{
    ASSERT((unsigned)t < TEMPLATE_TYPE_COUNT);
    return types[t];
}

bool template_type_from(struct str name, enum template_type *ret)
{
    for (unsigned i = 0; i < TEMPLATE_TYPE_COUNT; i++) {
        if (str_is(name, types[i])) {
            *ret = (enum template_type)i;
            return true;
        }
    }
    return false;
}

const char *template_status_name(enum template_status s)
{
    ASSERT((unsigned)s < TEMPLATE_STATUS_COUNT);
    return statuses[s];
}

static enum err room_for_one(struct store_tx *tx, struct str team_id)
{
    static const char sql[] = "SELECT COUNT(*) FROM templates WHERE team_id = ?";
    AUTOP(db_stmt) struct db_stmt *q = NULL;
    TRY(db_prepare(tx->db, sql, &q));
    db_bind_text(q, team_id);
    TRY(db_row(q));
    return db_column_int(q) < TEMPLATES_PER_TEAM_MAX ? OK : ERR_LIMIT;
}

enum err store_template_insert(struct store_tx *tx, const struct template_row *row)
{
    static const char sql[] =
        "INSERT INTO templates (id, team_id, type, display_name, status, src, error, file, bytes,"
        " created_at_ms, updated_at_ms, project) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)";
    ASSERT_WRITING(tx);
    TRY(room_for_one(tx, ulid_str(&row->team_id)));
    AUTOP(db_stmt) struct db_stmt *q = NULL;
    TRY(db_prepare(tx->db, sql, &q));
    db_bind_text(q, ulid_str(&row->id));
    db_bind_text(q, ulid_str(&row->team_id));
    db_bind_int(q, row->type);
    db_bind_text(q, row->display_name);
    db_bind_int(q, row->status);
    db_bind_text(q, row->src);
    db_bind_text(q, row->error);
    db_bind_text(q, row->file);
    db_bind_int(q, row->bytes);
    db_bind_int(q, row->created_at_ms);
    db_bind_int(q, row->updated_at_ms);
    db_bind_text(q, row->project.ptr ? row->project : STR_EMPTY);
    return db_run(q);
}

#define TEMPLATE_SELECT                                                                            \
    "SELECT id, team_id, type, display_name, status, src, error, file, bytes, created_at_ms,"      \
    " updated_at_ms, project FROM templates"

static enum err read_template(struct db_stmt *q, struct arena *a, void *ret_row)
{
    struct template_row *ret = ret_row;
    struct template_row t;
    TRY(store_column_ulid(q, &t.id));
    TRY(store_column_ulid(q, &t.team_id));
    int64_t type = db_column_int(q);
    t.display_name = store_column_str(q, a);
    int64_t status = db_column_int(q);
    if (type < 0 || type >= TEMPLATE_TYPE_COUNT || status < 0 || status >= TEMPLATE_STATUS_COUNT)
        return ERR_TAMPERED;
    t.type = (enum template_type)type;
    t.status = (enum template_status)status;
    t.src = store_column_str(q, a);
    t.error = store_column_str(q, a);
    t.file = store_column_str(q, a);
    /* It becomes part of a path. */
    if (t.file.len > 0 && !ulid_valid(t.file))
        return ERR_TAMPERED;
    t.bytes = db_column_int(q);
    t.created_at_ms = db_column_int(q);
    t.updated_at_ms = db_column_int(q);
    t.project = store_column_str(q, a);
    *ret = t;
    return OK;
}

enum err store_template_any(struct store_tx *tx, struct str id, struct arena *a,
                            struct template_row *ret)
{
    static const char sql[] = TEMPLATE_SELECT " WHERE id = ?";
    AUTOP(db_stmt) struct db_stmt *q = NULL;
    TRY(db_prepare(tx->db, sql, &q));
    db_bind_text(q, id);
    TRY(db_row(q));
    return read_template(q, a, ret);
}

enum err store_template_get(struct store_tx *tx, struct str team_id, struct str id, struct arena *a,
                            struct template_row *ret)
{
    static const char sql[] = TEMPLATE_SELECT " WHERE id = ? AND team_id = ?";
    AUTOP(db_stmt) struct db_stmt *q = NULL;
    TRY(db_prepare(tx->db, sql, &q));
    db_bind_text(q, id);
    db_bind_text(q, team_id);
    TRY(db_row(q));
    return read_template(q, a, ret);
}

enum err store_template_list(struct store_tx *tx, struct str team_id, struct arena *a,
                             struct template_row **ret, size_t *ret_count)
{
    static const char sql[] = TEMPLATE_SELECT " WHERE team_id = ? ORDER BY id";
    AUTOP(db_stmt) struct db_stmt *q = NULL;
    TRY(db_prepare(tx->db, sql, &q));
    db_bind_text(q, team_id);
    struct store_rows rows;
    TRY(store_rows_read(q, a, sizeof(struct template_row), read_template, &rows));
    *ret = rows.list;
    *ret_count = rows.count;
    return OK;
}

enum err store_template_update(struct store_tx *tx, const struct template_row *row)
{
    static const char sql[] = "UPDATE templates SET display_name = ?, status = ?, src = ?,"
                              " error = ?, file = ?, bytes = ?, updated_at_ms = ?, project = ?"
                              " WHERE id = ? AND team_id = ?";
    ASSERT_WRITING(tx);
    AUTOP(db_stmt) struct db_stmt *q = NULL;
    TRY(db_prepare(tx->db, sql, &q));
    db_bind_text(q, row->display_name);
    db_bind_int(q, row->status);
    db_bind_text(q, row->src);
    db_bind_text(q, row->error);
    db_bind_text(q, row->file);
    db_bind_int(q, row->bytes);
    db_bind_int(q, row->updated_at_ms);
    db_bind_text(q, row->project.ptr ? row->project : STR_EMPTY);
    db_bind_text(q, ulid_str(&row->id));
    db_bind_text(q, ulid_str(&row->team_id));
    return db_run_one(q);
}

/* The states below 3 are those of jobs that have not ended; jobs_template holds only them. */
static enum err in_use(struct store_tx *tx, struct str team_id, struct str id, bool *ret)
{
    static const char sql[] =
        "SELECT 1 FROM jobs WHERE team_id = ? AND template_id = ? AND template_id <> ''"
        " AND state < 3 LIMIT 1";
    AUTOP(db_stmt) struct db_stmt *q = NULL;
    TRY(db_prepare(tx->db, sql, &q));
    db_bind_text(q, team_id);
    db_bind_text(q, id);
    return db_step(q, ret);
}

enum err store_template_delete(struct store_tx *tx, struct str team_id, struct str id)
{
    static const char sql[] = "DELETE FROM templates WHERE id = ? AND team_id = ?";
    ASSERT_WRITING(tx);
    AUTOP(db_stmt) struct db_stmt *q = NULL;
    TRY(db_prepare(tx->db, sql, &q));
    db_bind_text(q, id);
    db_bind_text(q, team_id);
    TRY(db_run_one(q));
    bool used;
    TRY(in_use(tx, team_id, id, &used));
    return used ? ERR_CONFLICT : OK; /* an error undoes the whole operation */
}

struct str store_template_file(const struct template_row *row, struct arena *a)
{
    if (row->file.len == 0)
        return STR_EMPTY;
    return arena_printf(a, "template.%s.%.*s", row->id.text, (int)row->file.len, row->file.ptr);
}
