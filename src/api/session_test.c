#include "session.h"

#include <unistd.h>

#include "store_audit.h"
#include "store_team.h"
#include "test.h"

static const struct session_limits limits = {.idle_ms = 1000, .max_ms = 5000};

static void test_what_ends_a_session_by_itself(void)
{
    static const struct {
        int64_t began_ms, seen_ms, expires_ms, revoked_ms, still_ms, over_ms;
    } cases[] = {
        {10, 10, 0, 0, 1009, 1010},     /* not used */
        {10, 4990, 0, 0, 5009, 5010},   /* used, but long enough */
        {10, 10, 500, 0, 499, 500},     /* its token expired */
        {10, 10, 9000, 0, 1009, 1010},  /* its token lives longer */
        {10, 4990, 5010, 0, 5009, 5010} /* both at once */
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct session_row row = {.created_at_ms = cases[i].began_ms,
                                  .seen_at_ms = cases[i].seen_ms,
                                  .token_expires_at_ms = cases[i].expires_ms};
        CHECK(!session_is_over(&row, limits, cases[i].still_ms));
        CHECK(session_is_over(&row, limits, cases[i].over_ms));
        row.token_revoked_at_ms = 11;
        CHECK(session_is_over(&row, limits, cases[i].still_ms));
    }
}

/* --- in a store --- */

struct stored {
    struct store *store;
    struct team team;
    struct token token;
    struct session_row session;
    bool found;
};

static enum err insert_op(struct store_tx *tx, void *ctx)
{
    struct stored *s = ctx;
    TRY(store_team_insert(tx, &s->team));
    TRY(store_token_insert(tx, &s->token));
    return store_session_insert(tx, &s->session);
}

static enum err seen_op(struct store_tx *tx, void *ctx)
{
    struct stored *s = ctx;
    return store_session_seen(tx, ulid_str(&s->session.id), 900);
}

static enum err look_op(struct store_tx *tx, void *ctx)
{
    struct stored *s = ctx;
    AUTO(arena) struct arena a = arena_make();
    struct session_row row;
    s->found = store_session_get(tx, ulid_str(&s->session.id), &a, &row) == OK;
    return OK;
}

/* What was asked for before has been done by then: the writer does one after the other. */
static bool is_there(struct stored *s)
{
    CHECK_OK(store_write_wait(s->store, look_op, s));
    return s->found;
}

/* Its time was judged by an entry of the cache, or a row, from before a use that was on its way. */
static void test_a_session_that_was_used_meanwhile_does_not_end(void)
{
    char folder[] = "/tmp/safelight-session-XXXXXX";
    ASSERT(mkdtemp(folder));
    struct store_options options = {.folder = folder, .create = true};
    struct stored s = {.team = {.id = ulid_new(), .name = STR("ours"), .team_key = STR("wrapped")}};
    s.token = (struct token){.id = STR("aaaaaaaaaaaaaa"),
                             .team_id = s.team.id,
                             .role = ROLE_EDITOR,
                             .names = STR("*"),
                             .created_by = STR("operator")};
    s.session = (struct session_row){.id = ulid_new(),
                                     .team_id = s.team.id,
                                     .token_id = s.token.id,
                                     .created_at_ms = 10,
                                     .seen_at_ms = 10};
    CHECK_OK(store_open(&options, &s.store));
    CHECK_OK(store_write_wait(s.store, insert_op, &s));
    CHECK_OK(store_write_wait(s.store, seen_op, &s));
    session_end_soon(s.store, ulid_str(&s.session.id), limits, 1500);
    CHECK(is_there(&s));
    session_end_soon(s.store, ulid_str(&s.session.id), limits, 1900);
    CHECK(!is_there(&s));
    session_end_soon(s.store, ulid_str(&s.session.id), limits, 1900); /* twice does no harm */
    CHECK(!is_there(&s));
    store_close(&s.store);
    AUTO(buf) struct buf path = buf_make(100);
    static const char *const files[] = {"safelight.db", "safelight.db-wal", "safelight.db-shm",
                                        "lock"};
    for (size_t i = 0; i < ARRAY_LEN(files); i++) {
        buf_reset(&path);
        CHECK_OK(buf_printf(&path, "%s/%s%c", folder, files[i], 0));
        (void)unlink(path.ptr);
    }
    CHECK_EQ(rmdir(folder), 0);
}

int main(void)
{
    RUN(test_what_ends_a_session_by_itself);
    RUN(test_a_session_that_was_used_meanwhile_does_not_end);
    return test_done();
}
