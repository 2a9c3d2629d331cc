#include "limit.h"
#include "store_kit.h"

static struct kit k;

static struct sealed_row make(struct ulid team, const char *name)
{
    return (struct sealed_row){.id = ulid_new(),
                               .team_id = team,
                               .name = str_from(name),
                               .version = 1,
                               .epoch = 7,
                               .created_at_ms = 100,
                               .policy = STR("policy"),
                               .key_version = 1,
                               .sealed = (struct str){"sealed\0bytes", 12}};
}

static struct sealed_row add(struct ulid team, const char *name)
{
    struct sealed_row row = make(team, name);
    CHECK_OK(store_secret_insert(&k.tx, &row));
    return row;
}

static struct sealed_row first;

static void test_secret_comes_back(void)
{
    first = add(k.team, "AWS_KEY");
    CHECK(k.tx.touched & TOUCHED_SECRETS);
    struct secret_row got;
    CHECK_OK(store_secret_get(&k.tx, kit_id(&k.team), kit_id(&first.id), &k.a, &got));
    CHECK_STR(got.name, "AWS_KEY");
    CHECK_EQ(got.version, 1);
    CHECK_EQ(got.epoch, 7);
    CHECK_EQ(got.created_at_ms, 100);
    CHECK_EQ(got.updated_at_ms, 100);
    CHECK_EQ(got.last_used_at_ms, 0);
    CHECK_STR(got.policy, "policy");
    CHECK_OK(store_secret_by_name(&k.tx, kit_id(&k.team), STR("AWS_KEY"), &k.a, &got));
    CHECK(str_equal(kit_id(&got.id), kit_id(&first.id)));
    struct sealed_row sealed;
    CHECK_OK(store_secret_sealed(&k.tx, kit_id(&k.team), STR("AWS_KEY"), 0, &k.a, &sealed));
    CHECK(str_equal(sealed.sealed, first.sealed));
    CHECK(str_equal(kit_id(&sealed.team_id), kit_id(&k.team)));
    CHECK_EQ(sealed.key_version, 1);
    CHECK_EQ(sealed.epoch, 7);
}

static void test_names_collide_within_a_team_only(void)
{
    struct sealed_row row = make(k.team, "AWS_KEY");
    CHECK_ERR(store_secret_insert(&k.tx, &row), ERR_SECRET_EXISTS);
    row = make(k.team, "aws_key");
    CHECK_ERR(store_secret_insert(&k.tx, &row), ERR_NAME_CASE);
    row = make(k.team, "Aws_Key");
    CHECK_ERR(store_secret_insert(&k.tx, &row), ERR_NAME_CASE);
    add(k.other, "aws_key");
    struct sealed_row twin = make(k.team, "fresh");
    twin.id = first.id;
    CHECK_OK(db_savepoint(k.db));
    CHECK_ERR(store_secret_insert(&k.tx, &twin), ERR_CONFLICT);
    CHECK_OK(db_rollback_to(k.db));
    row = make(ulid_new(), "A");
    CHECK_ERR(store_secret_insert(&k.tx, &row), ERR_NOT_FOUND);
}

static void test_other_teams_see_nothing(void)
{
    struct secret_row got;
    struct sealed_row sealed;
    struct str name;
    struct str other = kit_id(&k.other), id = kit_id(&first.id);
    CHECK_ERR(store_secret_get(&k.tx, other, id, &k.a, &got), ERR_NOT_FOUND);
    CHECK_ERR(store_secret_by_name(&k.tx, other, STR("AWS_KEY"), &k.a, &got), ERR_NOT_FOUND);
    CHECK_ERR(store_secret_sealed(&k.tx, other, STR("AWS_KEY"), 0, &k.a, &sealed), ERR_NOT_FOUND);
    CHECK_ERR(store_secret_delete(&k.tx, other, id, &k.a, &name), ERR_NOT_FOUND);
    struct sealed_row row = first;
    row.team_id = k.other;
    row.version = 2;
    CHECK_ERR(store_secret_rotate(&k.tx, &row), ERR_AGAIN);
}

