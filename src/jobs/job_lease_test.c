#include <pthread.h>

#include "hash.h"
#include "jobs_fixture.h"
#include "json_scan.h"
#include "store_template.h"

#define ENGINE "\"engine\":\"ffmpeg\""
#define VALUE  "not-a-real-value \"quoted\" ${secret.B}"
#define PARAMS                                                                                     \
    "\"params\":{\"region\":\"r\",\"bucket\":\"b\",\"accessKeyId\":\"${secret.A}\","               \
    "\"accessKeySecret\":\"${secret.B}\"}"

static struct str written(const struct job_lease *l)
{
    AUTO(buf) struct buf out = buf_make(RESOLVED_PAYLOAD_MAX_BYTES);
    CHECK_OK(job_write_lease(l, f.vault, &out));
    return arena_str(&f.arena, buf_str(&out));
}

static bool holds(struct str text, const char *needle)
{
    return str_search(text, str_from(needle), 0) < text.len;
}

/* Ends what a test leased, so that the next one finds an empty queue. */
static void end(const struct job_lease *l)
{
    struct job_finish finish = {.job_id = ulid_str(&l->job.id),
                                .error = STR("over"),
                                .lease_id = STR_EMPTY,
                                .token_id = STR_EMPTY,
                                .arena = &f.arena};
    CHECK_OK(store_write_wait(f.store, job_finish_op, &finish));
}

static void test_nothing_to_do_is_not_an_error(void)
{
    CHECK(!fixture_lease().found);
}

static void test_lease_without_secrets_is_the_payload_with_an_id(void)
{
    struct ulid id = fixture_submit(" {" ENGINE ",\"x\": 1.50 ,\"assets\":[]}");
    struct job_lease l = fixture_lease();
    CHECK(l.found);
    struct str url = l.output_url;
    struct str want = arena_printf(
        &f.arena,
        "{\"lease\":\"%.*s\",\"leaseMs\":60000,\"job\": {\"id\":\"%s\"," ENGINE
        ",\"x\": 1.50 ,\"assets\":[]},\"output\":{\"url\":\"%.*s\",\"name\":\"%s.mp4\"}}",
        (int)l.job.lease_id.len, l.job.lease_id.ptr, id.text, (int)url.len, url.ptr, id.text);
    CHECK_STR(written(&l), want.ptr);
    CHECK(str_starts(url, STR("http://h:1/t/")));
    CHECK_EQ(url.len, sizeof "http://h:1/t/" - 1 + 32);
    CHECK_EQ(fixture_audits(AUDIT_JOB_LEASED, id), 1);
    CHECK_EQ(fixture_audits(AUDIT_SECRET_EXPOSED, id), 0);
    end(&l);
}

static void test_an_id_of_the_payload_gives_way(void)
{
    struct ulid id = fixture_submit("{\"i\\u0064\":\"mine\"," ENGINE "}");
    struct job_lease l = fixture_lease();
    struct str want = arena_printf(&f.arena, "\"job\":{\"i\\u0064\":\"%s\"," ENGINE "}", id.text);
    CHECK(holds(written(&l), want.ptr));
    end(&l);
}

static const char rich[] =
    "{" ENGINE ",\"template\":{\"id\":\"x\",\"src\":\"https://t/${secret.A}\"},\"assets\":["
    "{\"type\":\"image\",\"src\":\"https://a/${secret.A}\",\"params\":{\"headers\":{\"X\":\"y\"}}},"
    "{\"type\":\"image\",\"src\":\"https://b/\",\"params\":{\"headers\":{\"X\":\"${secret.B}\"}}},"
    "{\"type\":\"image\",\"src\":\"https://c/"
    "$${secret.A}\",\"params\":{\"headers\":{\"X\":\"y\"}}},"
    "{\"type\":\"text\",\"value\":\"a ${secret.A}b$${secret.A}\"},"
    "{\"type\":\"text\",\"value\":\"${env.HOME}\"}],"
    "\"upload\":{" PARAMS "},\"webhook\":{\"url\":\"https://h/${secret.B}\"}}";

