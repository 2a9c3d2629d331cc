#include "vault_handle.h"

#include "alloc.h"
#include "audit_note.h"
#include "clock.h"
#include "hash.h"
#include "policy.h"
#include "recovery.h"

/* A handler appends the answer's body, changes the state only when nothing can fail any more, and
 * may leave a half written body: the caller cuts it. */
typedef enum err handler(struct vault_state *s, const struct vault_request *r, struct buf *body);

void vault_state_auto(struct vault_state *s)
{
    keyring_auto(&s->keyring);
    for (size_t i = 0; i < KEYRING_ROOTS_MAX; i++)
        keyring_root_auto(&s->roots[i]);
}

enum err vault_state_set_root(struct vault_state *s, struct str root)
{
    struct keyring_root fresh;
    TRY(keyring_root_init(root, &fresh));
    keyring_root_auto(&s->roots[VAULT_ROOT]);
    s->roots[VAULT_ROOT] = fresh;
    return OK;
}

enum err vault_state_set_pending_root(struct vault_state *s, struct str root)
{
    struct keyring_root fresh;
    TRY(keyring_root_init(root, &fresh));
    if (secret_equal(fresh.key, s->roots[VAULT_ROOT].key)) {
        keyring_root_auto(&fresh);
        return ERR_CONFLICT;
    }
    keyring_root_auto(&s->roots[VAULT_PENDING_ROOT]);
    s->roots[VAULT_PENDING_ROOT] = fresh;
    return OK;
}

enum err vault_state_set_recovery(struct vault_state *s, struct str file)
{
    TRY(recovery_file_decode(file, s->recovery));
    s->has_recovery = true;
    return OK;
}

static bool unlocked(const struct vault_state *s)
{
    return s->keyring.count > 0;
}

static struct str instance_id(const struct vault_state *s)
{
    return str_bytes(s->instance_id, s->instance_id_len);
}

static struct str bytes_of(const struct vault_request *r, size_t field)
{
    return r->bytes[field];
}

static void replace_keyring(struct vault_state *s, struct keyring *by)
{
    keyring_auto(&s->keyring);
    s->keyring = *by;
    *by = (struct keyring){.count = 0};
}

/* The team key of a request, unwrapped for the length of the request. */
struct team_key {
    struct secret *key;
    struct envelope_kek kek;
};

static void team_key_auto(struct team_key *k)
{
    secret_free(&k->key);
}

static enum err open_team_key(const struct vault_state *s, struct str team_id, struct str wrapped,
                              struct team_key *ret)
{
    struct envelope_team_key versions;
    struct envelope_kek master;
    TRY(envelope_team_key_read(wrapped, &versions));
    TRY(keyring_master(&s->keyring, versions.master_version, &master));
    TRY(envelope_team_key_unwrap(&master, instance_id(s), team_id, wrapped, &ret->key));
    ret->kek = (struct envelope_kek){.key = ret->key, .version = versions.key_version};
    return OK;
}

/* --- handlers, in the order of vault_protocol.def --- */

static enum err handle_status(struct vault_state *s, const struct vault_request *r,
                              struct buf *body)
{
    (void)r;
    return vault_status_encode(
        &(struct vault_status){.master_version =
                                   unlocked(s) ? keyring_current(&s->keyring).version : 0,
                               .master_versions = (uint32_t)s->keyring.count,
                               .unlocked = unlocked(s),
                               .pending_root = s->roots[VAULT_PENDING_ROOT].key != NULL,
                               .memory_locked = s->memory_locked,
                               .sandboxed = s->sandboxed},
        body);
}

static enum err handle_keyring_create(struct vault_state *s, const struct vault_request *r,
                                      struct buf *body)
{
    AUTO(keyring) struct keyring fresh = {.count = 0};
    if (unlocked(s))
        return ERR_CONFLICT;
    TRY(keyring_create(&fresh));
    return keyring_seal(&fresh, bytes_of(r, VAULT_BYTES_INSTANCE_ID), s->roots, body);
}

