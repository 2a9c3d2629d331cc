/* What the calls about secrets share. */
#ifndef API_SECRET_H
#define API_SECRET_H

#include "api_request.h"
#include "store_secret.h"

/* The members of a secret in an answer; its policy only when it has one. ERR_TAMPERED. */
enum err api_secret_members(struct json_out *o, const struct secret_row *row) MUST_USE;
/* The same as one object. */
enum err api_secret_write(struct json_out *o, const struct secret_row *row) MUST_USE;

/* The secret of the address, if the token may know of it. ERR_NOT_FOUND. */
enum err api_secret_find(struct http_request *r, struct store_tx *tx,
                         struct secret_row *ret) MUST_USE;

#endif
