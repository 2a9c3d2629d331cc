#include "vault.h"

#include <pthread.h>
#include <stdlib.h>

#include "alloc.h"
#include "envelope.h"
#include "io.h"
#include "ipc.h"
#include "metric.h"
#include "vault_protocol.h"

_Static_assert((int)VAULT_SEALED_HEAD_BYTES == (int)SEALED_AT_VALUE, "what a rewrap changes");

struct vault {
    pthread_mutex_t lock;
    int socket; /* -1: it broke, and stays so: after a lost answer the next would be taken for it */
    struct buf request, answer;
};

/* Where an answer's body goes; the kind of the request says which. */
struct sink {
    struct buf *blob;
    struct secret **value;
    void *fixed;
    size_t fixed_len;
};

struct vault *vault_connect(int socket)
{
    struct vault *v = xcalloc(1, sizeof *v);
    ASSERT(pthread_mutex_init(&v->lock, NULL) == 0);
    v->socket = socket;
    v->request = buf_make(IPC_MESSAGE_MAX_BYTES);
    v->answer = buf_make(IPC_MESSAGE_MAX_BYTES);
    return v;
}

void vault_free(struct vault **v)
{
    struct vault *gone = TAKE(*v);
    if (!gone)
        return;
    io_close(&gone->socket);
    buf_auto(&gone->request);
    buf_auto(&gone->answer);
    pthread_mutex_destroy(&gone->lock);
    free(gone);
}

static enum err deliver(struct str body, const struct sink *sink)
{
    if (sink->value)
        return secret_new(body, sink->value);
    if (sink->blob) {
        buf_reset(sink->blob);
        return buf_put(sink->blob, body);
    }
    if (body.len != sink->fixed_len)
        return ERR_VAULT_DOWN;
    if (body.len)
        memcpy(sink->fixed, body.ptr, body.len);
    return OK;
}

static enum err exchange(struct vault *v, const struct vault_request *r, const struct sink *sink)
{
    enum err result;
    struct str body;
    if (v->socket < 0)
        return ERR_VAULT_DOWN;
    TRY(vault_request_encode(r, &v->request));
    if (ipc_send(v->socket, buf_str(&v->request), NULL, 0) != OK ||
        ipc_receive(v->socket, &v->answer, NULL, 0) != OK ||
        vault_answer_decode(buf_str(&v->answer), r->type, &result, &body) != OK) {
        io_close(&v->socket);
        return ERR_VAULT_DOWN;
    }
    return result == OK ? deliver(body, sink) : result;
}

static enum err call(struct vault *v, const struct vault_request *r, const struct sink *sink)
{
    pthread_mutex_lock(&v->lock);
    enum err e = exchange(v, r, sink);
    buf_reset(&v->request);
    buf_reset(&v->answer);
    pthread_mutex_unlock(&v->lock);
    metric_add(METRIC_VAULT_REQUESTS, 2 * (size_t)r->type + (e != OK), 1);
    return e;
}

/* --- keyring --- */

enum err vault_keyring_create(struct vault *v, struct str instance_id, struct buf *ret_keyring)
{
    struct vault_request r = {.type = VAULT_REQUEST_KEYRING_CREATE};
    r.bytes[VAULT_BYTES_INSTANCE_ID] = instance_id;
    return call(v, &r, &(struct sink){.blob = ret_keyring});
}

enum err vault_unlock(struct vault *v, struct str instance_id, struct str keyring)
{
    struct vault_request r = {.type = VAULT_REQUEST_UNLOCK};
    r.bytes[VAULT_BYTES_INSTANCE_ID] = instance_id;
    r.bytes[VAULT_BYTES_KEYRING] = keyring;
    return call(v, &r, &(struct sink){.fixed_len = 0});
}

static enum err call_for_keyring(struct vault *v, enum vault_request_type type,
                                 struct buf *ret_keyring)
{
    struct vault_request r = {.type = type};
    return call(v, &r, &(struct sink){.blob = ret_keyring});
}

enum err vault_master_rotate(struct vault *v, struct buf *ret_keyring)
{
    return call_for_keyring(v, VAULT_REQUEST_MASTER_ROTATE, ret_keyring);
}

enum err vault_master_retire(struct vault *v, uint32_t least, struct buf *ret_keyring)
{
    struct vault_request r = {.type = VAULT_REQUEST_MASTER_RETIRE};
    r.numbers[VAULT_NUMBER_NUMBER] = least;
    return call(v, &r, &(struct sink){.blob = ret_keyring});
}

enum err vault_keyring_rewrap(struct vault *v, struct buf *ret_keyring)
{
    return call_for_keyring(v, VAULT_REQUEST_KEYRING_REWRAP, ret_keyring);
}

enum err vault_root_commit(struct vault *v, struct buf *ret_keyring)
{
    return call_for_keyring(v, VAULT_REQUEST_ROOT_COMMIT, ret_keyring);
}

