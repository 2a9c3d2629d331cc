#include "envelope.h"

#include "alloc.h"
#include "random.h"

_Static_assert(ENVELOPE_WRAPPED_KEY_BYTES == 104, "docs/FORMAT-envelope.md: wrapped key");
_Static_assert(TEAM_KEY_BYTES == 120, "docs/FORMAT-envelope.md: team key");
_Static_assert(SEALED_AT_VALUE == 116, "docs/FORMAT-envelope.md: sealed value");
_Static_assert(SEALED_OVERHEAD_BYTES == 188, "docs/FORMAT-envelope.md: sealed value");
_Static_assert(TEAM_KEY_AT_MASTER == TEAM_KEY_AT_VERSION + 4, "fields touch");
_Static_assert(TEAM_KEY_AT_WRAPPED == TEAM_KEY_AT_MASTER + 4, "fields touch");
_Static_assert(SEALED_AT_DATA_KEY == SEALED_AT_KEY_VERSION + 4, "fields touch");

static const char team_key_magic[4] = {'S', 'L', 'T', 'K'};
static const char sealed_magic[4] = {'S', 'L', 'S', 'R'};

enum err envelope_key_new(struct secret **ret)
{
    uint8_t bytes[AEAD_KEY_BYTES];
    random_bytes(bytes, sizeof bytes);
    enum err e = secret_new(str_bytes(bytes, sizeof bytes), ret);
    wipe(bytes, sizeof bytes);
    return e;
}

enum err envelope_key_bytes(const struct secret *key, const uint8_t **ret)
{
    if (secret_len(key) != AEAD_KEY_BYTES)
        return ERR_TAMPERED;
    *ret = (const uint8_t *)secret_reveal(key).ptr;
    return OK;
}

enum err envelope_put_header(struct buf *out, const char magic[static 4], uint8_t own)
{
    TRY(buf_put(out, str_bytes(magic, 4)));
    TRY(buf_put_byte(out, ENVELOPE_FORMAT));
    TRY(buf_put_byte(out, ENVELOPE_ALGORITHM));
    TRY(buf_put_byte(out, own));
    return buf_put_byte(out, 0);
}

enum err envelope_take_header(struct reader *r, const char magic[static 4], uint8_t *ret_own)
{
    struct str head;
    if (reader_bytes(r, 8, &head) != OK || memcmp(head.ptr, magic, 4) != 0 ||
        head.ptr[4] != ENVELOPE_FORMAT || head.ptr[5] != ENVELOPE_ALGORITHM || head.ptr[7] != 0)
        return ERR_TAMPERED;
    *ret_own = (uint8_t)head.ptr[6];
    return OK;
}

/* Appends all or nothing, so that a caller's record has no half written tail. */
static enum err keep_or_cut(enum err e, struct buf *out, size_t len_before)
{
    if (e != OK)
        buf_truncate(out, len_before);
    return e;
}

static struct str version_id(uint32_t version, struct buf *scratch)
{
    buf_reset(scratch);
    ASSERT(buf_put_u32(scratch, version) == OK);
    return buf_str(scratch);
}

/* --- team keys --- */

static enum err team_key_aad(struct str instance_id, struct str team_id, uint32_t key_version,
                             uint32_t master_version, struct buf *out)
{
    AUTO(buf) struct buf master = buf_make(8);
    return aad_build(&(struct aad){.purpose = STR("team"),
                                   .instance_id = instance_id,
                                   .team_id = team_id,
                                   .version = &key_version,
                                   .kek_id = version_id(master_version, &master)},
                     out);
}

enum err envelope_team_key_read(struct str wrapped, struct envelope_team_key *ret)
{
    struct reader r = {wrapped};
    struct envelope_team_key versions;
    struct str key;
    uint8_t own;
    TRY(envelope_take_header(&r, team_key_magic, &own));
    if (own != 0 || reader_u32(&r, &versions.key_version) != OK ||
        reader_u32(&r, &versions.master_version) != OK ||
        reader_bytes(&r, ENVELOPE_WRAPPED_KEY_BYTES, &key) != OK || reader_end(&r) != OK ||
        versions.key_version == 0 || versions.master_version == 0)
        return ERR_TAMPERED;
    *ret = versions;
    return OK;
}

