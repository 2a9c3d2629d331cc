/* What was deleted is nowhere in the files, also not in space that the database does not use. */
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "alloc.h"
#include "clock.h"
#include "io.h"
#include "store_kit.h"

enum { SECRETS = 4000, SEALED_MAX_BYTES = 700, WAIT_MS = 20000 };

static struct kit k;
static struct store *s;

struct put {
    struct sealed_row row;
    char name[24], sealed[SEALED_MAX_BYTES];
};
static struct put filled[SECRETS];

static enum err team_op(struct store_tx *tx, void *ctx)
{
    struct team t = {.id = ulid_new(), .name = STR("ours"), .key_version = 1};
    (void)ctx;
    TRY(store_team_insert(tx, &t));
    k.team = t.id;
    return OK;
}

static enum err put_op(struct store_tx *tx, void *ctx)
{
    const struct put *p = ctx;
    return store_secret_insert(tx, &p->row);
}

static enum err delete_op(struct store_tx *tx, void *ctx)
{
    const struct put *p = ctx;
    AUTO(arena) struct arena a = arena_make();
    struct str name;
    return store_secret_delete(tx, ulid_str(&k.team), ulid_str(&p->row.id), &a, &name);
}

static enum err nothing_op(struct store_tx *tx, void *ctx)
{
    (void)ctx;
    return store_token_used(tx, STR("nobody"), 1) == ERR_NOT_FOUND ? OK : ERR_INTERNAL;
}

static void must_work(enum err result, void *ctx)
{
    (void)ctx;
    ASSERT(result == OK);
}

static bool is_doomed(size_t i)
{
    return i % 5 != 0;
}

/* Small records of many sizes, of which four of five will be deleted. */
static void fill(void)
{
    CHECK_OK(store_write_wait(s, team_op, NULL));
    for (size_t i = 0; i < SECRETS; i++) {
        struct put *p = &filled[i];
        size_t len = 200 + i * 7919 % 500;
        for (size_t at = 0; at < len; at += 8)
            memcpy(p->sealed + at, is_doomed(i) ? "doomed-!" : "it-stays", 8);
        (void)snprintf(p->name, sizeof p->name, "n%u", (unsigned)(i * 7919 % SECRETS));
        p->row = (struct sealed_row){.id = ulid_new(),
                                     .team_id = k.team,
                                     .name = str_from(p->name),
                                     .version = 1,
                                     .key_version = 1,
                                     .sealed = str_bytes(p->sealed, len)};
        store_write(s, put_op, must_work, p);
    }
    CHECK_OK(store_write_wait(s, nothing_op, NULL));
}

static void delete_doomed(void)
{
    for (size_t i = 0; i < SECRETS; i++) {
        size_t at = i * 3931 % SECRETS;
        if (is_doomed(at))
            store_write(s, delete_op, must_work, &filled[at]);
    }
    CHECK_OK(store_write_wait(s, nothing_op, NULL));
}

static bool on_disk(const char *needle)
{
    static const char *const names[] = {"safelight.db", "safelight.db-wal"};
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        char path[80];
        (void)snprintf(path, sizeof path, "%s/%s", k.folder, names[i]);
        AUTO(buf) struct buf file = buf_make(64 << 20);
        enum err e = io_read_file(path, &file);
        CHECK(e == OK || e == ERR_NOT_FOUND);
        if (str_search(buf_str(&file), str_from(needle), 0) < file.len)
            return true;
    }
    return false;
}

static bool is_gone(void)
{
    int64_t until = clock_monotonic_ms() + WAIT_MS;
    while (on_disk("doomed") && clock_monotonic_ms() < until)
        usleep(20000);
    return !on_disk("doomed");
}

static void check_the_rest(void)
{
    struct store_tx *tx;
    CHECK_OK(store_read_begin(s, &tx));
    CHECK_EQ(kit_number(tx->db, "SELECT COUNT(*) FROM versions"), SECRETS / 5);
    for (size_t i = 0; i < SECRETS; i += 5) {
        AUTO(arena) struct arena a = arena_make();
        struct sealed_row row;
        CHECK_OK(store_secret_sealed(tx, ulid_str(&k.team), filled[i].row.name, 0, &a, &row));
        CHECK(str_equal(row.sealed, filled[i].row.sealed));
    }
    store_read_end(s, &tx);
}

static void open_filled(void)
{
    kit_folder(&k);
    struct store_options options = {.folder = k.folder, .create = true};
    CHECK_OK(store_open(&options, &s));
    fill();
    CHECK(on_disk("doomed"));
}

static void close_store(void)
{
    store_close(&s);
    kit_remove(&k);
}

static atomic_bool reading;

