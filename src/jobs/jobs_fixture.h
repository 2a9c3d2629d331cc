/* For the tests of jobs: a real store in a temporary folder, and a real vault process (the test
 * program starts itself again for it, since the arena of secrets does not survive a fork). */
#ifndef JOBS_FIXTURE_H
#define JOBS_FIXTURE_H

#include <dirent.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "clock.h"
#include "io.h"
#include "ipc.h"
#include "jobs.h"
#include "store_audit.h"
#include "store_secret.h"
#include "test.h"
#include "vault_serve.h"

struct fixture {
    char folder[64];
    pid_t pid;
    struct vault *vault;
    struct store *store;
    struct team team;
    struct arena arena;
    struct actor actor, worker;
};
static struct fixture f;

static inline int fixture_number(const char *text)
{
    uint64_t v = 0;
    CHECK_OK(str_to_u64(str_from(text), INT32_MAX, &v));
    return (int)v;
}

static void fixture_begin(int argc, char **argv)
{
    if (argc != 3)
        return;
    int client = fixture_number(argv[1]);
    struct vault_serve options = {.clients = &client,
                                  .client_count = 1,
                                  .supervisor = -1,
                                  .recovery = -1,
                                  .root_key = fixture_number(argv[2]),
                                  .pending_root_key = -1};
    _exit(vault_serve(&options) == OK ? 0 : 1);
}

static void fixture_vault(void)
{
    static const char root[] = "a root key of 32 bytes for tests";
    int client[2], key = memfd_create("root key", 0);
    CHECK_OK(io_write_all(key, str_bytes(root, VAULT_ROOT_KEY_BYTES)));
    CHECK_EQ(lseek(key, 0, SEEK_SET), 0);
    CHECK_OK(ipc_pair(client));
    f.pid = fork();
    if (f.pid == 0) {
        char name[] = "vault", text[2][16];
        char *argv[] = {name, text[0], text[1], NULL};
        fcntl(client[1], F_SETFD, 0);
        snprintf(text[0], sizeof text[0], "%d", client[1]);
        snprintf(text[1], sizeof text[1], "%d", key);
        execv("/proc/self/exe", argv);
        _exit(127);
    }
    io_close(&client[1]);
    io_close(&key);
    f.vault = vault_connect(client[0]);
    struct ulid instance = ulid_new();
    AUTO(buf) struct buf keyring = buf_make(4096);
    CHECK_OK(vault_keyring_create(f.vault, ulid_str(&instance), &keyring));
    CHECK_OK(vault_unlock(f.vault, ulid_str(&instance), buf_str(&keyring)));
}

static enum err fixture_chain(void *ctx, const uint8_t previous[32], const struct str *records,
                              size_t count, uint8_t (*ret_macs)[32])
{
    return vault_chain_audit(ctx, previous, records, count, ret_macs);
}

static enum err fixture_add_team(struct store_tx *tx, void *ctx)
{
    const struct team *team = ctx;
    TRY(store_team_insert(tx, team));
    return store_team_key_put(tx, ulid_str(&team->id), team->key_version, team->team_key);
}

/* A store of its own in a new folder with the team in it. With fault injection it may fail. */
static enum err fixture_open(unsigned fail_nth_call)
{
    snprintf(f.folder, sizeof f.folder, "/tmp/jobs-test-XXXXXX");
    CHECK(mkdtemp(f.folder) != NULL);
    struct store_options options = {
        .folder = f.folder, .create = true, .fail_nth_call = fail_nth_call};
    TRY(store_open(&options, &f.store));
    store_set_chain(f.store, fixture_chain, f.vault);
    return store_write_wait(f.store, fixture_add_team, &f.team);
}

static void fixture_close(void)
{
    if (f.store)
        store_close(&f.store);
    DIR *folder = opendir(f.folder);
    for (struct dirent *e; folder && (e = readdir(folder)) != NULL;)
        (void)unlinkat(dirfd(folder), e->d_name, 0);
    closedir(folder);
    CHECK_EQ(rmdir(f.folder), 0);
}

/* All but the store. */
static void fixture_prepare_team(void)
{
    fixture_vault();
    f.arena = arena_make();
    f.team = (struct team){
        .id = ulid_new(), .name = STR("team"), .key_version = 1, .created_at_ms = clock_unix_ms()};
    AUTO(buf) struct buf key = buf_make(4096);
    CHECK_OK(vault_team_key_create(f.vault, ulid_str(&f.team.id), 1, &key));
    f.team.team_key = arena_str(&f.arena, buf_str(&key));
    f.actor = (struct actor){.team_id = ulid_str(&f.team.id),
                             .token_id = STR("submitter0001"),
                             .address = STR("127.0.0.1"),
                             .request_id = STR("r1"),
                             .names = STR("*"),
                             .may_list_names = true};
    f.worker = f.actor;
    f.worker.token_id = STR("worker000001");
}

static void fixture_end(void)
{
    vault_free(&f.vault);
    CHECK_EQ(waitpid(f.pid, NULL, 0), f.pid);
    arena_auto(&f.arena);
}

static inline void fixture_start(void)
{
    fixture_prepare_team();
    CHECK_OK(fixture_open(0));
}

static inline void fixture_stop(void)
{
    fixture_close();
    fixture_end();
}

/* --- secrets --- */

