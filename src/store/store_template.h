/* Templates: what jobs render. The file itself lies in the spool, or at an address that a worker
 * fetches; the rows say which. Also the addresses for bringing a file and for fetching it. */
#ifndef STORE_TEMPLATE_H
#define STORE_TEMPLATE_H

#include "store.h"

/* Stored by number: new ones go to the end. */
enum template_type { TEMPLATE_AEP, TEMPLATE_ZIP, TEMPLATE_MOGRT, TEMPLATE_TYPE_COUNT };
const char *template_type_name(enum template_type t); /* "aep", "zip", "mogrt" */
bool template_type_from(struct str name, enum template_type *ret);

/* Stored by number. */
enum template_status {
    TEMPLATE_AWAITING_UPLOAD,
    TEMPLATE_UPLOADED, /* its file is whole in the spool, or it has an address instead */
    TEMPLATE_ERROR,    /* what was brought is no such file; it may be brought again */
    TEMPLATE_STATUS_COUNT
};
const char *template_status_name(enum template_status s);

struct template_row {
    struct ulid id, team_id;
    enum template_type type;
    struct str display_name;
    enum template_status status;
    struct str src;     /* where workers fetch it; empty: its file is in the spool */
    struct str error;   /* a sentence of ours; empty: none */
    struct str file;    /* ULID of the upload that the spool holds; empty: none */
    int64_t bytes;      /* of that file */
    struct str project; /* in a zip: the path of the one project in it, unpacked; empty: unknown */
    int64_t created_at_ms, updated_at_ms;
};

/* ERR_LIMIT: TEMPLATES_PER_TEAM_MAX. ERR_NOT_FOUND: there is no such team any more. */
enum err store_template_insert(struct store_tx *tx, const struct template_row *row) MUST_USE;
enum err store_template_get(struct store_tx *tx, struct str team_id, struct str id, struct arena *a,
                            struct template_row *ret) MUST_USE;
/* By id alone, for the system's own work. */
enum err store_template_any(struct store_tx *tx, struct str id, struct arena *a,
                            struct template_row *ret) MUST_USE;
enum err store_template_list(struct store_tx *tx, struct str team_id, struct arena *a,
                             struct template_row **ret, size_t *ret_count) MUST_USE; /* by age */
/* Writes every column that can change. ERR_NOT_FOUND. */
enum err store_template_update(struct store_tx *tx, const struct template_row *row) MUST_USE;
/* ERR_CONFLICT: a job that has not ended needs it. ERR_NOT_FOUND. Its addresses go with it. */
enum err store_template_delete(struct store_tx *tx, struct str team_id, struct str id) MUST_USE;

/* The name of its file in the spool folder; empty when there is none. */
struct str store_template_file(const struct template_row *row, struct arena *a);

/* Addresses that need no token: the id in the URL is random; only its hash is stored. */
enum transfer_kind { TRANSFER_PUT = 1, TRANSFER_GET = 2 };
struct transfer {
    uint8_t hash[32];
    enum transfer_kind kind;
    struct ulid team_id, template_id;
    struct str token_id; /* who asked for it */
    int64_t expires_at_ms;
    bool used;
};
enum err store_transfer_insert(struct store_tx *tx, const struct transfer *t) MUST_USE;
/* ERR_GONE: used or expired; ERR_NOT_FOUND: never was, or is of the other kind. */
enum err store_transfer_get(struct store_tx *tx, const uint8_t hash[static 32],
                            enum transfer_kind kind, int64_t now_ms, struct arena *a,
                            struct transfer *ret) MUST_USE;
/* This one was used, or is good again after all. */
enum err store_transfer_use(struct store_tx *tx, const uint8_t hash[static 32], bool used) MUST_USE;
/* None of the template's addresses of this kind is good any more; they answer ERR_GONE. */
enum err store_transfer_close(struct store_tx *tx, struct str template_id,
                              enum transfer_kind kind) MUST_USE;
/* Forgets those that expired a day ago. */
enum err store_transfer_sweep(struct store_tx *tx, int64_t now_ms) MUST_USE;

#endif
