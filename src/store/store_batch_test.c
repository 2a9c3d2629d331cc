#include "store_batch.h"

#include "store_kit.h"

static struct kit k;

static struct batch make(struct ulid team)
{
    struct batch batch = {.id = ulid_new(), .team_id = team, .total = 3, .created_at_ms = 7};
    CHECK_OK(store_batch_insert(&k.tx, &batch));
    return batch;
}

static struct ulid add(const struct batch *batch, int64_t index)
{
    struct job job = {.id = ulid_new(),
                      .team_id = k.team,
                      .payload = STR("{}"),
                      .output_bytes = -1,
                      .batch_id = batch ? ulid_str(&batch->id) : STR_EMPTY,
                      .batch_index = index};
    CHECK_OK(store_job_insert(&k.tx, &job));
    return job.id;
}

static void test_a_batch_comes_back_to_its_team_only(void)
{
    struct batch batch = make(k.team), got;
    CHECK_OK(store_batch_get(&k.tx, ulid_str(&k.team), ulid_str(&batch.id), &got));
    CHECK(str_equal(ulid_str(&got.id), ulid_str(&batch.id)));
    CHECK(str_equal(ulid_str(&got.team_id), ulid_str(&k.team)));
    CHECK_EQ(got.total, 3);
    CHECK_EQ(got.created_at_ms, 7);
    CHECK_ERR(store_batch_get(&k.tx, ulid_str(&k.other), ulid_str(&batch.id), &got), ERR_NOT_FOUND);
    struct ulid none = ulid_new();
    CHECK_ERR(store_batch_get(&k.tx, ulid_str(&k.team), ulid_str(&none), &got), ERR_NOT_FOUND);
}

static void test_jobs_come_in_the_order_of_the_request(void)
{
    struct batch batch = make(k.team), other = make(k.team);
    struct ulid second = add(&batch, 2), first = add(&batch, 0);
    struct job *jobs;
    size_t count;
    add(&other, 1);
    add(NULL, 0);
    CHECK_OK(store_batch_jobs(&k.tx, ulid_str(&batch.id), &k.a, &jobs, &count));
    CHECK_EQ(count, 2);
    CHECK(str_equal(ulid_str(&jobs[0].id), ulid_str(&first)));
    CHECK(str_equal(ulid_str(&jobs[1].id), ulid_str(&second)));
    CHECK_EQ(jobs[1].batch_index, 2);
    CHECK(str_equal(jobs[1].batch_id, ulid_str(&batch.id)));
    CHECK_OK(store_batch_jobs(&k.tx, STR_EMPTY, &k.a, &jobs, &count));
    CHECK_EQ(count, 0);
}

static void test_batches_go_with_their_team(void)
{
    struct batch batch = make(k.other), got;
    CHECK_OK(store_team_delete(&k.tx, ulid_str(&k.other)));
    CHECK_ERR(store_batch_get(&k.tx, ulid_str(&k.other), ulid_str(&batch.id), &got), ERR_NOT_FOUND);
    struct batch orphan = {.id = ulid_new(), .team_id = k.other};
    CHECK(store_batch_insert(&k.tx, &orphan) != OK);
}

int main(void)
{
    kit_open(&k);
    RUN(test_a_batch_comes_back_to_its_team_only);
    RUN(test_jobs_come_in_the_order_of_the_request);
    RUN(test_batches_go_with_their_team);
    kit_close(&k);
    return test_done();
}
