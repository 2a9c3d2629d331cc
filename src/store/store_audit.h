/* The audit log: appended in the transaction it describes, chained by a MAC for each team just
 * before the commit (an operation whose record cannot be stored fails). The list of events is
 * audit.def. */
#ifndef STORE_AUDIT_H
#define STORE_AUDIT_H

#include "store.h"

enum audit_event_type {
#define AUDIT(name, code, text) AUDIT_##name,
#include "audit.def"
#undef AUDIT
    AUDIT_EVENT_COUNT
};
const char *audit_event_code(enum audit_event_type type);
bool audit_event_from(struct str code, enum audit_event_type *ret);

/* Unused strs stay empty ({0}). None of these may hold request text beyond names and ids. */
struct audit_record {
    enum audit_event_type type;
    struct str team_id; /* ULID */
    struct str actor;   /* token id, or "operator", or "system" */
    struct str address; /* peer IP */
    struct str request_id;
    struct str subject; /* id of the secret, token, job, team */
    struct str name;    /* secret's or team's name */
    uint32_t version;
    struct str job_id, field, host; /* of a use */
};
enum err store_audit(struct store_tx *tx, const struct audit_record *r) MUST_USE;

struct audit_row {
    int64_t sequence; /* per team, from 1, without gaps */
    int64_t at_ms;
    struct str record; /* canonical bytes that were chained, audit_bytes.h */
    uint8_t mac[32];
    struct audit_record fields; /* decoded from record */
};
/* Up to `limit` rows after `sequence`, oldest first. */
enum err store_audit_list(struct store_tx *tx, struct str team_id, int64_t after_sequence,
                          size_t limit, struct arena *a, struct audit_row **ret,
                          size_t *ret_count) MUST_USE;
/* The same in both directions, between two sequences. */
struct audit_page {
    int64_t after, before; /* neither is part of it; before 0: open */
    bool newest_first;
    size_t limit;
};
enum err store_audit_page(struct store_tx *tx, struct str team_id, const struct audit_page *page,
                          struct arena *a, struct audit_row **ret, size_t *ret_count) MUST_USE;

/* Rows as they stand, whatever somebody made of them; for those who check and export the log. */
struct audit_raw {
    int64_t sequence, at_ms;
    struct str record, mac;
};
enum err store_audit_raw(struct store_tx *tx, struct str team_id, int64_t after, size_t limit,
                         struct arena *a, struct audit_raw **ret, size_t *ret_count) MUST_USE;
/* The sequence of the log's last record; 0: there is none. */
enum err store_audit_last(struct store_tx *tx, struct str team_id, int64_t *ret) MUST_USE;

#endif
