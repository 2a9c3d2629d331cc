#include "store_kit.h"

static struct kit k;

static struct token make(const char *id, struct ulid team, int64_t created_at_ms)
{
    return (struct token){.id = str_from(id),
                          .team_id = team,
                          .name = STR("ci"),
                          .role = ROLE_SUBMIT,
                          .names = STR("prod/*"),
                          .created_at_ms = created_at_ms,
                          .expires_at_ms = 9000,
                          .created_by = STR("operator"),
                          .hash = {1, 2, 3}};
}

static void test_token_comes_back(void)
{
    struct token t = make("aaaaaaaaaaaa", k.team, 10), got;
    CHECK_OK(store_token_insert(&k.tx, &t));
    CHECK(k.tx.touched & TOUCHED_AUTH);
    CHECK_OK(store_token_get(&k.tx, t.id, &k.a, &got));
    CHECK(str_equal(kit_id(&got.team_id), kit_id(&k.team)));
    CHECK_STR(got.name, "ci");
    CHECK_EQ(got.role, ROLE_SUBMIT);
    CHECK_STR(got.names, "prod/*");
    CHECK_EQ(got.created_at_ms, 10);
    CHECK_EQ(got.expires_at_ms, 9000);
    CHECK_EQ(got.last_used_at_ms, 0);
    CHECK_EQ(got.revoked_at_ms, 0);
    CHECK_STR(got.created_by, "operator");
    CHECK(memcmp(got.hash, t.hash, 32) == 0);
}

static void test_unknown_and_twice_are_refused(void)
{
    struct token t = make("aaaaaaaaaaaa", k.team, 10), got;
    CHECK_ERR(store_token_insert(&k.tx, &t), ERR_CONFLICT);
    t = make("bbbbbbbbbbbb", ulid_new(), 10);
    CHECK_ERR(store_token_insert(&k.tx, &t), ERR_NOT_FOUND);
    CHECK_ERR(store_token_get(&k.tx, STR("bbbbbbbbbbbb"), &k.a, &got), ERR_NOT_FOUND);
    CHECK_ERR(store_token_get(&k.tx, STR_EMPTY, &k.a, &got), ERR_NOT_FOUND);
    CHECK_ERR(store_token_get(&k.tx, STR("AAAAAAAAAAAA"), &k.a, &got), ERR_NOT_FOUND);
}

static void test_edited_rows_are_noticed(void)
{
    struct token t = make("cccccccccccc", k.other, 5), got;
    CHECK_OK(store_token_insert(&k.tx, &t));
    const char *const edits[] = {
        "UPDATE tokens SET role = 17 WHERE id = 'cccccccccccc'",
        "UPDATE tokens SET role = -1 WHERE id = 'cccccccccccc'",
        "UPDATE tokens SET role = 0, hash = x'00' WHERE id = 'cccccccccccc'",
    };
    for (size_t i = 0; i < ARRAY_LEN(edits); i++) {
        CHECK_OK(db_script(k.db, edits[i]));
        CHECK_ERR(store_token_get(&k.tx, t.id, &k.a, &got), ERR_TAMPERED);
    }
    CHECK_OK(db_script(k.db, "DELETE FROM tokens WHERE id = 'cccccccccccc'"));
}

static void test_list_is_of_one_team_newest_first(void)
{
    struct token t = make("dddddddddddd", k.team, 30);
    CHECK_OK(store_token_insert(&k.tx, &t));
    t = make("eeeeeeeeeeee", k.team, 20);
    CHECK_OK(store_token_insert(&k.tx, &t));
    t = make("ffffffffffff", k.other, 40);
    CHECK_OK(store_token_insert(&k.tx, &t));
    struct token *list;
    size_t count;
    CHECK_OK(store_token_list(&k.tx, kit_id(&k.team), &k.a, &list, &count));
    CHECK_EQ(count, 3);
    CHECK_STR(list[0].id, "dddddddddddd");
    CHECK_STR(list[1].id, "eeeeeeeeeeee");
    CHECK_STR(list[2].id, "aaaaaaaaaaaa");
    CHECK_OK(store_token_list(&k.tx, STR("nobody"), &k.a, &list, &count));
    CHECK_EQ(count, 0);
}

static void test_revoke_keeps_the_first_time(void)
{
    struct token got;
    struct str id = STR("aaaaaaaaaaaa");
    CHECK_ERR(store_token_revoke(&k.tx, kit_id(&k.other), id, 50), ERR_NOT_FOUND);
    CHECK_OK(store_token_get(&k.tx, id, &k.a, &got));
    CHECK_EQ(got.revoked_at_ms, 0);
    CHECK_OK(store_token_revoke(&k.tx, kit_id(&k.team), id, 50));
    CHECK_OK(store_token_revoke(&k.tx, kit_id(&k.team), id, 60));
    CHECK_OK(store_token_get(&k.tx, id, &k.a, &got));
    CHECK_EQ(got.revoked_at_ms, 50);
    CHECK_ERR(store_token_revoke(&k.tx, kit_id(&k.team), STR("nothere"), 50), ERR_NOT_FOUND);
}

static void test_use_does_not_stir_the_caches(void)
{
    struct token got;
    k.tx.touched = 0;
    CHECK_OK(store_token_used(&k.tx, STR("dddddddddddd"), 77));
    CHECK_EQ(k.tx.touched, 0);
    CHECK_OK(store_token_get(&k.tx, STR("dddddddddddd"), &k.a, &got));
    CHECK_EQ(got.last_used_at_ms, 77);
    CHECK_ERR(store_token_used(&k.tx, STR("nothere"), 77), ERR_NOT_FOUND);
}

int main(void)
{
    kit_open(&k);
    RUN(test_token_comes_back);
    RUN(test_unknown_and_twice_are_refused);
    RUN(test_edited_rows_are_noticed);
    RUN(test_list_is_of_one_team_newest_first);
    RUN(test_revoke_keeps_the_first_time);
    RUN(test_use_does_not_stir_the_caches);
    kit_close(&k);
    return test_done();
}
