#include "store_kit.h"

static struct kit k;

static void test_names_follow_the_rule(void)
{
    static char long_name[66];
    memset(long_name, 'a', 65);
    const struct {
        const char *name;
        bool valid;
    } cases[] = {
        {"a", true},        {"0", true},           {"a-b_c9", true}, {"rooty", true},
        {"", false},        {"-a", false},         {"_a", false},    {"A", false},
        {"a b", false},     {"a.b", false},        {"a/b", false},   {"\xc3\xa9", false},
        {"root", false},    {"operator", false},   {"a\n", false},   {"../x", false},
        {long_name, false}, {long_name + 1, true},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        CHECK_EQ(team_name_valid(str_from(cases[i].name)), cases[i].valid);
    CHECK(!team_name_valid((struct str){"a\0b", 3}));
}

static void test_team_comes_back(void)
{
    struct team t;
    CHECK_OK(store_team_get(&k.tx, kit_id(&k.team), &k.a, &t));
    CHECK_STR(t.name, "ours");
    CHECK_STR(t.team_key, "wrapped key");
    CHECK_EQ(t.key_version, 1);
    CHECK(!t.put_rotates);
    CHECK_EQ(t.created_at_ms, 1000);
    CHECK_OK(store_team_by_name(&k.tx, STR("others"), &k.a, &t));
    CHECK(str_equal(kit_id(&t.id), kit_id(&k.other)));
    CHECK_ERR(store_team_get(&k.tx, STR("01"), &k.a, &t), ERR_NOT_FOUND);
    CHECK_ERR(store_team_get(&k.tx, STR_EMPTY, &k.a, &t), ERR_NOT_FOUND);
    CHECK_ERR(store_team_by_name(&k.tx, STR("Ours"), &k.a, &t), ERR_NOT_FOUND);
    CHECK_ERR(store_team_by_name(&k.tx, STR("' OR ''='"), &k.a, &t), ERR_NOT_FOUND);
    struct team *list;
    size_t count;
    CHECK_OK(store_team_list(&k.tx, &k.a, &list, &count));
    CHECK_EQ(count, 2);
    CHECK_STR(list[0].name, "others");
    CHECK_STR(list[1].name, "ours");
}

static void test_second_team_of_a_name_is_refused(void)
{
    struct team t = {.id = ulid_new(), .name = STR("ours"), .key_version = 1};
    CHECK_ERR(store_team_insert(&k.tx, &t), ERR_TEAM_EXISTS);
    t.id = k.team;
    t.name = STR("fresh");
    CHECK_ERR(store_team_insert(&k.tx, &t), ERR_CONFLICT);
}

static void test_setting_is_stored(void)
{
    struct team t;
    k.tx.touched = 0;
    CHECK_OK(store_team_set_put_rotates(&k.tx, kit_id(&k.team), true));
    CHECK(k.tx.touched & TOUCHED_AUTH);
    CHECK_OK(store_team_get(&k.tx, kit_id(&k.team), &k.a, &t));
    CHECK(t.put_rotates);
    CHECK_OK(store_team_get(&k.tx, kit_id(&k.other), &k.a, &t));
    CHECK(!t.put_rotates);
    CHECK_ERR(store_team_set_put_rotates(&k.tx, STR("nobody"), true), ERR_NOT_FOUND);
}

static void test_key_versions(void)
{
    struct str key;
    struct str id = kit_id(&k.team);
    CHECK_OK(store_team_key_put(&k.tx, id, 2, STR("second")));
    CHECK_OK(store_team_key_put(&k.tx, id, 2, STR("second again")));
    CHECK_OK(store_team_key_get(&k.tx, id, 2, &k.a, &key));
    CHECK_STR(key, "second again");
    CHECK_ERR(store_team_key_get(&k.tx, id, 3, &k.a, &key), ERR_NOT_FOUND);
    CHECK_ERR(store_team_key_get(&k.tx, kit_id(&k.other), 2, &k.a, &key), ERR_NOT_FOUND);
    CHECK_ERR(store_team_key_put(&k.tx, STR("nobody"), 1, STR("x")), ERR_NOT_FOUND);
    CHECK_ERR(store_team_key_set_current(&k.tx, id, 3), ERR_NOT_FOUND);
    CHECK_ERR(store_team_key_set_current(&k.tx, kit_id(&k.other), 2), ERR_NOT_FOUND);
    CHECK_OK(store_team_key_set_current(&k.tx, id, 2));
    struct team t;
    CHECK_OK(store_team_get(&k.tx, id, &k.a, &t));
    CHECK_EQ(t.key_version, 2);
    CHECK_STR(t.team_key, "second again");
    CHECK_OK(store_team_key_get(&k.tx, id, 1, &k.a, &key));
}

static void test_keys_are_walked_in_order(void)
{
    struct team_key_row *rows;
    size_t count;
    CHECK_OK(store_team_keys_after(&k.tx, STR_EMPTY, 0, 100, &k.a, &rows, &count));
    CHECK_EQ(count, 3);
    CHECK(str_equal(kit_id(&rows[0].team_id), kit_id(&k.team)));
    CHECK_EQ(rows[0].key_version, 1);
    CHECK_EQ(rows[1].key_version, 2);
    CHECK(str_equal(kit_id(&rows[2].team_id), kit_id(&k.other)));
    size_t seen = 0;
    struct str team = STR_EMPTY;
    uint32_t version = 0;
    for (;;) {
        CHECK_OK(store_team_keys_after(&k.tx, team, version, 1, &k.a, &rows, &count));
        if (count == 0)
            break;
        team = kit_id(&rows[0].team_id);
        version = rows[0].key_version;
        seen++;
    }
    CHECK_EQ(seen, 3);
}

static void test_retire_waits_for_the_last_record(void)
{
    struct str key;
    struct str id = kit_id(&k.team);
    struct sealed_row row = {.id = ulid_new(),
                             .team_id = k.team,
                             .name = STR("A"),
                             .version = 1,
                             .key_version = 1,
                             .sealed = STR("sealed")};
    CHECK_OK(store_secret_insert(&k.tx, &row));
    CHECK_ERR(store_team_key_retire(&k.tx, id), ERR_KEY_IN_USE);
    CHECK_OK(store_team_key_get(&k.tx, id, 1, &k.a, &key));
    const struct sealed_change change = {2, row.policy, STR("resealed")};
    CHECK_OK(store_sealed_replace(&k.tx, &row, &change));
    CHECK_OK(store_team_key_retire(&k.tx, id));
    CHECK_ERR(store_team_key_get(&k.tx, id, 1, &k.a, &key), ERR_NOT_FOUND);
    CHECK_OK(store_team_key_get(&k.tx, id, 2, &k.a, &key));
    CHECK_OK(store_team_key_get(&k.tx, kit_id(&k.other), 1, &k.a, &key));
    CHECK_ERR(store_team_key_retire(&k.tx, STR("nobody")), ERR_NOT_FOUND);
}

static void test_keyring_and_instance(void)
{
    struct str got;
    CHECK_ERR(store_keyring_get(&k.tx, &k.a, &got), ERR_NOT_FOUND);
    CHECK_ERR(store_instance_get(&k.tx, &k.a, &got), ERR_NOT_FOUND);
    CHECK_OK(store_keyring_put(&k.tx, STR("ring 1")));
    CHECK_OK(store_keyring_put(&k.tx, STR("ring 2")));
    CHECK_OK(store_instance_put(&k.tx, STR("instance")));
    CHECK_OK(store_keyring_get(&k.tx, &k.a, &got));
    CHECK_STR(got, "ring 2");
    CHECK_OK(store_instance_get(&k.tx, &k.a, &got));
    CHECK_STR(got, "instance");
}

static void fill(struct ulid team, uint8_t mark)
{
    struct sealed_row row = {.id = ulid_new(),
                             .team_id = team,
                             .name = STR("gone"),
                             .version = 1,
                             .key_version = 1,
                             .sealed = STR("sealed")};
    CHECK_OK(store_secret_insert(&k.tx, &row));
    struct token token = {.id = mark ? STR("tokentokento") : STR("othertokenot"), .team_id = team};
    CHECK_OK(store_token_insert(&k.tx, &token));
    struct job job = {.id = ulid_new(), .team_id = team, .payload = STR("{}"), .tags = STR("x")};
    CHECK_OK(store_job_insert(&k.tx, &job));
    CHECK_OK(store_log_append(&k.tx, kit_id(&job.id), 0, STR("line")));
    struct ticket ticket = {.hash = {mark},
                            .kind = TICKET_OUTPUT_PUT,
                            .team_id = team,
                            .job_id = job.id,
                            .expires_at_ms = 1,
                            .uses_left = 1};
    CHECK_OK(store_ticket_insert(&k.tx, &ticket));
    struct delivery delivery = {.id = ulid_new(),
                                .job_id = job.id,
                                .team_id = team,
                                .kind = DELIVERY_UPLOAD,
                                .state = DELIVERY_DUE};
    CHECK_OK(store_delivery_insert(&k.tx, &delivery));
    CHECK_OK(store_audit(
        &k.tx, &(struct audit_record){.type = AUDIT_TEAM_DELETED, .team_id = kit_id(&team)}));
}

/* How many rows there are in all tables but audit and teams. */
static int64_t rows(void)
{
    return kit_number(k.db, "SELECT (SELECT COUNT(*) FROM secrets) + (SELECT COUNT(*) FROM"
                            " versions) + (SELECT COUNT(*) FROM tokens) + (SELECT COUNT(*) FROM"
                            " jobs) + (SELECT COUNT(*) FROM payloads) + (SELECT COUNT(*) FROM"
                            " queue) + (SELECT COUNT(*) FROM logs) + (SELECT COUNT(*) FROM"
                            " tickets) + (SELECT COUNT(*) FROM deliveries) + (SELECT COUNT(*)"
                            " FROM team_keys)");
}

static void test_delete_takes_all_but_the_audit(void)
{
    fill(k.other, 0);
    int64_t before = rows();
    fill(k.team, 1);
    kit_commit(&k);
    CHECK(rows() > before);
    CHECK_ERR(store_team_delete(&k.tx, STR("nobody")), ERR_NOT_FOUND);
    k.tx.touched = 0;
    CHECK_OK(store_team_delete(&k.tx, kit_id(&k.team)));
    CHECK_EQ(k.tx.touched, TOUCHED_AUTH | TOUCHED_SECRETS | TOUCHED_WIPE);
    CHECK_EQ(rows(), before - 3); /* its key, and the secret of an earlier test */
    struct audit_row *audit;
    size_t count;
    CHECK_OK(store_audit_list(&k.tx, kit_id(&k.team), 0, 10, &k.a, &audit, &count));
    CHECK_EQ(count, 1);
    struct team t;
    CHECK_ERR(store_team_get(&k.tx, kit_id(&k.team), &k.a, &t), ERR_NOT_FOUND);
    CHECK_OK(store_team_get(&k.tx, kit_id(&k.other), &k.a, &t));
    CHECK_ERR(store_team_delete(&k.tx, kit_id(&k.team)), ERR_NOT_FOUND);
}

int main(void)
{
    kit_open(&k);
    RUN(test_names_follow_the_rule);
    RUN(test_team_comes_back);
    RUN(test_second_team_of_a_name_is_refused);
    RUN(test_setting_is_stored);
    RUN(test_key_versions);
    RUN(test_keys_are_walked_in_order);
    RUN(test_retire_waits_for_the_last_record);
    RUN(test_keyring_and_instance);
    RUN(test_delete_takes_all_but_the_audit);
    kit_close(&k);
    return test_done();
}