static void test_names_are_found_byte_for_byte(void)
{
    static char long_name[SECRET_NAME_MAX_BYTES + 2];
    memset(long_name, 'n', SECRET_NAME_MAX_BYTES + 1);
    const char *const none[] = {"aws_key", "AWS_KEY ", "AWS_KE",    "",
                                "%",       "AWS%",     "' OR 1 --", long_name};
    struct secret_row got;
    for (size_t i = 0; i < ARRAY_LEN(none); i++)
        CHECK_ERR(store_secret_by_name(&k.tx, kit_id(&k.team), str_from(none[i]), &k.a, &got),
                  ERR_NOT_FOUND);
    struct sealed_row row = make(k.team, long_name);
    CHECK_ERR(store_secret_insert(&k.tx, &row), ERR_INVALID);
    add(k.team, long_name + 1);
    CHECK_OK(store_secret_by_name(&k.tx, kit_id(&k.team), str_from(long_name + 1), &k.a, &got));
}

static void test_list_is_in_byte_order(void)
{
    add(k.team, "b");
    add(k.team, "A");
    add(k.team, "a/b");
    add(k.team, "Z");
    struct secret_row *list;
    size_t count;
    CHECK_OK(store_secret_list(&k.tx, kit_id(&k.team), &k.a, &list, &count));
    CHECK_EQ(count, 6);
    for (size_t i = 1; i < count; i++)
        CHECK(str_compare(list[i - 1].name, list[i].name) < 0);
    CHECK_STR(list[0].name, "A");
    CHECK_OK(store_secret_list(&k.tx, STR("nobody"), &k.a, &list, &count));
    CHECK_EQ(count, 0);
}

static void test_rotation_goes_up_by_one(void)
{
    struct sealed_row row = first;
    row.version = 1;
    CHECK_ERR(store_secret_rotate(&k.tx, &row), ERR_AGAIN);
    row.version = 3;
    CHECK_ERR(store_secret_rotate(&k.tx, &row), ERR_AGAIN);
    row.version = 0;
    CHECK_ERR(store_secret_rotate(&k.tx, &row), ERR_AGAIN);
    row.version = 2;
    row.id = ulid_new();
    CHECK_ERR(store_secret_rotate(&k.tx, &row), ERR_AGAIN);
    row.id = first.id;
    row.name = STR("aws_key");
    CHECK_ERR(store_secret_rotate(&k.tx, &row), ERR_AGAIN);
    row.name = first.name;
    row.sealed = STR("second");
    row.epoch = 8;
    row.created_at_ms = 200;
    row.policy = STR_EMPTY; /* changed by somebody since this row was made */
    CHECK_ERR(store_secret_rotate(&k.tx, &row), ERR_AGAIN);
    row.policy = first.policy;
    CHECK_OK(store_secret_rotate(&k.tx, &row));
    struct secret_row got;
    CHECK_OK(store_secret_get(&k.tx, kit_id(&k.team), kit_id(&first.id), &k.a, &got));
    CHECK_EQ(got.version, 2);
    CHECK_EQ(got.epoch, 8);
    CHECK_EQ(got.created_at_ms, 100);
    CHECK_EQ(got.updated_at_ms, 200);
    CHECK_STR(got.policy, "policy");
    struct sealed_row sealed;
    struct str team = kit_id(&k.team);
    CHECK_OK(store_secret_sealed(&k.tx, team, first.name, 0, &k.a, &sealed));
    CHECK_STR(sealed.sealed, "second");
    CHECK_OK(store_secret_sealed(&k.tx, team, first.name, 1, &k.a, &sealed));
    CHECK(str_equal(sealed.sealed, first.sealed));
    CHECK_STR(sealed.policy, "policy");
    CHECK_EQ(sealed.epoch, 7);
    CHECK_ERR(store_secret_sealed(&k.tx, team, first.name, 3, &k.a, &sealed), ERR_NOT_FOUND);
}

