/* Whatever call fails, whenever the process dies, whenever the disk is full: what is stored is the
 * old state or the new one, and what was acknowledged is there. */
#include <poll.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "clock.h"
#include "io.h"
#include "store_kit.h"

static struct kit k;

/* One step of the story: does it, and counts what there must be of it afterwards. */
struct story {
    struct ulid team, secret, job;
    struct str lease;
};

static enum err make_team(struct store_tx *tx, void *ctx)
{
    struct story *y = ctx;
    struct team t = {.id = y->team, .name = STR("ours"), .key_version = 1};
    TRY(store_team_insert(tx, &t));
    return store_audit(
        tx, &(struct audit_record){.type = AUDIT_TEAM_CREATED, .team_id = ulid_str(&y->team)});
}

static enum err make_secret(struct store_tx *tx, void *ctx)
{
    struct story *y = ctx;
    struct sealed_row row = {.id = y->secret,
                             .team_id = y->team,
                             .name = STR("A"),
                             .version = 1,
                             .key_version = 1,
                             .sealed = STR("one")};
    TRY(store_secret_insert(tx, &row));
    return store_audit(
        tx, &(struct audit_record){.type = AUDIT_SECRET_CREATED, .team_id = ulid_str(&y->team)});
}

static enum err rotate_secret(struct store_tx *tx, void *ctx)
{
    struct story *y = ctx;
    struct sealed_row row = {.id = y->secret,
                             .team_id = y->team,
                             .name = STR("A"),
                             .version = 2,
                             .key_version = 1,
                             .sealed = STR("two")};
    TRY(store_secret_rotate(tx, &row));
    return store_audit(
        tx, &(struct audit_record){.type = AUDIT_SECRET_ROTATED, .team_id = ulid_str(&y->team)});
}

static enum err make_job(struct store_tx *tx, void *ctx)
{
    struct story *y = ctx;
    struct job job = {.id = y->job, .team_id = y->team, .payload = STR("{}"), .tags = STR("a,b")};
    TRY(store_job_insert(tx, &job));
    return store_audit(
        tx, &(struct audit_record){.type = AUDIT_JOB_SUBMITTED, .team_id = ulid_str(&y->team)});
}

static enum err lease_job(struct store_tx *tx, void *ctx)
{
    struct story *y = ctx;
    AUTO(arena) struct arena a = arena_make();
    struct lease_request r = {.team_id = ulid_str(&y->team),
                              .lease_id = y->lease,
                              .token_id = STR("t"),
                              .tags = STR("b"),
                              .now_ms = 1,
                              .lease_ms = 9};
    struct job job;
    TRY(store_job_lease(tx, &r, &a, &job));
    TRY(store_log_append(tx, ulid_str(&y->job), 0, STR("line")));
    return store_audit(
        tx, &(struct audit_record){.type = AUDIT_JOB_LEASED, .team_id = ulid_str(&y->team)});
}

static enum err delete_secret(struct store_tx *tx, void *ctx)
{
    struct story *y = ctx;
    AUTO(arena) struct arena a = arena_make();
    struct str name;
    TRY(store_secret_delete(tx, ulid_str(&y->team), ulid_str(&y->secret), &a, &name));
    return store_audit(
        tx, &(struct audit_record){.type = AUDIT_SECRET_DELETED, .team_id = ulid_str(&y->team)});
}

static store_op *const steps[] = {make_team, make_secret, rotate_secret,
                                  make_job,  lease_job,   delete_secret};

/* What is stored after so many steps: every table's rows, and the counter. */
static const char digest[] =
    "SELECT (SELECT COUNT(*) FROM teams) + 10 * (SELECT COUNT(*) FROM secrets)"
    " + 100 * (SELECT COUNT(*) FROM versions) + 1000 * (SELECT COUNT(*) FROM queue)"
    " + 10000 * (SELECT COUNT(*) FROM logs) + 100000 * (SELECT COUNT(*) FROM audit)"
    " + 1000000 * (SELECT COALESCE(SUM(secret_count), 0) FROM teams)"
    " + 10000000 * (SELECT COALESCE(SUM(state), 0) FROM jobs)"
    " + 100000000 * (SELECT COUNT(*) FROM payloads)";
static const int64_t digests[] = {0, 100001, 1200111, 1300211, 101403211, 121510211, 120610001};

static enum err read_digest(struct store *s, int64_t *ret)
{
    struct store_tx *tx;
    TRY(store_read_begin(s, &tx));
    struct db_stmt *q = NULL;
    enum err e = db_prepare(tx->db, digest, &q);
    if (e == OK)
        e = db_row(q);
    if (e == OK)
        *ret = db_column_int(q);
    db_done(&q);
    store_read_end(s, &tx);
    return e;
}

