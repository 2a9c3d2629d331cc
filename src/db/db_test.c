#include <sys/stat.h>
#include <unistd.h>

#include "db_fault.h"
#include "io.h"
#include "test.h"

static char folder[] = "/tmp/safelight-db-XXXXXX";
static char path[64];

static const char tables[] =
    "CREATE TABLE parent (id TEXT NOT NULL PRIMARY KEY);"
    "CREATE TABLE child (id TEXT NOT NULL PRIMARY KEY, parent_id TEXT NOT NULL REFERENCES"
    " parent(id) ON DELETE CASCADE, n BIGINT NOT NULL, bytes BLOB NOT NULL);";
static const char insert_parent[] = "INSERT INTO parent (id) VALUES (?)";
static const char insert_child[] =
    "INSERT INTO child (id, parent_id, n, bytes) VALUES (?, ?, ?, ?)";
static const char count_children[] = "SELECT COUNT(*) FROM child";

static struct db *open_db(bool writer, struct db_fault *fault)
{
    struct db *db = NULL;
    struct db_options options = {.path = path, .writer = writer, .fault = fault};
    CHECK_OK(db_open(&options, &db));
    return db;
}

static void remove_files(void)
{
    char other[80];
    unlink(path);
    (void)snprintf(other, sizeof other, "%s-wal", path);
    unlink(other);
    (void)snprintf(other, sizeof other, "%s-shm", path);
    unlink(other);
}

static struct db *open_fresh(void)
{
    remove_files();
    CHECK_OK(io_replace_file(path, STR_EMPTY, 0600));
    struct db *db = open_db(true, NULL);
    CHECK_OK(db_script(db, tables));
    return db;
}

static enum err add_parent(struct db *db, struct str id)
{
    AUTOP(db_stmt) struct db_stmt *q = NULL;
    TRY(db_prepare(db, insert_parent, &q));
    db_bind_text(q, id);
    return db_run(q);
}

static enum err add_child(struct db *db, struct str id, struct str parent, int64_t n,
                          struct str bytes)
{
    AUTOP(db_stmt) struct db_stmt *q = NULL;
    TRY(db_prepare(db, insert_child, &q));
    db_bind_text(q, id);
    db_bind_text(q, parent);
    db_bind_int(q, n);
    db_bind_blob(q, bytes);
    return db_run(q);
}

static int64_t children(struct db *db)
{
    AUTOP(db_stmt) struct db_stmt *q = NULL;
    CHECK_OK(db_prepare(db, count_children, &q));
    CHECK_OK(db_row(q));
    return db_column_int(q);
}

static void test_missing_file_is_not_found(void)
{
    struct db *db = NULL;
    struct db_options options = {.path = "/tmp/safelight-db-is-not-here", .writer = true};
    CHECK_ERR(db_open(&options, &db), ERR_NOT_FOUND);
    CHECK(db == NULL);
}

static void test_file_that_is_no_database_is_refused(void)
{
    char odd[80];
    (void)snprintf(odd, sizeof odd, "%s/odd", folder);
    CHECK_OK(io_replace_file(odd, STR("this is not a database, and long enough to tell"), 0600));
    struct db *db = NULL;
    struct db_options options = {.path = odd, .writer = true};
    CHECK_ERR(db_open(&options, &db), ERR_UNAVAILABLE);
    CHECK(db == NULL);
    unlink(odd);
}

