/* Whose turn it is: teams with much to deliver do not keep others waiting. */
#include "store_kit.h"

static struct kit k;

enum { TEAMS = 3 };
static struct ulid teams[TEAMS];

static void add(struct ulid team, enum delivery_kind kind, int64_t due_ms)
{
    struct job job = {.id = ulid_new(),
                      .team_id = team,
                      .payload = STR("{}"),
                      .output_bytes = -1,
                      .created_at_ms = 1};
    struct delivery d = {.id = ulid_new(),
                         .job_id = job.id,
                         .team_id = team,
                         .kind = kind,
                         .state = DELIVERY_DUE,
                         .next_at_ms = due_ms};
    CHECK_OK(store_job_insert(&k.tx, &job));
    CHECK_OK(store_delivery_insert(&k.tx, &d));
}

/* The teams of what is due, as letters; uploads in capitals. */
static struct str turns(int64_t now_ms, struct str after, size_t each)
{
    struct delivery *list;
    size_t count;
    CHECK_OK(store_delivery_due(&k.tx, now_ms, after, each, &k.a, &list, &count));
    char *text = arena_alloc(&k.a, count + 1);
    for (size_t i = 0; i < count; i++)
        for (size_t t = 0; t < TEAMS; t++)
            if (str_equal(ulid_str(&list[i].team_id), ulid_str(&teams[t])))
                text[i] = (char)((list[i].kind == DELIVERY_UPLOAD ? 'A' : 'a') + (int)t);
    return str_bytes(text, count);
}

static void test_teams_and_kinds_take_turns(void)
{
    for (int i = 0; i < 5; i++)
        add(teams[0], DELIVERY_UPLOAD, i);
    add(teams[1], DELIVERY_UPLOAD, 10);
    add(teams[1], DELIVERY_WEBHOOK, 10);
    add(teams[2], DELIVERY_WEBHOOK, 10);
    add(teams[2], DELIVERY_WEBHOOK, 11);
    CHECK_STR(turns(100, STR_EMPTY, 8), "ABbcAcAAA");
    CHECK_STR(turns(100, STR_EMPTY, 2), "ABbcAc");
    CHECK_STR(turns(100, ulid_str(&teams[0]), 1), "BbcA");
    CHECK_STR(turns(100, ulid_str(&teams[1]), 1), "cABb");
    CHECK_STR(turns(100, ulid_str(&teams[2]), 1), "ABbc");
    CHECK_STR(turns(10, STR_EMPTY, 8), "ABbcAAAA");
    CHECK_STR(turns(-1, STR_EMPTY, 8), "");
}

static void test_lost_is_kept(void)
{
    struct delivery *list;
    size_t count;
    CHECK_OK(store_delivery_due(&k.tx, 100, STR_EMPTY, 1, &k.a, &list, &count));
    list[0].lost = 3;
    CHECK_OK(store_delivery_update(&k.tx, &list[0]));
    struct str job = ulid_str(&list[0].job_id);
    CHECK_OK(store_delivery_of_job(&k.tx, job, &k.a, &list, &count));
    CHECK_EQ(count, 1);
    CHECK_EQ(list[0].lost, 3);
}

int main(void)
{
    kit_open(&k);
    teams[0] = k.team;
    teams[1] = k.other;
    teams[2] = kit_team(&k, "third");
    RUN(test_teams_and_kinds_take_turns);
    RUN(test_lost_is_kept);
    kit_close(&k);
    return test_done();
}
