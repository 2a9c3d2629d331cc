#include "store_session.h"

#include "store_kit.h"

static struct kit k;

static void token(const char *id, struct ulid team, int64_t expires_at_ms)
{
    struct token t = {.id = str_from(id),
                      .team_id = team,
                      .name = STR("laptop"),
                      .role = ROLE_EDITOR,
                      .names = STR("*"),
                      .expires_at_ms = expires_at_ms,
                      .created_by = STR("operator")};
    CHECK_OK(store_token_insert(&k.tx, &t));
}

static struct session_row make(const char *token_id, struct ulid team, int64_t at_ms)
{
    return (struct session_row){.id = ulid_new(),
                                .team_id = team,
                                .token_id = str_from(token_id),
                                .created_at_ms = at_ms,
                                .seen_at_ms = at_ms,
                                .address = STR("192.0.2.1"),
                                .user_agent = STR("Browser/1"),
                                .hash = {1, 2, 3}};
}

static struct ulid insert(const char *token_id, struct ulid team, int64_t at_ms)
{
    struct session_row s = make(token_id, team, at_ms);
    CHECK_OK(store_session_insert(&k.tx, &s));
    return s.id;
}

static size_t count_of(struct ulid team, const char *token_id)
{
    struct session_row *list;
    size_t count;
    CHECK_OK(store_session_list(&k.tx, kit_id(&team), str_from(token_id), &k.a, &list, &count));
    return count;
}

static void test_session_comes_back_with_its_token(void)
{
    token("aaaaaaaaaaaaaa", k.team, 9000);
    struct session_row s = make("aaaaaaaaaaaaaa", k.team, 10), got;
    CHECK_OK(store_session_insert(&k.tx, &s));
    CHECK_OK(store_session_get(&k.tx, kit_id(&s.id), &k.a, &got));
    CHECK(str_equal(kit_id(&got.team_id), kit_id(&k.team)));
    CHECK_STR(got.token_id, "aaaaaaaaaaaaaa");
    CHECK_STR(got.token_name, "laptop");
    CHECK_EQ(got.token_role, ROLE_EDITOR);
    CHECK_EQ(got.token_expires_at_ms, 9000);
    CHECK_EQ(got.token_revoked_at_ms, 0);
    CHECK_EQ(got.created_at_ms, 10);
    CHECK_EQ(got.seen_at_ms, 10);
    CHECK_STR(got.address, "192.0.2.1");
    CHECK_STR(got.user_agent, "Browser/1");
    CHECK(memcmp(got.hash, s.hash, 32) == 0);
    k.tx.touched = 0;
    CHECK_OK(store_session_seen(&k.tx, kit_id(&s.id), 50));
    CHECK_EQ(k.tx.touched, 0); /* it would empty the caches at each use */
    CHECK_OK(store_session_get(&k.tx, kit_id(&s.id), &k.a, &got));
    CHECK_EQ(got.seen_at_ms, 50);
}

static void test_what_is_not_there_is_refused(void)
{
    struct session_row s = make("zzzzzzzzzzzzzz", k.team, 10), got;
    struct ulid none = ulid_new();
    CHECK_ERR(store_session_insert(&k.tx, &s), ERR_NOT_FOUND);
    s = make("aaaaaaaaaaaaaa", none, 10);
    CHECK_ERR(store_session_insert(&k.tx, &s), ERR_NOT_FOUND);
    CHECK_ERR(store_session_get(&k.tx, kit_id(&none), &k.a, &got), ERR_NOT_FOUND);
    CHECK_ERR(store_session_get(&k.tx, STR_EMPTY, &k.a, &got), ERR_NOT_FOUND);
    CHECK_ERR(store_session_seen(&k.tx, kit_id(&none), 1), ERR_NOT_FOUND);
    CHECK_ERR(store_session_delete(&k.tx, kit_id(&none)), ERR_NOT_FOUND);
    s = make("aaaaaaaaaaaaaa", k.team, 10);
    CHECK_OK(store_session_insert(&k.tx, &s));
    CHECK_ERR(store_session_insert(&k.tx, &s), ERR_CONFLICT);
}