static void test_values_come_back_byte_for_byte(void)
{
    AUTOP(db) struct db *db = open_fresh();
    const struct {
        const char *id;
        int64_t n;
        struct str bytes;
    } cases[] = {
        {"a", 0, {NULL, 0}},
        {"b", INT64_MIN, {"", 0}},
        {"c", INT64_MAX, {"\0x\0", 3}},
        {"d", -1, {"\xff\xfe\x80", 3}},
        {"' OR 1=1 --", 1, {"';", 2}},
    };
    static const char sql[] = "SELECT id, n, bytes FROM child WHERE id = ?";
    CHECK_OK(add_parent(db, STR("p")));
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        CHECK_OK(add_child(db, str_from(cases[i].id), STR("p"), cases[i].n, cases[i].bytes));
        AUTOP(db_stmt) struct db_stmt *q = NULL;
        CHECK_OK(db_prepare(db, sql, &q));
        db_bind_text(q, str_from(cases[i].id));
        CHECK_OK(db_row(q));
        CHECK_STR(db_column_bytes(q), cases[i].id);
        CHECK_EQ(db_column_int(q), cases[i].n);
        CHECK(str_equal(db_column_bytes(q), cases[i].bytes));
    }
}

static void test_constraints_are_told_apart(void)
{
    AUTOP(db) struct db *db = open_fresh();
    CHECK_OK(add_parent(db, STR("p")));
    CHECK_ERR(add_parent(db, STR("p")), ERR_CONFLICT);
    CHECK_OK(add_child(db, STR("c"), STR("p"), 1, STR_EMPTY));
    CHECK_ERR(add_child(db, STR("c"), STR("p"), 1, STR_EMPTY), ERR_CONFLICT);
    CHECK_ERR(add_child(db, STR("d"), STR("nobody"), 1, STR_EMPTY), ERR_NOT_FOUND);
    CHECK_EQ(children(db), 1);
    CHECK(!db_suspect(db));
}

static void test_wrong_sql_is_our_own_mistake(void)
{
    AUTOP(db) struct db *db = open_fresh();
    struct db_stmt *q = NULL;
    static const char wrong[] = "SELECT nothing FROM nowhere";
    CHECK_ERR(db_prepare(db, wrong, &q), ERR_INTERNAL);
    CHECK(q == NULL);
    CHECK_ERR(db_script(db, "CREATE TABLE"), ERR_INTERNAL);
    AUTOP(db_stmt) struct db_stmt *p = NULL;
    CHECK_OK(db_prepare(db, insert_parent, &p));
    db_bind_text(p, STR("x"));
    db_bind_text(p, STR("one too many"));
    CHECK_ERR(db_run(p), ERR_INTERNAL);
}

static void test_no_row_is_not_found(void)
{
    AUTOP(db) struct db *db = open_fresh();
    static const char sql[] = "SELECT id FROM parent WHERE id = ?";
    AUTOP(db_stmt) struct db_stmt *q = NULL;
    CHECK_OK(db_prepare(db, sql, &q));
    db_bind_text(q, STR("p"));
    CHECK_ERR(db_row(q), ERR_NOT_FOUND);
}

static void test_same_statement_may_nest(void)
{
    AUTOP(db) struct db *db = open_fresh();
    static const char sql[] = "SELECT id FROM parent ORDER BY id";
    CHECK_OK(add_parent(db, STR("p")));
    CHECK_OK(add_parent(db, STR("q")));
    AUTOP(db_stmt) struct db_stmt *outer = NULL;
    CHECK_OK(db_prepare(db, sql, &outer));
    CHECK_OK(db_row(outer));
    CHECK_STR(db_column_bytes(outer), "p");
    {
        AUTOP(db_stmt) struct db_stmt *inner = NULL;
        CHECK_OK(db_prepare(db, sql, &inner));
        CHECK_OK(db_row(inner));
        CHECK_STR(db_column_bytes(inner), "p");
    }
    CHECK_OK(db_row(outer));
    CHECK_STR(db_column_bytes(outer), "q");
}

static void test_many_statements_are_kept(void)
{
    AUTOP(db) struct db *db = open_fresh();
    static char texts[200][40];
    for (int round = 0; round < 2; round++) {
        for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
            (void)snprintf(texts[i], sizeof texts[i], "SELECT %zu", i);
            AUTOP(db_stmt) struct db_stmt *q = NULL;
            CHECK_OK(db_prepare(db, texts[i], &q));
            CHECK_OK(db_row(q));
            CHECK_EQ(db_column_int(q), (int64_t)i);
        }
    }
}

