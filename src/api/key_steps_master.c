/* The master key and the root key. A new master version is on disk before anything is wrapped under
 * it; the root key changes hands in four steps, after each of which the server can be killed. */
#include <time.h>

#include "key_rotation.h"
#include "key_steps.h"
#include "store_audit.h"
#include "store_team.h"

enum {
    BATCH = 256,
    BLOB_MAX_BYTES = 64 * 1024,
    PENDING_TRIES = 100, /* the vault hears of the new root from the supervisor, not from us */
    PENDING_PAUSE_MS = 50,
};

/* --- the stored keyring --- */

struct put {
    const struct key_steps *steps;
    struct str keyring;
    enum audit_event_type type;
    const char *subject; /* NULL: nothing to record */
    uint32_t version;
};

static enum err put_op(struct store_tx *tx, void *ctx)
{
    const struct put *p = ctx;
    TRY(store_keyring_put(tx, p->keyring));
    if (!p->subject)
        return OK;
    const struct audit_record record = {.type = p->type,
                                        .team_id = STR(KEY_ROTATION_INSTANCE),
                                        .actor = str_from(p->steps->actor),
                                        .subject = str_from(p->subject),
                                        .version = p->version};
    return store_audit(tx, &record);
}

static enum err put_keyring(const struct key_steps *s, const struct buf *keyring,
                            enum audit_event_type type, const char *subject, uint32_t version)
{
    struct put p = {s, buf_str(keyring), type, subject, version};
    return store_write_wait(s->api->store, put_op, &p);
}

static enum err stored_keyring(const struct key_steps *s, struct arena *a, struct str *ret_instance,
                               struct str *ret_keyring)
{
    struct store_tx *tx;
    TRY(store_read_begin(s->api->store, &tx));
    enum err e = store_instance_get(tx, a, ret_instance);
    if (e == OK)
        e = store_keyring_get(tx, a, ret_keyring);
    store_read_end(s->api->store, &tx);
    return e;
}

/* --- master --- */

static enum err rotate_master(const struct key_steps *s)
{
    AUTO(arena) struct arena a = arena_make();
    AUTO(buf) struct buf keyring = buf_make(BLOB_MAX_BYTES);
    struct str instance, before;
    struct vault_status status;
    TRY(vault_status(s->api->vault, &status));
    TRY(stored_keyring(s, &a, &instance, &before));
    TRY(vault_master_rotate(s->api->vault, &keyring));
    enum err e = put_keyring(s, &keyring, AUDIT_KEY_ROTATED, "master", status.master_version + 1);
    if (e == OK)
        return OK;
    /* It is not on disk: nothing may be wrapped under it, so the vault forgets it. */
    TRY(vault_unlock(s->api->vault, instance, before));
    return e;
}

enum err key_steps_master_begin(const struct key_steps *s)
{
    pthread_rwlock_wrlock(s->master_lock);
    enum err e = rotate_master(s);
    pthread_rwlock_unlock(s->master_lock);
    return e;
}

struct keys {
    struct team_key_row *rows;
    struct str *rewrapped; /* one for each row; ptr NULL: it stays */
    size_t count;
    struct arena arena;
};

static void keys_auto(struct keys *k)
{
    arena_auto(&k->arena);
}

static enum err replace_op(struct store_tx *tx, void *ctx)
{
    struct keys *k = ctx;
    for (size_t i = 0; i < k->count; i++) {
        const struct team_key_row *row = &k->rows[i];
        struct str now;
        if (!k->rewrapped[i].ptr)
            continue;
        enum err e =
            store_team_key_get(tx, ulid_str(&row->team_id), row->key_version, &k->arena, &now);
        if (e == ERR_NOT_FOUND) /* the team is gone; its key must not come back */
            continue;
        TRY(e);
        if (str_equal(now, row->team_key))
            TRY(store_team_key_put(tx, ulid_str(&row->team_id), row->key_version, k->rewrapped[i]));
    }
    return OK;
}

static enum err rewrap_keys(const struct key_steps *s, uint32_t master, struct keys *k,
                            bool *ret_tampered)
{
    size_t moved = 0;
    k->rewrapped = arena_array(&k->arena, k->count + 1, sizeof *k->rewrapped);
    for (size_t i = 0; i < k->count; i++) {
        AUTO(buf) struct buf out = buf_make(BLOB_MAX_BYTES);
        uint32_t key_version, under;
        enum err e = vault_team_key_versions(k->rows[i].team_key, &key_version, &under);
        if (e == OK && under == master)
            continue;
        if (e == OK)
            e = vault_team_key_rewrap(s->api->vault, ulid_str(&k->rows[i].team_id),
                                      k->rows[i].team_key, &out);
        if (e == ERR_TAMPERED) {
            *ret_tampered = true;
            continue;
        }
        TRY(e);
        k->rewrapped[i] = arena_str(&k->arena, buf_str(&out));
        moved++;
    }
    if (moved > 0)
        TRY(store_write_wait(s->api->store, replace_op, k));
    *s->done += moved;
    return OK;
}

