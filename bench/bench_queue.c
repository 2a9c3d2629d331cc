/* Pick-up by length of the queue: fills a store with jobs that wait, then leases some of them, one
 * transaction each, and prints one line of JSON: CPU and wall time of a lease.
 *
 *     bench_queue FOLDER JOBS LEASES
 *
 * The jobs have two tags and five priorities; FOLDER is on the disk to measure.
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "bench_load.h"
#include "clock.h"
#include "store_job.h"
#include "store_team.h"

enum { PER_TRANSACTION = 2000, PAYLOAD_BYTES = 1000 };

static char folder[240];
static struct ulid team;
static char payload[PAYLOAD_BYTES];

static void must(enum err e, const char *what)
{
    if (e == OK)
        return;
    (void)fprintf(stderr, "bench_queue: %s: %s\n", what, err_text(e));
    exit(1);
}

static enum err make_team(struct store_tx *tx, void *ctx)
{
    (void)ctx;
    struct team t = {.id = team, .name = STR("bench"), .key_version = 1};
    return store_team_insert(tx, &t);
}

struct range {
    uint64_t from, to;
};

static enum err fill(struct store_tx *tx, void *ctx)
{
    const struct range *r = ctx;
    for (uint64_t i = r->from; i < r->to; i++) {
        struct job job = {.id = ulid_new(),
                          .team_id = team,
                          .payload = str_bytes(payload, sizeof payload),
                          .output_name = STR("x.mp4"),
                          .tags = i % 2 ? STR("a,b") : STR("a,c"),
                          .priority = (int64_t)(i % 5),
                          .submitted_by = STR("tokentokento"),
                          .created_at_ms = clock_unix_ms(),
                          .output_bytes = -1};
        TRY(store_job_insert(tx, &job));
    }
    return OK;
}

static enum err lease(struct store_tx *tx, void *ctx)
{
    (void)ctx;
    AUTO(arena) struct arena a = arena_make();
    struct ulid id = ulid_new();
    struct job job;
    struct lease_request r = {.team_id = ulid_str(&team),
                              .lease_id = ulid_str(&id),
                              .token_id = STR("workertoken1"),
                              .worker = STR("node-1"),
                              .tags = STR("b"),
                              .now_ms = clock_unix_ms(),
                              .lease_ms = 60000};
    return store_job_lease(tx, &r, &a, &job);
}

static double seconds(clockid_t clock)
{
    struct timespec t;
    clock_gettime(clock, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void remove_files(void)
{
    static const char *const files[] = {"safelight.db-wal", "safelight.db-shm", "lock",
                                        "safelight.db"};
    char path[300];
    for (size_t i = 0; i < ARRAY_LEN(files); i++) {
        (void)snprintf(path, sizeof path, "%s/%s", folder, files[i]);
        (void)unlink(path);
    }
    (void)rmdir(folder);
}

int main(int argc, char **argv)
{
    if (argc != 4)
        load_die("bench_queue FOLDER JOBS LEASES");
    uint64_t jobs = load_number(argv[2]), leases = load_number(argv[3]);
    if (jobs < 2 * leases)
        load_die("at least twice as many jobs as leases");
    (void)snprintf(folder, sizeof folder, "%s/safelight-queue-XXXXXX", argv[1]);
    if (!mkdtemp(folder))
        load_die("the folder cannot be made");
    memset(payload, 'x', sizeof payload);
    struct store *s = NULL;
    team = ulid_new();
    must(store_open(&(struct store_options){.folder = folder, .create = true}, &s), "open");
    must(store_write_wait(s, make_team, NULL), "team");
    for (uint64_t i = 0; i < jobs; i += PER_TRANSACTION) {
        struct range r = {i, i + PER_TRANSACTION < jobs ? i + PER_TRANSACTION : jobs};
        must(store_write_wait(s, fill, &r), "fill");
    }
    double cpu = seconds(CLOCK_PROCESS_CPUTIME_ID), wall = seconds(CLOCK_MONOTONIC);
    for (uint64_t i = 0; i < leases; i++)
        must(store_write_wait(s, lease, NULL), "lease");
    cpu = seconds(CLOCK_PROCESS_CPUTIME_ID) - cpu;
    wall = seconds(CLOCK_MONOTONIC) - wall;
    printf("{\"jobs\": %llu, \"leases\": %llu, \"cpu_us\": %.2f, \"wall_us\": %.2f}\n",
           (unsigned long long)jobs, (unsigned long long)leases, cpu * 1e6 / (double)leases,
           wall * 1e6 / (double)leases);
    store_close(&s);
    remove_files();
    return 0;
}
