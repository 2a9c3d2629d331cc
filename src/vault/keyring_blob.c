/* The keyring at rest. Its body is sealed under a key made for this one sealing, and that key is
 * wrapped once for each root; the body's associated data holds a digest of everything before it, so
 * no wrap can be added, dropped or changed by whoever holds the database. */
#include "keyring.h"

#include "hash.h"

_Static_assert(KEYRING_WRAP_BYTES == 120, "docs/FORMAT-envelope.md: keyring");
_Static_assert(KEYRING_MASTER_BYTES == 36, "docs/FORMAT-envelope.md: keyring");
_Static_assert(KEYRING_BODY_MIN_BYTES == 104, "docs/FORMAT-envelope.md: keyring");
_Static_assert(KEYRING_BLOB_MAX_BYTES == 1540, "docs/FORMAT-envelope.md: keyring");

static const char magic[4] = {'S', 'L', 'K', 'R'};

void keyring_root_auto(struct keyring_root *r)
{
    secret_free(&r->key);
}

enum err keyring_root_init(struct str bytes, struct keyring_root *ret)
{
    struct keyring_root root;
    uint8_t digest[HASH_BYTES];
    const uint8_t *key;
    if (bytes.len != AEAD_KEY_BYTES)
        return ERR_INVALID;
    TRY(secret_new(bytes, &root.key));
    TRY(envelope_key_bytes(root.key, &key));
    hash_blake2b_keyed(key, STR("safelight root key"), digest);
    memcpy(root.id, digest, sizeof root.id);
    *ret = root;
    return OK;
}

static struct str root_id(const struct keyring_root *root)
{
    return str_bytes(root->id, sizeof root->id);
}

static enum err wrap_aad(struct str instance_id, const struct keyring_root *root, struct buf *out)
{
    return aad_build(&(struct aad){.purpose = STR("keyring-key"),
                                   .instance_id = instance_id,
                                   .kek_id = root_id(root)},
                     out);
}

static enum err body_aad(struct str instance_id, struct str head, struct buf *out)
{
    uint8_t digest[HASH_BYTES];
    hash_blake2b(head, digest);
    return aad_build(&(struct aad){.purpose = STR("keyring"),
                                   .instance_id = instance_id,
                                   .kek_id = str_bytes(digest, sizeof digest)},
                     out);
}

static enum err append_u32(struct secret *s, uint32_t v)
{
    AUTO(buf) struct buf le = buf_make(8);
    TRY(buf_put_u32(&le, v));
    return secret_append(s, buf_str(&le));
}

static enum err body_encode(const struct keyring *k, struct secret **ret)
{
    AUTOP(secret) struct secret *body = NULL;
    TRY(secret_new_empty(KEYRING_BODY_MAX_BYTES, &body));
    TRY(append_u32(body, (uint32_t)k->count));
    for (size_t i = 0; i < k->count; i++) {
        TRY(append_u32(body, k->masters[i].version));
        TRY(secret_append(body, secret_reveal(k->masters[i].key)));
    }
    TRY(secret_append(body, secret_reveal(k->token_key)));
    TRY(secret_append(body, secret_reveal(k->audit_key)));
    *ret = TAKE(body);
    return OK;
}

static enum err take_key(struct reader *r, struct secret **ret)
{
    struct str bytes;
    TRY(reader_bytes(r, AEAD_KEY_BYTES, &bytes));
    return secret_new(bytes, ret);
}

static enum err body_decode(struct str body, struct keyring *k)
{
    struct reader r = {body};
    uint32_t count, last = 0;
    TRY(reader_u32(&r, &count));
    if (count == 0 || count > KEYRING_MASTERS_MAX)
        return ERR_INVALID;
    for (; k->count < count; k->count++) {
        struct keyring_master *m = &k->masters[k->count];
        TRY(reader_u32(&r, &m->version));
        if (m->version <= last)
            return ERR_INVALID;
        last = m->version;
        TRY(take_key(&r, &m->key));
    }
    TRY(take_key(&r, &k->token_key));
    TRY(take_key(&r, &k->audit_key));
    return reader_end(&r);
}