static enum err handle_unlock(struct vault_state *s, const struct vault_request *r,
                              struct buf *body)
{
    (void)body;
    AUTO(keyring) struct keyring opened = {.count = 0};
    struct str instance = bytes_of(r, VAULT_BYTES_INSTANCE_ID);
    if (unlocked(s) && !str_equal(instance, instance_id(s)))
        return ERR_CONFLICT;
    TRY(keyring_open(bytes_of(r, VAULT_BYTES_KEYRING), instance, s->roots, &opened));
    memcpy(s->instance_id, instance.ptr, instance.len);
    s->instance_id_len = instance.len;
    replace_keyring(s, &opened);
    return OK;
}

static enum err handle_master_rotate(struct vault_state *s, const struct vault_request *r,
                                     struct buf *body)
{
    (void)r;
    AUTO(keyring) struct keyring next = {.count = 0};
    TRY(keyring_copy(&s->keyring, &next));
    TRY(keyring_rotate(&next));
    TRY(keyring_seal(&next, instance_id(s), s->roots, body));
    replace_keyring(s, &next);
    return OK;
}

static enum err handle_master_retire(struct vault_state *s, const struct vault_request *r,
                                     struct buf *body)
{
    AUTO(keyring) struct keyring next = {.count = 0};
    TRY(keyring_copy(&s->keyring, &next));
    TRY(keyring_retire(&next, (uint32_t)r->numbers[VAULT_NUMBER_NUMBER]));
    TRY(keyring_seal(&next, instance_id(s), s->roots, body));
    replace_keyring(s, &next);
    return OK;
}

static enum err handle_keyring_rewrap(struct vault_state *s, const struct vault_request *r,
                                      struct buf *body)
{
    (void)r;
    return keyring_seal(&s->keyring, instance_id(s), s->roots, body);
}

static enum err handle_root_commit(struct vault_state *s, const struct vault_request *r,
                                   struct buf *body)
{
    (void)r;
    const struct keyring_root next[KEYRING_ROOTS_MAX] = {s->roots[VAULT_PENDING_ROOT]};
    if (!next[VAULT_ROOT].key)
        return ERR_CONFLICT;
    TRY(keyring_seal(&s->keyring, instance_id(s), next, body));
    keyring_root_auto(&s->roots[VAULT_ROOT]);
    s->roots[VAULT_ROOT] = next[VAULT_ROOT];
    s->roots[VAULT_PENDING_ROOT] = (struct keyring_root){.key = NULL};
    return OK;
}

static enum err handle_team_key_create(struct vault_state *s, const struct vault_request *r,
                                       struct buf *body)
{
    AUTOP(secret) struct secret *key = NULL;
    struct envelope_kek master = keyring_current(&s->keyring);
    TRY(envelope_key_new(&key));
    struct envelope_kek fresh = {.key = key, .version = (uint32_t)r->numbers[VAULT_NUMBER_NUMBER]};
    return envelope_team_key_wrap(&master, instance_id(s), bytes_of(r, VAULT_BYTES_TEAM_ID), &fresh,
                                  body);
}

static enum err handle_team_key_rewrap(struct vault_state *s, const struct vault_request *r,
                                       struct buf *body)
{
    AUTO(team_key) struct team_key key = {.key = NULL};
    struct envelope_kek master = keyring_current(&s->keyring);
    struct str team_id = bytes_of(r, VAULT_BYTES_TEAM_ID);
    TRY(open_team_key(s, team_id, bytes_of(r, VAULT_BYTES_TEAM_KEY), &key));
    return envelope_team_key_wrap(&master, instance_id(s), team_id, &key.kek, body);
}

static enum err check_policy(struct str bytes)
{
    struct policy policy;
    return policy_decode(bytes, &policy);
}

static enum err handle_seal(struct vault_state *s, const struct vault_request *r, struct buf *body)
{
    AUTO(team_key) struct team_key key = {.key = NULL};
    struct seal_context context = vault_request_context(r);
    TRY(check_policy(context.policy));
    TRY(open_team_key(s, context.team_id, bytes_of(r, VAULT_BYTES_TEAM_KEY), &key));
    return envelope_seal(instance_id(s), &context, &key.kek, bytes_of(r, VAULT_BYTES_VALUE), body);
}

