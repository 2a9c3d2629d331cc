#include "auth.h"

#include "alloc.h"
#include "auth_address.h"
#include "auth_alarm.h"
#include "auth_cache.h"
#include "auth_limit.h"
#include "clock.h"
#include "log.h"
#include "ref_scan.h"
#include "session_text.h"
#include "token_text.h"

#include <stdlib.h>

struct auth {
    struct store *store;
    struct vault *vault;
    struct auth_cache *cache;
    struct auth_limit *limit, *sign_in_limit;
    struct auth_alarm *alarm;
    struct session_limits session_limits;
    int64_t began_unix_ms, began_monotonic_ms;
};

#define BIT(scope) (1u << (scope))
enum {
    EDITOR = BIT(SCOPE_ANY) | BIT(SCOPE_SECRETS_LIST) | BIT(SCOPE_SECRETS_MANAGE) |
             BIT(SCOPE_JOBS_SUBMIT) | BIT(SCOPE_JOBS_READ) | BIT(SCOPE_LIBRARY) | BIT(SCOPE_FARM) |
             BIT(SCOPE_CONSOLE)
};
static const unsigned scopes[ROLE_COUNT] = {
    [ROLE_ADMIN] = EDITOR | BIT(SCOPE_WORKER) | BIT(SCOPE_AUDIT) | BIT(SCOPE_ADMIN),
    [ROLE_EDITOR] = EDITOR,
    [ROLE_SUBMIT] =
        BIT(SCOPE_ANY) | BIT(SCOPE_JOBS_SUBMIT) | BIT(SCOPE_JOBS_READ) | BIT(SCOPE_FARM),
    [ROLE_WORKER] = BIT(SCOPE_ANY) | BIT(SCOPE_WORKER) | BIT(SCOPE_FARM),
    [ROLE_AUDIT] = BIT(SCOPE_ANY) | BIT(SCOPE_AUDIT),
};

bool auth_role_allows(enum token_role role, enum scope scope)
{
    ASSERT((unsigned)scope < SCOPE_COUNT);
    return (unsigned)role < ROLE_COUNT && (scopes[role] & BIT(scope)) != 0;
}

static bool is_prefix(struct str pattern)
{
    return str_ends(pattern, STR("*"));
}

static struct str stem(struct str pattern)
{
    return is_prefix(pattern) ? str_slice(pattern, 0, pattern.len - 1) : pattern;
}

bool auth_pattern_valid(struct str pattern)
{
    if (pattern.len > TOKEN_PATTERN_MAX_BYTES)
        return false;
    return str_is(pattern, "*") || ref_name_valid(stem(pattern));
}

bool auth_pattern_within(struct str inner, struct str outer)
{
    return is_prefix(outer) ? str_starts(stem(inner), stem(outer)) : str_equal(inner, outer);
}

struct auth *auth_new(struct store *store, struct vault *vault)
{
    struct auth *a = xcalloc(1, sizeof *a);
    a->store = store;
    a->vault = vault;
    a->cache = auth_cache_new();
    a->limit = auth_limit_new(&auth_limit_tokens);
    a->sign_in_limit = auth_limit_new(&auth_limit_sign_ins);
    a->session_limits = (struct session_limits){CONSOLE_IDLE_MS, CONSOLE_SESSION_MS};
    a->alarm = auth_alarm_new();
    a->began_unix_ms = clock_unix_ms();
    a->began_monotonic_ms = clock_monotonic_ms();
    return a;
}

void auth_free(struct auth **a)
{
    if (*a == NULL)
        return;
    auth_cache_free(&(*a)->cache);
    auth_limit_free(&(*a)->limit);
    auth_limit_free(&(*a)->sign_in_limit);
    auth_alarm_free(&(*a)->alarm);
    free(*a);
    *a = NULL;
}

void auth_set_session_limits(struct auth *a, struct session_limits limits)
{
    a->session_limits = limits;
}

struct session_limits auth_session_limits(const struct auth *a)
{
    return a->session_limits;
}

/* Not before the time that has passed since the start. */
int64_t auth_now_ms(const struct auth *a)
{
    int64_t wall = clock_unix_ms();
    int64_t least = a->began_unix_ms + (clock_monotonic_ms() - a->began_monotonic_ms);
    return wall > least ? wall : least;
}

/* --- last use, written without anybody waiting --- */

struct use {
    int64_t at_ms;
    char token_id[17];
    struct ulid session_id;
};

static enum err use_op(struct store_tx *tx, void *ctx)
{
    struct use *u = ctx;
    if (u->session_id.text[0])
        TRY(store_session_seen(tx, ulid_str(&u->session_id), u->at_ms));
    return store_token_used(tx, str_from(u->token_id), u->at_ms);
}