static inline enum err fixture_put_op(struct store_tx *tx, void *ctx)
{
    const struct sealed_row *row = ctx;
    return row->version == 1 ? store_secret_insert(tx, row) : store_secret_rotate(tx, row);
}

static inline struct ulid fixture_put(const char *name, const char *value, uint32_t version,
                                      struct ulid id)
{
    struct sealed_row row = {.id = version == 1 ? ulid_new() : id,
                             .team_id = f.team.id,
                             .name = str_from(name),
                             .version = version,
                             .epoch = version,
                             .created_at_ms = clock_unix_ms(),
                             .policy = STR_EMPTY,
                             .key_version = 1};
    struct seal_context context = {.team_id = ulid_str(&f.team.id),
                                   .secret_id = ulid_str(&row.id),
                                   .name = row.name,
                                   .version = version,
                                   .epoch = version,
                                   .created_at_ms = row.created_at_ms,
                                   .policy = STR_EMPTY};
    AUTO(buf) struct buf sealed = buf_make(128 * 1024);
    AUTOP(secret) struct secret *s = NULL;
    CHECK_OK(secret_new(str_from(value), &s));
    CHECK_OK(vault_seal(f.vault, &context, f.team.team_key, s, &sealed));
    row.sealed = buf_str(&sealed);
    if (store_write_wait(f.store, fixture_put_op, &row) != OK) /* an injected fault, once */
        CHECK_OK(store_write_wait(f.store, fixture_put_op, &row));
    return row.id;
}

static inline struct ulid fixture_secret(const char *name, const char *value)
{
    return fixture_put(name, value, 1, (struct ulid){{0}});
}

static inline enum err fixture_delete_op(struct store_tx *tx, void *ctx)
{
    AUTO(arena) struct arena a = arena_make();
    struct str name;
    return store_secret_delete(tx, ulid_str(&f.team.id), ulid_str(ctx), &a, &name);
}

static inline void fixture_delete(struct ulid id)
{
    CHECK_OK(store_write_wait(f.store, fixture_delete_op, &id));
}

/* --- jobs --- */

static inline enum err fixture_prepare(const char *payload, struct problems *problems,
                                       struct job_prepared *ret)
{
    struct store_tx *tx = NULL;
    problems_init(problems, &f.arena);
    CHECK_OK(store_read_begin(f.store, &tx));
    enum err e =
        job_prepare(tx, &f.actor, JOB_KIND_RENDER, str_from(payload), &f.arena, problems, ret);
    store_read_end(f.store, &tx);
    return e;
}

static inline struct ulid fixture_submit(const char *payload)
{
    struct problems problems;
    struct job_prepared prepared = {0};
    enum err e = fixture_prepare(payload, &problems, &prepared);
    CHECK_OK(e);
    if (e == OK)
        CHECK_OK(store_write_wait(f.store, job_insert_op, &prepared));
    return prepared.job.id;
}

static inline struct job fixture_job(struct ulid id)
{
    struct store_tx *tx = NULL;
    struct job job = {0};
    CHECK_OK(store_read_begin(f.store, &tx));
    CHECK_OK(store_job_any(tx, ulid_str(&id), true, &f.arena, &job));
    store_read_end(f.store, &tx);
    return job;
}

static inline struct str fixture_log(struct ulid id)
{
    struct store_tx *tx = NULL;
    AUTO(buf) struct buf text = buf_make(2 * JOB_LOG_MAX_BYTES);
    CHECK_OK(store_read_begin(f.store, &tx));
    CHECK_OK(store_log_read(tx, ulid_str(&id), 0, 2 * JOB_LOG_MAX_BYTES, &text));
    store_read_end(f.store, &tx);
    return arena_str(&f.arena, buf_str(&text));
}

static inline struct job_lease fixture_lease(void)
{
    struct job_lease l = {.actor = &f.worker,
                          .worker = STR("node-1"),
                          .engines = STR("ffmpeg"),
                          .tags = STR_EMPTY,
                          .base_url = STR("http://h:1"),
                          .arena = &f.arena};
    CHECK_OK(store_write_wait(f.store, job_lease_op, &l));
    return l;
}

/* How many audit records of this kind the job has. */
static inline size_t fixture_audits(enum audit_event_type type, struct ulid job_id)
{
    struct store_tx *tx = NULL;
    struct audit_row *rows;
    size_t count, found = 0;
    CHECK_OK(store_read_begin(f.store, &tx));
    CHECK_OK(store_audit_list(tx, ulid_str(&f.team.id), 0, 10000, &f.arena, &rows, &count));
    for (size_t i = 0; i < count; i++)
        found += rows[i].fields.type == type && str_equal(rows[i].fields.job_id, ulid_str(&job_id));
    store_read_end(f.store, &tx);
    return found;
}

/* The job's deliveries; the one of this kind, or state 0. */
static inline struct delivery fixture_delivery(struct ulid job_id, enum delivery_kind kind)
{
    struct store_tx *tx = NULL;
    struct delivery *list, found = {0};
    size_t count;
    CHECK_OK(store_read_begin(f.store, &tx));
    CHECK_OK(store_delivery_of_job(tx, ulid_str(&job_id), &f.arena, &list, &count));
    for (size_t i = 0; i < count; i++) {
        if (list[i].kind == kind)
            found = list[i];
    }
    store_read_end(f.store, &tx);
    return found;
}

#endif
