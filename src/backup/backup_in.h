/* Reads a backup: sealed bytes in, records out. A record that comes out is authentic; that the
 * backup is whole is known when its end has come. Owner thread. */
#ifndef BACKUP_IN_H
#define BACKUP_IN_H

#include "backup_format.h"

/* Up to `max` bytes into ret; 0 at the end. */
typedef enum err backup_source(void *ctx, char *ret, size_t max, size_t *ret_len);

/* Which recovery key it was made for. ERR_INVALID: it is no backup. ERR_CONFLICT: of a format that
 * this program does not know. */
enum err backup_in_key_id(struct str header, uint8_t ret[static RECOVERY_ID_BYTES]) MUST_USE;

struct backup_in;
/* Reads the header. As above, and: ERR_UNAUTHORIZED: made for another recovery key. ERR_TAMPERED,
 * here and below: changed, or cut off. */
enum err backup_in_open(backup_source *source, void *ctx, const uint8_t seed[static BOX_SEED_BYTES],
                        struct backup_in **ret) MUST_USE;
void backup_in_free(struct backup_in **in);
void backup_in_autop(struct backup_in **in);

/* ERR_NOT_FOUND: that was the last one, and nothing comes after it. The body lives until the next
 * call. */
enum err backup_in_next(struct backup_in *in, enum backup_record *ret_type,
                        struct str *ret_body) MUST_USE;
/* Of the header and of all records before the one that came last: what its stamp is of. */
void backup_in_digest(const struct backup_in *in, uint8_t ret[static HASH_BYTES]);
uint64_t backup_in_bytes(const struct backup_in *in); /* read so far */

#endif