static void use_done(enum err result, void *ctx)
{
    (void)result; /* it is a courtesy: the next minute tries again */
    free(ctx);
}

static void write_use(struct auth *a, const struct auth_entry *e, int64_t at_ms)
{
    struct use *u = xcalloc(1, sizeof *u);
    u->at_ms = at_ms;
    u->session_id = e->session_id;
    memcpy(u->token_id, e->token_id, sizeof u->token_id);
    store_write(a->store, use_op, use_done, u);
}

/* Uses are written so often that the end of a session is judged right, and no oftener. */
static int64_t write_every_ms(const struct auth *a, const struct auth_entry *e)
{
    int64_t tenth = a->session_limits.idle_ms / 10;
    return e->session_id.text[0] && tenth < AUTH_USED_EVERY_MS ? tenth : AUTH_USED_EVERY_MS;
}

/* --- the look-up --- */

/* What is shown, read. */
struct shown {
    struct str text;
    bool is_session;
    struct token_text token;
    struct session_text session;
};

static enum err read_given(struct auth_given given, struct shown *ret)
{
    *ret = (struct shown){.text = given.token};
    if (given.session.len) {
        ret->text = given.session;
        ret->is_session = true;
        return session_text_parse(ret->text, &ret->session);
    }
    if (given.token.len == 0)
        TRY(token_text_from_header(given.header, &ret->text));
    return token_text_parse(ret->text, &ret->token);
}

/* The rows, or stand-ins that take as long: the token and its team are asked for in either case. */
struct rows {
    struct session_row session;
    struct token token;
    bool found;
};

static enum err read_rows(struct store_tx *tx, const struct shown *shown, struct arena *arena,
                          struct rows *ret)
{
    struct str id = shown->token.id;
    struct team team;
    ret->found = true;
    if (shown->is_session) {
        enum err e = store_session_get(tx, shown->session.id, arena, &ret->session);
        if (e != OK && e != ERR_NOT_FOUND)
            return e;
        ret->found = e == OK;
        id = e == OK ? ret->session.token_id : STR("00000000000000");
    }
    enum err e = store_token_get(tx, id, arena, &ret->token);
    if (e != OK && e != ERR_NOT_FOUND)
        return e;
    ret->found = ret->found && e == OK;
    struct str team_id =
        e == OK ? ulid_str(&ret->token.team_id) : STR("00000000000000000000000000");
    e = store_team_get(tx, team_id, arena, &team);
    ret->found = ret->found && e == OK;
    return e == ERR_NOT_FOUND ? OK : e;
}

static enum err load(struct auth *a, const struct shown *shown, struct arena *arena,
                     struct rows *ret)
{
    struct store_tx *tx;
    *ret = (struct rows){.session.token_id = STR_EMPTY};
    TRY(store_read_begin(a->store, &tx));
    enum err e = read_rows(tx, shown, arena, ret);
    store_read_end(a->store, &tx);
    return e;
}

static enum err check_hash(struct auth *a, const struct shown *shown, const struct rows *rows,
                           bool *ret_same)
{
    uint8_t hash[32];
    if (shown->is_session)
        TRY(session_text_hash(a->vault, &rows->session, shown->session.secret, hash));
    else
        TRY(vault_hash_token(a->vault, shown->token.proof, hash));
    const uint8_t *stored = shown->is_session ? rows->session.hash : rows->token.hash;
    *ret_same = equal_constant_time(hash, stored, sizeof hash);
    wipe(hash, sizeof hash);
    return OK;
}

static enum err check_stored(struct auth *a, const struct shown *shown, struct arena *arena,
                             struct auth_entry *ret)
{
    struct rows rows;
    bool same;
    TRY(load(a, shown, arena, &rows));
    TRY(check_hash(a, shown, &rows, &same));
    const struct token *row = &rows.token;
    bool fits = shown->is_session
                    ? str_equal(ulid_str(&rows.session.team_id), ulid_str(&row->team_id))
                    : row->role == shown->token.role;
    if (!rows.found || !same || !fits || row->revoked_at_ms != 0 || row->suspended_at_ms != 0)
        return ERR_UNAUTHORIZED;

