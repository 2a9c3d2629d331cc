/* Durable writes: the store's group commit with 64 writers, beside SQLite committing the same rows
 * in transactions of 64 in a plain loop, and beside one transaction for each. The rows of one
 * operation: a secret, its version, its team's counter, its audit record. Rounds are interleaved,
 * figures are medians. Usage: bench_store [FOLDER on the disk to measure] */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "clock.h"
#include "db.h"
#include "store_audit.h"
#include "store_secret.h"
#include "store_team.h"

enum {
    WRITERS = 64,
    PER_WRITER = 400,
    ROWS = WRITERS * PER_WRITER,
    SINGLE_ROWS = 3000,
    ROUNDS = 5
};

static char folder[200], path[240];
static struct ulid team;
static char sealed[330];

static void must(enum err e, const char *what)
{
    if (e == OK)
        return;
    (void)fprintf(stderr, "bench_store: %s: %s\n", what, err_text(e));
    exit(1);
}

static enum err make_team(struct store_tx *tx, void *ctx)
{
    (void)ctx;
    struct team t = {.id = team, .name = STR("bench"), .key_version = 1};
    return store_team_insert(tx, &t);
}

static void remove_files(void)
{
    static const char *const files[] = {"safelight.db-wal", "safelight.db-shm", "lock",
                                        "safelight.db"};
    for (size_t i = 0; i < ARRAY_LEN(files); i++) {
        (void)snprintf(path, sizeof path, "%s/%s", folder, files[i]);
        (void)unlink(path);
    }
}

static struct store *open_fresh(void)
{
    remove_files();
    struct store *s = NULL;
    team = ulid_new();
    must(store_open(&(struct store_options){.folder = folder, .create = true}, &s), "open");
    must(store_write_wait(s, make_team, NULL), "team");
    return s;
}

/* --- the store --- */

static enum err put(struct store_tx *tx, void *ctx)
{
    struct sealed_row *row = ctx;
    TRY(store_secret_insert(tx, row));
    return store_audit(tx, &(struct audit_record){.type = AUDIT_SECRET_CREATED,
                                                  .team_id = ulid_str(&team),
                                                  .actor = STR("tokentokento"),
                                                  .address = STR("127.0.0.1"),
                                                  .subject = ulid_str(&row->id),
                                                  .name = row->name,
                                                  .version = 1});
}

struct writer {
    struct store *s;
    int number;
};

static void *writer_main(void *ctx)
{
    struct writer *w = ctx;
    for (int i = 0; i < PER_WRITER; i++) {
        char name[32];
        int len = snprintf(name, sizeof name, "prod/secret-%d-%d", w->number, i);
        struct sealed_row row = {.id = ulid_new(),
                                 .team_id = team,
                                 .name = str_bytes(name, (size_t)len),
                                 .version = 1,
                                 .epoch = 1,
                                 .created_at_ms = clock_unix_ms(),
                                 .key_version = 1,
                                 .sealed = str_bytes(sealed, sizeof sealed)};
        must(store_write_wait(w->s, put, &row), "put");
    }
    return NULL;
}

static double run_store(double *ret_group)
{
    struct store *s = open_fresh();
    struct store_health before = store_health(s);
    pthread_t threads[WRITERS];
    struct writer writers[WRITERS];
    int64_t start = clock_monotonic_ms();
    for (int i = 0; i < WRITERS; i++) {
        writers[i] = (struct writer){s, i};
        if (pthread_create(&threads[i], NULL, writer_main, &writers[i]) != 0)
            exit(1);
    }
    for (int i = 0; i < WRITERS; i++)
        pthread_join(threads[i], NULL);
    double rate = ROWS * 1000.0 / (double)(clock_monotonic_ms() - start);
    *ret_group = (double)ROWS / (double)(store_health(s).commits - before.commits);
    store_close(&s);
    return rate;
}

/* --- SQLite by hand --- */

