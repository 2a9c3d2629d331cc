/* What is done to a store that was just restored: what happened after the backup is not known, so
 * nothing of it may happen twice, and nobody whose token was revoked since may come back. In write
 * transactions, but for what reads an old data directory. */
#ifndef STORE_RESTORE_H
#define STORE_RESTORE_H

#include "store_token.h"

/* Every token that is still good is void until the operator approves it. */
enum err store_restore_suspend_tokens(struct store_tx *tx, int64_t now_ms) MUST_USE;

/* What the old installation knew of tokens: all of them, by id. */
struct store_known_token {
    struct str id;
    int64_t revoked_at_ms, suspended_at_ms;
};
struct store_known_tokens {
    struct str instance_id;
    struct store_known_token *list;
    size_t count;
};
/* Reads it from a stopped server's folder, which it does not change. ERR_NOT_FOUND: there is no
 * database; ERR_UNAVAILABLE and ERR_TAMPERED: it cannot be read. */
enum err store_restore_known_tokens(const char *folder, struct arena *a,
                                    struct store_known_tokens *ret) MUST_USE;
struct db;
/* The same of an open database; ERR_UNAVAILABLE and the like mean nothing about its tokens. */
enum err store_restore_read_tokens(struct db *db, struct arena *a,
                                   struct store_known_tokens *ret) MUST_USE;
/* Tokens that were revoked there, or are not there any more, are revoked here, each with its audit
 * record; those that were void there or in the backup, since nobody had approved them after an
 * earlier restore, are void here and counted in ret_suspended: nothing makes one good. */
enum err store_restore_apply_tokens(struct store_tx *tx, const struct store_known_tokens *known,
                                    int64_t now_ms, int64_t *ret_revoked,
                                    int64_t *ret_suspended) MUST_USE;

/* Jobs that had not ended and deliveries that were due: ended, as error and failed, for a person to
 * look at; or, when they go on, their leases are over. */
struct store_restore_jobs {
    bool go_on;
    int64_t now_ms;
    struct str error; /* of the jobs and deliveries that end */
    int64_t ret_jobs, ret_deliveries;
};
enum err store_restore_jobs(struct store_tx *tx, struct store_restore_jobs *j) MUST_USE;

/* Templates and fonts whose file is not in the spool: a template waits for its file again, a font
 * is gone. `has` says which files there are. */
struct store_restore_files {
    bool (*has)(void *ctx, struct str name);
    void *ctx;
    int64_t now_ms;
    int64_t ret_templates, ret_fonts;
};
enum err store_restore_files(struct store_tx *tx, struct arena *a,
                             struct store_restore_files *f) MUST_USE;

/* Every chain of the audit log: of the instance, of each team, of teams that are gone. */
enum err store_restore_chains(struct store_tx *tx, struct arena *a, struct str **ret_team_ids,
                              size_t *ret_count) MUST_USE;

#endif
