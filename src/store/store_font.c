#include "store_font.h"

#include "limit.h"
#include "store_inner.h"

/* Lower case of ASCII letters; everything else stays. `out` has FONT_FILE_NAME_MAX_BYTES. */
static enum err fold(struct str name, char *out, struct str *ret)
{
    if (name.len > FONT_FILE_NAME_MAX_BYTES)
        return ERR_INVALID;
    for (size_t i = 0; i < name.len; i++) {
        char c = name.ptr[i];
        out[i] = c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
    }
    *ret = str_bytes(out, name.len);
    return OK;
}

static enum err room_for_one(struct store_tx *tx, struct str team_id)
{
    static const char sql[] = "SELECT COUNT(*) FROM fonts WHERE team_id = ?";
    AUTOP(db_stmt) struct db_stmt *q = NULL;
    TRY(db_prepare(tx->db, sql, &q));
    db_bind_text(q, team_id);
    TRY(db_row(q));
    return db_column_int(q) < FONTS_PER_TEAM_MAX ? OK : ERR_LIMIT;
}

static enum err name_taken(struct store_tx *tx, struct str team_id, struct str folded)
{
    static const char sql[] = "SELECT 1 FROM fonts WHERE team_id = ? AND folded = ?";
    AUTOP(db_stmt) struct db_stmt *q = NULL;
    TRY(db_prepare(tx->db, sql, &q));
    db_bind_text(q, team_id);
    db_bind_text(q, folded);
    bool row;
    TRY(db_step(q, &row));
    return row ? ERR_FONT_EXISTS : OK;
}

enum err store_font_insert(struct store_tx *tx, const struct font_row *row)
{
    static const char sql[] = "INSERT INTO fonts (id, team_id, family_name, file_name, folded,"
                              " bytes, created_at_ms) VALUES (?, ?, ?, ?, ?, ?, ?)";
    ASSERT_WRITING(tx);
    char text[FONT_FILE_NAME_MAX_BYTES];
    struct str folded;
    TRY(fold(row->file_name, text, &folded));
    TRY(name_taken(tx, ulid_str(&row->team_id), folded));
    TRY(room_for_one(tx, ulid_str(&row->team_id)));
    AUTOP(db_stmt) struct db_stmt *q = NULL;
    TRY(db_prepare(tx->db, sql, &q));
    db_bind_text(q, ulid_str(&row->id));
    db_bind_text(q, ulid_str(&row->team_id));
    db_bind_text(q, row->family_name);
    db_bind_text(q, row->file_name);
    db_bind_text(q, folded);
    db_bind_int(q, row->bytes);
    db_bind_int(q, row->created_at_ms);
    return db_run(q);
}

#define FONT_SELECT "SELECT id, team_id, family_name, file_name, bytes, created_at_ms FROM fonts"

static enum err read_font(struct db_stmt *q, struct arena *a, void *ret_row)
{
    struct font_row *ret = ret_row;
    struct font_row f;
    TRY(store_column_ulid(q, &f.id));
    TRY(store_column_ulid(q, &f.team_id));
    f.family_name = store_column_str(q, a);
    f.file_name = store_column_str(q, a);
    f.bytes = db_column_int(q);
    f.created_at_ms = db_column_int(q);
    *ret = f;
    return OK;
}

static enum err font_where(struct store_tx *tx, const char *sql, struct str team_id,
                           struct str value, struct arena *a, struct font_row *ret)
{
    AUTOP(db_stmt) struct db_stmt *q = NULL;
    TRY(db_prepare(tx->db, sql, &q));
    db_bind_text(q, team_id);
    db_bind_text(q, value);
    TRY(db_row(q));
    return read_font(q, a, ret);
}

enum err store_font_get(struct store_tx *tx, struct str team_id, struct str id, struct arena *a,
                        struct font_row *ret)
{
    static const char sql[] = FONT_SELECT " WHERE team_id = ? AND id = ?";
    return font_where(tx, sql, team_id, id, a, ret);
}

enum err store_font_by_name(struct store_tx *tx, struct str team_id, struct str file_name,
                            struct arena *a, struct font_row *ret)
{
    static const char sql[] = FONT_SELECT " WHERE team_id = ? AND folded = ?";
    char text[FONT_FILE_NAME_MAX_BYTES];
    struct str folded;
    if (fold(file_name, text, &folded) != OK)
        return ERR_NOT_FOUND;
    return font_where(tx, sql, team_id, folded, a, ret);
}

enum err store_font_list(struct store_tx *tx, struct str team_id, struct arena *a,
                         struct font_row **ret, size_t *ret_count)
{
    static const char sql[] = FONT_SELECT " WHERE team_id = ? ORDER BY id";
    AUTOP(db_stmt) struct db_stmt *q = NULL;
    TRY(db_prepare(tx->db, sql, &q));
    db_bind_text(q, team_id);
    struct store_rows rows;
    TRY(store_rows_read(q, a, sizeof(struct font_row), read_font, &rows));
    *ret = rows.list;
    *ret_count = rows.count;
    return OK;
}

static enum err in_use(struct store_tx *tx, struct str id, bool *ret)
{
    static const char sql[] = "SELECT 1 FROM job_fonts WHERE font_id = ? LIMIT 1";
    AUTOP(db_stmt) struct db_stmt *q = NULL;
    TRY(db_prepare(tx->db, sql, &q));
    db_bind_text(q, id);
    return db_step(q, ret);
}

enum err store_font_delete(struct store_tx *tx, struct str team_id, struct str id)
{
    static const char sql[] = "DELETE FROM fonts WHERE id = ? AND team_id = ?";
    ASSERT_WRITING(tx);
    AUTOP(db_stmt) struct db_stmt *q = NULL;
    TRY(db_prepare(tx->db, sql, &q));
    db_bind_text(q, id);
    db_bind_text(q, team_id);
    bool used; /* asked before: the uses go with the font */
    TRY(in_use(tx, id, &used));
    TRY(db_run_one(q));
    return used ? ERR_CONFLICT : OK; /* an error undoes the whole operation */
}

enum err store_font_use(struct store_tx *tx, struct str font_id, struct str job_id)
{
    static const char there[] = "SELECT 1 FROM job_fonts WHERE job_id = ? AND font_id = ?";
    static const char sql[] = "INSERT INTO job_fonts (job_id, font_id) VALUES (?, ?)";
    ASSERT_WRITING(tx);
    AUTOP(db_stmt) struct db_stmt *t = NULL;
    TRY(db_prepare(tx->db, there, &t));
    db_bind_text(t, job_id);
    db_bind_text(t, font_id);
    bool row;
    TRY(db_step(t, &row));
    if (row) /* a job may name it twice */
        return OK;
    AUTOP(db_stmt) struct db_stmt *q = NULL;
    TRY(db_prepare(tx->db, sql, &q));
    db_bind_text(q, job_id);
    db_bind_text(q, font_id);
    return db_run(q);
}

enum err store_font_job_ended(struct store_tx *tx, struct str job_id)
{
    static const char sql[] = "DELETE FROM job_fonts WHERE job_id = ?";
    ASSERT_WRITING(tx);
    AUTOP(db_stmt) struct db_stmt *q = NULL;
    TRY(db_prepare(tx->db, sql, &q));
    db_bind_text(q, job_id);
    return db_run(q);
}

struct str store_font_file(const struct font_row *row, struct arena *a)
{
    return arena_printf(a, "font.%s.%s", row->team_id.text, row->id.text);
}
