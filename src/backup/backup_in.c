#include "backup_in.h"

#include <stdlib.h>

#include "alloc.h"
#include "limit.h"

struct backup_in {
    backup_source *source;
    void *ctx;
    struct stream stream;
    struct hash_blake2b_state digest; /* up to the record that came last */
    struct buf sealed, plain;         /* a piece; what is not taken of it begins at `at` */
    size_t at;
    bool ended; /* the last piece came, and nothing after it */
    struct buf record;
    uint64_t bytes;
};

/* Fills `out` up to len bytes, or to the end. */
static enum err fill(struct backup_in *in, struct buf *out, size_t len)
{
    buf_reset(out);
    TRY(buf_reserve(out, len));
    while (out->len < len) {
        size_t got = 0;
        TRY(in->source(in->ctx, out->ptr + out->len, len - out->len, &got));
        if (got == 0)
            break;
        out->len += got;
        in->bytes += got;
    }
    return OK;
}

enum err backup_in_key_id(struct str header, uint8_t ret[static RECOVERY_ID_BYTES])
{
    if (!str_starts(header, STR(BACKUP_MAGIC)) || header.len < BACKUP_AT_FILE_KEY)
        return ERR_INVALID;
    if (header.ptr[4] != BACKUP_FORMAT || header.ptr[5] != BACKUP_ALGORITHM)
        return ERR_CONFLICT;
    memcpy(ret, header.ptr + BACKUP_AT_KEY_ID, RECOVERY_ID_BYTES);
    return header.ptr[6] == 0 && header.ptr[7] == 0 ? OK : ERR_TAMPERED;
}

static enum err open_file_key(struct str head, const uint8_t *seed, struct secret **ret)
{
    uint8_t id[RECOVERY_ID_BYTES], ours[RECOVERY_ID_BYTES], public_key[BOX_PUBLIC_BYTES];
    TRY(backup_in_key_id(head, id));
    if (head.len < BACKUP_HEADER_BYTES)
        return ERR_TAMPERED;
    box_public(seed, public_key);
    recovery_id(public_key, ours);
    if (memcmp(id, ours, sizeof id) != 0)
        return ERR_UNAUTHORIZED;
    return box_open(seed, str_slice(head, BACKUP_AT_FILE_KEY, BACKUP_AT_MAC), ret);
}

static enum err begin_stream(struct backup_in *in, struct str head, const struct secret *file_key)
{
    uint8_t mac[HASH_BYTES], key[HASH_BYTES];
    const uint8_t *bytes;
    TRY(envelope_key_bytes(file_key, &bytes));
    backup_mac(bytes, STR(BACKUP_MAC_NAME), head, mac);
    if (!equal_constant_time(mac, head.ptr + BACKUP_AT_MAC, sizeof mac))
        return ERR_TAMPERED;
    backup_mac(bytes, STR(BACKUP_STREAM_NAME), head, key);
    enum err e = stream_open_begin(&in->stream, key, (const uint8_t *)head.ptr + BACKUP_AT_STREAM);
    wipe(key, sizeof key);
    return e;
}

static enum err begin(struct backup_in *in, const uint8_t *seed)
{
    AUTO(buf) struct buf head = buf_make(BACKUP_HEADER_BYTES);
    AUTOP(secret) struct secret *file_key = NULL;
    TRY(fill(in, &head, BACKUP_HEADER_BYTES));
    TRY(open_file_key(buf_str(&head), seed, &file_key));
    TRY(begin_stream(in, buf_str(&head), file_key));
    hash_blake2b_update(&in->digest, buf_str(&head));
    return OK;
}

enum err backup_in_open(backup_source *source, void *ctx, const uint8_t seed[static BOX_SEED_BYTES],
                        struct backup_in **ret)
{
    struct backup_in *in = xcalloc(1, sizeof *in);
    in->source = source;
    in->ctx = ctx;
    in->sealed = buf_make(BACKUP_SEALED_PIECE_BYTES);
    in->plain = buf_make(BACKUP_SEALED_PIECE_BYTES);
    in->record = buf_make(BACKUP_RECORD_HEAD_BYTES + BACKUP_RECORD_MAX_BYTES);
    hash_blake2b_init(&in->digest);
    enum err e = begin(in, seed);
    if (e != OK) {
        backup_in_free(&in);
        return e;
    }
    *ret = in;
    return OK;
}

void backup_in_free(struct backup_in **handle)
{
    struct backup_in *in = TAKE(*handle);
    if (!in)
        return;
    stream_auto(&in->stream);
    buf_auto(&in->sealed);
    buf_auto(&in->plain);
    buf_auto(&in->record);
    free(in);
}

void backup_in_autop(struct backup_in **in)
{
    backup_in_free(in);
}

/* Each piece but the last is full, and after the last nothing comes. */
static enum err next_piece(struct backup_in *in)
{
    bool last;
    char more;
    size_t got = 0;
    TRY(fill(in, &in->sealed, BACKUP_SEALED_PIECE_BYTES));
    buf_reset(&in->plain);
    in->at = 0;
    TRY(stream_open(&in->stream, buf_str(&in->sealed), &in->plain, &last));
    if (!last)
        return in->sealed.len == BACKUP_SEALED_PIECE_BYTES ? OK : ERR_TAMPERED;
    in->ended = true;
    TRY(in->source(in->ctx, &more, 1, &got));
    return got == 0 ? OK : ERR_TAMPERED;
}

/* Appends len bytes of the stream to the record. ERR_NOT_FOUND: not one byte is left. */
static enum err take(struct backup_in *in, size_t len)
{
    bool first = true;
    while (len) {
        if (in->at == in->plain.len) {
            if (in->ended)
                return first ? ERR_NOT_FOUND : ERR_TAMPERED;
            TRY(next_piece(in));
            continue;
        }
        struct str some = str_slice(buf_str(&in->plain), in->at, in->plain.len);
        some = str_slice(some, 0, len);
        TRY(buf_put(&in->record, some));
        in->at += some.len;
        len -= some.len;
        first = false;
    }
    return OK;
}

enum err backup_in_next(struct backup_in *in, enum backup_record *ret_type, struct str *ret_body)
{
    uint8_t type;
    uint32_t len;
    hash_blake2b_update(&in->digest, buf_str(&in->record));
    buf_reset(&in->record);
    TRY(take(in, BACKUP_RECORD_HEAD_BYTES));
    struct reader r = {buf_str(&in->record)};
    TRY(reader_u8(&r, &type));
    TRY(reader_u32(&r, &len));
    if (type < BACKUP_BEGIN || type > BACKUP_STAMP || len > BACKUP_RECORD_MAX_BYTES)
        return ERR_TAMPERED;
    enum err e = take(in, len);
    if (e != OK)
        return e == ERR_NOT_FOUND ? ERR_TAMPERED : e;
    *ret_type = (enum backup_record)type;
    *ret_body = str_slice(buf_str(&in->record), BACKUP_RECORD_HEAD_BYTES, in->record.len);
    return OK;
}

void backup_in_digest(const struct backup_in *in, uint8_t ret[static HASH_BYTES])
{
    struct hash_blake2b_state copy = in->digest;
    hash_blake2b_final(&copy, ret);
}

uint64_t backup_in_bytes(const struct backup_in *in)
{
    return in->bytes;
}
