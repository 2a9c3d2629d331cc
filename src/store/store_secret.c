#include "store_secret.h"

#include "limit.h"
#include "store_inner.h"

/* Lower case of ASCII letters; everything else stays. `out` has SECRET_NAME_MAX_BYTES. */
static enum err fold(struct str name, char *out, struct str *ret)
{
    if (name.len > SECRET_NAME_MAX_BYTES)
        return ERR_INVALID;
    for (size_t i = 0; i < name.len; i++) {
        char c = name.ptr[i];
        out[i] = c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
    }
    *ret = str_bytes(out, name.len);
    return OK;
}

static enum err name_taken(struct store_tx *tx, struct str team_id, struct str folded,
                           struct str name)
{
    static const char sql[] = "SELECT name FROM secrets WHERE team_id = ? AND folded = ?";
    AUTOP(db_stmt) struct db_stmt *q = NULL;
    TRY(db_prepare(tx->db, sql, &q));
    db_bind_text(q, team_id);
    db_bind_text(q, folded);
    bool row;
    TRY(db_step(q, &row));
    if (!row)
        return OK;
    return str_equal(db_column_bytes(q), name) ? ERR_SECRET_EXISTS : ERR_NAME_CASE;
}

static enum err count_one_more(struct store_tx *tx, struct str team_id)
{
    static const char sql[] = "UPDATE teams SET secret_count = secret_count + 1"
                              " WHERE id = ? AND secret_count < ?";
    static const char there[] = "SELECT 1 FROM teams WHERE id = ?";
    AUTOP(db_stmt) struct db_stmt *q = NULL;
    TRY(db_prepare(tx->db, sql, &q));
    db_bind_text(q, team_id);
    db_bind_int(q, SECRETS_PER_TEAM_MAX);
    int64_t changed;
    TRY(db_run_counted(q, &changed));
    if (changed)
        return OK;
    AUTOP(db_stmt) struct db_stmt *t = NULL;
    TRY(db_prepare(tx->db, there, &t));
    db_bind_text(t, team_id);
    TRY(db_row(t));
    return ERR_LIMIT;
}

static enum err insert_version(struct store_tx *tx, const struct sealed_row *row)
{
    static const char sql[] = "INSERT INTO versions (secret_id, version, team_id, epoch,"
                              " created_at_ms, policy, key_version, sealed)"
                              " VALUES (?, ?, ?, ?, ?, ?, ?, ?)";
    AUTOP(db_stmt) struct db_stmt *q = NULL;
    TRY(db_prepare(tx->db, sql, &q));
    db_bind_text(q, ulid_str(&row->id));
    db_bind_int(q, row->version);
    db_bind_text(q, ulid_str(&row->team_id));
    db_bind_int(q, (int64_t)row->epoch);
    db_bind_int(q, row->created_at_ms);
    db_bind_blob(q, row->policy);
    db_bind_int(q, row->key_version);
    db_bind_blob(q, row->sealed);
    return db_run(q);
}

enum err store_secret_insert(struct store_tx *tx, const struct sealed_row *row)
{
    static const char sql[] =
        "INSERT INTO secrets (id, team_id, name, folded, version, epoch, created_at_ms,"
        " updated_at_ms, last_used_at_ms, policy) VALUES (?, ?, ?, ?, ?, ?, ?, ?, 0, ?)";
    ASSERT_WRITING(tx);
    char text[SECRET_NAME_MAX_BYTES];
    struct str folded;
    TRY(fold(row->name, text, &folded));
    TRY(name_taken(tx, ulid_str(&row->team_id), folded, row->name));
    TRY(count_one_more(tx, ulid_str(&row->team_id)));
    AUTOP(db_stmt) struct db_stmt *q = NULL;
    TRY(db_prepare(tx->db, sql, &q));
    db_bind_text(q, ulid_str(&row->id));
    db_bind_text(q, ulid_str(&row->team_id));
    db_bind_text(q, row->name);
    db_bind_text(q, folded);
    db_bind_int(q, row->version);
    db_bind_int(q, (int64_t)row->epoch);
    db_bind_int(q, row->created_at_ms);
    db_bind_int(q, row->created_at_ms);
    db_bind_blob(q, row->policy);
    TRY(db_run(q));
    tx->touched |= TOUCHED_SECRETS;
    return insert_version(tx, row);
}

enum err store_secret_rotate(struct store_tx *tx, const struct sealed_row *row)
{
    static const char sql[] =
        "UPDATE secrets SET version = ?, epoch = ?, updated_at_ms = ?"
        " WHERE id = ? AND team_id = ? AND name = ? AND version = ? AND policy = ?";
    ASSERT_WRITING(tx);
    AUTOP(db_stmt) struct db_stmt *q = NULL;
    TRY(db_prepare(tx->db, sql, &q));
    db_bind_int(q, row->version);
    db_bind_int(q, (int64_t)row->epoch);
    db_bind_int(q, row->created_at_ms);
    db_bind_text(q, ulid_str(&row->id));
    db_bind_text(q, ulid_str(&row->team_id));
    db_bind_text(q, row->name);
    db_bind_int(q, (int64_t)row->version - 1);
    db_bind_blob(q, row->policy);
    int64_t changed;
    TRY(db_run_counted(q, &changed));
    if (!changed)
        return ERR_AGAIN;
    tx->touched |= TOUCHED_SECRETS;
    return insert_version(tx, row);
}