static enum err move_keys(const struct key_steps *s, uint32_t master, bool *ret_tampered)
{
    struct ulid team_id;
    uint32_t key_version = 0;
    TRY(ulid_from(STR(KEY_ROTATION_INSTANCE), &team_id));
    for (;;) {
        struct keys k __attribute__((cleanup(keys_auto))) = {.rows = NULL};
        struct store_tx *tx;
        if (*s->stop)
            return ERR_BUSY;
        TRY(store_read_begin(s->api->store, &tx));
        enum err e = store_team_keys_after(tx, ulid_str(&team_id), key_version, BATCH, &k.arena,
                                           &k.rows, &k.count);
        store_read_end(s->api->store, &tx);
        TRY(e);
        if (k.count == 0)
            return OK;
        TRY(rewrap_keys(s, master, &k, ret_tampered));
        team_id = k.rows[k.count - 1].team_id;
        key_version = k.rows[k.count - 1].key_version;
    }
}

enum err key_steps_master_finish(const struct key_steps *s)
{
    struct vault_status status;
    AUTO(buf) struct buf keyring = buf_make(BLOB_MAX_BYTES);
    AUTO(arena) struct arena a = arena_make();
    struct str instance, before;
    bool tampered = false;
    TRY(vault_status(s->api->vault, &status));
    if (status.master_versions < 2)
        return OK;
    TRY(move_keys(s, status.master_version, &tampered));
    if (tampered)
        return ERR_TAMPERED;
    TRY(stored_keyring(s, &a, &instance, &before));
    TRY(vault_master_retire(s->api->vault, status.master_version, &keyring));
    enum err e = put_keyring(s, &keyring, AUDIT_KEY_RETIRED, "master", status.master_version - 1);
    if (e == OK)
        return OK;
    /* What is stored still has the old versions: the vault takes them back, so that trying again
     * finds them. */
    TRY(vault_unlock(s->api->vault, instance, before));
    return e;
}

/* --- root --- */

static enum err await_pending(const struct key_steps *s)
{
    for (int i = 0; i < PENDING_TRIES && !*s->stop; i++) {
        struct vault_status status;
        TRY(vault_status(s->api->vault, &status));
        if (status.pending_root)
            return OK;
        nanosleep(&(struct timespec){.tv_nsec = PENDING_PAUSE_MS * 1000000L}, NULL);
    }
    return ERR_TIMEOUT;
}

enum err key_steps_root_begin(const struct key_steps *s)
{
    struct vault_status status;
    TRY(vault_status(s->api->vault, &status));
    if (status.pending_root) /* of an earlier attempt: that one is finished now */
        return OK;
    TRY(s->api->offer_root(s->api->root_ctx));
    return await_pending(s);
}

/* A crash between the new root's commit and the last write leaves the keyring wrapped under the old
 * root as well: that wrap goes. */
static enum err drop_old_wrap(const struct key_steps *s)
{
    AUTO(arena) struct arena a = arena_make();
    AUTO(buf) struct buf keyring = buf_make(BLOB_MAX_BYTES);
    struct str instance, stored;
    TRY(stored_keyring(s, &a, &instance, &stored));
    TRY(vault_keyring_rewrap(s->api->vault, &keyring));
    if (keyring.len >= stored.len)
        return OK;
    return put_keyring(s, &keyring, AUDIT_KEY_RETIRED, "root", 0);
}

enum err key_steps_root_finish(const struct key_steps *s)
{
    struct vault_status status;
    TRY(vault_status(s->api->vault, &status));
    if (!status.pending_root)
        return drop_old_wrap(s);
    if (!s->api->commit_root)
        return ERR_NOT_IMPLEMENTED;
    AUTO(buf) struct buf both = buf_make(BLOB_MAX_BYTES);
    AUTO(buf) struct buf one = buf_make(BLOB_MAX_BYTES);
    TRY(vault_keyring_rewrap(s->api->vault, &both));
    TRY(put_keyring(s, &both, AUDIT_KEY_ROTATED, NULL, 0));
    TRY(s->api->commit_root(s->api->root_ctx));
    TRY(vault_root_commit(s->api->vault, &one));
    TRY(put_keyring(s, &one, AUDIT_KEY_ROTATED, "root", 0));
    *s->done += 1;
    return OK;
}