static int64_t stored(struct store *s)
{
    int64_t n = -1;
    if (read_digest(s, &n) != OK) /* the fault met the reader */
        CHECK_OK(read_digest(s, &n));
    return n;
}

/* Tells the whole story with the n-th call failing; each step is tried until it is done. */
static bool tell(unsigned n)
{
    kit_folder(&k);
    struct store *s = NULL;
    struct store_options options = {.folder = k.folder, .create = true, .fail_nth_call = n};
    unsigned failures = 0;
    enum err e = store_open(&options, &s);
    if (e != OK) {
        CHECK_ERR(e, ERR_UNAVAILABLE);
        failures++;
        options.fail_nth_call = 0;
        e = store_open(&options, &s);
        if (e == ERR_CONFLICT) { /* it had been made */
            options.create = false;
            e = store_open(&options, &s);
        }
        CHECK_OK(e);
    }
    struct story y = {
        .team = ulid_new(), .secret = ulid_new(), .job = ulid_new(), .lease = STR("lease")};
    for (size_t i = 0; s && i < ARRAY_LEN(steps); i++) {
        e = store_write_wait(s, steps[i], &y);
        if (e != OK) {
            CHECK_ERR(e, ERR_UNAVAILABLE);
            failures++;
            CHECK_EQ(stored(s), digests[i]);
            CHECK_OK(store_write_wait(s, steps[i], &y));
        }
        CHECK_EQ(stored(s), digests[i + 1]);
    }
    CHECK(failures <= 1);
    bool spent = !options.fail_nth_call || db_fault_spent(&s->fault);
    store_close(&s);
    kit_remove(&k);
    return spent;
}

static void test_any_call_may_fail(void)
{
    unsigned n = 1;
    while (tell(n) && n < 2000)
        n++;
    printf("# %u calls failed, each once\n", n - 1);
    CHECK(n > 100 && n < 2000);
}

static enum err put_row(struct store_tx *tx, void *ctx)
{
    struct sealed_row *row = ctx;
    row->id = ulid_new();
    TRY(store_secret_insert(tx, row));
    return store_audit(tx, &(struct audit_record){.type = AUDIT_SECRET_CREATED,
                                                  .team_id = ulid_str(&row->team_id),
                                                  .name = row->name});
}

struct writer {
    struct store *s;
    struct ulid team;
    int number, pipe, round;
};

static void *write_and_report(void *ctx)
{
    struct writer *w = ctx;
    for (int i = 0; i < INT32_MAX; i++) {
        char name[32];
        (void)snprintf(name, sizeof name, "r%d-w%d-%d", w->round, w->number, i);
        struct sealed_row row = {.team_id = w->team,
                                 .name = str_from(name),
                                 .version = 1,
                                 .key_version = 1,
                                 .sealed = STR("sealed sealed sealed")};
        if (store_write_wait(w->s, put_row, &row) != OK)
            continue;
        char line[32] = {0};
        memcpy(line, name, sizeof line);
        (void)!write(w->pipe, line, sizeof line); /* under PIPE_BUF: whole or not */
    }
    return NULL;
}

static NO_RETURN void child_writes(struct ulid team, int pipe, int round)
{
    struct store *s = NULL;
    struct store_options options = {.folder = k.folder};
    if (store_open(&options, &s) != OK)
        _exit(1);
    struct writer writers[8];
    pthread_t threads[8];
    for (int i = 0; i < 8; i++) {
        writers[i] = (struct writer){s, team, i, pipe, round};
        if (pthread_create(&threads[i], NULL, write_and_report, &writers[i]) != 0)
            _exit(1);
    }
    pause();
    _exit(1);
}

static size_t acknowledged_are_there(struct store *s, struct str lines)
{
    struct store_tx *tx;
    CHECK_OK(store_read_begin(s, &tx));
    size_t count = lines.len / 32, missing = 0, audits;
    for (size_t i = 0; i < count; i++) {
        struct secret_row row;
        AUTO(arena) struct arena a = arena_make();
        missing += store_secret_by_name(tx, ulid_str(&k.team), str_from(lines.ptr + i * 32), &a,
                                        &row) != OK;
    }
    CHECK_EQ(missing, 0);
    struct audit_row *rows;
    struct arena a = arena_make();
    CHECK_OK(store_audit_list(tx, ulid_str(&k.team), 0, 1000000, &a, &rows, &audits));
    for (size_t i = 0; i < audits; i++)
        CHECK_EQ(rows[i].sequence, (int64_t)i + 1);
    arena_auto(&a);
    /* One for the team; else one for each secret, acknowledged or not. */
    int64_t secrets = kit_number(tx->db, "SELECT COUNT(*) FROM secrets");
    CHECK_EQ(audits, (size_t)secrets + 1);
    CHECK_EQ(kit_number(tx->db, "SELECT secret_count FROM teams"), secrets);
    CHECK_EQ(kit_number(tx->db, "SELECT COUNT(*) FROM versions"), secrets);
    store_read_end(s, &tx);
    return count;
}

