/* The last transaction of a restore: what a store that comes from the past may not do. One thread.
 */
#ifndef SERVER_RESTORE_FINISH_H
#define SERVER_RESTORE_FINISH_H

#include "restore.h"
#include "store_restore.h"
#include "vault.h"

struct restore_finish {
    struct store *store;
    struct vault *vault;
    const char *folder;                     /* with spool in it */
    const struct store_known_tokens *known; /* NULL: all tokens are void */
    bool resume_jobs;
    struct str instance_id, created_at; /* of the backup */
    struct str keyring;                 /* under the new root */
    struct restore_report *report;
    /* its own */
    struct arena arena;
    struct restore_first *first; /* wiped in the end */
    struct token *first_rows;
    size_t first_count, team_count;
    struct team *teams;
    int64_t now_ms;
};
enum err restore_finish_write(struct restore_finish *f) MUST_USE;
void restore_finish_auto(struct restore_finish *f);

#endif
