/* One-time addresses: /t/<ticket>. The text is random and stands only in the lease's answer; the
 * store knows its hash. */
#ifndef API_TICKET_H
#define API_TICKET_H

#include "api_request.h"
#include "store_job.h"

enum { TICKET_TEXT_MIN = 22, TICKET_TEXT_MAX = 64 };

/* The hash of the address's ticket. ERR_NOT_FOUND when it cannot be one. */
enum err ticket_hash(struct http_request *r, uint8_t ret[static 32]) MUST_USE;

/* In a write transaction: takes one use, and insists on the kind, on a lease that still runs and on
 * the token that it was given to.
 * `ret_job` is with payload. ERR_NOT_FOUND, ERR_GONE. */
enum err ticket_take(struct store_tx *tx, const uint8_t hash[static 32], enum ticket_kind kind,
                     struct arena *a, struct ticket *ret, struct job *ret_job) MUST_USE;

/* The same for an address that stands for one of several kinds: bits 1 << kind. */
enum err ticket_take_any(struct store_tx *tx, const uint8_t hash[static 32], unsigned kinds,
                         struct arena *a, struct ticket *ret, struct job *ret_job) MUST_USE;

/* Looks only, and takes no turn of the store's writer: anybody may ask for any address. */
enum err ticket_look(struct store *store, const uint8_t hash[static 32], unsigned kinds,
                     struct arena *a, struct ticket *ret, struct job *ret_job) MUST_USE;

/* Does the job still belong to this lease, and is the lease's token still good? */
bool ticket_lease_runs(struct store_tx *tx, const struct job *job, struct str lease_id,
                       int64_t now_ms, struct arena *a);

#endif