static void test_savepoint_undoes_only_its_own(void)
{
    AUTOP(db) struct db *db = open_fresh();
    CHECK_OK(db_begin(db));
    CHECK_OK(add_parent(db, STR("p")));
    CHECK_OK(db_savepoint(db));
    CHECK_OK(add_child(db, STR("a"), STR("p"), 1, STR_EMPTY));
    CHECK_OK(db_rollback_to(db));
    CHECK_OK(db_savepoint(db));
    CHECK_OK(add_child(db, STR("b"), STR("p"), 1, STR_EMPTY));
    CHECK_OK(db_release(db));
    CHECK(db_in_transaction(db));
    CHECK_OK(db_commit(db));
    CHECK(!db_in_transaction(db));
    CHECK_EQ(children(db), 1);
    CHECK_ERR(add_child(db, STR("b"), STR("p"), 1, STR_EMPTY), ERR_CONFLICT);
}

static void test_rollback_undoes_all_and_is_fine_without(void)
{
    AUTOP(db) struct db *db = open_fresh();
    CHECK_OK(db_begin(db));
    CHECK_OK(add_parent(db, STR("p")));
    db_rollback(db);
    db_rollback(db);
    CHECK_OK(add_parent(db, STR("p")));
}

static void test_reader_cannot_write_and_keeps_its_snapshot(void)
{
    AUTOP(db) struct db *writer = open_fresh();
    AUTOP(db) struct db *reader = open_db(false, NULL);
    CHECK_OK(add_parent(writer, STR("p")));
    CHECK_OK(db_begin(reader));
    CHECK_EQ(children(reader), 0);
    CHECK_OK(add_child(writer, STR("a"), STR("p"), 1, STR_EMPTY));
    CHECK_EQ(children(reader), 0);
    CHECK_ERR(add_parent(reader, STR("x")), ERR_STORE_FULL);
    CHECK_ERR(db_checkpoint(writer, true), ERR_AGAIN);
    db_rollback(reader);
    CHECK_EQ(children(reader), 1);
    CHECK(db_log_pages(writer) > 0);
    CHECK_OK(db_checkpoint(writer, true));
    CHECK_EQ(db_log_pages(writer), 0);
    char log[80];
    (void)snprintf(log, sizeof log, "%s-wal", path);
    struct stat st;
    CHECK_EQ(stat(log, &st), 0);
    CHECK_EQ(st.st_size, 0);
}

static bool answer(void *ctx)
{
    return *(const bool *)ctx;
}

static int64_t pages(struct db *db)
{
    AUTOP(db_stmt) struct db_stmt *q = NULL;
    CHECK_OK(db_prepare(db, "PRAGMA page_count", &q));
    CHECK_OK(db_row(q));
    return db_column_int(q);
}

static void test_compacting_gives_space_back_and_gives_way(void)
{
    bool yes = true, no = false;
    static char big[4000];
    AUTOP(db) struct db *db = open_fresh();
    CHECK_OK(add_parent(db, STR("p")));
    CHECK_OK(db_begin(db));
    for (int64_t i = 0; i < 500; i++) {
        char id[16];
        (void)snprintf(id, sizeof id, "c%" PRId64, i);
        CHECK_OK(add_child(db, str_from(id), STR("p"), i, str_bytes(big, sizeof big)));
    }
    CHECK_OK(db_commit(db));
    int64_t full = pages(db);
    CHECK_ERR(db_compact(db, full * 4096, answer, &yes), ERR_AGAIN);
    CHECK(!db_suspect(db) && !db_in_transaction(db));
    CHECK_EQ(children(db), 500);
    CHECK_OK(db_script(db, "DELETE FROM child WHERE n % 10 > 0"));
    CHECK_OK(db_compact(db, (full - 1) * 4096, answer, &no));
    CHECK_EQ(pages(db), full); /* too large */
    CHECK_OK(db_compact(db, full * 4096, answer, &no));
    CHECK(pages(db) < full / 5);
    CHECK(db_log_pages(db) > 0);
    CHECK_EQ(children(db), 50);
    CHECK_OK(db_begin(db));
    CHECK_ERR(db_compact(db, full * 4096, answer, &no), ERR_INTERNAL);
    db_rollback(db);
}

