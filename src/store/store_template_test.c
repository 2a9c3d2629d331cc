#include "store_template.h"

#include "limit.h"
#include "store_kit.h"

static struct kit k;

static struct template_row make(struct ulid team)
{
    return (struct template_row){.id = ulid_new(),
                                 .team_id = team,
                                 .type = TEMPLATE_ZIP,
                                 .display_name = STR("Intro"),
                                 .status = TEMPLATE_AWAITING_UPLOAD,
                                 .src = STR_EMPTY,
                                 .error = STR_EMPTY,
                                 .file = STR_EMPTY,
                                 .created_at_ms = 100,
                                 .updated_at_ms = 100};
}

static struct template_row add(struct ulid team)
{
    struct template_row row = make(team);
    CHECK_OK(store_template_insert(&k.tx, &row));
    return row;
}

static void test_a_template_comes_back(void)
{
    struct template_row row = add(k.team), got;
    CHECK_OK(store_template_get(&k.tx, kit_id(&k.team), kit_id(&row.id), &k.a, &got));
    CHECK_EQ(got.type, TEMPLATE_ZIP);
    CHECK_EQ(got.status, TEMPLATE_AWAITING_UPLOAD);
    CHECK_STR(got.display_name, "Intro");
    CHECK_EQ(got.created_at_ms, 100);
    CHECK_EQ(store_template_file(&got, &k.a).len, 0);
    struct ulid file = ulid_new();
    got.status = TEMPLATE_UPLOADED;
    got.file = kit_id(&file);
    got.bytes = 7;
    got.display_name = STR("Outro");
    got.src = STR("https://e/x.zip");
    got.error = STR("why");
    got.updated_at_ms = 200;
    CHECK_OK(store_template_update(&k.tx, &got));
    struct template_row again;
    CHECK_OK(store_template_any(&k.tx, kit_id(&row.id), &k.a, &again));
    CHECK_EQ(again.status, TEMPLATE_UPLOADED);
    CHECK_EQ(again.bytes, 7);
    CHECK_EQ(again.updated_at_ms, 200);
    CHECK_STR(again.display_name, "Outro");
    CHECK_STR(again.src, "https://e/x.zip");
    CHECK_STR(again.error, "why");
    struct str want = arena_printf(&k.a, "template.%s.%s", row.id.text, file.text);
    CHECK(str_equal(store_template_file(&again, &k.a), want));
}

static void test_other_teams_see_nothing(void)
{
    struct template_row row = add(k.team), got, *list;
    size_t count;
    struct str other = kit_id(&k.other), id = kit_id(&row.id);
    CHECK_ERR(store_template_get(&k.tx, other, id, &k.a, &got), ERR_NOT_FOUND);
    CHECK_ERR(store_template_delete(&k.tx, other, id), ERR_NOT_FOUND);
    row.team_id = k.other;
    CHECK_ERR(store_template_update(&k.tx, &row), ERR_NOT_FOUND);
    CHECK_OK(store_template_list(&k.tx, other, &k.a, &list, &count));
    CHECK_EQ(count, 0);
    CHECK_OK(store_template_list(&k.tx, kit_id(&k.team), &k.a, &list, &count));
    CHECK_EQ(count, 2);
    row = make(ulid_new());
    CHECK_ERR(store_template_insert(&k.tx, &row), ERR_NOT_FOUND);
}

static struct job job_of(struct ulid team, struct str template_id, enum job_state state)
{
    struct job job = {.id = ulid_new(),
                      .team_id = team,
                      .payload = STR("{}"),
                      .template_id = template_id,
                      .created_at_ms = 1};
    CHECK_OK(store_job_insert(&k.tx, &job));
    job.state = state;
    CHECK_OK(store_job_update(&k.tx, &job));
    return job;
}