    TRY(str_to_text(row->id, ret->token_id, sizeof ret->token_id));
    TRY(str_to_text(row->names, ret->names, sizeof ret->names));
    TRY(str_to_text(row->addresses, ret->addresses, sizeof ret->addresses));
    ret->team_id = row->team_id;
    ret->role = row->role;
    ret->expires_at_ms = row->expires_at_ms;
    ret->used_at_ms = row->last_used_at_ms;
    if (shown->is_session) {
        ret->session_id = rows.session.id;
        ret->session_began_ms = rows.session.created_at_ms;
        ret->used_at_ms = rows.session.seen_at_ms;
    }
    return OK;
}

/* What time alone can end; asked at each request. */
static bool still_valid(const struct auth *a, const struct auth_entry *e, int64_t now)
{
    if (e->expires_at_ms != 0 && e->expires_at_ms <= now)
        return false;
    return !e->session_id.text[0] || (now - e->session_began_ms < a->session_limits.max_ms &&
                                      now - e->used_at_ms < a->session_limits.idle_ms);
}

static enum err find(struct auth *a, struct auth_given given, struct str peer, struct arena *arena,
                     struct auth_entry *ret)
{
    struct shown shown;
    TRY(read_given(given, &shown));
    int64_t now = auth_now_ms(a);
    uint64_t generation = store_auth_generation(a->store);
    uint8_t key[32];
    auth_cache_key(a->cache, shown.text, key);
    if (!auth_cache_get(a->cache, generation, key, ret)) {
        memset(ret, 0, sizeof *ret);
        TRY(check_stored(a, &shown, arena, ret));
        memcpy(ret->key, key, sizeof key);
        auth_cache_put(a->cache, generation, ret);
    }
    if (!still_valid(a, ret, now)) {
        if (shown.is_session)
            session_end_soon(a->store, ulid_str(&ret->session_id), a->session_limits, now);
        return ERR_UNAUTHORIZED;
    }
    if (!auth_addresses_allow(str_from(ret->addresses), peer))
        return ERR_UNAUTHORIZED;
    int64_t every_ms = write_every_ms(a, ret);
    if (!given.background && now - ret->used_at_ms > every_ms &&
        auth_cache_touch(a->cache, key, now, every_ms))
        write_use(a, ret, now);
    return OK;
}

static struct auth_user *user_of(const struct auth *a, const struct auth_entry *entry,
                                 struct arena *arena)
{
    struct auth_user *user = arena_alloc(arena, sizeof *user);
    user->role = entry->role;
    user->expires_at_ms = entry->expires_at_ms;
    user->actor.team_id = arena_str(arena, ulid_str(&entry->team_id));
    user->actor.token_id = arena_str(arena, str_from(entry->token_id));
    user->actor.names = arena_str(arena, str_from(entry->names));
    user->addresses = arena_str(arena, str_from(entry->addresses));
    user->actor.may_list_names = auth_role_allows(entry->role, SCOPE_SECRETS_LIST);
    user->session_id = STR_EMPTY;
    if (entry->session_id.text[0]) {
        user->session_id = arena_str(arena, ulid_str(&entry->session_id));
        user->session_ends_at_ms = session_ends_at_ms(
            entry->session_began_ms, a->session_limits.max_ms, entry->expires_at_ms);
    }
    return user;
}

enum err auth_check(struct auth *a, struct auth_given given, struct str peer, struct arena *arena,
                    struct auth_user **ret)
{
    struct auth_entry entry;
    enum err e = find(a, given, peer, arena, &entry);
    if (e == ERR_UNAUTHORIZED && !auth_limit_take(a->limit, peer, clock_monotonic_ms()))
        return ERR_RATE;
    TRY(e);
    *ret = user_of(a, &entry, arena);
    return OK;
}

enum err auth_sign_in(struct auth *a, struct str token, struct str peer, struct arena *arena,
                      struct auth_user **ret, int64_t *ret_wait_ms)
{
    struct auth_entry entry;
    int64_t now = clock_monotonic_ms();
    enum err e = token.len ? find(a, (struct auth_given){.token = token}, peer, arena, &entry)
                           : ERR_UNAUTHORIZED;
    if (e == ERR_UNAUTHORIZED) {
        *ret_wait_ms = auth_limit_wait_ms(a->sign_in_limit, peer, now);
        if (*ret_wait_ms > 0)
            return ERR_RATE;
        (void)auth_limit_take(a->sign_in_limit, peer, now);
        if (auth_limit_wait_ms(a->sign_in_limit, peer, now) > 0)
            log_warn("console_address_locked", kv("address", peer));
    }
    TRY(e);
    *ret = user_of(a, &entry, arena);
    return OK;
}

void auth_denied(struct auth *a, const struct auth_user *user)
{
    if (user->role == ROLE_WORKER)
        auth_alarm_ring(a->alarm, a->store, &user->actor, clock_monotonic_ms());
}
