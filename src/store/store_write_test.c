/* Group commit: who shares a transaction, who is told what, what is left on the disk. */
#include <unistd.h>

#include "alloc.h"
#include "clock.h"
#include "io.h"
#include "store_kit.h"

static struct kit k;
static struct store *s;

static void open_store(void)
{
    kit_folder(&k);
    struct store_options options = {.folder = k.folder, .create = true};
    CHECK_OK(store_open(&options, &s));
}

static void close_store(void)
{
    store_close(&s);
    kit_remove(&k);
}

struct put {
    struct ulid team;
    const char *name;
    enum err fail; /* after everything is done */
    struct sealed_row row;
    struct str sealed;
};

static enum err put_op(struct store_tx *tx, void *ctx)
{
    struct put *p = ctx;
    p->row = (struct sealed_row){.id = ulid_new(),
                                 .team_id = p->team,
                                 .name = str_from(p->name),
                                 .version = 1,
                                 .key_version = 1,
                                 .sealed = p->sealed.ptr ? p->sealed : STR("sealed")};
    TRY(store_secret_insert(tx, &p->row));
    TRY(store_audit(tx, &(struct audit_record){.type = AUDIT_SECRET_CREATED,
                                               .team_id = ulid_str(&p->team),
                                               .name = p->row.name}));
    return p->fail;
}

static enum err team_op(struct store_tx *tx, void *ctx)
{
    struct team t = {.id = ulid_new(), .name = STR("ours"), .key_version = 1};
    TRY(store_team_insert(tx, &t));
    *(struct ulid *)ctx = t.id;
    return OK;
}

static enum err delete_op(struct store_tx *tx, void *ctx)
{
    struct put *p = ctx;
    AUTO(arena) struct arena a = arena_make();
    struct str name;
    return store_secret_delete(tx, ulid_str(&p->team), ulid_str(&p->row.id), &a, &name);
}

static size_t count_secrets(void)
{
    struct store_tx *tx;
    struct secret_row *rows;
    size_t count = 0;
    CHECK_OK(store_read_begin(s, &tx));
    CHECK_OK(store_secret_list(tx, ulid_str(&k.team), &k.a, &rows, &count));
    store_read_end(s, &tx);
    return count;
}

static size_t count_audit(void)
{
    struct store_tx *tx;
    struct audit_row *rows;
    size_t count = 0;
    CHECK_OK(store_read_begin(s, &tx));
    CHECK_OK(store_audit_list(tx, ulid_str(&k.team), 0, 100000, &k.a, &rows, &count));
    for (size_t i = 0; i < count; i++)
        CHECK_EQ(rows[i].sequence, (int64_t)i + 1);
    store_read_end(s, &tx);
    return count;
}

enum { THREADS = 64, ROUNDS = 10 };

static void *put_many(void *ctx)
{
    char name[40];
    size_t failed = 0;
    for (int i = 0; i < ROUNDS; i++) {
        (void)snprintf(name, sizeof name, "t%zu-%d", *(size_t *)ctx, i);
        struct put p = {.team = k.team, .name = name};
        failed += store_write_wait(s, put_op, &p) != OK;
    }
    *(size_t *)ctx = failed;
    return NULL;
}

static void test_what_waits_shares_a_commit(void)
{
    open_store();
    CHECK_OK(store_write_wait(s, team_op, &k.team));
    struct store_health before = store_health(s);
    pthread_t threads[THREADS];
    size_t numbers[THREADS];
    for (size_t i = 0; i < THREADS; i++) {
        numbers[i] = i;
        CHECK_EQ(pthread_create(&threads[i], NULL, put_many, &numbers[i]), 0);
    }
    for (size_t i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
        CHECK_EQ(numbers[i], 0);
    }
    struct store_health after = store_health(s);
    CHECK_EQ(after.operations - before.operations, THREADS * ROUNDS);
    CHECK(after.commits - before.commits < THREADS * ROUNDS);
    CHECK(after.writable);
    CHECK_EQ(count_secrets(), THREADS * ROUNDS);
    CHECK_EQ(count_audit(), THREADS * ROUNDS);
    close_store();
}

/* Holds the writer in an operation so that what follows becomes one group. */
struct gate {
    pthread_mutex_t lock;
    pthread_cond_t change;
    bool inside, open;
    unsigned left;
    enum err results[8];
};
static struct gate gate;

static enum err gate_op(struct store_tx *tx, void *ctx)
{
    (void)tx;
    (void)ctx;
    pthread_mutex_lock(&gate.lock);
    gate.inside = true;
    pthread_cond_broadcast(&gate.change);
    while (!gate.open)
        pthread_cond_wait(&gate.change, &gate.lock);
    pthread_mutex_unlock(&gate.lock);
    return OK;
}

