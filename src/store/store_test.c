/* Opening, locking, schema versions, snapshots. */
#include <sys/stat.h>
#include <unistd.h>

#include "io.h"
#include "store_kit.h"
#include "store_schema.h"

static struct kit k;

static enum err try_open(bool create, struct store **ret)
{
    struct store_options options = {.folder = k.folder, .create = create};
    return store_open(&options, ret);
}

static void test_opening_needs_a_database(void)
{
    kit_folder(&k);
    struct store *s = NULL;
    CHECK_ERR(try_open(false, &s), ERR_NOT_FOUND);
    struct store_options nowhere = {.folder = "/tmp/safelight-is-not-here/db"};
    CHECK_ERR(store_open(&nowhere, &s), ERR_NOT_FOUND);
    nowhere.create = true;
    CHECK_ERR(store_open(&nowhere, &s), ERR_IO);
    CHECK(s == NULL);
    kit_remove(&k);
}

static void test_create_only_once(void)
{
    kit_folder(&k);
    struct store *s = NULL;
    CHECK_OK(try_open(true, &s));
    struct stat st;
    CHECK_EQ(stat(k.path, &st), 0);
    CHECK_EQ(st.st_mode & 0777, 0600);
    store_close(&s);
    CHECK(s == NULL);
    CHECK_ERR(try_open(true, &s), ERR_CONFLICT);
    CHECK_OK(try_open(false, &s));
    store_close(&s);
    kit_remove(&k);
}

static void test_what_a_broken_init_left_is_taken_over(void)
{
    kit_folder(&k);
    struct store *s = NULL;
    CHECK_OK(io_replace_file(k.path, STR_EMPTY, 0600));
    CHECK_ERR(try_open(false, &s), ERR_NOT_FOUND);
    CHECK_OK(try_open(true, &s));
    store_close(&s);
    kit_remove(&k);
}

static void test_second_opener_is_refused(void)
{
    kit_folder(&k);
    struct store *s = NULL, *second = NULL;
    CHECK_OK(try_open(true, &s));
    CHECK_ERR(try_open(false, &second), ERR_IN_USE);
    CHECK_ERR(try_open(true, &second), ERR_IN_USE);
    CHECK(second == NULL);
    store_close(&s);
    CHECK_OK(try_open(false, &second));
    store_close(&second);
    kit_remove(&k);
}

static void edit(const char *sql)
{
    AUTOP(db) struct db *db = NULL;
    struct db_options direct = {.path = k.path, .writer = true};
    CHECK_OK(db_open(&direct, &db));
    CHECK_OK(db_script(db, sql));
}

static void test_newer_schema_is_refused(void)
{
    kit_folder(&k);
    struct store *s = NULL;
    CHECK_OK(try_open(true, &s));
    store_close(&s);
    edit("UPDATE schema_version SET version = version + 1");
    CHECK_ERR(try_open(false, &s), ERR_CONFLICT);
    edit("UPDATE schema_version SET version = version - 1");
    CHECK_OK(try_open(false, &s));
    store_close(&s);
    edit("UPDATE schema_version SET version = -1");
    CHECK_ERR(try_open(false, &s), ERR_CONFLICT);
    kit_remove(&k);
}

static void test_migration_is_all_or_nothing(void)
{
    static const char *const good[] = {"CREATE TABLE a (x BIGINT)", "CREATE TABLE b (x BIGINT)",
                                       "CREATE TABLE c (x BIGINT)"};
    static const char *const bad[] = {"CREATE TABLE a (x BIGINT)", "CREATE TABLE b (x BIGINT)",
                                      "CREATE TABLE c (x BIGINT); CREATE NONSENSE"};
    static const char count[] = "SELECT COUNT(*) FROM sqlite_master WHERE name IN ('a','b','c')";
    kit_folder(&k);
    CHECK_OK(io_replace_file(k.path, STR_EMPTY, 0600));
    AUTOP(db) struct db *db = NULL;
    struct db_options direct = {.path = k.path, .writer = true};
    CHECK_OK(db_open(&direct, &db));
    int64_t version;
    CHECK_OK(store_schema_version(db, &version));
    CHECK_EQ(version, 0);
    CHECK_OK(store_schema_migrate(db, good, 1));
    CHECK_OK(store_schema_version(db, &version));
    CHECK_EQ(version, 1);
    CHECK_ERR(store_schema_migrate(db, bad, 3), ERR_INTERNAL);
    CHECK_OK(store_schema_version(db, &version));
    CHECK_EQ(version, 1);
    CHECK_EQ(kit_number(db, count), 1);
    CHECK_OK(store_schema_migrate(db, good, 3));
    CHECK_OK(store_schema_migrate(db, good, 3));
    CHECK_OK(store_schema_version(db, &version));
    CHECK_EQ(version, 3);
    CHECK_EQ(kit_number(db, count), 3);
    CHECK_ERR(store_schema_migrate(db, good, 2), ERR_CONFLICT);
    db_close(&db);
    kit_remove(&k);
}

static enum err add_team(struct store_tx *tx, void *ctx)
{
    struct team t = {.id = ulid_new(), .name = str_from(ctx), .key_version = 1};
    return store_team_insert(tx, &t);
}

static void test_reader_keeps_its_snapshot(void)
{
    kit_folder(&k);
    struct store *s = NULL;
    CHECK_OK(try_open(true, &s));
    struct store_tx *old, *fresh;
    struct team t;
    char name[] = "one";
    CHECK_OK(store_read_begin(s, &old));
    uint64_t before = store_auth_generation(s);
    CHECK_OK(store_write_wait(s, add_team, name));
    CHECK(store_auth_generation(s) > before);
    CHECK_ERR(store_team_by_name(old, STR("one"), &k.a, &t), ERR_NOT_FOUND);
    CHECK_OK(store_read_begin(s, &fresh));
    CHECK_OK(store_team_by_name(fresh, STR("one"), &k.a, &t));
    store_read_end(s, &fresh);
    store_read_end(s, &old);
    CHECK(old == NULL);
    CHECK_OK(store_read_begin(s, &old));
    CHECK_OK(store_team_by_name(old, STR("one"), &k.a, &t));
    store_read_end(s, &old);
    store_close(&s);
    kit_remove(&k);
}

static void test_many_readers_at_once(void)
{
    kit_folder(&k);
    struct store *s = NULL;
    CHECK_OK(try_open(true, &s));
    struct store_tx *all[40];
    for (int round = 0; round < 2; round++) {
        for (size_t i = 0; i < ARRAY_LEN(all); i++)
            CHECK_OK(store_read_begin(s, &all[i]));
        for (size_t i = 0; i < ARRAY_LEN(all); i++)
            store_read_end(s, &all[i]);
    }
    CHECK(s->spare_count < 20);
    store_close(&s);
    kit_remove(&k);
}

int main(void)
{
    RUN(test_opening_needs_a_database);
    RUN(test_create_only_once);
    RUN(test_what_a_broken_init_left_is_taken_over);
    RUN(test_second_opener_is_refused);
    RUN(test_newer_schema_is_refused);
    RUN(test_migration_is_all_or_nothing);
    RUN(test_reader_keeps_its_snapshot);
    RUN(test_many_readers_at_once);
    return test_done();
}
