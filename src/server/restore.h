/* From a backup to a data directory that serves, or to the certainty that it could. One thread. */
#ifndef SERVER_RESTORE_H
#define SERVER_RESTORE_H

#include <stdbool.h>
#include <stdint.h>

#include "datadir.h"
#include "secret.h"
#include "token_text.h"

struct restore_report {
    char created_at[32];
    uint64_t rows, files, secrets, versions, teams, tokens, audit_records;
    int64_t jobs, deliveries, revoked, suspended, lost_templates, lost_fonts;
    bool unsynced; /* restored, but perhaps not for good: the folder could not be synced */
};
/* A team's new admin token, when all others are void. */
struct restore_first {
    struct str team;
    char text[TOKEN_TEXT_LEN + 1];
};

struct restore_options {
    const char *file;         /* "-": stdin */
    const char *data;         /* the new data directory; NULL: only check */
    const struct secret *key; /* recovery_text.h */
    const char *revoked_from; /* an old data directory; NULL: all tokens are void */
    bool resume_jobs;
    /* Everything is verified and ready to take its place: shows the result. Its error undoes all.
     */
    enum err (*tell)(void *ctx, const struct restore_report *report,
                     const struct restore_first *first, size_t count);
    void *tell_ctx;
};
/* On an error nothing is left behind and ret_why says what to do; with everything in its place
 * there is none any more (`unsynced`). ERR_CONFLICT: the place is taken; ERR_INVALID,
 * ERR_UNAUTHORIZED, ERR_TAMPERED: the backup, the key. */
enum err restore_run(const struct restore_options *options, struct restore_report *ret,
                     char ret_why[static DATADIR_WHY_BYTES]) MUST_USE;

#endif
