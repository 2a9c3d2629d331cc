/* A console session as text: the cookie sls_<ulid>_<43 base62>, and the CSRF token that goes with
 * it. The CSRF token is a one-way function of the cookie, so it is kept nowhere and whoever knows
 * it does not know the cookie. Parsing borrows from the input. Any thread. */
#ifndef API_SESSION_TEXT_H
#define API_SESSION_TEXT_H

#include "store_session.h"
#include "vault.h"

enum {
    SESSION_SECRET_LEN = 43, /* 256 bits */
    SESSION_TEXT_LEN = 4 + ULID_LEN + 1 + SESSION_SECRET_LEN,
    SESSION_CSRF_LEN = 43, /* base64 of 32 bytes */
};

struct session_text {
    struct str id, secret;
};

/* ERR_UNAUTHORIZED for anything but exactly one well-formed cookie. */
enum err session_text_parse(struct str text, struct session_text *ret) MUST_USE;

/* What the row must hold. Its id, token and time of sign-in are hashed with the secret: a row that
 * was edited to another token or a later time fits no cookie. ERR_VAULT_DOWN. */
enum err session_text_hash(struct vault *vault, const struct session_row *row, struct str secret,
                           uint8_t ret[static 32]) MUST_USE;

/* A new cookie: fills row->id and row->hash from token_id and created_at_ms, and writes the text,
 * which the caller sends once and wipes. ERR_VAULT_DOWN. */
enum err session_text_issue(struct vault *vault, struct session_row *row,
                            char ret_text[static SESSION_TEXT_LEN + 1]) MUST_USE;

void session_text_csrf(struct str text, char ret[static SESSION_CSRF_LEN + 1]);

#endif
