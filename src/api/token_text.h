/* API tokens as text: slt_<kind>_<id><secret><crc>, written slt_adm_<14>_<43><6>, all base62. The
 * checksum rejects a typo without a look-up; the prefix makes leaked tokens findable. Parsing
 * borrows from the input and keeps nothing. Any thread. */
#ifndef API_TOKEN_TEXT_H
#define API_TOKEN_TEXT_H

#include "arena.h"
#include "store_token.h"
#include "vault.h"

enum {
    TOKEN_ID_LEN = 14,
    TOKEN_SECRET_LEN = 43, /* 256 bits */
    TOKEN_CHECK_LEN = 6,
    TOKEN_TEXT_LEN = 4 + 3 + 1 + TOKEN_ID_LEN + 1 + TOKEN_SECRET_LEN + TOKEN_CHECK_LEN
};

struct token_text {
    enum token_role role; /* what the text claims; the stored row must agree */
    struct str id, proof; /* proof: what is hashed, with the secret in it */
};

/* ERR_UNAUTHORIZED for anything but exactly one well-formed token with the right checksum. */
enum err token_text_parse(struct str text, struct token_text *ret) MUST_USE;

/* "Bearer <token>", exactly so: one blank, nothing around it. ERR_UNAUTHORIZED. */
enum err token_text_from_header(struct str header, struct str *ret_token) MUST_USE;

/* A new token for the role of `row`: fills row->id (in the arena) and row->hash, and writes the
 * text, which the caller shows once and wipes. ERR_VAULT_DOWN. */
enum err token_text_issue(struct vault *vault, struct arena *arena, struct token *row,
                          char ret_text[static TOKEN_TEXT_LEN + 1]) MUST_USE;

const char *token_role_name(enum token_role role); /* "admin" */
bool token_role_from(struct str name, enum token_role *ret);

#endif