static void test_addresses_become_one_time_and_the_rest_is_spliced(void)
{
    struct ulid id = fixture_submit(rich);
    struct job_lease l = fixture_lease();
    CHECK(l.found);
    struct str text = written(&l);
    CHECK(holds(text, "\"template\":{\"id\":\"x\",\"src\":\"http://h:1/t/"));
    CHECK(holds(text, "{\"type\":\"image\",\"src\":\"http://h:1/t/"));
    CHECK(holds(text, "\"params\":{\"headers\":{}}},{\"type\":\"image\",\"src\":\"http://h:1/t/"));
    CHECK(holds(text, "\"src\":\"https://c/${secret.A}\",\"params\":{\"headers\":{\"X\":\"y\"}}"));
    CHECK(holds(text, "\"value\":\"a not-a-real-value \\\"quoted\\\" ${secret.B}b${secret.A}\""));
    CHECK(holds(text, "\"value\":\"${env.HOME}\""));
    CHECK(holds(text, "\"upload\":null,\"webhook\":null}"));
    CHECK(!holds(text, "https://a/") && !holds(text, "https://b/") && !holds(text, "https://t/"));
    CHECK(!holds(text, "value-b"));
    CHECK_EQ(fixture_audits(AUDIT_SECRET_EXPOSED, id), 1);
    CHECK_STR(fixture_job(id).payload, rich);
    end(&l);
}

static enum err insert_template_op(struct store_tx *tx, void *ctx)
{
    return store_template_insert(tx, ctx);
}

/* libcurl's parser takes a quotation mark in a path. */
static void test_an_address_of_a_stored_template_is_written_as_json(void)
{
    struct template_row row = {.id = ulid_new(),
                               .team_id = f.team.id,
                               .display_name = STR("t"),
                               .status = TEMPLATE_UPLOADED,
                               .src = STR("https://cdn.test/a\",\"x\":\"b.aep"),
                               .error = STR_EMPTY,
                               .file = STR_EMPTY,
                               .project = STR_EMPTY};
    CHECK_OK(store_write_wait(f.store, insert_template_op, &row));
    static const char *const forms[] = {"{\"template\":{\"id\":\"%s\"}}",
                                        "{\"template\":{\"id\":\"%s\",\"src\":null}}"};
    for (size_t i = 0; i < ARRAY_LEN(forms); i++) {
        const char *mark = strstr(forms[i], "%s");
        (void)fixture_submit(arena_printf(&f.arena, "%.*s%s%s", (int)(mark - forms[i]), forms[i],
                                          row.id.text, mark + 2)
                                 .ptr);
        struct job_lease l = fixture_lease();
        CHECK(l.found);
        CHECK(holds(written(&l), "\"src\":\"https://cdn.test/a\\\",\\\"x\\\":\\\"b.aep\""));
        CHECK_OK(json_valid(written(&l), JSON_LIMITS_DEFAULT));
        end(&l);
    }
}

/* One bit of the disk must not hold up a queue. */
static void test_a_damaged_payload_ends_its_job_and_the_next_is_taken(void)
{
    static const char *const damaged[] = {
        "{" ENGINE ",\"webhook\":{\"url\":\"https://h/\"", "{" ENGINE ",\"assets\":{}}",
        "{" ENGINE ",\"assets\":[{\"type\":\"text\",\"value\":\"${secret.\"}]}", ""};
    for (size_t i = 0; i < ARRAY_LEN(damaged); i++) {
        struct problems problems;
        struct job_prepared prepared = {0};
        CHECK_OK(fixture_prepare("{" ENGINE "}", &problems, &prepared));
        prepared.job.payload = str_from(damaged[i]);
        CHECK_OK(store_write_wait(f.store, job_insert_op, &prepared));
        struct ulid next = fixture_submit("{" ENGINE "}");
        struct job_lease l = fixture_lease();
        CHECK(l.found);
        CHECK_STR(ulid_str(&l.job.id), next.text);
        CHECK_EQ(fixture_job(prepared.job.id).state, JOB_ERROR);
        CHECK_STR(fixture_job(prepared.job.id).error, JOB_DAMAGED);
        end(&l);
    }
}

static enum err take_op(struct store_tx *tx, void *ctx)
{
    struct {
        struct str secret;
        struct ticket ticket;
    } *t = ctx;
    uint8_t hash[HASH_BYTES];
    hash_blake2b(t->secret, hash);
    return store_ticket_take(tx, hash, clock_unix_ms(), &f.arena, &t->ticket);
}