static void test_use_is_noted(void)
{
    struct secret_row got;
    k.tx.touched = 0;
    CHECK_OK(store_secret_used(&k.tx, kit_id(&first.id), 555));
    CHECK_EQ(k.tx.touched, TOUCHED_USES);
    CHECK_OK(store_secret_get(&k.tx, kit_id(&k.team), kit_id(&first.id), &k.a, &got));
    CHECK_EQ(got.last_used_at_ms, 555);
    CHECK_ERR(store_secret_used(&k.tx, STR("nothing"), 1), ERR_NOT_FOUND);
}

static void test_rewrap_walks_what_is_old(void)
{
    struct sealed_row *rows;
    size_t count, done = 0;
    struct str team = kit_id(&k.team);
    CHECK_OK(store_sealed_below(&k.tx, team, 1, 100, &k.a, &rows, &count));
    CHECK_EQ(count, 0);
    CHECK_OK(store_sealed_below(&k.tx, team, 2, 100, &k.a, &rows, &count));
    CHECK_EQ(count, 7);
    for (size_t i = 1; i < count; i++)
        CHECK(str_compare(kit_id(&rows[i - 1].id), kit_id(&rows[i].id)) <= 0);
    for (;;) {
        CHECK_OK(store_sealed_below(&k.tx, team, 2, 2, &k.a, &rows, &count));
        if (count == 0)
            break;
        CHECK(count <= 2);
        for (size_t i = 0; i < count; i++) {
            const struct sealed_change change = {2, rows[i].policy, STR("wrapped 2")};
            struct sealed_row old = rows[i];
            old.key_version = 9;
            CHECK_ERR(store_sealed_replace(&k.tx, &old, &change), ERR_AGAIN);
            old.key_version = 1;
            old.policy = STR("another");
            CHECK_ERR(store_sealed_replace(&k.tx, &old, &change), ERR_AGAIN);
            CHECK_OK(store_sealed_replace(&k.tx, &rows[i], &change));
            CHECK_ERR(store_sealed_replace(&k.tx, &rows[i], &change), ERR_AGAIN);
            done++;
        }
    }
    CHECK_EQ(done, 7);
    struct sealed_row sealed;
    CHECK_OK(store_secret_sealed(&k.tx, team, first.name, 1, &k.a, &sealed));
    CHECK_STR(sealed.sealed, "wrapped 2");
    CHECK_EQ(sealed.key_version, 2);
    CHECK_OK(store_sealed_below(&k.tx, kit_id(&k.other), 2, 100, &k.a, &rows, &count));
    CHECK_EQ(count, 1);
    sealed.id = ulid_new();
    const struct sealed_change change = {3, sealed.policy, STR("x")};
    CHECK_ERR(store_sealed_replace(&k.tx, &sealed, &change), ERR_AGAIN);
}