static enum err insert_secret(struct db *db, const struct ulid *id, struct str name)
{
    static const char sql[] =
        "INSERT INTO secrets (id, team_id, name, folded, version, epoch, created_at_ms,"
        " updated_at_ms, last_used_at_ms, policy) VALUES (?, ?, ?, ?, 1, 1, ?, ?, 0, ?)";
    static const char version[] = "INSERT INTO versions (secret_id, version, team_id, epoch,"
                                  " created_at_ms, policy, key_version, sealed)"
                                  " VALUES (?, 1, ?, 1, ?, ?, 1, ?)";
    int64_t now = clock_unix_ms();
    AUTOP(db_stmt) struct db_stmt *q = NULL;
    TRY(db_prepare(db, sql, &q));
    db_bind_text(q, ulid_str(id));
    db_bind_text(q, ulid_str(&team));
    db_bind_text(q, name);
    db_bind_text(q, name);
    db_bind_int(q, now);
    db_bind_int(q, now);
    db_bind_blob(q, STR_EMPTY);
    TRY(db_run(q));
    AUTOP(db_stmt) struct db_stmt *v = NULL;
    TRY(db_prepare(db, version, &v));
    db_bind_text(v, ulid_str(id));
    db_bind_text(v, ulid_str(&team));
    db_bind_int(v, now);
    db_bind_blob(v, STR_EMPTY);
    db_bind_blob(v, str_bytes(sealed, sizeof sealed));
    return db_run(v);
}

static enum err insert_audit(struct db *db, int64_t sequence)
{
    static const char count[] = "UPDATE teams SET secret_count = secret_count + 1 WHERE id = ?";
    static const char sql[] =
        "INSERT INTO audit (team_id, sequence, at_ms, record, mac) VALUES (?, ?, ?, ?, ?)";
    AUTOP(db_stmt) struct db_stmt *c = NULL;
    TRY(db_prepare(db, count, &c));
    db_bind_text(c, ulid_str(&team));
    TRY(db_run(c));
    AUTOP(db_stmt) struct db_stmt *q = NULL;
    TRY(db_prepare(db, sql, &q));
    db_bind_text(q, ulid_str(&team));
    db_bind_int(q, sequence);
    db_bind_int(q, clock_unix_ms());
    db_bind_blob(q, str_bytes(sealed, 200)); /* as long as a record is */
    db_bind_blob(q, str_bytes(sealed, 32));
    return db_run(q);
}

static double run_plain(int rows, int per_transaction)
{
    struct store *s = open_fresh();
    store_close(&s);
    struct db *db = NULL;
    must(db_open(&(struct db_options){.path = path, .writer = true}, &db), "open");
    int64_t start = clock_monotonic_ms();
    for (int i = 0; i < rows; i++) {
        if (i % per_transaction == 0)
            must(db_begin(db), "begin");
        char name[32];
        int len = snprintf(name, sizeof name, "prod/secret-%d-%d", i % WRITERS, i / WRITERS);
        struct ulid id = ulid_new();
        must(insert_secret(db, &id, str_bytes(name, (size_t)len)), "insert");
        must(insert_audit(db, i + 1), "audit");
        if ((i + 1) % per_transaction == 0 || i + 1 == rows) {
            must(db_commit(db), "commit");
            if (db_log_pages(db) >= 1000) /* SQLite's own habit */
                must(db_checkpoint(db, false), "checkpoint");
        }
    }
    double rate = rows * 1000.0 / (double)(clock_monotonic_ms() - start);
    db_close(&db);
    return rate;
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double median(double *values)
{
    qsort(values, ROUNDS, sizeof *values, by_value);
    return values[ROUNDS / 2];
}

int main(int argc, char **argv)
{
    (void)snprintf(folder, sizeof folder, "%s/safelight-bench-XXXXXX", argc > 1 ? argv[1] : "/tmp");
    if (!mkdtemp(folder))
        exit(1);
    for (size_t i = 0; i < sizeof sealed; i++)
        sealed[i] = (char)(i * 37);
    double store[ROUNDS], grouped[ROUNDS], single[ROUNDS], group = 0;
    for (int i = 0; i < ROUNDS; i++) {
        store[i] = run_store(&group);
        grouped[i] = run_plain(ROWS, WRITERS);
        single[i] = run_plain(SINGLE_ROWS, 1);
    }
    double s = median(store), g = median(grouped), f = median(single);
    printf("store_write, %d writers            %8.0f puts/s (%.0f to a commit)\n", WRITERS, s,
           group);
    printf("SQLite, %d to a transaction         %8.0f puts/s\n", WRITERS, g);
    printf("SQLite, one to a transaction        %8.0f puts/s\n", f);
    printf("store / SQLite's group commit       %8.2f (target: at least 0.7)\n", s / g);
    printf("store / one fsync each              %8.2f\n", s / f);
    remove_files();
    return rmdir(folder) == 0 ? 0 : 1;
}