static enum err name_of(struct store_tx *tx, struct str team_id, struct str id, struct arena *a,
                        struct str *ret)
{
    static const char sql[] = "SELECT name FROM secrets WHERE id = ? AND team_id = ?";
    AUTOP(db_stmt) struct db_stmt *q = NULL;
    TRY(db_prepare(tx->db, sql, &q));
    db_bind_text(q, id);
    db_bind_text(q, team_id);
    TRY(db_row(q));
    *ret = store_column_str(q, a);
    return OK;
}

enum err store_secret_delete(struct store_tx *tx, struct str team_id, struct str id,
                             struct arena *a, struct str *ret_name)
{
    static const char sql[] = "DELETE FROM secrets WHERE id = ? AND team_id = ?";
    static const char one_less[] = "UPDATE teams SET secret_count = secret_count - 1 WHERE id = ?";
    ASSERT_WRITING(tx);
    struct str name;
    TRY(name_of(tx, team_id, id, a, &name));
    AUTOP(db_stmt) struct db_stmt *q = NULL;
    TRY(db_prepare(tx->db, sql, &q));
    db_bind_text(q, id);
    db_bind_text(q, team_id);
    TRY(db_run(q)); /* its versions go with it */
    AUTOP(db_stmt) struct db_stmt *c = NULL;
    TRY(db_prepare(tx->db, one_less, &c));
    db_bind_text(c, team_id);
    TRY(db_run(c));
    tx->touched |= TOUCHED_SECRETS | TOUCHED_WIPE;
    *ret_name = name;
    return OK;
}

#define SECRET_SELECT                                                                              \
    "SELECT id, team_id, name, version, epoch, created_at_ms, updated_at_ms, last_used_at_ms,"     \
    " policy FROM secrets"

static enum err read_secret(struct db_stmt *q, struct arena *a, void *ret_row)
{
    struct secret_row *ret = ret_row;
    struct secret_row row;
    TRY(store_column_ulid(q, &row.id));
    TRY(store_column_ulid(q, &row.team_id));
    row.name = store_column_str(q, a);
    row.version = (uint32_t)db_column_int(q);
    row.epoch = (uint64_t)db_column_int(q);
    row.created_at_ms = db_column_int(q);
    row.updated_at_ms = db_column_int(q);
    row.last_used_at_ms = db_column_int(q);
    row.policy = store_column_str(q, a);
    *ret = row;
    return OK;
}

enum err store_secret_list(struct store_tx *tx, struct str team_id, struct arena *a,
                           struct secret_row **ret, size_t *ret_count)
{
    static const char sql[] = SECRET_SELECT " WHERE team_id = ? ORDER BY name";
    AUTOP(db_stmt) struct db_stmt *q = NULL;
    TRY(db_prepare(tx->db, sql, &q));
    db_bind_text(q, team_id);
    struct store_rows rows;
    TRY(store_rows_read(q, a, sizeof(struct secret_row), read_secret, &rows));
    *ret = rows.list;
    *ret_count = rows.count;
    return OK;
}

enum err store_secret_by_name(struct store_tx *tx, struct str team_id, struct str name,
                              struct arena *a, struct secret_row *ret)
{
    static const char sql[] = SECRET_SELECT " WHERE team_id = ? AND folded = ? AND name = ?";
    char text[SECRET_NAME_MAX_BYTES];
    struct str folded;
    if (fold(name, text, &folded) != OK)
        return ERR_NOT_FOUND;
    AUTOP(db_stmt) struct db_stmt *q = NULL;
    TRY(db_prepare(tx->db, sql, &q));
    db_bind_text(q, team_id);
    db_bind_text(q, folded);
    db_bind_text(q, name);
    TRY(db_row(q));
    return read_secret(q, a, ret);
}

enum err store_secret_get(struct store_tx *tx, struct str team_id, struct str id, struct arena *a,
                          struct secret_row *ret)
{
    static const char sql[] = SECRET_SELECT " WHERE id = ? AND team_id = ?";
    AUTOP(db_stmt) struct db_stmt *q = NULL;
    TRY(db_prepare(tx->db, sql, &q));
    db_bind_text(q, id);
    db_bind_text(q, team_id);
    TRY(db_row(q));
    return read_secret(q, a, ret);
}

enum err store_secret_set_policy(struct store_tx *tx, struct str team_id, struct str id,
                                 struct str policy)
{
    static const char sql[] = "UPDATE secrets SET policy = ? WHERE id = ? AND team_id = ?";
    ASSERT_WRITING(tx);
    AUTOP(db_stmt) struct db_stmt *q = NULL;
    TRY(db_prepare(tx->db, sql, &q));
    db_bind_blob(q, policy);
    db_bind_text(q, id);
    db_bind_text(q, team_id);
    tx->touched |= TOUCHED_SECRETS;
    return db_run_one(q);
}

enum err store_secret_used(struct store_tx *tx, struct str id, int64_t now_ms)
{
    static const char sql[] = "UPDATE secrets SET last_used_at_ms = ? WHERE id = ?";
    ASSERT_WRITING(tx);
    AUTOP(db_stmt) struct db_stmt *q = NULL;
    TRY(db_prepare(tx->db, sql, &q));
    db_bind_int(q, now_ms);
    db_bind_text(q, id);
    tx->touched |= TOUCHED_USES;
    return db_run_one(q);
}
