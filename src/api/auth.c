#include "auth.h"

#include "alloc.h"
#include "auth_address.h"
#include "auth_alarm.h"
#include "auth_cache.h"
#include "auth_limit.h"
#include "clock.h"
#include "ref_scan.h"
#include "token_text.h"

#include <stdlib.h>

struct auth {
    struct store *store;
    struct vault *vault;
    struct auth_cache *cache;
    struct auth_limit *limit;
    struct auth_alarm *alarm;
    int64_t began_unix_ms, began_monotonic_ms;
};

#define BIT(scope) (1u << (scope))
enum {
    EDITOR = BIT(SCOPE_ANY) | BIT(SCOPE_SECRETS_LIST) | BIT(SCOPE_SECRETS_MANAGE) |
             BIT(SCOPE_JOBS_SUBMIT) | BIT(SCOPE_JOBS_READ) | BIT(SCOPE_LIBRARY) | BIT(SCOPE_FARM)
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
    a->limit = auth_limit_new();
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
    auth_alarm_free(&(*a)->alarm);
    free(*a);
    *a = NULL;
}

/* Not before the time that has passed since the start: setting the clock back revives no token. */
static int64_t now_ms(const struct auth *a)
{
    int64_t wall = clock_unix_ms();
    int64_t least = a->began_unix_ms + (clock_monotonic_ms() - a->began_monotonic_ms);
    return wall > least ? wall : least;
}

/* --- last use, written without anybody waiting --- */

struct use {
    int64_t at_ms;
    char token_id[17];
};

static enum err use_op(struct store_tx *tx, void *ctx)
{
    struct use *u = ctx;
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
    memcpy(u->token_id, e->token_id, sizeof u->token_id);
    store_write(a->store, use_op, use_done, u);
}

/* --- the look-up --- */

/* The row, or a stand-in that takes as long. The team is asked for in either case. */
static enum err load(struct auth *a, const struct token_text *text, struct arena *arena,
                     struct token *ret, bool *ret_found)
{
    struct store_tx *tx;
    TRY(store_read_begin(a->store, &tx));
    memset(ret, 0, sizeof *ret);
    enum err e = store_token_get(tx, text->id, arena, ret);
    *ret_found = e == OK;
    if (e == OK || e == ERR_NOT_FOUND) {
        struct team team;
        struct str team_id =
            *ret_found ? ulid_str(&ret->team_id) : STR("00000000000000000000000000");
        e = store_team_get(tx, team_id, arena, &team);
        *ret_found = *ret_found && e == OK;
    }
    store_read_end(a->store, &tx);
    return e == ERR_NOT_FOUND ? OK : e;
}

static enum err check_stored(struct auth *a, const struct token_text *text, struct arena *arena,
                             int64_t now, struct auth_entry *ret)
{
    struct token row;
    bool found;
    TRY(load(a, text, arena, &row, &found));
    uint8_t hash[32];
    TRY(vault_hash_token(a->vault, text->proof, hash));
    bool same = equal_constant_time(hash, row.hash, sizeof hash);
    wipe(hash, sizeof hash);
    bool live = row.revoked_at_ms == 0 && (row.expires_at_ms == 0 || row.expires_at_ms > now);
    if (!found || !same || !live || row.role != text->role)
        return ERR_UNAUTHORIZED;

    TRY(str_to_text(row.id, ret->token_id, sizeof ret->token_id));
    TRY(str_to_text(row.names, ret->names, sizeof ret->names));
    TRY(str_to_text(row.addresses, ret->addresses, sizeof ret->addresses));
    ret->team_id = row.team_id;
    ret->role = row.role;
    ret->expires_at_ms = row.expires_at_ms;
    ret->used_at_ms = row.last_used_at_ms;
    return OK;
}

static enum err find(struct auth *a, struct auth_given given, struct str peer, struct arena *arena,
                     struct auth_entry *ret)
{
    struct str token = given.farm_secret;
    struct token_text text;
    if (token.len == 0)
        TRY(token_text_from_header(given.header, &token));
    TRY(token_text_parse(token, &text));

    int64_t now = now_ms(a);
    uint64_t generation = store_auth_generation(a->store);
    uint8_t key[32];
    auth_cache_key(a->cache, token, key);
    bool touch;
    if (!auth_cache_get(a->cache, generation, key, now, ret, &touch)) {
        memset(ret, 0, sizeof *ret);
        TRY(check_stored(a, &text, arena, now, ret));
        memcpy(ret->key, key, sizeof key);
        touch = now - ret->used_at_ms > AUTH_USED_EVERY_MS;
        if (touch)
            ret->used_at_ms = now;
        auth_cache_put(a->cache, generation, ret);
    }
    if (ret->expires_at_ms != 0 && ret->expires_at_ms <= now)
        return ERR_UNAUTHORIZED;
    if (!auth_addresses_allow(str_from(ret->addresses), peer))
        return ERR_UNAUTHORIZED;
    if (touch)
        write_use(a, ret, now);
    return OK;
}

enum err auth_check(struct auth *a, struct auth_given given, struct str peer, struct arena *arena,
                    struct auth_user **ret)
{
    struct auth_entry entry;
    enum err e = find(a, given, peer, arena, &entry);
    if (e == ERR_UNAUTHORIZED && !auth_limit_take(a->limit, peer, clock_monotonic_ms()))
        return ERR_RATE;
    TRY(e);

    struct auth_user *user = arena_alloc(arena, sizeof *user);
    user->role = entry.role;
    user->expires_at_ms = entry.expires_at_ms;
    user->actor.team_id = arena_str(arena, ulid_str(&entry.team_id));
    user->actor.token_id = arena_str(arena, str_from(entry.token_id));
    user->actor.names = arena_str(arena, str_from(entry.names));
    user->addresses = arena_str(arena, str_from(entry.addresses));
    user->actor.may_list_names = auth_role_allows(entry.role, SCOPE_SECRETS_LIST);
    *ret = user;
    return OK;
}

void auth_denied(struct auth *a, const struct auth_user *user)
{
    if (user->role == ROLE_WORKER)
        auth_alarm_ring(a->alarm, a->store, &user->actor, clock_monotonic_ms());
}