static void gate_done(enum err e, void *ctx)
{
    pthread_mutex_lock(&gate.lock);
    *(enum err *)ctx = e;
    gate.left--;
    pthread_cond_broadcast(&gate.change);
    pthread_mutex_unlock(&gate.lock);
}

struct member {
    struct put put;
    enum err result;
};

static enum err member_op(struct store_tx *tx, void *ctx)
{
    return put_op(tx, &((struct member *)ctx)->put);
}

static void member_done(enum err e, void *ctx)
{
    gate_done(e, &((struct member *)ctx)->result);
}

/* Runs the members as one group. */
static void as_group(struct member *members, size_t count)
{
    pthread_mutex_init(&gate.lock, NULL);
    pthread_cond_init(&gate.change, NULL);
    gate.inside = gate.open = false;
    gate.left = (unsigned)count + 1;
    enum err gate_result;
    store_write(s, gate_op, gate_done, &gate_result);
    pthread_mutex_lock(&gate.lock);
    while (!gate.inside)
        pthread_cond_wait(&gate.change, &gate.lock);
    pthread_mutex_unlock(&gate.lock);
    for (size_t i = 0; i < count; i++)
        store_write(s, member_op, member_done, &members[i]);
    pthread_mutex_lock(&gate.lock);
    gate.open = true;
    pthread_cond_broadcast(&gate.change);
    while (gate.left)
        pthread_cond_wait(&gate.change, &gate.lock);
    pthread_mutex_unlock(&gate.lock);
}

static void test_an_error_undoes_its_own_operation_alone(void)
{
    open_store();
    CHECK_OK(store_write_wait(s, team_op, &k.team));
    struct member m[] = {
        {.put = {.team = k.team, .name = "a"}},
        {.put = {.team = k.team, .name = "b", .fail = ERR_FORBIDDEN}},
        {.put = {.team = k.team, .name = "a"}},
        {.put = {.team = k.team, .name = "b"}},
        {.put = {.team = k.other, .name = "c"}},
    };
    uint64_t commits = store_health(s).commits;
    as_group(m, ARRAY_LEN(m));
    CHECK_EQ(m[0].result, OK);
    CHECK_EQ(m[1].result, ERR_FORBIDDEN);
    CHECK_EQ(m[2].result, ERR_SECRET_EXISTS);
    CHECK_EQ(m[3].result, OK);
    CHECK_EQ(m[4].result, ERR_NOT_FOUND);
    CHECK_EQ(store_health(s).commits, commits + 2); /* the gate's own, and theirs */
    CHECK_EQ(count_secrets(), 2);
    CHECK_EQ(count_audit(), 2);
    close_store();
}

static enum err chain_result;

static enum err test_chain(void *ctx, const uint8_t previous[32], const struct str *records,
                           size_t count, uint8_t (*ret_macs)[32])
{
    (void)ctx;
    (void)previous;
    (void)records;
    for (size_t i = 0; i < count; i++)
        memset(ret_macs[i], 7, 32);
    return chain_result;
}

static void test_no_chain_no_change(void)
{
    open_store();
    chain_result = OK;
    store_set_chain(s, test_chain, NULL);
    CHECK_OK(store_write_wait(s, team_op, &k.team));
    chain_result = ERR_VAULT_DOWN;
    uint64_t generation = store_secrets_generation(s);
    struct member m[] = {
        {.put = {.team = k.team, .name = "a", .fail = ERR_FORBIDDEN}},
        {.put = {.team = k.team, .name = "a"}},
        {.put = {.team = k.team, .name = "a"}}, /* exists only in what was undone */
    };
    as_group(m, ARRAY_LEN(m));
    CHECK_EQ(m[0].result, ERR_FORBIDDEN);
    CHECK_EQ(m[1].result, ERR_VAULT_DOWN);
    CHECK_EQ(m[2].result, ERR_VAULT_DOWN);
    CHECK(!store_health(s).writable);
    CHECK_EQ(store_secrets_generation(s), generation);
    CHECK_EQ(count_secrets(), 0);
    chain_result = OK;
    struct put p = {.team = k.team, .name = "a"};
    CHECK_OK(store_write_wait(s, put_op, &p));
    CHECK(store_health(s).writable);
    CHECK_EQ(store_secrets_generation(s), generation + 1);
    CHECK_EQ(count_audit(), 1);
    close_store();
}

static enum err pages_op(struct store_tx *tx, void *ctx)
{
    return db_script(tx->db, ctx);
}

