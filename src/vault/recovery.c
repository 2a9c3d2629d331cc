#include "recovery.h"

_Static_assert(RECOVERY_FILE_BYTES == 8 + BOX_PUBLIC_BYTES, "docs/FORMAT-backup.md");
_Static_assert(RECOVERY_AT_KEYRING == 120, "docs/FORMAT-backup.md");

static const char file_magic[4] = {'S', 'L', 'R', 'P'};
static const char export_magic[4] = {'S', 'L', 'R', 'K'};

void recovery_id(const uint8_t public_key[static BOX_PUBLIC_BYTES],
                 uint8_t ret[static RECOVERY_ID_BYTES])
{
    uint8_t digest[HASH_BYTES];
    hash_blake2b(str_bytes(public_key, BOX_PUBLIC_BYTES), digest);
    memcpy(ret, digest, RECOVERY_ID_BYTES);
}

enum err recovery_file_encode(const uint8_t public_key[static BOX_PUBLIC_BYTES], struct buf *out)
{
    TRY(envelope_put_header(out, file_magic, 0));
    return buf_put(out, str_bytes(public_key, BOX_PUBLIC_BYTES));
}

enum err recovery_file_decode(struct str bytes, uint8_t ret[static BOX_PUBLIC_BYTES])
{
    struct reader r = {bytes};
    struct str key;
    uint8_t own;
    AUTO(buf) struct buf probe = buf_make(BOX_OVERHEAD_BYTES + 1);
    if (envelope_take_header(&r, file_magic, &own) != OK || own != 0)
        return ERR_INVALID;
    TRY(reader_bytes(&r, BOX_PUBLIC_BYTES, &key));
    TRY(reader_end(&r));
    TRY(box_seal((const uint8_t *)key.ptr, STR("?"), &probe));
    memcpy(ret, key.ptr, BOX_PUBLIC_BYTES);
    return OK;
}

enum err recovery_export(const struct keyring *k, struct str instance_id,
                         const uint8_t public_key[static BOX_PUBLIC_BYTES], struct buf *out)
{
    AUTOP(secret) struct secret *key = NULL;
    struct keyring_root roots[KEYRING_ROOTS_MAX] = {{.key = NULL}};
    AUTO(buf) struct buf whole = buf_make(RECOVERY_EXPORT_MAX_BYTES);
    const uint8_t *bytes;
    TRY(envelope_key_new(&key));
    TRY(envelope_key_bytes(key, &bytes));
    TRY(envelope_put_header(&whole, export_magic, 0));
    TRY(buf_put(&whole, str_bytes(public_key, BOX_PUBLIC_BYTES)));
    TRY(box_seal(public_key, str_bytes(bytes, AEAD_KEY_BYTES), &whole));
    TRY(keyring_root_init(str_bytes(bytes, AEAD_KEY_BYTES), &roots[0]));
    enum err e = keyring_seal(k, instance_id, roots, &whole);
    keyring_root_auto(&roots[0]);
    return e == OK ? buf_put(out, buf_str(&whole)) : e;
}

enum err recovery_export_read(struct str bytes, struct recovery_parts *ret)
{
    struct reader r = {bytes};
    struct recovery_parts parts;
    struct str key;
    uint8_t own;
    TRY(envelope_take_header(&r, export_magic, &own));
    if (own != 0 || reader_bytes(&r, BOX_PUBLIC_BYTES, &key) != OK ||
        reader_bytes(&r, RECOVERY_AT_KEYRING - RECOVERY_AT_ROOT, &parts.root) != OK ||
        r.rest.len == 0 || r.rest.len > KEYRING_BLOB_MAX_BYTES)
        return ERR_TAMPERED;
    memcpy(parts.public_key, key.ptr, sizeof parts.public_key);
    parts.keyring = r.rest;
    *ret = parts;
    return OK;
}
