#include "session_text.h"

#include <inttypes.h>
#include <stdio.h>

#include "alloc.h"
#include "encode.h"
#include "hash.h"

enum { ID_AT = 4, SECRET_AT = ID_AT + ULID_LEN + 1 };
_Static_assert(SECRET_AT + SESSION_SECRET_LEN == SESSION_TEXT_LEN, "the parts make up the whole");

enum err session_text_parse(struct str text, struct session_text *ret)
{
    if (text.len != SESSION_TEXT_LEN || !str_starts(text, STR("sls_")) ||
        text.ptr[SECRET_AT - 1] != '_')
        return ERR_UNAUTHORIZED;
    struct session_text t = {.id = str_slice(text, ID_AT, SECRET_AT - 1),
                             .secret = str_slice(text, SECRET_AT, text.len)};
    if (!ulid_valid(t.id) || !base62_only(t.secret))
        return ERR_UNAUTHORIZED;
    *ret = t;
    return OK;
}

enum err session_text_hash(struct vault *vault, const struct session_row *row, struct str secret,
                           uint8_t ret[static 32])
{
    char proof[160];
    /* No token's proof begins like this: those begin with their role. */
    int len = snprintf(proof, sizeof proof, "session_%s_%.*s_%" PRId64 "_%.*s", row->id.text,
                       (int)row->token_id.len, row->token_id.ptr, row->created_at_ms,
                       (int)secret.len, secret.ptr);
    ASSERT(len > 0 && (size_t)len < sizeof proof);
    enum err e = vault_hash_token(vault, str_bytes(proof, (size_t)len), ret);
    wipe(proof, sizeof proof);
    return e;
}

enum err session_text_issue(struct vault *vault, struct session_row *row,
                            char ret_text[static SESSION_TEXT_LEN + 1])
{
    char text[SESSION_TEXT_LEN + 1];
    row->id = ulid_new();
    memcpy(text, "sls_", ID_AT);
    memcpy(text + ID_AT, row->id.text, ULID_LEN);
    text[SECRET_AT - 1] = '_';
    random_base62(text + SECRET_AT, SESSION_SECRET_LEN);
    enum err e =
        session_text_hash(vault, row, str_bytes(text + SECRET_AT, SESSION_SECRET_LEN), row->hash);
    if (e == OK)
        memcpy(ret_text, text, sizeof text);
    wipe(text, sizeof text);
    return e;
}

void session_text_csrf(struct str text, char ret[static SESSION_CSRF_LEN + 1])
{
    static const struct str label = STR("safelight console csrf 1\n");
    uint8_t hash[HASH_BYTES];
    AUTO(buf) struct buf all = buf_make(256);
    AUTO(buf) struct buf encoded = buf_make(2 * SESSION_CSRF_LEN);
    enum err e = buf_put(&all, label);
    if (e == OK)
        e = buf_put(&all, text);
    ASSERT(e == OK); /* it was parsed before */
    hash_blake2b(buf_str(&all), hash);
    e = encode_base64(&encoded, str_bytes(hash, sizeof hash), BASE64_URL);
    ASSERT(e == OK && encoded.len == SESSION_CSRF_LEN);
    memcpy(ret, encoded.ptr, SESSION_CSRF_LEN);
    ret[SESSION_CSRF_LEN] = 0;
    wipe(hash, sizeof hash);
}