static void test_edited_rows_are_noticed(void)
{
    struct session_row got;
    struct ulid id = insert("aaaaaaaaaaaaaa", k.team, 10);
    CHECK_OK(db_script(k.db, "UPDATE console_sessions SET hash = x'00'"));
    CHECK_ERR(store_session_get(&k.tx, kit_id(&id), &k.a, &got), ERR_TAMPERED);
    CHECK_OK(db_script(k.db, "DELETE FROM console_sessions"));
}

static void test_lists_are_of_one_team_or_one_token(void)
{
    token("bbbbbbbbbbbbbb", k.team, 0);
    token("cccccccccccccc", k.other, 0);
    struct ulid first = insert("aaaaaaaaaaaaaa", k.team, 1);
    struct ulid second = insert("bbbbbbbbbbbbbb", k.team, 2);
    insert("cccccccccccccc", k.other, 3);
    struct session_row *list;
    size_t count;
    CHECK_OK(store_session_list(&k.tx, kit_id(&k.team), STR_EMPTY, &k.a, &list, &count));
    CHECK_EQ(count, 2);
    CHECK(str_equal(kit_id(&list[0].id), kit_id(&second)));
    CHECK(str_equal(kit_id(&list[1].id), kit_id(&first)));
    CHECK_EQ(count_of(k.team, "bbbbbbbbbbbbbb"), 1);
    CHECK_EQ(count_of(k.team, "cccccccccccccc"), 0);
    CHECK_EQ(count_of(k.other, "bbbbbbbbbbbbbb"), 0);
    CHECK_EQ(count_of(k.other, ""), 1);
    k.tx.touched = 0;
    CHECK_OK(store_session_delete(&k.tx, kit_id(&second)));
    CHECK(k.tx.touched & TOUCHED_AUTH);
    CHECK_EQ(count_of(k.team, ""), 1);
    CHECK_OK(db_script(k.db, "DELETE FROM console_sessions"));
}

static size_t over_at(int64_t now_ms, size_t limit)
{
    struct session_row *list;
    size_t count;
    CHECK_OK(store_session_over(&k.tx, now_ms, 1000, 100, limit, &k.a, &list, &count));
    return count;
}

static void test_those_whose_time_is_over(void)
{
    token("dddddddddddddd", k.team, 60);
    struct ulid id = insert("bbbbbbbbbbbbbb", k.team, 0);
    CHECK_EQ(over_at(99, 9), 0);
    CHECK_EQ(over_at(100, 9), 1); /* unused for so long */
    CHECK_OK(store_session_seen(&k.tx, kit_id(&id), 950));
    CHECK_EQ(over_at(999, 9), 0);
    CHECK_EQ(over_at(1000, 9), 1); /* signed in for so long */
    insert("dddddddddddddd", k.team, 0);
    CHECK_EQ(over_at(59, 9), 0);
    CHECK_EQ(over_at(60, 9), 1); /* the token's time is over */
    insert("cccccccccccccc", k.other, 0);
    CHECK_OK(store_token_revoke(&k.tx, kit_id(&k.other), STR("cccccccccccccc"), 1));
    CHECK_EQ(over_at(60, 9), 2);
    CHECK_EQ(over_at(60, 1), 1);
}

static void test_they_go_with_their_token_and_team(void)
{
    kit_commit(&k);
    CHECK_OK(db_script(k.db, "DELETE FROM tokens WHERE id = 'dddddddddddddd'"));
    CHECK_EQ(count_of(k.team, "dddddddddddddd"), 0);
    CHECK_EQ(count_of(k.team, ""), 1);
    CHECK_EQ(count_of(k.other, ""), 1);
    CHECK_OK(db_script(k.db, "DELETE FROM teams"));
    CHECK_EQ(over_at(5000, 9), 0);
}

int main(void)
{
    kit_open(&k);
    RUN(test_session_comes_back_with_its_token);
    RUN(test_what_is_not_there_is_refused);
    RUN(test_edited_rows_are_noticed);
    RUN(test_lists_are_of_one_team_or_one_token);
    RUN(test_those_whose_time_is_over);
    RUN(test_they_go_with_their_token_and_team);
    kit_close(&k);
    return test_done();
}