static void test_killed_at_any_moment_nothing_acknowledged_is_lost(void)
{
    kit_folder(&k);
    struct store *s = NULL;
    struct store_options options = {.folder = k.folder, .create = true};
    CHECK_OK(store_open(&options, &s));
    options.create = false;
    struct story y = {.team = ulid_new()};
    k.team = y.team;
    CHECK_OK(store_write_wait(s, make_team, &y));
    store_close(&s);
    AUTO(buf) struct buf told = buf_make(16 << 20);
    size_t count = 0;
    for (int round = 0; round < 6; round++) {
        int ends[2];
        CHECK_EQ(pipe(ends), 0);
        pid_t child = fork();
        if (child == 0)
            child_writes(y.team, ends[1], round);
        close(ends[1]);
        struct pollfd told_something = {.fd = ends[0], .events = POLLIN};
        CHECK_EQ(poll(&told_something, 1, 20000), 1);
        usleep((useconds_t)(20000 + round * 17000));
        CHECK_EQ(kill(child, SIGKILL), 0);
        int status;
        CHECK_EQ(waitpid(child, &status, 0), child);
        CHECK(WIFSIGNALED(status));
        CHECK_OK(io_read_all(ends[0], &told));
        close(ends[0]);
        CHECK_OK(store_open(&options, &s));
        count = acknowledged_are_there(s, buf_str(&told));
        store_close(&s);
    }
    printf("# %zu acknowledged writes, all there\n", count);
    CHECK(count > 0);
    kit_remove(&k);
}

/* In a child, since the limit stays: writes until the file may not grow, then gets room again. */
static int child_meets_full_disk(void)
{
    struct store *s = NULL;
    struct store_options options = {.folder = k.folder, .create = true};
    struct story y = {.team = ulid_new()};
    static char big[100000];
    struct sealed_row row = {
        .team_id = y.team, .version = 1, .key_version = 1, .sealed = str_bytes(big, sizeof big)};
    if (store_open(&options, &s) != OK || store_write_wait(s, make_team, &y) != OK)
        return 1;
    struct rlimit limit = {1000000, RLIM_INFINITY};
    signal(SIGXFSZ, SIG_IGN);
    setrlimit(RLIMIT_FSIZE, &limit);
    enum err e = OK;
    char name[16];
    int written = 0;
    row.name = str_bytes(name, 4);
    while (e == OK && written < 100) {
        (void)snprintf(name, sizeof name, "n%03d", written);
        e = store_write_wait(s, put_row, &row);
        written += e == OK;
    }
    if (e != ERR_STORE_FULL || store_health(s).writable)
        return 2;
    if (store_write_wait(s, put_row, &row) != ERR_STORE_FULL)
        return 3;
    limit.rlim_cur = RLIM_INFINITY;
    setrlimit(RLIMIT_FSIZE, &limit);
    if (store_write_wait(s, put_row, &row) != OK || !store_health(s).writable)
        return 4;
    struct store_tx *tx;
    if (store_read_begin(s, &tx) != OK)
        return 5;
    int64_t secrets = kit_number(tx->db, "SELECT COUNT(*) FROM secrets");
    int64_t audits = kit_number(tx->db, "SELECT COUNT(*) FROM audit");
    store_read_end(s, &tx);
    store_close(&s);
    return secrets == written + 1 && audits == secrets + 1 ? 0 : 6;
}

static void test_full_disk_says_so_and_recovers(void)
{
    kit_folder(&k);
    pid_t child = fork();
    if (child == 0)
        _exit(child_meets_full_disk());
    int status;
    CHECK_EQ(waitpid(child, &status, 0), child);
    CHECK(WIFEXITED(status));
    CHECK_EQ(WEXITSTATUS(status), 0);
    kit_remove(&k);
}

int main(void)
{
    RUN(test_any_call_may_fail);
    RUN(test_killed_at_any_moment_nothing_acknowledged_is_lost);
    RUN(test_full_disk_says_so_and_recovers);
    return test_done();
}