enum err vault_status(struct vault *v, struct vault_status *ret)
{
    char bytes[VAULT_STATUS_BYTES];
    struct vault_request r = {.type = VAULT_REQUEST_STATUS};
    TRY(call(v, &r, &(struct sink){.fixed = bytes, .fixed_len = sizeof bytes}));
    return vault_status_decode(str_bytes(bytes, sizeof bytes), ret) == OK ? OK : ERR_VAULT_DOWN;
}

/* --- team keys --- */

enum err vault_team_key_create(struct vault *v, struct str team_id, uint32_t key_version,
                               struct buf *ret_team_key)
{
    struct vault_request r = {.type = VAULT_REQUEST_TEAM_KEY_CREATE};
    r.bytes[VAULT_BYTES_TEAM_ID] = team_id;
    r.numbers[VAULT_NUMBER_NUMBER] = key_version;
    return call(v, &r, &(struct sink){.blob = ret_team_key});
}

enum err vault_team_key_rewrap(struct vault *v, struct str team_id, struct str team_key,
                               struct buf *ret_team_key)
{
    struct vault_request r = {.type = VAULT_REQUEST_TEAM_KEY_REWRAP};
    r.bytes[VAULT_BYTES_TEAM_ID] = team_id;
    r.bytes[VAULT_BYTES_TEAM_KEY] = team_key;
    return call(v, &r, &(struct sink){.blob = ret_team_key});
}

enum err vault_team_key_versions(struct str team_key, uint32_t *ret_key_version,
                                 uint32_t *ret_master_version)
{
    struct envelope_team_key versions;
    TRY(envelope_team_key_read(team_key, &versions));
    *ret_key_version = versions.key_version;
    *ret_master_version = versions.master_version;
    return OK;
}

/* --- secrets --- */

enum err vault_seal(struct vault *v, const struct seal_context *context, struct str team_key,
                    const struct secret *value, struct buf *ret_sealed)
{
    struct vault_request r = {.type = VAULT_REQUEST_SEAL};
    vault_request_set_context(&r, context);
    r.bytes[VAULT_BYTES_TEAM_KEY] = team_key;
    r.bytes[VAULT_BYTES_VALUE] = secret_reveal(value);
    return call(v, &r, &(struct sink){.blob = ret_sealed});
}

size_t vault_value_bytes(struct str sealed)
{
    return sealed.len > SEALED_OVERHEAD_BYTES ? sealed.len - SEALED_OVERHEAD_BYTES : 0;
}

enum err vault_open_for_use(struct vault *v, const struct seal_context *context,
                            struct str team_key, struct str sealed, const struct vault_use *use,
                            struct secret **ret)
{
    struct vault_request r = {.type = VAULT_REQUEST_OPEN_FOR_USE};
    vault_request_set_context(&r, context);
    r.bytes[VAULT_BYTES_TEAM_KEY] = team_key;
    r.bytes[VAULT_BYTES_SEALED] = sealed;
    r.bytes[VAULT_BYTES_JOB_ID] = use->job_id;
    /* A pointer through long member names may be any length; it is for the record only. */
    r.bytes[VAULT_BYTES_FIELD] = str_slice(use->field, 0, VAULT_FIELD_MAX_BYTES);
    r.bytes[VAULT_BYTES_HOST] = use->host;
    r.numbers[VAULT_NUMBER_PURPOSE] = use->purpose;
    r.numbers[VAULT_NUMBER_SINKS] = use->sinks;
    return call(v, &r, &(struct sink){.value = ret});
}

enum err vault_rewrap_policy(struct vault *v, const struct seal_context *context,
                             struct str new_policy, struct str old_team_key,
                             struct str new_team_key, struct str sealed, struct buf *ret_sealed)
{
    struct vault_request r = {.type = VAULT_REQUEST_REWRAP};
    vault_request_set_context(&r, context);
    r.bytes[VAULT_BYTES_TEAM_KEY] = old_team_key;
    r.bytes[VAULT_BYTES_NEW_TEAM_KEY] = new_team_key;
    r.bytes[VAULT_BYTES_NEW_POLICY] = new_policy;
    r.bytes[VAULT_BYTES_SEALED] = sealed;
    return call(v, &r, &(struct sink){.blob = ret_sealed});
}

enum err vault_rewrap(struct vault *v, const struct seal_context *context, struct str old_team_key,
                      struct str new_team_key, struct str sealed, struct buf *ret_sealed)
{
    return vault_rewrap_policy(v, context, context->policy, old_team_key, new_team_key, sealed,
                               ret_sealed);
}

enum err vault_reseal(struct vault *v, const struct seal_context *context, struct str team_key,
                      struct str sealed, const struct vault_reseal *as, struct buf *ret_sealed)
{
    struct vault_request r = {.type = VAULT_REQUEST_RESEAL};
    vault_request_set_context(&r, context);
    r.bytes[VAULT_BYTES_TEAM_KEY] = team_key;
    r.bytes[VAULT_BYTES_SEALED] = sealed;
    r.bytes[VAULT_BYTES_SEAL_TEAM_KEY] = as->team_key;
    r.numbers[VAULT_NUMBER_NEW_VERSION] = as->version;
    r.numbers[VAULT_NUMBER_NEW_EPOCH] = as->epoch;
    r.numbers[VAULT_NUMBER_NEW_CREATED_AT] = (uint64_t)as->created_at_ms;
    return call(v, &r, &(struct sink){.blob = ret_sealed});
}