/* The policy's bytes are authentic: the record opened with them. */
static enum err allows(struct str bytes, const struct vault_request *r)
{
    struct policy policy;
    uint64_t purpose = r->numbers[VAULT_NUMBER_PURPOSE];
    if (purpose == VAULT_FOR_MASKING)
        return OK;
    if (policy_decode(bytes, &policy) != OK)
        return ERR_TAMPERED;
    return policy_allows(&policy,
                         &(struct policy_use){.sinks = (unsigned)r->numbers[VAULT_NUMBER_SINKS],
                                              .host = bytes_of(r, VAULT_BYTES_HOST),
                                              .to_worker = purpose == VAULT_FOR_PICKUP,
                                              .now_ms = clock_unix_ms()});
}

static enum err handle_open_for_use(struct vault_state *s, const struct vault_request *r,
                                    struct buf *body)
{
    AUTO(team_key) struct team_key key = {.key = NULL};
    AUTOP(secret) struct secret *value = NULL;
    struct seal_context context = vault_request_context(r);
    TRY(open_team_key(s, context.team_id, bytes_of(r, VAULT_BYTES_TEAM_KEY), &key));
    TRY(envelope_open(instance_id(s), &context, &key.kek, bytes_of(r, VAULT_BYTES_SEALED), &value));
    TRY(allows(context.policy, r));
    return buf_put(body, secret_reveal(value));
}

static enum err handle_rewrap(struct vault_state *s, const struct vault_request *r,
                              struct buf *body)
{
    AUTO(team_key) struct team_key old_key = {.key = NULL}, new_key = {.key = NULL};
    struct seal_context context = vault_request_context(r);
    TRY(check_policy(bytes_of(r, VAULT_BYTES_NEW_POLICY)));
    TRY(open_team_key(s, context.team_id, bytes_of(r, VAULT_BYTES_TEAM_KEY), &old_key));
    TRY(open_team_key(s, context.team_id, bytes_of(r, VAULT_BYTES_NEW_TEAM_KEY), &new_key));
    return envelope_rewrap(instance_id(s), &context, &old_key.kek,
                           bytes_of(r, VAULT_BYTES_NEW_POLICY), &new_key.kek,
                           bytes_of(r, VAULT_BYTES_SEALED), body);
}

static enum err handle_hash_token(struct vault_state *s, const struct vault_request *r,
                                  struct buf *body)
{
    const uint8_t *key;
    uint8_t hash[HASH_BYTES];
    TRY(envelope_key_bytes(s->keyring.token_key, &key));
    hash_blake2b_keyed(key, bytes_of(r, VAULT_BYTES_TOKEN), hash);
    return buf_put(body, str_bytes(hash, sizeof hash));
}

static enum err handle_chain_audit(struct vault_state *s, const struct vault_request *r,
                                   struct buf *body)
{
    AUTO(buf) struct buf input = buf_make(IPC_MESSAGE_MAX_BYTES);
    struct reader records = {bytes_of(r, VAULT_BYTES_RECORDS)};
    uint8_t mac[HASH_BYTES];
    const uint8_t *key;
    TRY(envelope_key_bytes(s->keyring.audit_key, &key));
    memcpy(mac, bytes_of(r, VAULT_BYTES_PREVIOUS).ptr, sizeof mac);
    while (records.rest.len) {
        struct str record;
        TRY(reader_lengthed(&records, &record));
        buf_reset(&input);
        TRY(buf_put(&input, str_bytes(mac, sizeof mac)));
        TRY(buf_put(&input, record));
        hash_blake2b_keyed(key, buf_str(&input), mac);
        if (body->len + sizeof mac > IPC_MESSAGE_MAX_BYTES)
            return ERR_INVALID;
        TRY(buf_put(body, str_bytes(mac, sizeof mac)));
    }
    return OK;
}

/* Made from the audit key, so that no keyring has to be stored anew. It cannot be had by asking for
 * the chain: whatever is chained is longer than this name. */
