#include "token_text.h"

#include "alloc.h"
#include "encode.h"

static const struct {
    const char *kind, *name;
} roles[ROLE_COUNT] = {
    [ROLE_ADMIN] = {"adm", "admin"},   [ROLE_EDITOR] = {"edt", "editor"},
    [ROLE_SUBMIT] = {"sub", "submit"}, [ROLE_WORKER] = {"wrk", "worker"},
    [ROLE_AUDIT] = {"aud", "audit"},
};

enum { KIND_AT = 4, ID_AT = 8, SECRET_AT = ID_AT + TOKEN_ID_LEN + 1 };
enum { CHECK_AT = SECRET_AT + TOKEN_SECRET_LEN };
_Static_assert(CHECK_AT + TOKEN_CHECK_LEN == TOKEN_TEXT_LEN, "the parts make up the whole");

const char *token_role_name(enum token_role role)
{
    ASSERT((unsigned)role < ROLE_COUNT);
    return roles[role].name;
}

bool token_role_from(struct str name, enum token_role *ret)
{
    for (unsigned i = 0; i < ROLE_COUNT; i++) {
        if (str_is(name, roles[i].name)) {
            *ret = (enum token_role)i;
            return true;
        }
    }
    return false;
}

/* Kind and id are hashed with the secret: a row that was edited to another role, or that got
 * another row's hash, fits no token. */
static struct str proof_of(const char *text)
{
    return str_bytes(text + KIND_AT, CHECK_AT - KIND_AT);
}

enum err token_text_parse(struct str text, struct token_text *ret)
{
    if (text.len != TOKEN_TEXT_LEN || !str_starts(text, STR("slt_")) ||
        text.ptr[ID_AT - 1] != '_' || text.ptr[SECRET_AT - 1] != '_')
        return ERR_UNAUTHORIZED;

    struct token_text t = {.role = ROLE_COUNT,
                           .id = str_slice(text, ID_AT, SECRET_AT - 1),
                           .proof = proof_of(text.ptr)};
    struct str kind = str_slice(text, KIND_AT, ID_AT - 1);
    for (unsigned i = 0; i < ROLE_COUNT; i++) {
        if (str_is(kind, roles[i].kind))
            t.role = (enum token_role)i;
    }
    struct str secret = str_slice(text, SECRET_AT, CHECK_AT);
    if (t.role == ROLE_COUNT || !base62_only(t.id) || !base62_only(secret))
        return ERR_UNAUTHORIZED;

    char check[TOKEN_CHECK_LEN];
    encode_base62(crc32_of(str_slice(text, 0, CHECK_AT)), check, TOKEN_CHECK_LEN);
    bool right = equal_constant_time(check, text.ptr + CHECK_AT, TOKEN_CHECK_LEN);
    wipe(check, sizeof check);
    if (!right)
        return ERR_UNAUTHORIZED;
    *ret = t;
    return OK;
}

enum err token_text_from_header(struct str header, struct str *ret_token)
{
    struct str scheme = STR("Bearer ");
    if (!str_starts(header, scheme) || header.len != scheme.len + TOKEN_TEXT_LEN)
        return ERR_UNAUTHORIZED;
    *ret_token = str_slice(header, scheme.len, header.len);
    return OK;
}

enum err token_text_issue(struct vault *vault, struct arena *arena, struct token *row,
                          char ret_text[static TOKEN_TEXT_LEN + 1])
{
    char id[TOKEN_ID_LEN + 1], text[TOKEN_TEXT_LEN + 1];
    random_base62(id, TOKEN_ID_LEN);
    memcpy(text, "slt_", KIND_AT);
    memcpy(text + KIND_AT, roles[row->role].kind, ID_AT - 1 - KIND_AT);
    text[ID_AT - 1] = '_';
    memcpy(text + ID_AT, id, TOKEN_ID_LEN);
    text[SECRET_AT - 1] = '_';
    random_base62(text + SECRET_AT, TOKEN_SECRET_LEN);
    encode_base62(crc32_of(str_bytes(text, CHECK_AT)), text + CHECK_AT, TOKEN_CHECK_LEN);
    text[TOKEN_TEXT_LEN] = 0;

    enum err e = vault_hash_token(vault, proof_of(text), row->hash);
    if (e == OK) {
        row->id = arena_str(arena, str_bytes(id, TOKEN_ID_LEN));
        memcpy(ret_text, text, sizeof text);
    }
    wipe(text, sizeof text);
    return e;
}
