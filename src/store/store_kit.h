/* The unit tests' frame for domain functions: a database in a fresh folder and one write
 * transaction at a time on the test's own thread, without the writer. Tests only. */
#ifndef STORE_KIT_H
#define STORE_KIT_H

#include <unistd.h>

#include "store_audit.h"
#include "store_inner.h"
#include "store_job.h"
#include "store_secret.h"
#include "store_team.h"
#include "store_token.h"
#include "test.h"

struct kit {
    char folder[40], path[64];
    struct db *db;
    struct audit_pending audit;
    struct store_tx tx;
    struct arena a;
    struct ulid team, other;
};

static inline void kit_folder(struct kit *k)
{
    *k = (struct kit){.folder = "/tmp/safelight-store-XXXXXX", .a = arena_make()};
    ASSERT(mkdtemp(k->folder) != NULL);
    (void)snprintf(k->path, sizeof k->path, "%s/safelight.db", k->folder);
}

static inline void kit_remove(struct kit *k)
{
    static const char *const files[] = {"safelight.db", "safelight.db-wal", "safelight.db-shm",
                                        "lock"};
    for (size_t i = 0; i < ARRAY_LEN(files); i++) {
        char path[80];
        (void)snprintf(path, sizeof path, "%s/%s", k->folder, files[i]);
        (void)unlink(path);
    }
    CHECK_EQ(rmdir(k->folder), 0);
    arena_auto(&k->a);
}

static inline struct ulid kit_team(struct kit *k, const char *name)
{
    struct team t = {.id = ulid_new(),
                     .name = str_from(name),
                     .team_key = STR("wrapped key"),
                     .key_version = 1,
                     .created_at_ms = 1000};
    CHECK_OK(store_team_insert(&k->tx, &t));
    return t.id;
}

/* Commits what was done and begins anew. */
static inline void kit_commit(struct kit *k)
{
    CHECK_OK(store_audit_chain(&k->tx, NULL, NULL));
    arena_auto(&k->audit.arena);
    k->audit = (struct audit_pending){.arena = arena_make()};
    CHECK_OK(db_commit(k->db));
    CHECK_OK(db_begin(k->db));
    k->tx.touched = 0;
}

static inline void kit_open(struct kit *k)
{
    kit_folder(k);
    struct store *s = NULL;
    struct store_options options = {.folder = k->folder, .create = true};
    CHECK_OK(store_open(&options, &s));
    store_close(&s);
    struct db_options direct = {.path = k->path, .writer = true};
    CHECK_OK(db_open(&direct, &k->db));
    k->tx = (struct store_tx){.db = k->db, .audit = &k->audit};
    CHECK_OK(db_begin(k->db));
    k->team = kit_team(k, "ours");
    k->other = kit_team(k, "others");
    kit_commit(k);
}

static inline void kit_close(struct kit *k)
{
    db_rollback(k->db);
    db_close(&k->db);
    arena_auto(&k->audit.arena);
    kit_remove(k);
}

static inline struct str kit_id(const struct ulid *id)
{
    return ulid_str(id);
}

/* One number out of the database. */
static inline int64_t kit_number(struct db *db, const char *sql)
{
    AUTOP(db_stmt) struct db_stmt *q = NULL;
    CHECK_OK(db_prepare(db, sql, &q));
    CHECK_OK(db_row(q));
    return db_column_int(q);
}

#endif