static enum err put_head(const struct secret *keyring_key, struct str instance_id,
                         const struct keyring_root *roots, struct buf *out)
{
    uint8_t wraps = 0;
    for (size_t i = 0; i < KEYRING_ROOTS_MAX; i++)
        wraps = (uint8_t)(wraps + (roots[i].key != NULL));
    ASSERT(wraps > 0);
    TRY(envelope_put_header(out, magic, wraps));
    for (size_t i = 0; i < KEYRING_ROOTS_MAX; i++) {
        AUTO(buf) struct buf aad = buf_make(AAD_MAX_BYTES);
        const uint8_t *root;
        if (!roots[i].key)
            continue;
        TRY(envelope_key_bytes(roots[i].key, &root));
        TRY(wrap_aad(instance_id, &roots[i], &aad));
        TRY(buf_put(out, root_id(&roots[i])));
        TRY(aead_seal(root, buf_str(&aad), secret_reveal(keyring_key), out));
    }
    return OK;
}

enum err keyring_seal(const struct keyring *k, struct str instance_id,
                      const struct keyring_root roots[static KEYRING_ROOTS_MAX], struct buf *out)
{
    AUTOP(secret) struct secret *keyring_key = NULL, *body = NULL;
    AUTO(buf) struct buf blob = buf_make(KEYRING_BLOB_MAX_BYTES), aad = buf_make(AAD_MAX_BYTES);
    const uint8_t *key;
    TRY(envelope_key_new(&keyring_key));
    TRY(envelope_key_bytes(keyring_key, &key));
    TRY(put_head(keyring_key, instance_id, roots, &blob));
    TRY(body_aad(instance_id, buf_str(&blob), &aad));
    TRY(body_encode(k, &body));
    TRY(aead_seal(key, buf_str(&aad), secret_reveal(body), &blob));
    return buf_put(out, buf_str(&blob));
}

/* The wrap made for this root, if there is one, opened. ERR_NOT_FOUND: no wrap names it. */
static enum err open_wrap(struct str wraps, struct str instance_id, const struct keyring_root *root,
                          struct secret **ret)
{
    struct reader r = {wraps};
    struct str id, wrapped;
    while (reader_bytes(&r, KEYRING_ROOT_ID_BYTES, &id) == OK) {
        AUTO(buf) struct buf aad = buf_make(AAD_MAX_BYTES);
        const uint8_t *key;
        TRY(reader_bytes(&r, ENVELOPE_WRAPPED_KEY_BYTES, &wrapped));
        if (!str_equal(id, root_id(root)))
            continue;
        TRY(envelope_key_bytes(root->key, &key));
        TRY(wrap_aad(instance_id, root, &aad));
        return aead_open(key, buf_str(&aad), wrapped, ret);
    }
    return ERR_NOT_FOUND;
}

static enum err open_body(struct str blob, size_t head_len, struct str instance_id,
                          const struct secret *keyring_key, struct keyring *ret)
{
    AUTO(keyring) struct keyring k = {.count = 0};
    AUTO(buf) struct buf aad = buf_make(AAD_MAX_BYTES);
    AUTOP(secret) struct secret *body = NULL;
    const uint8_t *key;
    TRY(envelope_key_bytes(keyring_key, &key));
    TRY(body_aad(instance_id, str_slice(blob, 0, head_len), &aad));
    TRY(aead_open(key, buf_str(&aad), str_slice(blob, head_len, blob.len), &body));
    enum err e = body_decode(secret_reveal(body), &k);
    if (e != OK)
        return e == ERR_LIMIT ? e : ERR_TAMPERED;
    *ret = k;
    k = (struct keyring){.count = 0};
    return OK;
}

enum err keyring_open(struct str blob, struct str instance_id,
                      const struct keyring_root roots[static KEYRING_ROOTS_MAX],
                      struct keyring *ret)
{
    struct reader r = {blob};
    struct str wraps;
    uint8_t count;
    TRY(envelope_take_header(&r, magic, &count));
    if (count == 0 || count > KEYRING_ROOTS_MAX || blob.len > KEYRING_BLOB_MAX_BYTES ||
        reader_bytes(&r, (size_t)count * KEYRING_WRAP_BYTES, &wraps) != OK)
        return ERR_TAMPERED;
    for (size_t i = 0; i < KEYRING_ROOTS_MAX; i++) {
        AUTOP(secret) struct secret *keyring_key = NULL;
        if (!roots[i].key)
            continue;
        enum err e = open_wrap(wraps, instance_id, &roots[i], &keyring_key);
        if (e == ERR_NOT_FOUND)
            continue;
        if (e != OK)
            return e;
        return open_body(blob, KEYRING_AT_WRAPS + wraps.len, instance_id, keyring_key, ret);
    }
    return ERR_TAMPERED;
}
