#include "restore_verify.h"

#include <stdio.h>

#include "alloc.h"
#include "offline.h"
#include "store_audit.h"
#include "store_restore.h"
#include "store_secret.h"
#include "store_team.h"
#include "token_text.h"

enum { BATCH = 256, BLOB_MAX_BYTES = 4096 };

struct verifying {
    struct store_tx *tx;
    struct vault *vault;
    struct progress *progress;
    struct restore_report *report;
    char *why;
};

static enum err broken(const struct verifying *v, const char *what, struct str which)
{
    snprintf(v->why, DATADIR_WHY_BYTES, "the backup is not sound: %s (%.*s)", what,
             (int)(which.len < 200 ? which.len : 200), which.ptr);
    return ERR_TAMPERED;
}

/* Between one row and the next. */
static enum err step(const struct verifying *v)
{
    progress_at(v->progress, v->report->versions + v->report->audit_records);
    return offline_interrupted() ? ERR_AGAIN : OK;
}

/* --- keys --- */

static enum err verify_keys(const struct verifying *v)
{
    struct ulid team;
    uint32_t version = 0;
    TRY(ulid_from(STR("00000000000000000000000000"), &team));
    for (;;) {
        AUTO(arena) struct arena a = arena_make();
        struct team_key_row *rows;
        size_t count;
        TRY(store_team_keys_after(v->tx, ulid_str(&team), version, BATCH, &a, &rows, &count));
        for (size_t i = 0; i < count; i++) {
            AUTO(buf) struct buf again = buf_make(BLOB_MAX_BYTES);
            team = rows[i].team_id;
            version = rows[i].key_version;
            enum err e = vault_team_key_rewrap(v->vault, ulid_str(&team), rows[i].team_key, &again);
            if (e == ERR_TAMPERED || e == ERR_INVALID)
                return broken(v, "a team's key does not open", ulid_str(&team));
            TRY(e);
        }
        if (count < BATCH)
            return OK;
    }
}

/* --- secrets --- */

static enum err verify_version(const struct verifying *v, const struct sealed_row *row)
{
    AUTO(arena) struct arena a = arena_make();
    struct str key;
    const struct seal_context context = {.team_id = ulid_str(&row->team_id),
                                         .secret_id = ulid_str(&row->id),
                                         .name = row->name,
                                         .version = row->version,
                                         .epoch = row->epoch,
                                         .created_at_ms = row->created_at_ms,
                                         .policy = row->policy};
    enum err e = store_team_key_get(v->tx, context.team_id, row->key_version, &a, &key);
    if (e == OK)
        e = vault_verify(v->vault, &context, key, row->sealed);
    if (e == ERR_TAMPERED || e == ERR_INVALID || e == ERR_NOT_FOUND)
        return broken(v, "a secret does not open", row->name);
    v->report->versions += e == OK;
    return e;
}

static enum err verify_secret(const struct verifying *v, const struct secret_row *secret)
{
    uint32_t version = 0;
    for (;;) {
        AUTO(arena) struct arena a = arena_make();
        struct sealed_row *rows;
        size_t count;
        TRY(store_sealed_after(v->tx, ulid_str(&secret->team_id), ulid_str(&secret->id), version,
                               BATCH, &a, &rows, &count));
        for (size_t i = 0; i < count; i++)
            TRY(verify_version(v, &rows[i]));
        TRY(step(v));
        if (count)
            version = rows[count - 1].version;
        if (count < BATCH)
            break;
    }
    v->report->secrets++;
    return version == secret->version ? OK : broken(v, "a secret's value is missing", secret->name);
}

static enum err verify_team(const struct verifying *v, const struct team *team)
{
    AUTO(arena) struct arena a = arena_make();
    struct secret_row *secrets;
    struct token *tokens;
    size_t secret_count, token_count;
    enum err e = store_token_list(v->tx, ulid_str(&team->id), &a, &tokens, &token_count);
    if (e == ERR_TAMPERED)
        return broken(v, "a token's row cannot be read; its team", team->name);
    TRY(e);
    for (size_t i = 0; i < token_count; i++) {
        if (tokens[i].id.len != TOKEN_ID_LEN)
            return broken(v, "a token's row cannot be read; its team", team->name);
    }
    v->report->tokens += token_count;
    TRY(store_secret_list(v->tx, ulid_str(&team->id), &a, &secrets, &secret_count));
    for (size_t i = 0; i < secret_count; i++)
        TRY(verify_secret(v, &secrets[i]));
    return OK;
}

/* --- the audit log --- */

/* One batch of a chain: sequences without a gap, macs that fit. */
static enum err verify_links(const struct verifying *v, const struct audit_row *rows, size_t count,
                             struct arena *a, int64_t *sequence, uint8_t mac[static 32], bool *ret)
{
    struct str *records = arena_array(a, count, sizeof *records);
    uint8_t(*macs)[32] = arena_array(a, count, sizeof *macs);
    for (size_t i = 0; i < count; i++)
        records[i] = rows[i].record;
    TRY(vault_chain_audit(v->vault, mac, records, count, macs));
    *ret = true;
    for (size_t i = 0; i < count; i++) {
        if (rows[i].sequence != ++*sequence || !equal_constant_time(rows[i].mac, macs[i], 32))
            *ret = false;
    }
    memcpy(mac, macs[count - 1], 32);
    return OK;
}

static enum err verify_chain(const struct verifying *v, struct str team_id)
{
    int64_t sequence = 0;
    uint8_t mac[32] = {0};
    for (;;) {
        AUTO(arena) struct arena a = arena_make();
        struct audit_row *rows;
        size_t count;
        bool whole;
        enum err e = store_audit_list(v->tx, team_id, sequence, BATCH, &a, &rows, &count);
        if (e == ERR_TAMPERED)
            return broken(v, "an audit record cannot be read; its team", team_id);
        TRY(e);
        if (count == 0)
            return OK;
        TRY(verify_links(v, rows, count, &a, &sequence, mac, &whole));
        if (!whole)
            return broken(v, "the audit log is not as it was written; its team", team_id);
        v->report->audit_records += count;
        TRY(step(v));
    }
}

static enum err verify_all(const struct verifying *v)
{
    AUTO(arena) struct arena a = arena_make();
    struct team *teams;
    struct str *chains;
    size_t count, chain_count;
    TRY(verify_keys(v));
    TRY(store_team_list(v->tx, &a, &teams, &count));
    for (size_t i = 0; i < count; i++)
        TRY(verify_team(v, &teams[i]));
    v->report->teams = count;
    TRY(store_restore_chains(v->tx, &a, &chains, &chain_count));
    for (size_t i = 0; i < chain_count; i++)
        TRY(verify_chain(v, chains[i]));
    return OK;
}

enum err restore_verify(struct store *store, struct vault *vault, struct progress *p,
                        struct restore_report *ret, char ret_why[static DATADIR_WHY_BYTES])
{
    struct verifying v = {.vault = vault, .progress = p, .report = ret, .why = ret_why};
    TRY(store_read_begin(store, &v.tx));
    enum err e = verify_all(&v);
    store_read_end(store, &v.tx);
    return e;
}
