#include "audit_note.h"

#include "alloc.h"
#include "encode.h"

#define ORIGIN_BEGIN   "safelight/audit/"
#define SIGNATURE_DASH "\xe2\x80\x94 " /* an em dash, as signed-note wants it */

enum { ED25519 = 1, ID_BYTES = 4, TEXT_MAX_BYTES = 1024 };

static bool is_id(struct str s)
{
    for (size_t i = 0; i < s.len; i++) {
        char c = s.ptr[i];
        if (!((c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z')))
            return false;
    }
    return s.len > 0 && s.len <= 64;
}

enum err audit_note_origin(struct str instance_id, struct str team_id, struct buf *out)
{
    if (!is_id(instance_id) || !is_id(team_id))
        return ERR_INVALID;
    return buf_printf(out, ORIGIN_BEGIN "%.*s/%.*s", (int)instance_id.len, instance_id.ptr,
                      (int)team_id.len, team_id.ptr);
}

/* The first bytes of SHA-256(name, line feed, 0x01, key). */
static void key_id(struct str origin, const uint8_t public_key[static SIGN_PUBLIC_BYTES],
                   uint8_t ret[static ID_BYTES])
{
    struct hash_sha256_state s;
    uint8_t sum[HASH_BYTES];
    hash_sha256_init(&s);
    hash_sha256_update(&s, origin);
    hash_sha256_update(&s, STR("\n\1"));
    hash_sha256_update(&s, str_bytes(public_key, SIGN_PUBLIC_BYTES));
    hash_sha256_final(&s, sum);
    memcpy(ret, sum, ID_BYTES);
}

static enum err put_text(struct str origin, const struct audit_checkpoint *c, struct buf *out)
{
    TRY(buf_put(out, origin));
    TRY(buf_printf(out, "\n%llu\n", (unsigned long long)c->size));
    TRY(encode_base64(out, str_bytes(c->root, sizeof c->root), BASE64_STD));
    TRY(buf_put(out, STR("\nmac ")));
    TRY(encode_hex(out, str_bytes(c->head, sizeof c->head)));
    return buf_put_byte(out, '\n');
}

enum err audit_note_sign(struct str origin, const struct audit_checkpoint *c,
                         const uint8_t seed[static SIGN_SEED_BYTES], struct buf *out)
{
    AUTO(buf) struct buf text = buf_make(TEXT_MAX_BYTES);
    uint8_t public_key[SIGN_PUBLIC_BYTES], blob[ID_BYTES + SIGN_BYTES];
    TRY(put_text(origin, c, &text));
    sign_public(seed, public_key);
    key_id(origin, public_key, blob);
    sign_detached(seed, buf_str(&text), blob + ID_BYTES);
    TRY(buf_put(out, buf_str(&text)));
    TRY(buf_printf(out, "\n" SIGNATURE_DASH "%.*s ", (int)origin.len, origin.ptr));
    TRY(encode_base64(out, str_bytes(blob, sizeof blob), BASE64_STD));
    return buf_put_byte(out, '\n');
}

enum err audit_note_key(struct str origin, const uint8_t public_key[static SIGN_PUBLIC_BYTES],
                        struct buf *out)
{
    uint8_t id[ID_BYTES], blob[1 + SIGN_PUBLIC_BYTES] = {ED25519};
    key_id(origin, public_key, id);
    memcpy(blob + 1, public_key, SIGN_PUBLIC_BYTES);
    TRY(buf_printf(out, "%.*s+", (int)origin.len, origin.ptr));
    TRY(encode_hex(out, str_bytes(id, sizeof id)));
    TRY(buf_put_byte(out, '+'));
    return encode_base64(out, str_bytes(blob, sizeof blob), BASE64_STD);
}

/* Exactly `len` bytes. */
static enum err read_base64(struct str text, uint8_t *ret, size_t len)
{
    AUTO(buf) struct buf bytes = buf_make(TEXT_MAX_BYTES);
    if (decode_base64(text, BASE64_STD, &bytes) != OK || bytes.len != len)
        return ERR_INVALID;
    memcpy(ret, bytes.ptr, len);
    return OK;
}

static enum err read_hex(struct str text, uint8_t *ret, size_t len)
{
    AUTO(buf) struct buf bytes = buf_make(TEXT_MAX_BYTES);
    if (decode_hex(text, &bytes) != OK || bytes.len != len)
        return ERR_INVALID;
    memcpy(ret, bytes.ptr, len);
    return OK;
}

static bool is_origin(struct str s)
{
    struct str instance, begin = STR(ORIGIN_BEGIN);
    if (!str_starts(s, begin) || s.len > AUDIT_ORIGIN_MAX_BYTES)
        return false;
    struct str team = str_split(str_slice(s, begin.len, s.len), '/', &instance);
    return team.ptr && is_id(instance) && is_id(team);
}

enum err audit_key_read(struct str text, struct audit_key *ret)
{
    struct audit_key key;
    struct str origin, id;
    uint8_t blob[1 + SIGN_PUBLIC_BYTES], want[ID_BYTES];
    struct str rest = str_split(str_trim(text), '+', &origin);
    struct str base64 = str_split(rest, '+', &id); /* base64 may have a plus of its own */
    if (!base64.ptr || !is_origin(origin) ||
        str_to_text(origin, key.origin, sizeof key.origin) != OK)
        return ERR_INVALID;
    TRY(read_hex(id, key.id, sizeof key.id));
    TRY(read_base64(base64, blob, sizeof blob));
    memcpy(key.public_key, blob + 1, sizeof key.public_key);
    key_id(origin, key.public_key, want);
    if (blob[0] != ED25519 || !equal_constant_time(want, key.id, sizeof want))
        return ERR_INVALID;
    *ret = key;
    return OK;
}

/* The four lines; nothing may stand behind them. */
static enum err read_text(struct str text, struct str *ret_origin, struct audit_checkpoint *ret)
{
    struct str size, root, mac;
    text = str_split(text, '\n', ret_origin);
    text = str_split(text, '\n', &size);
    text = str_split(text, '\n', &root);
    text = str_split(text, '\n', &mac);
    if (!text.ptr || text.len || !is_origin(*ret_origin) || !str_starts(mac, STR("mac ")) ||
        str_to_u64(size, INT64_MAX, &ret->size) != OK || (size.len > 1 && size.ptr[0] == '0'))
        return ERR_INVALID;
    TRY(read_base64(root, ret->root, sizeof ret->root));
    return read_hex(str_slice(mac, 4, mac.len), ret->head, sizeof ret->head);
}

/* One signature of several is ours. */
static enum err check_signature(struct str lines, struct str text, const struct audit_key *key)
{
    struct str begin = STR(SIGNATURE_DASH), line, name;
    enum err result = ERR_NOT_FOUND;
    while (lines.len) {
        uint8_t blob[ID_BYTES + SIGN_BYTES];
        lines = str_split(lines, '\n', &line);
        if (!lines.ptr || !str_starts(line, begin))
            return ERR_INVALID;
        struct str base64 = str_split(str_slice(line, begin.len, line.len), ' ', &name);
        if (!base64.ptr || !str_is(name, key->origin) ||
            read_base64(base64, blob, sizeof blob) != OK ||
            !equal_constant_time(blob, key->id, ID_BYTES))
            continue;
        if (!sign_holds(key->public_key, text, blob + ID_BYTES))
            return ERR_TAMPERED;
        result = OK;
    }
    return result;
}

enum err audit_note_open(struct str note, const struct audit_key *key, struct audit_checkpoint *ret)
{
    struct audit_checkpoint c;
    struct str origin;
    size_t end = str_search(note, STR("\n\n"), 0);
    if (note.len > AUDIT_NOTE_MAX_BYTES || end == note.len)
        return ERR_INVALID;
    struct str text = str_slice(note, 0, end + 1);
    TRY(read_text(text, &origin, &c));
    if (!str_is(origin, key->origin))
        return ERR_NOT_FOUND;
    TRY(check_signature(str_slice(note, end + 2, note.len), text, key));
    *ret = c;
    return OK;
}
