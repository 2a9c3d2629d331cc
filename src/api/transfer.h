/* Addresses for bringing a template's file and for fetching it, which need no token: whoever has
 * one may use it, once within an hour. */
#ifndef API_TRANSFER_H
#define API_TRANSFER_H

#include "api_template.h"

struct transfer_new {
    struct transfer row;
    struct str url; /* in the request's arena; shown once */
};
void transfer_make(struct http_request *r, enum transfer_kind kind, const struct ulid *template_id,
                   struct transfer_new *ret);
/* One for bringing takes the place of those before it. */
enum err transfer_insert(struct store_tx *tx, const struct transfer_new *t) MUST_USE;

/* The value of uploadInfo. */
void transfer_upload_info(struct json_out *o, const struct transfer_new *t,
                          const struct template_row *row);

#endif
