/* Making a token and answering with it; also for a new team's first one. */
#ifndef API_TOKEN_H
#define API_TOKEN_H

#include "api_request.h"
#include "token_text.h"

struct token_new {
    struct token row;
    char text[TOKEN_TEXT_LEN + 1]; /* wiped by token_new_write */
};

/* For a write transaction: the row and its audit record, by this actor. */
enum err token_new_insert(struct store_tx *tx, const struct actor *actor,
                          const struct token_new *t) MUST_USE;
/* The members of the answer, without braces: the only time the token is told. */
void token_new_write(struct json_out *o, struct token_new *t);

#endif
