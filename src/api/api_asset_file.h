/* Files of a leased job that lie in our own spool: its template, its fonts, outputs of the jobs
 * nested in it. */
#ifndef API_ASSET_FILE_H
#define API_ASSET_FILE_H

#include "ticket.h"

#define ASSET_FILE_TICKETS                                                                         \
    (1u << TICKET_OUTPUT_GET | 1u << TICKET_TEMPLATE_GET | 1u << TICKET_FONT_GET)

/* Its name in the spool folder. ERR_GONE when there is no such file any more. */
enum err asset_file_name(struct store_tx *tx, const struct ticket *t, struct arena *a,
                         struct str *ret) MUST_USE;
/* Answers with the file, or with ERR_GONE. */
void asset_file_reply(struct http_request *r, struct str name);

#endif
