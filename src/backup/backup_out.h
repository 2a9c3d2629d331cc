/* Writes a backup: records in, sealed bytes out. Owner thread. */
#ifndef BACKUP_OUT_H
#define BACKUP_OUT_H

#include "backup_format.h"

typedef enum err backup_sink(void *ctx, struct str bytes);

struct backup_out;
/* Makes the file's key, seals it for public_key and writes the header. Errors of the sink come
 * through, here and below; after one there is nothing to do but to free it. */
enum err backup_out_open(const uint8_t public_key[static BOX_PUBLIC_BYTES], backup_sink *sink,
                         void *ctx, struct backup_out **ret) MUST_USE;
void backup_out_free(struct backup_out **o);
void backup_out_autop(struct backup_out **o);

/* ERR_TOO_LARGE: past BACKUP_RECORD_MAX_BYTES. */
enum err backup_out_record(struct backup_out *o, enum backup_record type, struct str body) MUST_USE;
/* Of the header and everything so far: what is stamped. */
void backup_out_digest(const struct backup_out *o, uint8_t ret[static HASH_BYTES]);
/* The last piece. */
enum err backup_out_end(struct backup_out *o) MUST_USE;
uint64_t backup_out_bytes(const struct backup_out *o); /* written so far */

#endif