static void test_a_policy_goes_through_all_versions(void)
{
    struct sealed_row *rows, sealed;
    struct secret_row got;
    size_t count;
    struct str team = kit_id(&k.team), id = kit_id(&first.id);
    CHECK_OK(store_sealed_after(&k.tx, team, id, 0, 100, &k.a, &rows, &count));
    CHECK_EQ(count, 2);
    CHECK(rows[0].version == 1 && rows[1].version == 2);
    CHECK_OK(store_sealed_after(&k.tx, kit_id(&k.other), id, 0, 100, &k.a, &rows, &count));
    CHECK_EQ(count, 0);
    CHECK_OK(store_sealed_after(&k.tx, team, id, 0, 1, &k.a, &rows, &count));
    CHECK_EQ(count, 1);
    CHECK_OK(store_sealed_after(&k.tx, team, id, 1, 100, &k.a, &rows, &count));
    CHECK_EQ(count, 1);
    const struct sealed_change change = {2, STR("tighter"), STR("wrapped 3")};
    k.tx.touched = 0;
    CHECK_OK(store_sealed_replace(&k.tx, &rows[0], &change));
    CHECK_OK(store_secret_set_policy(&k.tx, team, id, STR("tighter")));
    CHECK_EQ(k.tx.touched, TOUCHED_SECRETS | TOUCHED_WIPE);
    CHECK_OK(store_secret_sealed(&k.tx, team, first.name, 2, &k.a, &sealed));
    CHECK_STR(sealed.policy, "tighter");
    CHECK_STR(sealed.sealed, "wrapped 3");
    CHECK_OK(store_secret_get(&k.tx, team, id, &k.a, &got));
    CHECK_STR(got.policy, "tighter");
    CHECK_ERR(store_secret_set_policy(&k.tx, kit_id(&k.other), id, STR("x")), ERR_NOT_FOUND);
    CHECK_ERR(store_secret_set_policy(&k.tx, team, STR("nothing"), STR("x")), ERR_NOT_FOUND);
}

static int64_t counted(void)
{
    return kit_number(k.db, "SELECT secret_count FROM teams WHERE name = 'ours'");
}

static void test_delete_takes_all_versions(void)
{
    struct str name;
    int64_t before = counted();
    k.tx.touched = 0;
    CHECK_OK(store_secret_delete(&k.tx, kit_id(&k.team), kit_id(&first.id), &k.a, &name));
    CHECK_STR(name, "AWS_KEY");
    CHECK_EQ(k.tx.touched, TOUCHED_SECRETS | TOUCHED_WIPE);
    CHECK_EQ(counted(), before - 1);
    CHECK_ERR(store_secret_delete(&k.tx, kit_id(&k.team), kit_id(&first.id), &k.a, &name),
              ERR_NOT_FOUND);
    CHECK_ERR(store_secret_delete(&k.tx, kit_id(&k.team), STR_EMPTY, &k.a, &name), ERR_NOT_FOUND);
    struct sealed_row sealed;
    CHECK_ERR(store_secret_sealed(&k.tx, kit_id(&k.team), first.name, 1, &k.a, &sealed),
              ERR_NOT_FOUND);
    CHECK_EQ(counted(), before - 1);
    add(k.team, "aws_key"); /* the other case is free again */
}

static void test_team_is_full_at_the_limit(void)
{
    char sql[120];
    (void)snprintf(sql, sizeof sql, "UPDATE teams SET secret_count = %d WHERE name = 'ours'",
                   SECRETS_PER_TEAM_MAX - 1);
    CHECK_OK(db_script(k.db, sql));
    struct sealed_row last = add(k.team, "the-last-one");
    struct sealed_row row = make(k.team, "one-too-many");
    CHECK_ERR(store_secret_insert(&k.tx, &row), ERR_LIMIT);
    row = make(k.team, "the-last-one");
    CHECK_ERR(store_secret_insert(&k.tx, &row), ERR_SECRET_EXISTS);
    add(k.other, "not-their-limit");
    struct str name;
    CHECK_OK(store_secret_delete(&k.tx, kit_id(&k.team), kit_id(&last.id), &k.a, &name));
    add(k.team, "one-too-many");
}

int main(void)
{
    kit_open(&k);
    RUN(test_secret_comes_back);
    RUN(test_names_collide_within_a_team_only);
    RUN(test_other_teams_see_nothing);
    RUN(test_names_are_found_byte_for_byte);
    RUN(test_list_is_in_byte_order);
    RUN(test_rotation_goes_up_by_one);
    RUN(test_use_is_noted);
    RUN(test_rewrap_walks_what_is_old);
    RUN(test_a_policy_goes_through_all_versions);
    RUN(test_delete_takes_all_versions);
    RUN(test_team_is_full_at_the_limit);
    kit_close(&k);
    return test_done();
}
