#include "store_copy.h"

#include "buf.h"
#include "store_kit.h"
#include "store_schema.h"

static struct kit k;

/* Everything that comes out, as bytes that can be compared. */
struct written {
    struct buf bytes;
    size_t tables, rows;
    struct store_copy_in *in; /* also into this one, if there is one */
    enum err fail;            /* what a row is answered with */
};

static enum err on_table(void *ctx, const struct store_table *t)
{
    struct written *w = ctx;
    w->tables++;
    CHECK_OK(buf_put_lengthed(&w->bytes, t->name));
    for (size_t i = 0; i < t->column_count; i++)
        CHECK_OK(buf_put_lengthed(&w->bytes, t->columns[i]));
    return w->in ? store_copy_in_table(w->in, t) : OK;
}

static enum err on_row(void *ctx, const struct store_value *values, size_t count)
{
    struct written *w = ctx;
    w->rows++;
    for (size_t i = 0; i < count; i++) {
        CHECK_OK(buf_put_byte(&w->bytes, (uint8_t)values[i].type));
        CHECK_OK(buf_put_u64(&w->bytes, (uint64_t)values[i].number));
        CHECK_OK(buf_put_lengthed(&w->bytes, values[i].bytes));
    }
    TRY(w->fail);
    return w->in ? store_copy_in_row(w->in, values, count) : OK;
}

static enum err copy_of(const char *folder, struct written *w)
{
    struct store *s;
    struct store_tx *tx;
    struct store_options options = {.folder = folder};
    const struct store_copy_sink sink = {on_table, on_row, w};
    w->bytes = buf_make(1024 * 1024);
    CHECK_OK(store_open(&options, &s));
    CHECK_OK(store_read_begin(s, &tx));
    enum err e = store_copy_out(tx, &sink);
    store_read_end(s, &tx);
    store_close(&s);
    return e;
}

static void fill(void)
{
    uint8_t hash[32] = {5};
    struct token t = {.id = STR("abcdefghijklmn"),
                      .team_id = k.team,
                      .name = STR("caf\xc3\xa9"),
                      .names = STR("*"),
                      .created_at_ms = 5,
                      .created_by = STR("operator")};
    struct sealed_row secret = {.id = ulid_new(),
                                .team_id = k.team,
                                .name = STR("A"),
                                .version = 1,
                                .created_at_ms = 6,
                                .key_version = 1,
                                .sealed = STR("\0sealed\xff")};
    struct job job = {.id = ulid_new(), .team_id = k.team, .payload = STR("{}")};
    struct ticket ticket = {.kind = TICKET_OUTPUT_PUT,
                            .team_id = k.team,
                            .job_id = job.id,
                            .lease_id = STR_EMPTY,
                            .pointer = STR_EMPTY,
                            .expires_at_ms = INT64_MAX,
                            .uses_left = 1};
    struct audit_record record = {.type = AUDIT_TEAM_CREATED, .team_id = ulid_str(&k.team)};
    memcpy(t.hash, hash, sizeof hash);
    CHECK_OK(store_instance_put(&k.tx, STR("01JDF0000000000000000000A0")));
    CHECK_OK(store_token_insert(&k.tx, &t));
    CHECK_OK(store_secret_insert(&k.tx, &secret));
    CHECK_OK(store_job_insert(&k.tx, &job));
    CHECK_OK(store_ticket_insert(&k.tx, &ticket));
    CHECK_OK(store_audit(&k.tx, &record));
    kit_commit(&k);
}

static void empty_folder(const char *folder)
{
    AUTO(arena) struct arena a = arena_make();
    static const char *const files[] = {"safelight.db", "safelight.db-wal", "safelight.db-shm",
                                        "lock"};
    for (size_t i = 0; i < ARRAY_LEN(files); i++)
        (void)unlink(arena_printf(&a, "%s/%s", folder, files[i]).ptr);
}

static void test_a_copy_is_the_same(void)
{
    char folder[] = "/tmp/safelight-copy-XXXXXX";
    struct written a = {.tables = 0}, b = {.tables = 0};
    ASSERT(mkdtemp(folder) != NULL);
    CHECK_OK(store_copy_in_open(folder, (uint32_t)store_schema_step_count, &a.in));
    CHECK_OK(copy_of(k.folder, &a));
    CHECK_OK(store_copy_in_end(a.in));
    store_copy_in_close(&a.in);
    CHECK_OK(copy_of(folder, &b));
    CHECK(a.tables > 10 && a.rows >= 8);
    CHECK_EQ(b.rows, a.rows);
    CHECK(str_equal(buf_str(&a.bytes), buf_str(&b.bytes)));
    CHECK(str_search(buf_str(&a.bytes), STR("tickets"), 0) == a.bytes.len);
    CHECK(str_search(buf_str(&a.bytes), STR("schema_version"), 0) == a.bytes.len);
    CHECK_ERR(store_copy_in_open(folder, 1, &a.in), ERR_CONFLICT); /* there is one already */
    buf_auto(&a.bytes);
    buf_auto(&b.bytes);
    empty_folder(folder);
    CHECK_EQ(rmdir(folder), 0);
}