#define ADDRESS_KEY_NAME "safelight address key"
_Static_assert(sizeof ADDRESS_KEY_NAME - 1 < HASH_BYTES, "shorter than any chained record");

static enum err handle_sign_addresses(struct vault_state *s, const struct vault_request *r,
                                      struct buf *body)
{
    struct reader records = {bytes_of(r, VAULT_BYTES_RECORDS)};
    uint8_t key[HASH_BYTES], mac[HASH_BYTES];
    const uint8_t *audit_key;
    enum err e = envelope_key_bytes(s->keyring.audit_key, &audit_key);
    if (e == OK)
        hash_blake2b_keyed(audit_key, STR(ADDRESS_KEY_NAME), key);
    while (e == OK && records.rest.len) {
        struct str record;
        e = reader_lengthed(&records, &record);
        if (e == OK)
            hash_blake2b_keyed(key, record, mac);
        if (e == OK)
            e = buf_put(body, str_bytes(mac, sizeof mac));
    }
    wipe(key, sizeof key);
    return e;
}

/* A later version of the same secret, under the very policy that the old one opened with. */
static enum err handle_reseal(struct vault_state *s, const struct vault_request *r,
                              struct buf *body)
{
    AUTO(team_key) struct team_key old_key = {.key = NULL}, new_key = {.key = NULL};
    AUTOP(secret) struct secret *value = NULL;
    struct policy policy;
    struct seal_context context = vault_request_context(r), as = context;
    as.version = (uint32_t)r->numbers[VAULT_NUMBER_NEW_VERSION];
    as.epoch = r->numbers[VAULT_NUMBER_NEW_EPOCH];
    as.created_at_ms = (int64_t)r->numbers[VAULT_NUMBER_NEW_CREATED_AT];
    if (as.version <= context.version || as.epoch <= context.epoch)
        return ERR_INVALID;
    TRY(open_team_key(s, context.team_id, bytes_of(r, VAULT_BYTES_TEAM_KEY), &old_key));
    TRY(open_team_key(s, context.team_id, bytes_of(r, VAULT_BYTES_SEAL_TEAM_KEY), &new_key));
    TRY(envelope_open(instance_id(s), &context, &old_key.kek, bytes_of(r, VAULT_BYTES_SEALED),
                      &value));
    if (policy_decode(context.policy, &policy) != OK)
        return ERR_TAMPERED;
    TRY(policy_allows(&policy, &(struct policy_use){.now_ms = clock_unix_ms()}));
    return envelope_seal(instance_id(s), &as, &new_key.kek, secret_reveal(value), body);
}

/* Made from the audit key as the address key is, so that it lasts as long as the log. */
#define CHECKPOINT_KEY_NAME "safelight checkpoint key"
_Static_assert(sizeof CHECKPOINT_KEY_NAME - 1 < HASH_BYTES, "shorter than any chained record");
_Static_assert((size_t)HASH_BYTES == SIGN_SEED_BYTES, "a hash is a seed");

static enum err checkpoint_seed(const struct vault_state *s, uint8_t ret[static SIGN_SEED_BYTES])
{
    const uint8_t *audit_key;
    TRY(envelope_key_bytes(s->keyring.audit_key, &audit_key));
    hash_blake2b_keyed(audit_key, STR(CHECKPOINT_KEY_NAME), ret);
    return OK;
}

/* The text is put together here: nothing else is ever signed with this key. */
static enum err handle_sign_checkpoint(struct vault_state *s, const struct vault_request *r,
                                       struct buf *body)
{
    AUTO(buf) struct buf origin = buf_make(AUDIT_ORIGIN_MAX_BYTES);
    uint8_t seed[SIGN_SEED_BYTES];
    struct audit_checkpoint c = {.size = r->numbers[VAULT_NUMBER_RECORDS_COUNT]};
    memcpy(c.root, bytes_of(r, VAULT_BYTES_TREE_ROOT).ptr, sizeof c.root);
    memcpy(c.head, bytes_of(r, VAULT_BYTES_HEAD).ptr, sizeof c.head);
    TRY(audit_note_origin(instance_id(s), bytes_of(r, VAULT_BYTES_TEAM_ID), &origin));
    TRY(checkpoint_seed(s, seed));
    enum err e = audit_note_sign(buf_str(&origin), &c, seed, body);
    wipe(seed, sizeof seed);
    return e;
}

