/* From a backup to a data directory that serves, or to the certainty that it could. One thread. */
#ifndef SERVER_RESTORE_H
#define SERVER_RESTORE_H

#include <stdbool.h>
#include <stdint.h>

#include "datadir.h"
#include "secret.h"

struct restore_options {
    const char *file;         /* "-": stdin */
    const char *data;         /* the new data directory; NULL: only check */
    const struct secret *key; /* recovery_text.h */
    const char *revoked_from; /* an old data directory; NULL: all tokens are void */
    bool resume_jobs;
};
struct restore_report {
    char created_at[32];
    uint64_t rows, files, secrets, versions, teams, tokens, audit_records;
    int64_t jobs, deliveries, revoked, lost_templates, lost_fonts;
};
/* One new admin token for each team when all others are void: told by `token` once everything is
 * on disk. On an error nothing is left behind and ret_why says what to do. ERR_CONFLICT: the place
 * is taken; ERR_INVALID, ERR_UNAUTHORIZED, ERR_TAMPERED: the backup, the key. */
enum err restore_run(const struct restore_options *options,
                     void (*token)(struct str team, const char *text), struct restore_report *ret,
                     char ret_why[static DATADIR_WHY_BYTES]) MUST_USE;

#endif
