/* Signed addresses of outputs. */
#include "job_address.h"

#include "alloc.h"
#include "jobs_fixture.h"

#define DAY_MS (24 * 3600 * (int64_t)1000)

static struct job job_of(const char *url, const char *name)
{
    return (struct job){
        .id = ulid_new(), .output_url = str_from(url), .output_name = str_from(name)};
}

/* The values of a complete address. */
static void take_apart(struct str url, struct str *ret_expires, struct str *ret_signature)
{
    size_t at = str_search(url, STR("?expires="), 0);
    CHECK(at < url.len);
    struct str rest = str_split(str_slice(url, at + 9, url.len), '&', ret_expires);
    CHECK(str_starts(rest, STR("signature=")));
    *ret_signature = str_slice(rest, 10, rest.len);
}

static enum err check(const char *name, struct str expires, struct str signature, int64_t now_ms)
{
    return job_address_check(f.vault, str_from(name), expires, signature, now_ms, &f.arena);
}

static void test_bare_addresses_alone_are_completed(void)
{
    struct job jobs[] = {
        job_of("http://h/o/A.mp4?", "A.mp4"),
        job_of("https://cdn/o/B.mp4", "B.mp4"),
        job_of("", "C.mp4"),
        job_of("http://h/o/D.mp4?", "D.mp4"),
        job_of("http://h/o/E.mp4?expires=1", "E.mp4"),
    };
    struct job *list[ARRAY_LEN(jobs)];
    for (size_t i = 0; i < ARRAY_LEN(jobs); i++)
        list[i] = &jobs[i];
    CHECK_OK(job_address_sign(f.vault, list, ARRAY_LEN(jobs), 1000, &f.arena));
    CHECK_STR(jobs[1].output_url, "https://cdn/o/B.mp4");
    CHECK_STR(jobs[2].output_url, "");
    CHECK_STR(jobs[4].output_url, "http://h/o/E.mp4?expires=1");
    CHECK(str_starts(jobs[0].output_url, STR("http://h/o/A.mp4?expires=691200&signature=")));
    CHECK(!job_address_is_ours(&jobs[0])); /* whoever signs again changes nothing */
    struct str expires, first, second;
    take_apart(jobs[0].output_url, &expires, &first);
    take_apart(jobs[3].output_url, &expires, &second);
    CHECK_EQ(first.len, 64);
    CHECK(!str_equal(first, second));
    CHECK_OK(check("A.mp4", expires, first, 1000));
    CHECK_OK(check("D.mp4", expires, second, 1000));
    CHECK_ERR(check("A.mp4", expires, second, 1000), ERR_FORBIDDEN);
}

static void test_expiry_is_stable_through_a_day(void)
{
    CHECK_EQ(job_address_expiry(1), 8 * 86400);
    CHECK_EQ(job_address_expiry(DAY_MS), 8 * 86400);
    CHECK_EQ(job_address_expiry(DAY_MS + 1), 9 * 86400);
    for (int64_t now = 1; now < 3 * DAY_MS; now += 3333333) {
        int64_t left_ms = job_address_expiry(now) * 1000 - now;
        CHECK(left_ms >= OUTPUT_ADDRESS_DAYS * DAY_MS);
        CHECK(left_ms <= (OUTPUT_ADDRESS_DAYS + 1) * DAY_MS);
    }
}

static void test_expired_and_forged_addresses(void)
{
    struct job job = job_of("http://h/o/A.mp4?", "A.mp4"), *list[] = {&job};
    struct str expires, signature;
    CHECK_OK(job_address_sign(f.vault, list, 1, 1000, &f.arena));
    take_apart(job.output_url, &expires, &signature);
    int64_t end_ms = job_address_expiry(1000) * 1000;
    CHECK_OK(check("A.mp4", expires, signature, end_ms - 1));
    CHECK_ERR(check("A.mp4", expires, signature, end_ms), ERR_GONE);
    CHECK_ERR(check("A.mp4", STR("9999999999"), signature, end_ms), ERR_FORBIDDEN);
    CHECK_ERR(check("A.mp4", STR("99999999999999999999"), signature, 1), ERR_FORBIDDEN);
    CHECK_ERR(check("A.mp4", STR("-1"), signature, 1), ERR_FORBIDDEN);
    CHECK_ERR(check("A.mp4", STR_EMPTY, signature, 1), ERR_FORBIDDEN);
    CHECK_ERR(check("A.mov", expires, signature, 1), ERR_FORBIDDEN);
    CHECK_ERR(check("", expires, signature, 1), ERR_FORBIDDEN);
    for (size_t i = 0; i < signature.len; i++) {
        char *text = arena_text(&f.arena, signature);
        text[i] = text[i] == '0' ? '1' : '0';
        CHECK_ERR(check("A.mp4", expires, str_from(text), 1), ERR_FORBIDDEN);
        CHECK_ERR(check("A.mp4", expires, str_slice(signature, 0, i), 1), ERR_FORBIDDEN);
    }
}

static void test_many_take_few_requests(void)
{
    enum { COUNT = 3000 };
    static struct job jobs[COUNT];
    for (size_t i = 0; i < COUNT; i++) {
        struct ulid id = ulid_new();
        struct str name = arena_printf(&f.arena, "%s.mp4", id.text);
        jobs[i] = (struct job){.id = id,
                               .output_name = name,
                               .output_url = job_address_bare(STR("http://h"), name, &f.arena)};
    }
    CHECK_OK(job_address_sign_list(f.vault, jobs, COUNT, 5, &f.arena));
    for (size_t i = 0; i < COUNT; i += 499) {
        struct str expires, signature;
        take_apart(jobs[i].output_url, &expires, &signature);
        CHECK_OK(job_address_check(f.vault, jobs[i].output_name, expires, signature, 5, &f.arena));
    }
}

int main(int argc, char **argv)
{
    fixture_begin(argc, argv);
    fixture_start();
    RUN(test_bare_addresses_alone_are_completed);
    RUN(test_expiry_is_stable_through_a_day);
    RUN(test_expired_and_forged_addresses);
    RUN(test_many_take_few_requests);
    fixture_stop();
    return test_done();
}