static enum err handle_checkpoint_key(struct vault_state *s, const struct vault_request *r,
                                      struct buf *body)
{
    AUTO(buf) struct buf origin = buf_make(AUDIT_ORIGIN_MAX_BYTES);
    uint8_t seed[SIGN_SEED_BYTES], public_key[SIGN_PUBLIC_BYTES];
    TRY(audit_note_origin(instance_id(s), bytes_of(r, VAULT_BYTES_TEAM_ID), &origin));
    TRY(checkpoint_seed(s, seed));
    sign_public(seed, public_key);
    wipe(seed, sizeof seed);
    return audit_note_key(buf_str(&origin), public_key, body);
}

/* Sealed for the key that the supervisor handed over, never for one that a client names. */
static enum err handle_recovery_export(struct vault_state *s, const struct vault_request *r,
                                       struct buf *body)
{
    (void)r;
    if (!s->has_recovery)
        return ERR_NO_RECOVERY_KEY;
    return recovery_export(&s->keyring, instance_id(s), s->recovery, body);
}

/* Shorter than what is chained, like the address key's name. */
#define STAMP_KEY_NAME "safelight backup key"
_Static_assert(sizeof STAMP_KEY_NAME - 1 < HASH_BYTES, "shorter than any chained record");

static enum err handle_backup_stamp(struct vault_state *s, const struct vault_request *r,
                                    struct buf *body)
{
    uint8_t key[HASH_BYTES], stamp[HASH_BYTES];
    const uint8_t *audit_key;
    TRY(envelope_key_bytes(s->keyring.audit_key, &audit_key));
    hash_blake2b_keyed(audit_key, STR(STAMP_KEY_NAME), key);
    hash_blake2b_keyed(key, bytes_of(r, VAULT_BYTES_DIGEST), stamp);
    wipe(key, sizeof key);
    return buf_put(body, str_bytes(stamp, sizeof stamp));
}

/* Does it open as what it is said to be? The value goes nowhere. */
static enum err handle_verify(struct vault_state *s, const struct vault_request *r,
                              struct buf *body)
{
    (void)body;
    AUTO(team_key) struct team_key key = {.key = NULL};
    AUTOP(secret) struct secret *value = NULL;
    struct seal_context context = vault_request_context(r);
    TRY(open_team_key(s, context.team_id, bytes_of(r, VAULT_BYTES_TEAM_KEY), &key));
    return envelope_open(instance_id(s), &context, &key.kek, bytes_of(r, VAULT_BYTES_SEALED),
                         &value);
}

#define VAULT_NUMBER(...)
#define VAULT_BYTES(...)
#define VAULT_REQUEST(number, name, handler_name, ...) [number] = handle_##handler_name,
static handler *const handlers[VAULT_REQUEST_END] = {
#include "vault_protocol.def"
};
#undef VAULT_REQUEST
#undef VAULT_NUMBER
#undef VAULT_BYTES

static enum err answer_to(struct vault_state *s, struct str message, uint8_t number,
                          struct buf *answer)
{
    struct vault_request r;
    TRY(vault_request_decode(message, &r));
    if (!unlocked(s) && !vault_request_while_locked(r.type))
        return ERR_VAULT_DOWN;
    TRY(vault_answer_begin(number, OK, answer));
    return handlers[r.type](s, &r, answer);
}

void vault_handle(struct vault_state *s, struct str message, struct buf *answer)
{
    uint8_t number = message.len ? (uint8_t)message.ptr[0] : 0;
    if (!vault_request_known(number))
        number = 0;
    enum err e = answer_to(s, message, number, answer);
    if (e != OK)
        ASSERT(vault_answer_begin(number, e, answer) == OK);
}
