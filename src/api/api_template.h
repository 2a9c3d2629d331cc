/* What the files of templates share. */
#ifndef API_TEMPLATE_H
#define API_TEMPLATE_H

#include "api_request.h"
#include "store_template.h"

/* The members that both versions of the API show; within an object. */
void api_template_members(struct json_out *o, const struct template_row *t);

/* For api_list: the team's templates, by age. */
enum { API_TEMPLATE_LIST_MAX_BYTES = 32 * 1024 * 1024 };
enum err api_template_rows(struct store_tx *tx, struct http_request *r, const void **ret_rows,
                           size_t *ret_count) MUST_USE;

/* The team's template that the address names. ERR_NOT_FOUND. */
enum err api_template_find(struct store_tx *tx, struct http_request *r,
                           struct template_row *ret) MUST_USE;

/* The same in a transaction of its own, which it waits for. */
enum err api_template_read(struct http_request *r, struct template_row *ret) MUST_USE;

#endif