static void test_second_writer_does_not_wait(void)
{
    AUTOP(db) struct db *first = open_fresh();
    AUTOP(db) struct db *second = open_db(true, NULL);
    CHECK_OK(db_begin(first));
    CHECK_ERR(db_begin(second), ERR_AGAIN);
    db_rollback(first);
    CHECK_OK(db_begin(second));
    db_rollback(second);
}

static void test_full_database_is_full_and_recovers(void)
{
    AUTOP(db) struct db *db = open_fresh();
    CHECK_OK(add_parent(db, STR("p")));
    CHECK_OK(db_script(db, "PRAGMA max_page_count=10"));
    static char big[200000];
    CHECK_ERR(add_child(db, STR("a"), STR("p"), 1, str_bytes(big, sizeof big)), ERR_STORE_FULL);
    CHECK(!db_suspect(db));
    CHECK_OK(add_child(db, STR("a"), STR("p"), 1, STR_EMPTY));
    CHECK_OK(db_script(db, "PRAGMA max_page_count=1000000"));
    CHECK_OK(add_child(db, STR("b"), STR("p"), 1, str_bytes(big, sizeof big)));
}

static void test_nth_call_fails_once(void)
{
    struct db_fault fault = {.driver = &db_sqlite_driver};
    db_fault_arm(&fault, 0);
    AUTOP(db) struct db *first = open_fresh();
    db_close(&first);
    unsigned failures = 0;
    for (unsigned n = 1; n < 100; n++) {
        db_fault_arm(&fault, n);
        struct db *db = NULL;
        struct db_options options = {.path = path, .writer = true, .fault = &fault};
        enum err e = db_open(&options, &db);
        if (e == OK)
            e = db_begin(db);
        if (e == OK)
            e = add_parent(db, STR("p"));
        if (e == OK)
            e = db_commit(db);
        bool spent = db_fault_spent(&fault);
        CHECK_EQ(e, spent ? ERR_UNAVAILABLE : OK);
        failures += e != OK;
        if (db) {
            CHECK_EQ(db_suspect(db), e != OK);
            db_fault_arm(&fault, 0);
            db_rollback(db);
            CHECK_OK(db_script(db, "DELETE FROM parent"));
        }
        db_close(&db);
        if (!spent)
            break;
    }
    CHECK_EQ(failures, 5); /* open, begin, prepare, step, commit */
}

int main(void)
{
    ASSERT(mkdtemp(folder) != NULL);
    (void)snprintf(path, sizeof path, "%s/t.db", folder);
    RUN(test_missing_file_is_not_found);
    RUN(test_file_that_is_no_database_is_refused);
    RUN(test_values_come_back_byte_for_byte);
    RUN(test_constraints_are_told_apart);
    RUN(test_wrong_sql_is_our_own_mistake);
    RUN(test_no_row_is_not_found);
    RUN(test_same_statement_may_nest);
    RUN(test_many_statements_are_kept);
    RUN(test_savepoint_undoes_only_its_own);
    RUN(test_rollback_undoes_all_and_is_fine_without);
    RUN(test_reader_cannot_write_and_keeps_its_snapshot);
    RUN(test_compacting_gives_space_back_and_gives_way);
    RUN(test_second_writer_does_not_wait);
    RUN(test_full_database_is_full_and_recovers);
    RUN(test_nth_call_fails_once);
    remove_files();
    CHECK_EQ(rmdir(folder), 0);
    return test_done();
}