static enum err put_team_key(const struct envelope_kek *master, struct str aad,
                             const struct envelope_kek *team_key, struct buf *out)
{
    const uint8_t *master_bytes;
    TRY(envelope_key_bytes(master->key, &master_bytes));
    TRY(envelope_put_header(out, team_key_magic, 0));
    TRY(buf_put_u32(out, team_key->version));
    TRY(buf_put_u32(out, master->version));
    return aead_seal(master_bytes, aad, secret_reveal(team_key->key), out);
}

enum err envelope_team_key_wrap(const struct envelope_kek *master, struct str instance_id,
                                struct str team_id, const struct envelope_kek *team_key,
                                struct buf *out)
{
    AUTO(buf) struct buf aad = buf_make(AAD_MAX_BYTES);
    size_t before = out->len;
    TRY(team_key_aad(instance_id, team_id, team_key->version, master->version, &aad));
    return keep_or_cut(put_team_key(master, buf_str(&aad), team_key, out), out, before);
}

enum err envelope_team_key_unwrap(const struct envelope_kek *master, struct str instance_id,
                                  struct str team_id, struct str wrapped, struct secret **ret)
{
    AUTO(buf) struct buf aad = buf_make(AAD_MAX_BYTES);
    struct envelope_team_key versions;
    const uint8_t *master_bytes;
    TRY(envelope_team_key_read(wrapped, &versions));
    if (versions.master_version != master->version)
        return ERR_TAMPERED;
    TRY(envelope_key_bytes(master->key, &master_bytes));
    TRY(team_key_aad(instance_id, team_id, versions.key_version, master->version, &aad));
    AUTOP(secret) struct secret *key = NULL;
    TRY(aead_open(master_bytes, buf_str(&aad), str_slice(wrapped, TEAM_KEY_AT_WRAPPED, wrapped.len),
                  &key));
    if (secret_len(key) != AEAD_KEY_BYTES)
        return ERR_TAMPERED;
    *ret = TAKE(key);
    return OK;
}

/* --- sealed values --- */

enum err envelope_value_aad(struct str instance_id, const struct seal_context *c, struct buf *out)
{
    return aad_build(&(struct aad){.purpose = STR("value"),
                                   .instance_id = instance_id,
                                   .team_id = c->team_id,
                                   .secret_id = c->secret_id,
                                   .name = c->name,
                                   .version = &c->version,
                                   .created_at_ms = &c->created_at_ms},
                     out);
}

enum err envelope_data_key_aad(struct str instance_id, const struct seal_context *c,
                               uint32_t team_key_version, struct buf *out)
{
    AUTO(buf) struct buf kek = buf_make(8);
    return aad_build(&(struct aad){.purpose = STR("dek"),
                                   .instance_id = instance_id,
                                   .team_id = c->team_id,
                                   .secret_id = c->secret_id,
                                   .name = c->name,
                                   .version = &c->version,
                                   .created_at_ms = &c->created_at_ms,
                                   .epoch = &c->epoch,
                                   .policy = &c->policy,
                                   .kek_id = version_id(team_key_version, &kek)},
                     out);
}

enum err envelope_sealed_key_version(struct str sealed, uint32_t *ret)
{
    struct reader r = {sealed};
    uint32_t version;
    uint8_t own;
    TRY(envelope_take_header(&r, sealed_magic, &own));
    if (own != 0 || reader_u32(&r, &version) != OK || version == 0 ||
        sealed.len < SEALED_OVERHEAD_BYTES || sealed.len > SEALED_MAX_BYTES)
        return ERR_TAMPERED;
    *ret = version;
    return OK;
}

