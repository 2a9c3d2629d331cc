/* What a backup is made of (docs/FORMAT-backup.md): a header that names the recovery key and holds
 * the file's own key sealed for it, then one sealed stream of records. */
#ifndef BACKUP_FORMAT_H
#define BACKUP_FORMAT_H

#include "aead.h"
#include "box.h"
#include "recovery.h"
#include "stream.h"

enum {
    BACKUP_FORMAT = 1,
    BACKUP_ALGORITHM = 1, /* sealed box of X25519, secretstream of XChaCha20-Poly1305 */
    BACKUP_AT_KEY_ID = 8,
    BACKUP_AT_FILE_KEY = BACKUP_AT_KEY_ID + RECOVERY_ID_BYTES,
    BACKUP_AT_MAC = BACKUP_AT_FILE_KEY + BOX_OVERHEAD_BYTES + AEAD_KEY_BYTES,
    BACKUP_AT_STREAM = BACKUP_AT_MAC + 32,
    BACKUP_HEADER_BYTES = BACKUP_AT_STREAM + STREAM_HEADER_BYTES,
    BACKUP_PIECE_BYTES = 64 * 1024, /* of the stream, but for the last one */
    BACKUP_SEALED_PIECE_BYTES = BACKUP_PIECE_BYTES + STREAM_OVERHEAD_BYTES,
    BACKUP_RECORD_HEAD_BYTES = 5,
    BACKUP_DATA_BYTES = 64 * 1024, /* most of a file in one record */
    BACKUP_COLUMNS_MAX = 128,
    BACKUP_FILE_NAME_MAX_BYTES = 128
};
#define BACKUP_MAGIC "SLBK"

/* Each record: its type (u8), length (u32), body. In this order; those marked * any number of
 * times. */
enum backup_record {
    BACKUP_BEGIN = 1, /* what this is a backup of, and the keyring for the recovery key */
    BACKUP_TABLE = 2, /* * name and columns; its rows follow */
    BACKUP_ROW = 3,   /* * */
    BACKUP_ROWS_END = 4,
    BACKUP_FILE = 5, /* * name and size; its bytes follow */
    BACKUP_DATA = 6, /* * */
    BACKUP_FILES_END = 7,
    BACKUP_STAMP = 8 /* made by the vault; the last */
};

/* The body of BACKUP_BEGIN. Bytes borrow. */
struct backup_begin {
    uint32_t schema_version;
    int64_t created_at_ms;
    bool with_spool;
    uint64_t database_bytes, spool_bytes; /* about */
    struct str instance_id, program;
    struct str export; /* recovery_export() */
};

/* Keys of the two halves of the header's work. */
#define BACKUP_MAC_NAME    "safelight backup header"
#define BACKUP_STREAM_NAME "safelight backup stream"

/* Keyed with the file's key: the MAC in the header, and the key of the stream. `head` is the header
 * up to its MAC, or longer. */
void backup_mac(const uint8_t file_key[static AEAD_KEY_BYTES], struct str name, struct str head,
                uint8_t ret[static HASH_BYTES]);

#endif