static void test_tickets_are_for_the_lease_and_wear_out(void)
{
    struct ulid id = fixture_submit("{" ENGINE ",\"assets\":[{\"type\":\"text\",\"value\":\"a\"},"
                                    "{\"type\":\"image\",\"src\":\"https://a/${secret.A}\"}]}");
    struct job_lease l = fixture_lease();
    struct {
        struct str secret;
        struct ticket ticket;
    } t = {.secret = str_slice(l.output_url, sizeof "http://h:1/t/" - 1, l.output_url.len)};
    CHECK_OK(store_write_wait(f.store, take_op, &t));
    CHECK_EQ(t.ticket.kind, TICKET_OUTPUT_PUT);
    CHECK(str_equal(t.ticket.lease_id, l.job.lease_id));
    CHECK(str_equal(ulid_str(&t.ticket.job_id), ulid_str(&id)));
    CHECK_ERR(store_write_wait(f.store, take_op, &t), ERR_GONE);
    struct str text = written(&l);
    size_t at = str_search(text, STR("\"src\":\"http://h:1/t/"), 0) + 20;
    t.secret = str_slice(text, at, at + 32);
    for (int i = 0; i < 3; i++) {
        CHECK_OK(store_write_wait(f.store, take_op, &t));
        CHECK_EQ(t.ticket.kind, TICKET_ASSET_GET);
        CHECK_STR(t.ticket.pointer, "/assets/1");
    }
    CHECK_ERR(store_write_wait(f.store, take_op, &t), ERR_GONE);
    t.secret = STR("00000000000000000000000000000000");
    CHECK_ERR(store_write_wait(f.store, take_op, &t), ERR_NOT_FOUND);
    end(&l);
}

static void check_bundle(struct ulid id, enum job_part part, const char *pointer,
                         const char *fragment, size_t uses, size_t records)
{
    struct job job = fixture_job(id);
    struct store_tx *tx = NULL;
    struct ref_bundle b = {0}, back;
    struct str missing;
    CHECK_OK(store_read_begin(f.store, &tx));
    CHECK_OK(job_bundle(tx, &job, part, str_from(pointer), &f.arena, &b, &missing));
    store_read_end(f.store, &tx);
    CHECK_STR(b.fragment, fragment);
    CHECK_EQ(b.use_count, uses);
    CHECK_EQ(b.record_count, records);
    AUTO(buf) struct buf bytes = buf_make(COURIER_ORDER_MAX_BYTES);
    CHECK_OK(ref_bundle_encode(&b, &bytes));
    CHECK_OK(ref_bundle_decode(buf_str(&bytes), &f.arena, &back));
    AUTO(ref_values) struct ref_values values = {0};
    struct vault_use use = {.purpose = VAULT_FOR_MASKING, .job_id = ulid_str(&id)};
    struct str name;
    CHECK_OK(ref_bundle_open(&back, f.vault, &use, &values, &name));
}

static void test_bundles_hold_their_part_alone(void)
{
    struct ulid id = fixture_submit(rich);
    check_bundle(id, JOB_PART_UPLOAD, "", "{" PARAMS "}", 2, 2);
    check_bundle(id, JOB_PART_WEBHOOK, "", "{\"url\":\"https://h/${secret.B}\"}", 1, 1);
    check_bundle(id, JOB_PART_ASSET, "/template",
                 "{\"id\":\"x\",\"src\":\"https://t/${secret.A}\"}", 1, 1);
    check_bundle(id, JOB_PART_ASSET, "/assets/1",
                 "{\"type\":\"image\",\"src\":\"https://b/\",\"params\":{\"headers\":"
                 "{\"X\":\"${secret.B}\"}}}",
                 1, 1);
    check_bundle(id, JOB_PART_ALL, "", rich, 9, 2);
    struct job job = fixture_job(id);
    struct store_tx *tx = NULL;
    struct ref_bundle b;
    struct str missing = STR("x");
    static const char *const none[] = {"",           "/assets/5", "/assets/", "/assets/0/src",
                                       "/assets/-1", "/webhook"};
    CHECK_OK(store_read_begin(f.store, &tx));
    for (size_t i = 0; i < ARRAY_LEN(none); i++) {
        CHECK_ERR(job_bundle(tx, &job, JOB_PART_ASSET, str_from(none[i]), &f.arena, &b, &missing),
                  ERR_NOT_FOUND);
        CHECK_EQ(missing.len, 0);
    }
    store_read_end(f.store, &tx);
    struct job_lease l = fixture_lease();
    end(&l);
}