static void test_what_does_not_fit_the_schema_is_refused(void)
{
    char folder[] = "/tmp/safelight-copy-XXXXXX";
    static const struct str good[] = {{"name", 4}, {"value", 5}}, odd[] = {{"name\" --", 8}};
    static const struct store_value row[] = {{STORE_TEXT, 0, {"a", 1}}, {STORE_BLOB, 0, {"b", 1}}};
    static const struct {
        const char *table;
        const struct str *columns;
        size_t count;
        enum err wanted;
    } cases[] = {{"meta", good, 2, OK},
                 {"meta", odd, 1, ERR_TAMPERED},
                 {"nothing", good, 2, ERR_TAMPERED},
                 {"me\"ta", good, 2, ERR_TAMPERED},
                 {"sqlite_master", good, 2, ERR_TAMPERED},
                 {"schema_version", good, 2, ERR_TAMPERED},
                 {"tickets", good, 2, ERR_TAMPERED}};
    struct store_copy_in *in = NULL;
    ASSERT(mkdtemp(folder) != NULL);
    CHECK_ERR(store_copy_in_open(folder, 0, &in), ERR_TAMPERED);
    CHECK_ERR(store_copy_in_open(folder, (uint32_t)store_schema_step_count + 1, &in), ERR_CONFLICT);
    CHECK_OK(store_copy_in_open(folder, 1, &in));
    CHECK_ERR(store_copy_in_row(in, row, 2), ERR_TAMPERED); /* of no table */
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        const struct store_table t = {str_from(cases[i].table), cases[i].columns, cases[i].count};
        CHECK_ERR(store_copy_in_table(in, &t), cases[i].wanted);
    }
    const struct store_table meta = {STR("meta"), good, 2};
    CHECK_OK(store_copy_in_table(in, &meta));
    CHECK_OK(store_copy_in_row(in, row, 2));
    CHECK_ERR(store_copy_in_row(in, row, 1), ERR_TAMPERED);
    CHECK_ERR(store_copy_in_row(in, row, 2), ERR_TAMPERED); /* the same name twice */
    store_copy_in_close(&in);
    empty_folder(folder);
    CHECK_EQ(rmdir(folder), 0);
}

/* Whatever version of the program made it: the rows go into the schema of then, which is migrated.
 */
static void test_a_copy_of_every_older_schema_opens_as_of_today(void)
{
    static const struct str names[] = {{"name", 4}, {"value", 5}};
    static const struct store_value row[] = {{STORE_TEXT, 0, {"instance", 8}},
                                             {STORE_BLOB, 0, {"of old", 6}}};
    for (uint32_t version = 1; version <= store_schema_step_count; version++) {
        char folder[] = "/tmp/safelight-copy-XXXXXX";
        const struct store_table meta = {STR("meta"), names, 2};
        AUTO(arena) struct arena a = arena_make();
        struct store_copy_in *in = NULL;
        struct store *s = NULL;
        struct store_tx *tx;
        struct str instance;
        uint32_t now;
        ASSERT(mkdtemp(folder) != NULL);
        struct store_options options = {.folder = folder};
        CHECK_OK(store_copy_in_open(folder, version, &in));
        CHECK_OK(store_copy_in_table(in, &meta));
        CHECK_OK(store_copy_in_row(in, row, 2));
        CHECK_OK(store_copy_in_end(in));
        store_copy_in_close(&in);
        CHECK_OK(store_open(&options, &s));
        CHECK_OK(store_read_begin(s, &tx));
        CHECK_OK(store_copy_schema(tx, &now));
        CHECK_EQ(now, store_schema_step_count);
        CHECK_OK(store_instance_get(tx, &a, &instance));
        CHECK_STR(instance, "of old");
        store_read_end(s, &tx);
        store_close(&s);
        empty_folder(folder);
        CHECK_EQ(rmdir(folder), 0);
    }
}

static void test_an_error_of_the_sink_ends_it(void)
{
    struct written w = {.fail = ERR_IO};
    CHECK_ERR(copy_of(k.folder, &w), ERR_IO);
    CHECK_EQ(w.rows, 1);
    buf_auto(&w.bytes);
}

/* Each call of the database failed once: an error, never half a copy that passes for whole. */
static void test_every_failing_call_is_told(void)
{
    bool spent = false;
    for (unsigned n = 1; !spent; n++) {
        struct store *s = NULL;
        struct store_tx *tx = NULL;
        struct written w = {.bytes = buf_make(1024 * 1024)};
        const struct store_copy_sink sink = {on_table, on_row, &w};
        struct store_options options = {.folder = k.folder, .fail_nth_call = n};
        enum err e = store_open(&options, &s);
        if (e == OK)
            e = store_read_begin(s, &tx);
        if (e == OK)
            e = store_copy_out(tx, &sink);
        if (s) {
            spent = !db_fault_spent(&s->fault);
            CHECK(e == OK || db_fault_spent(&s->fault));
            if (e == OK && w.rows < 8)
                CHECK_EQ(w.rows, 8);
            store_read_end(s, &tx);
            store_close(&s);
        }
        buf_auto(&w.bytes);
        ASSERT(n < 10000);
    }
}

int main(void)
{
    kit_open(&k);
    fill();
    db_rollback(k.db);
    RUN(test_a_copy_is_the_same);
    RUN(test_what_does_not_fit_the_schema_is_refused);
    RUN(test_a_copy_of_every_older_schema_opens_as_of_today);
    RUN(test_an_error_of_the_sink_ends_it);
    RUN(test_every_failing_call_is_told);
    CHECK_OK(db_begin(k.db));
    kit_close(&k);
    return test_done();
}