static void test_full_store_says_so_and_recovers(void)
{
    open_store();
    static char big[3000000];
    char few[] = "PRAGMA max_page_count=100", many[] = "PRAGMA max_page_count=100000";
    CHECK_OK(store_write_wait(s, team_op, &k.team));
    CHECK_OK(store_write_wait(s, pages_op, few));
    struct member m[] = {
        {.put = {.team = k.team, .name = "small"}},
        {.put = {.team = k.team, .name = "big", .sealed = str_bytes(big, sizeof big)}},
        {.put = {.team = k.team, .name = "small too"}},
    };
    as_group(m, ARRAY_LEN(m));
    CHECK_EQ(m[0].result, OK); /* what fits goes through one by one */
    CHECK_EQ(m[1].result, ERR_STORE_FULL);
    CHECK_EQ(m[2].result, OK);
    CHECK_EQ(count_secrets(), 2);
    CHECK_EQ(count_audit(), 2);
    CHECK_OK(store_write_wait(s, pages_op, many));
    CHECK_OK(store_write_wait(s, put_op, &m[1].put));
    CHECK_EQ(count_secrets(), 3);
    CHECK_EQ(count_audit(), 3);
    close_store();
}

static bool on_disk(const char *name, struct str needle)
{
    char path[80];
    (void)snprintf(path, sizeof path, "%s/%s", k.folder, name);
    AUTO(buf) struct buf file = buf_make(64 << 20);
    CHECK_OK(io_read_file(path, &file));
    return str_search(buf_str(&file), needle, 0) < file.len;
}

static bool gone_from_disk(struct str needle)
{
    for (int64_t until = clock_monotonic_ms() + 20000; clock_monotonic_ms() < until;
         usleep(10000)) {
        if (!on_disk("safelight.db-wal", needle) && !on_disk("safelight.db", needle))
            return true;
    }
    return false;
}

static void test_deleted_bytes_leave_the_disk(void)
{
    /* Within the page, and in pages of its own. */
    static const size_t sizes[] = {300, 60000};
    for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
        open_store();
        CHECK_OK(store_write_wait(s, team_op, &k.team));
        struct put around[40];
        char names[40][8];
        char *marked = xcalloc(1, sizes[i]);
        for (size_t j = 0; j < sizes[i]; j += 16)
            memcpy(marked + j, "sealed-canary-!?", sizes[i] - j < 16 ? sizes[i] - j : 16);
        for (size_t j = 0; j < 40; j++) {
            (void)snprintf(names[j], sizeof names[j], "n%zu", j);
            around[j] = (struct put){.team = k.team, .name = names[j]};
            if (j % 2)
                around[j].sealed = str_bytes(marked, sizes[i]);
            CHECK_OK(store_write_wait(s, put_op, &around[j]));
        }
        CHECK(on_disk("safelight.db-wal", STR("canary")));
        /* A reader of the state before is in the way for a while. */
        struct store_tx *reader;
        CHECK_OK(store_read_begin(s, &reader));
        for (size_t j = 1; j < 40; j += 2)
            CHECK_OK(store_write_wait(s, delete_op, &around[j]));
        usleep(300000);
        CHECK(on_disk("safelight.db-wal", STR("canary")) || on_disk("safelight.db", STR("canary")));
        store_read_end(s, &reader);
        CHECK(gone_from_disk(STR("canary")));
        CHECK_EQ(count_secrets(), 20);
        free(marked);
        close_store();
    }
}

static enum err nothing_op(struct store_tx *tx, void *ctx)
{
    (void)tx;
    return *(enum err *)ctx;
}

static void test_close_waits_for_what_is_queued(void)
{
    open_store();
    CHECK_OK(store_write_wait(s, team_op, &k.team));
    static struct member m[200];
    static char names[200][8];
    gate.left = 200;
    for (size_t i = 0; i < 200; i++) {
        (void)snprintf(names[i], sizeof names[i], "n%zu", i);
        m[i] = (struct member){.put = {.team = k.team, .name = names[i]}, .result = ERR_BUSY};
        store_write(s, member_op, member_done, &m[i]);
    }
    store_close(&s);
    for (size_t i = 0; i < 200; i++)
        CHECK_EQ(m[i].result, OK);
    struct store_options options = {.folder = k.folder};
    CHECK_OK(store_open(&options, &s));
    CHECK_EQ(count_secrets(), 200);
    enum err wanted = ERR_FORBIDDEN;
    uint64_t commits = store_health(s).commits;
    CHECK_ERR(store_write_wait(s, nothing_op, &wanted), ERR_FORBIDDEN);
    CHECK_EQ(store_health(s).commits, commits); /* nothing to commit */
    close_store();
}

int main(void)
{
    RUN(test_what_waits_shares_a_commit);
    RUN(test_an_error_undoes_its_own_operation_alone);
    RUN(test_no_chain_no_change);
    RUN(test_full_store_says_so_and_recovers);
    RUN(test_deleted_bytes_leave_the_disk);
    RUN(test_close_waits_for_what_is_queued);
    return test_done();
}
