/* What templates and fonts share: a row with a file behind it. */
#ifndef API_LIBRARY_H
#define API_LIBRARY_H

#include "api_request.h"

struct api_library_kind {
    /* Removes the row that the address names, with its audit record; the file's name in *ret_file,
     * in the request's arena. ERR_CONFLICT: jobs need it. */
    enum err (*remove)(struct store_tx *tx, struct http_request *r, struct str *ret_file);
    const char *needed; /* said on ERR_CONFLICT */
};

/* Removes row and file; answers 204, or why not. `kind` must stay. */
void api_library_delete(struct http_request *r, const struct api_library_kind *kind);

#endif