static void test_hosts_are_told_only_when_they_stand_there(void)
{
    static const struct {
        enum job_part part;
        const char *fragment, *host;
    } cases[] = {
        {JOB_PART_WEBHOOK, "{\"url\":\"https://h.example:8443/a?b\"}", "h.example:8443"},
        {JOB_PART_WEBHOOK, "{\"url\":\"https://${secret.A}/a\"}", ""},
        {JOB_PART_WEBHOOK, "{\"url\":\"https://u:p@h/a\"}", ""},
        {JOB_PART_WEBHOOK, "{\"url\":\"${secret.A}\"}", ""},
        {JOB_PART_WEBHOOK, "{\"url\":\"https://H?${secret.A}\"}", "h"},
        {JOB_PART_ASSET, "{\"src\":\"http://[::1]:9/x\"}", "[::1]:9"},
        {JOB_PART_UPLOAD, "{\"params\":{\"region\":\"eu-west-1\",\"bucket\":\"b\"}}",
         "s3.eu-west-1.amazonaws.com"},
        {JOB_PART_UPLOAD, "{\"params\":{\"region\":\"cn-north-1\",\"bucket\":\"B.c\"}}",
         "s3.cn-north-1.amazonaws.com.cn"},
        {JOB_PART_UPLOAD, "{\"params\":{\"region\":\"${secret.R}\",\"bucket\":\"b\"}}", ""},
        {JOB_PART_UPLOAD, "{\"params\":{\"endpoint\":\"http://127.0.0.1:9\"}}", "127.0.0.1:9"},
        {JOB_PART_UPLOAD, "{}", ""},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct ref_bundle b = {.fragment = str_from(cases[i].fragment)};
        CHECK_STR(job_bundle_host(cases[i].part, &b, &f.arena), cases[i].host);
    }
}

/* Masks know the values that were in force since the job was made, not only the newest. */
static void test_rotation_keeps_the_older_value_in_the_mask(void)
{
    struct ulid id = fixture_secret("R", "value-one");
    struct ulid job =
        fixture_submit("{" ENGINE ",\"assets\":[{\"type\":\"text\",\"value\":\"${secret.R}\"}]}");
    struct job_lease l = fixture_lease();
    CHECK(holds(written(&l), "value-one"));
    fixture_put("R", "value-two", 2, id);
    check_bundle(job, JOB_PART_ALL, "", fixture_job(job).payload.ptr, 1, 2);
    end(&l);
    struct ulid later = fixture_submit("{" ENGINE ",\"assets\":[{\"type\":\"text\",\"value\":"
                                       "\"${secret.R}${secret.R@1}${secret.R@2}\"}]}");
    l = fixture_lease();
    CHECK(holds(written(&l), "\"value-twovalue-onevalue-two\""));
    CHECK_EQ(fixture_audits(AUDIT_SECRET_EXPOSED, later), 3);
    end(&l);
    fixture_delete(id);
}

static void test_secret_that_is_gone_ends_the_job_and_the_next_is_taken(void)
{
    struct ulid gone = fixture_secret("GONE", "value-gone");
    struct ulid first =
        fixture_submit("{" ENGINE ",\"webhook\":{\"url\":\"https://h/${secret.GONE}\"}}");
    struct ulid second = fixture_submit("{" ENGINE ",\"assets\":[{\"type\":\"text\",\"value\":"
                                        "\"${secret.GONE}\"}]}");
    struct ulid third = fixture_submit("{" ENGINE "}");
    fixture_delete(gone);
    struct job_lease l = fixture_lease();
    CHECK(l.found && str_equal(ulid_str(&l.job.id), ulid_str(&third)));
    CHECK_STR(fixture_job(first).error, "the secret GONE does not exist any more");
    CHECK_EQ(fixture_job(first).state, JOB_ERROR);
    CHECK_EQ(fixture_job(second).state, JOB_ERROR);
    CHECK_EQ(fixture_audits(AUDIT_JOB_ENDED, first), 1);
    CHECK_EQ(fixture_audits(AUDIT_JOB_LEASED, first), 0);
    CHECK_EQ(fixture_delivery(first, DELIVERY_WEBHOOK).state, DELIVERY_DUE);
    struct store_tx *tx = NULL;
    struct job job = fixture_job(first);
    struct ref_bundle b = {0};
    struct str missing;
    CHECK_OK(store_read_begin(f.store, &tx));
    CHECK_ERR(job_bundle(tx, &job, JOB_PART_WEBHOOK, STR_EMPTY, &f.arena, &b, &missing),
              ERR_NOT_FOUND);
    CHECK_STR(missing, "GONE");
    CHECK_OK(job_bundle(tx, &job, JOB_PART_ALL, STR_EMPTY, &f.arena, &b, &missing));
    CHECK_EQ(b.use_count, 0);
    store_read_end(f.store, &tx);
    end(&l);
}

enum { RACERS = 4, RACED_JOBS = 24 };