static void test_a_template_in_use_stays(void)
{
    for (int state = 0; state < JOB_STATE_COUNT; state++) {
        struct template_row row = add(k.team), got;
        struct job job = job_of(k.team, kit_id(&row.id), (enum job_state)state);
        bool final = job_state_final((enum job_state)state);
        CHECK_OK(db_savepoint(k.db));
        CHECK_ERR(store_template_delete(&k.tx, kit_id(&k.team), kit_id(&row.id)),
                  final ? OK : ERR_CONFLICT);
        CHECK_OK(final ? db_release(k.db) : db_rollback_to(k.db));
        CHECK_ERR(store_template_any(&k.tx, kit_id(&row.id), &k.a, &got),
                  final ? ERR_NOT_FOUND : OK);
        job.state = JOB_FINISHED;
        CHECK_OK(store_job_update(&k.tx, &job));
        CHECK_ERR(store_template_delete(&k.tx, kit_id(&k.team), kit_id(&row.id)),
                  final ? ERR_NOT_FOUND : OK);
    }
}

/* Naming a template that is not one's own does not hold it. */
static void test_jobs_of_other_teams_hold_nothing(void)
{
    struct template_row row = add(k.team);
    job_of(k.other, kit_id(&row.id), JOB_QUEUED);
    CHECK_ERR(store_template_delete(&k.tx, kit_id(&k.other), kit_id(&row.id)), ERR_NOT_FOUND);
    CHECK_OK(store_template_delete(&k.tx, kit_id(&k.team), kit_id(&row.id)));
}

static void test_an_edited_row_is_noticed(void)
{
    struct template_row row = add(k.team), got;
    kit_commit(&k);
    static const char *const edits[] = {
        "UPDATE templates SET type = 3", "UPDATE templates SET status = -1",
        "UPDATE templates SET file = '../../root.key'", "UPDATE templates SET file = 'x'"};
    for (size_t i = 0; i < ARRAY_LEN(edits); i++) {
        CHECK_OK(db_savepoint(k.db));
        CHECK_OK(db_script(k.db, edits[i]));
        CHECK_ERR(store_template_any(&k.tx, kit_id(&row.id), &k.a, &got), ERR_TAMPERED);
        CHECK_OK(db_rollback_to(k.db));
    }
}

/* --- addresses --- */

static struct transfer transfer_of(const struct template_row *row, enum transfer_kind kind)
{
    static uint8_t number;
    struct transfer t = {.kind = kind,
                         .team_id = row->team_id,
                         .template_id = row->id,
                         .token_id = STR("0123456789abcd"),
                         .expires_at_ms = 1000};
    memset(t.hash, ++number, sizeof t.hash);
    CHECK_OK(store_transfer_insert(&k.tx, &t));
    return t;
}

static enum err get(const struct transfer *t, enum transfer_kind kind, int64_t now_ms)
{
    struct transfer got;
    enum err e = store_transfer_get(&k.tx, t->hash, kind, now_ms, &k.a, &got);
    if (e == OK) {
        CHECK(str_equal(kit_id(&got.template_id), kit_id(&t->template_id)));
        CHECK_STR(got.token_id, "0123456789abcd");
    }
    return e;
}