static enum err put_wrapped_data_key(struct str instance_id, const struct seal_context *c,
                                     const struct envelope_kek *team_key,
                                     const struct secret *data_key, struct buf *out)
{
    AUTO(buf) struct buf aad = buf_make(AAD_MAX_BYTES);
    const uint8_t *team_bytes;
    TRY(envelope_key_bytes(team_key->key, &team_bytes));
    TRY(envelope_data_key_aad(instance_id, c, team_key->version, &aad));
    TRY(envelope_put_header(out, sealed_magic, 0));
    TRY(buf_put_u32(out, team_key->version));
    return aead_seal(team_bytes, buf_str(&aad), secret_reveal(data_key), out);
}

static enum err put_sealed(struct str instance_id, const struct seal_context *c,
                           const struct envelope_kek *team_key, struct str value, struct buf *out)
{
    AUTO(buf) struct buf aad = buf_make(AAD_MAX_BYTES);
    AUTOP(secret) struct secret *data_key = NULL;
    const uint8_t *data_bytes;
    TRY(envelope_key_new(&data_key));
    TRY(envelope_key_bytes(data_key, &data_bytes));
    TRY(envelope_value_aad(instance_id, c, &aad));
    TRY(put_wrapped_data_key(instance_id, c, team_key, data_key, out));
    return aead_seal(data_bytes, buf_str(&aad), value, out);
}

enum err envelope_seal(struct str instance_id, const struct seal_context *c,
                       const struct envelope_kek *team_key, struct str value, struct buf *out)
{
    size_t before = out->len;
    if (value.len > SECRET_VALUE_MAX_BYTES)
        return ERR_TOO_LARGE;
    return keep_or_cut(put_sealed(instance_id, c, team_key, value, out), out, before);
}

static enum err open_data_key(struct str instance_id, const struct seal_context *c,
                              const struct envelope_kek *team_key, struct str sealed,
                              struct secret **ret)
{
    AUTO(buf) struct buf aad = buf_make(AAD_MAX_BYTES);
    uint32_t version;
    const uint8_t *team_bytes;
    TRY(envelope_sealed_key_version(sealed, &version));
    if (version != team_key->version)
        return ERR_TAMPERED;
    TRY(envelope_key_bytes(team_key->key, &team_bytes));
    TRY(envelope_data_key_aad(instance_id, c, team_key->version, &aad));
    return aead_open(team_bytes, buf_str(&aad),
                     str_slice(sealed, SEALED_AT_DATA_KEY, SEALED_AT_VALUE), ret);
}

enum err envelope_open(struct str instance_id, const struct seal_context *c,
                       const struct envelope_kek *team_key, struct str sealed, struct secret **ret)
{
    AUTO(buf) struct buf aad = buf_make(AAD_MAX_BYTES);
    AUTOP(secret) struct secret *data_key = NULL;
    const uint8_t *data_bytes;
    TRY(open_data_key(instance_id, c, team_key, sealed, &data_key));
    TRY(envelope_key_bytes(data_key, &data_bytes));
    TRY(envelope_value_aad(instance_id, c, &aad));
    return aead_open(data_bytes, buf_str(&aad), str_slice(sealed, SEALED_AT_VALUE, sealed.len),
                     ret);
}

enum err envelope_rewrap(struct str instance_id, const struct seal_context *c,
                         const struct envelope_kek *old_key, struct str new_policy,
                         const struct envelope_kek *new_key, struct str sealed, struct buf *out)
{
    AUTOP(secret) struct secret *data_key = NULL;
    struct seal_context changed = *c;
    size_t before = out->len;
    changed.policy = new_policy;
    TRY(open_data_key(instance_id, c, old_key, sealed, &data_key));
    enum err e = put_wrapped_data_key(instance_id, &changed, new_key, data_key, out);
    if (e == OK)
        e = buf_put(out, str_slice(sealed, SEALED_AT_VALUE, sealed.len));
    return keep_or_cut(e, out, before);
}