/* Every row it can see must be there: pages that it has mapped go away beneath it. */
static void *read_on(void *ctx)
{
    size_t *rounds = ctx;
    while (atomic_load(&reading)) {
        AUTO(arena) struct arena a = arena_make();
        struct store_tx *tx;
        struct secret_row *rows;
        size_t count = 0;
        ASSERT(store_read_begin(s, &tx) == OK);
        ASSERT(store_secret_list(tx, ulid_str(&k.team), &a, &rows, &count) == OK);
        for (size_t i = 0; i < count; i += 7) {
            struct sealed_row row;
            ASSERT(store_secret_sealed(tx, ulid_str(&k.team), rows[i].name, 0, &a, &row) == OK);
        }
        store_read_end(s, &tx);
        ++*rounds;
    }
    return NULL;
}

static void test_abuse_091_deleted_records_leave_the_files_while_it_runs(void)
{
    pthread_t threads[2];
    size_t rounds[2] = {0};
    open_filled();
    atomic_store(&reading, true);
    for (size_t i = 0; i < 2; i++)
        CHECK_EQ(pthread_create(&threads[i], NULL, read_on, &rounds[i]), 0);
    delete_doomed();
    CHECK(is_gone());
    atomic_store(&reading, false);
    for (size_t i = 0; i < 2; i++) {
        pthread_join(threads[i], NULL);
        CHECK(rounds[i] > 0);
    }
    CHECK(on_disk("it-stays"));
    check_the_rest();
    close_store();
}

static void test_abuse_091_and_when_it_is_closed_at_once(void)
{
    open_filled();
    delete_doomed();
    store_close(&s);
    CHECK(!on_disk("doomed"));
    struct store_options options = {.folder = k.folder};
    CHECK_OK(store_open(&options, &s));
    check_the_rest();
    close_store();
}

/* Killed before it came to it: the next start does. */
static void test_abuse_091_and_after_a_kill(void)
{
    int ready[2];
    char byte;
    kit_folder(&k);
    CHECK_EQ(pipe(ready), 0);
    pid_t pid = fork();
    if (pid == 0) {
        struct store_options options = {.folder = k.folder, .create = true};
        if (store_open(&options, &s) != OK)
            _exit(1);
        fill();
        delete_doomed();
        (void)!write(ready[1], "x", 1);
        pause();
    }
    close(ready[1]);
    CHECK_EQ(read(ready[0], &byte, 1), 1);
    close(ready[0]);
    kill(pid, SIGKILL);
    CHECK_EQ(waitpid(pid, NULL, 0), pid);
    CHECK(on_disk("doomed"));
    struct store_options options = {.folder = k.folder};
    CHECK_OK(store_open(&options, &s));
    CHECK(is_gone());
    close_store();
}

/* Whoever writes meanwhile waits no longer than the rewriting takes to hear of him. */
static void test_writers_are_not_kept_waiting(void)
{
    open_filled();
    delete_doomed();
    int64_t slowest = 0;
    for (int64_t until = clock_monotonic_ms() + 2500; clock_monotonic_ms() < until;) {
        int64_t from = clock_monotonic_ms();
        CHECK_OK(store_write_wait(s, nothing_op, NULL));
        int64_t took = clock_monotonic_ms() - from;
        slowest = took > slowest ? took : slowest;
        usleep(1000 * (unsigned)(clock_monotonic_ms() % 120));
    }
    printf("# slowest write: %d ms\n", (int)slowest);
    CHECK(slowest < 5000);
    CHECK(is_gone());
    check_the_rest();
    close_store();
}

/* In a child: the limit on the size of files is the process's. */
static int child_has_no_room(void)
{
    struct store_options options = {.folder = k.folder};
    if (store_open(&options, &s) != OK)
        return 1;
    signal(SIGXFSZ, SIG_IGN);
    delete_doomed();
    struct rlimit limit = {20000, RLIM_INFINITY}; /* less than the log needs */
    setrlimit(RLIMIT_FSIZE, &limit);
    usleep(1500000);
    if (!on_disk("doomed"))
        return 2; /* there was room after all */
    limit.rlim_cur = RLIM_INFINITY;
    setrlimit(RLIMIT_FSIZE, &limit);
    if (store_write_wait(s, nothing_op, NULL) != OK || !store_health(s).writable)
        return 3;
    check_the_rest();
    if (!is_gone())
        return 4;
    check_the_rest();
    store_close(&s);
    return test_failures_here_ ? 5 : 0;
}

static void test_a_full_disk_costs_nothing_but_time(void)
{
    open_filled();
    store_close(&s);
    pid_t pid = fork();
    if (pid == 0)
        _exit(child_has_no_room());
    int status = 0;
    CHECK_EQ(waitpid(pid, &status, 0), pid);
    CHECK(WIFEXITED(status));
    CHECK_EQ(WEXITSTATUS(status), 0);
    kit_remove(&k);
}

int main(void)
{
    RUN(test_abuse_091_deleted_records_leave_the_files_while_it_runs);
    RUN(test_abuse_091_and_when_it_is_closed_at_once);
    RUN(test_abuse_091_and_after_a_kill);
    RUN(test_writers_are_not_kept_waiting);
    RUN(test_a_full_disk_costs_nothing_but_time);
    return test_done();
}