enum err vault_sealed_key_version(struct str sealed, uint32_t *ret_key_version)
{
    return envelope_sealed_key_version(sealed, ret_key_version);
}

/* --- backups --- */

enum err vault_recovery_export(struct vault *v, struct buf *ret_export)
{
    return call_for_keyring(v, VAULT_REQUEST_RECOVERY_EXPORT, ret_export);
}

enum err vault_backup_stamp(struct vault *v, const uint8_t digest[static 32],
                            uint8_t ret[static 32])
{
    struct vault_request r = {.type = VAULT_REQUEST_BACKUP_STAMP};
    r.bytes[VAULT_BYTES_DIGEST] = str_bytes(digest, 32);
    return call(v, &r, &(struct sink){.fixed = ret, .fixed_len = 32});
}

enum err vault_verify(struct vault *v, const struct seal_context *context, struct str team_key,
                      struct str sealed)
{
    struct vault_request r = {.type = VAULT_REQUEST_VERIFY};
    vault_request_set_context(&r, context);
    r.bytes[VAULT_BYTES_TEAM_KEY] = team_key;
    r.bytes[VAULT_BYTES_SEALED] = sealed;
    return call(v, &r, &(struct sink){.fixed_len = 0});
}

/* --- tokens and audit --- */

enum err vault_hash_token(struct vault *v, struct str token_secret, uint8_t ret[static 32])
{
    struct vault_request r = {.type = VAULT_REQUEST_HASH_TOKEN};
    r.bytes[VAULT_BYTES_TOKEN] = token_secret;
    return call(v, &r, &(struct sink){.fixed = ret, .fixed_len = 32});
}

/* As many records as one message and its answer hold. ERR_TOO_LARGE: not even one. */
static enum err fill_records(const struct str *records, size_t count, struct buf *out,
                             size_t *ret_taken)
{
    size_t taken = 0;
    buf_reset(out);
    while (taken < count && taken < VAULT_HASHES_MAX) {
        enum err e = buf_put_lengthed(out, records[taken]);
        if (e == ERR_TOO_LARGE && taken > 0)
            break;
        TRY(e);
        taken++;
    }
    *ret_taken = taken;
    return OK;
}

enum err vault_chain_audit(struct vault *v, const uint8_t previous[static 32],
                           const struct str *records, size_t count, uint8_t (*ret_macs)[32])
{
    AUTO(buf) struct buf part = buf_make(VAULT_RECORDS_MAX_BYTES);
    const uint8_t *last = previous;
    for (size_t done = 0, taken; done < count; done += taken) {
        struct vault_request r = {.type = VAULT_REQUEST_CHAIN_AUDIT};
        TRY(fill_records(records + done, count - done, &part, &taken));
        r.bytes[VAULT_BYTES_PREVIOUS] = str_bytes(last, 32);
        r.bytes[VAULT_BYTES_RECORDS] = buf_str(&part);
        TRY(call(v, &r, &(struct sink){.fixed = ret_macs[done], .fixed_len = taken * 32}));
        last = ret_macs[done + taken - 1];
    }
    return OK;
}

enum err vault_sign_checkpoint(struct vault *v, struct str team_id, uint64_t size,
                               const uint8_t root[static 32], const uint8_t head[static 32],
                               struct buf *ret_note)
{
    struct vault_request r = {.type = VAULT_REQUEST_SIGN_CHECKPOINT};
    r.bytes[VAULT_BYTES_TEAM_ID] = team_id;
    r.bytes[VAULT_BYTES_TREE_ROOT] = str_bytes(root, 32);
    r.bytes[VAULT_BYTES_HEAD] = str_bytes(head, 32);
    r.numbers[VAULT_NUMBER_RECORDS_COUNT] = size;
    return call(v, &r, &(struct sink){.blob = ret_note});
}

enum err vault_checkpoint_key(struct vault *v, struct str team_id, struct buf *ret_key)
{
    struct vault_request r = {.type = VAULT_REQUEST_CHECKPOINT_KEY};
    r.bytes[VAULT_BYTES_TEAM_ID] = team_id;
    return call(v, &r, &(struct sink){.blob = ret_key});
}

enum err vault_sign_addresses(struct vault *v, const struct str *records, size_t count,
                              uint8_t (*ret_macs)[32])
{
    AUTO(buf) struct buf part = buf_make(VAULT_RECORDS_MAX_BYTES);
    for (size_t done = 0, taken; done < count; done += taken) {
        struct vault_request r = {.type = VAULT_REQUEST_SIGN_ADDRESSES};
        TRY(fill_records(records + done, count - done, &part, &taken));
        r.bytes[VAULT_BYTES_RECORDS] = buf_str(&part);
        TRY(call(v, &r, &(struct sink){.fixed = ret_macs[done], .fixed_len = taken * 32}));
    }
    return OK;
}