static void test_an_address_is_good_until_it_expires_or_is_closed(void)
{
    struct template_row row = add(k.team), other = add(k.team);
    struct transfer put = transfer_of(&row, TRANSFER_PUT), got = transfer_of(&row, TRANSFER_GET),
                    its = transfer_of(&other, TRANSFER_PUT);
    CHECK_OK(get(&put, TRANSFER_PUT, 999));
    CHECK_OK(get(&put, TRANSFER_PUT, 999));
    CHECK_ERR(get(&put, TRANSFER_PUT, 1000), ERR_GONE);
    CHECK_ERR(get(&put, TRANSFER_GET, 999), ERR_NOT_FOUND);
    CHECK_ERR(get(&got, TRANSFER_PUT, 999), ERR_NOT_FOUND);
    CHECK_OK(store_transfer_close(&k.tx, kit_id(&row.id), TRANSFER_PUT));
    CHECK_ERR(get(&put, TRANSFER_PUT, 999), ERR_GONE);
    CHECK_OK(get(&got, TRANSFER_GET, 999));
    CHECK_OK(get(&its, TRANSFER_PUT, 999));
    CHECK_OK(store_transfer_use(&k.tx, got.hash, true));
    CHECK_ERR(get(&got, TRANSFER_GET, 999), ERR_GONE);
    CHECK_OK(store_transfer_use(&k.tx, got.hash, false));
    CHECK_OK(get(&got, TRANSFER_GET, 999));
    CHECK_OK(store_template_delete(&k.tx, kit_id(&k.team), kit_id(&row.id)));
    CHECK_ERR(get(&got, TRANSFER_GET, 999), ERR_NOT_FOUND);
    CHECK_OK(store_transfer_sweep(&k.tx, 1000 + 24 * 3600 * 1000));
    CHECK_ERR(get(&its, TRANSFER_PUT, 1000), ERR_GONE);
    CHECK_OK(store_transfer_sweep(&k.tx, 1001 + 24 * 3600 * 1000));
    CHECK_ERR(get(&its, TRANSFER_PUT, 1000), ERR_NOT_FOUND);
    CHECK_ERR(store_transfer_insert(
                  &k.tx, &(struct transfer){.template_id = row.id, .token_id = STR_EMPTY}),
              ERR_NOT_FOUND);
}

static void test_a_team_goes_with_all_it_has(void)
{
    struct ulid team = kit_team(&k, "short");
    struct template_row row = add(team), got;
    struct transfer put = transfer_of(&row, TRANSFER_PUT);
    CHECK_OK(store_team_delete(&k.tx, kit_id(&team)));
    CHECK_ERR(store_template_any(&k.tx, kit_id(&row.id), &k.a, &got), ERR_NOT_FOUND);
    CHECK_ERR(get(&put, TRANSFER_PUT, 1), ERR_NOT_FOUND);
}

static void test_the_limit_of_a_team(void)
{
    struct template_row row;
    int64_t there = kit_number(k.db, "SELECT COUNT(*) FROM templates");
    for (; there < TEMPLATES_PER_TEAM_MAX; there++)
        add(k.team);
    row = make(k.team);
    CHECK_ERR(store_template_insert(&k.tx, &row), ERR_LIMIT);
    add(k.other);
    struct template_row *list;
    size_t count;
    CHECK_OK(store_template_list(&k.tx, kit_id(&k.team), &k.a, &list, &count));
    CHECK_EQ(count, TEMPLATES_PER_TEAM_MAX);
    CHECK_OK(store_template_delete(&k.tx, kit_id(&k.team), kit_id(&list[5].id)));
    CHECK_OK(store_template_insert(&k.tx, &row));
}

static void test_names_are_exact(void)
{
    static const char *const wrong[] = {"", "AEP", "aepx", "zip ", "mogr", "video"};
    enum template_type type;
    for (unsigned i = 0; i < TEMPLATE_TYPE_COUNT; i++) {
        CHECK(template_type_from(str_from(template_type_name((enum template_type)i)), &type));
        CHECK_EQ(type, i);
    }
    for (size_t i = 0; i < ARRAY_LEN(wrong); i++)
        CHECK(!template_type_from(str_from(wrong[i]), &type));
}

int main(void)
{
    kit_open(&k);
    RUN(test_a_template_comes_back);
    RUN(test_other_teams_see_nothing);
    RUN(test_a_template_in_use_stays);
    RUN(test_jobs_of_other_teams_hold_nothing);
    RUN(test_an_edited_row_is_noticed);
    RUN(test_an_address_is_good_until_it_expires_or_is_closed);
    RUN(test_a_team_goes_with_all_it_has);
    RUN(test_the_limit_of_a_team);
    RUN(test_names_are_exact);
    kit_close(&k);
    return test_done();
}