static void *race(void *ctx)
{
    struct arena a = arena_make();
    size_t *taken = ctx;
    for (;;) {
        struct job_lease l = {.actor = &f.worker,
                              .worker = STR("n"),
                              .engines = STR("ffmpeg"),
                              .tags = STR_EMPTY,
                              .base_url = STR("http://h"),
                              .arena = &a};
        if (store_write_wait(f.store, job_lease_op, &l) != OK || !l.found)
            break;
        ++*taken;
    }
    arena_auto(&a);
    return NULL;
}

static void test_each_job_is_leased_once_among_threads(void)
{
    struct ulid ids[RACED_JOBS];
    pthread_t threads[RACERS];
    size_t taken[RACERS] = {0}, sum = 0;
    for (int i = 0; i < RACED_JOBS; i++)
        ids[i] = fixture_submit("{" ENGINE "}");
    for (int i = 0; i < RACERS; i++)
        CHECK_EQ(pthread_create(&threads[i], NULL, race, &taken[i]), 0);
    for (int i = 0; i < RACERS; i++) {
        CHECK_EQ(pthread_join(threads[i], NULL), 0);
        sum += taken[i];
    }
    CHECK_EQ(sum, RACED_JOBS);
    for (int i = 0; i < RACED_JOBS; i++) {
        CHECK_EQ(fixture_audits(AUDIT_JOB_LEASED, ids[i]), 1);
        CHECK_EQ(fixture_job(ids[i]).lease_count, 1);
    }
}

static void test_engines_are_matched(void)
{
    struct ulid id = fixture_submit("{\"engine\":\"blender\"}");
    CHECK(!fixture_lease().found);
    struct job_lease l = {.actor = &f.worker,
                          .worker = STR("n"),
                          .engines = STR("x,blender"),
                          .tags = STR_EMPTY,
                          .base_url = STR("http://h"),
                          .arena = &f.arena};
    CHECK_OK(store_write_wait(f.store, job_lease_op, &l));
    CHECK(l.found && str_equal(ulid_str(&l.job.id), ulid_str(&id)));
    end(&l);
}

static void test_other_teams_jobs_are_not_leased(void)
{
    (void)fixture_submit("{" ENGINE "}");
    struct ulid other = ulid_new();
    f.worker.team_id = ulid_str(&other);
    CHECK(!fixture_lease().found);
    f.worker.team_id = f.actor.team_id;
    struct job_lease l = fixture_lease();
    CHECK(l.found);
    end(&l);
}

/* What cannot be opened at the moment is not the job's fault. */
static void test_a_lease_that_is_undone_never_was(void)
{
    struct ulid id = fixture_submit("{" ENGINE "}");
    for (int i = 0; i < 2 * JOB_LEASES_MAX; i++) {
        struct job_lease l = fixture_lease();
        CHECK(l.found);
        CHECK_EQ(fixture_job(id).lease_count, 1);
        CHECK_OK(store_write_wait(f.store, job_lease_undo_op, &l));
        CHECK_EQ(fixture_job(id).state, JOB_QUEUED);
        CHECK_EQ(store_write_wait(f.store, job_lease_undo_op, &l), ERR_LEASE_LOST);
    }
    CHECK_EQ(fixture_log(id).len, 0);
    struct job_lease l = fixture_lease();
    CHECK(l.found);
    end(&l);
}

int main(int argc, char **argv)
{
    fixture_begin(argc, argv);
    fixture_start();
    fixture_secret("A", VALUE);
    fixture_secret("B", "value-b");
    RUN(test_nothing_to_do_is_not_an_error);
    RUN(test_lease_without_secrets_is_the_payload_with_an_id);
    RUN(test_an_id_of_the_payload_gives_way);
    RUN(test_addresses_become_one_time_and_the_rest_is_spliced);
    RUN(test_an_address_of_a_stored_template_is_written_as_json);
    RUN(test_a_damaged_payload_ends_its_job_and_the_next_is_taken);
    RUN(test_tickets_are_for_the_lease_and_wear_out);
    RUN(test_bundles_hold_their_part_alone);
    RUN(test_hosts_are_told_only_when_they_stand_there);
    RUN(test_rotation_keeps_the_older_value_in_the_mask);
    RUN(test_secret_that_is_gone_ends_the_job_and_the_next_is_taken);
    RUN(test_each_job_is_leased_once_among_threads);
    RUN(test_engines_are_matched);
    RUN(test_other_teams_jobs_are_not_leased);
    RUN(test_a_lease_that_is_undone_never_was);
    fixture_stop();
    return test_done();
}
