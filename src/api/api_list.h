/* Lists that are read in one transaction and answered as one JSON array of objects. */
#ifndef API_LIST_H
#define API_LIST_H

#include "api_request.h"

struct api_list {
    /* The rows, in the request's arena. */
    enum err (*read)(struct store_tx *tx, struct http_request *r, const void **ret_rows,
                     size_t *ret_count);
    void (*write)(struct json_out *o, const void *row); /* the object's members */
    size_t row_bytes, answer_max_bytes;
};

/* Answers 200, or with what `read` failed. */
void api_list(struct http_request *r, const struct api_list *list);

#endif
