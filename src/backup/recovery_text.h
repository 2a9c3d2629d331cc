/* The recovery key as a person keeps it: SLRK1-XXXX-XXXX-... , 76 characters of Crockford base 32
 * in groups of four. It holds the seed of the key pair and a mark of the installation, and the last
 * group is a checksum, so that a typo is told from a wrong key. Any thread. */
#ifndef BACKUP_RECOVERY_TEXT_H
#define BACKUP_RECOVERY_TEXT_H

#include "box.h"

enum {
    RECOVERY_MARK_BYTES = 13, /* of the vault's stamp of 32 zero bytes */
    RECOVERY_KEY_BYTES = BOX_SEED_BYTES + RECOVERY_MARK_BYTES,
    RECOVERY_GROUPS = 19,
    RECOVERY_TEXT_LEN = 5 + RECOVERY_GROUPS * 5,
    RECOVERY_TEXT_MAX_BYTES = 512 /* of what a person hands in, with blanks and line ends */
};

/* Both are wiped by the caller. */
void recovery_text_write(const uint8_t key[static RECOVERY_KEY_BYTES],
                         char ret[static RECOVERY_TEXT_LEN + 1]);
/* Either case, blanks and dashes anywhere, O for 0, I and L for 1. ERR_INVALID: it is none, or
 * there is a typo in it. */
enum err recovery_text_read(struct str text, struct secret **ret_key) MUST_USE;

#endif
