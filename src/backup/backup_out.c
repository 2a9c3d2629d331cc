#include "backup_out.h"

#include <stdlib.h>

#include "alloc.h"
#include "limit.h"
#include "random.h"

_Static_assert(BACKUP_AT_MAC == 96, "docs/FORMAT-backup.md: header");
_Static_assert(BACKUP_AT_STREAM == 128, "docs/FORMAT-backup.md: header");
_Static_assert(BACKUP_HEADER_BYTES == 152, "docs/FORMAT-backup.md: header");

struct backup_out {
    backup_sink *sink;
    void *ctx;
    struct stream stream;
    struct hash_blake2b_state digest;
    struct buf plain, sealed;
    uint64_t bytes;
};

static enum err send(struct backup_out *o, struct str bytes)
{
    TRY(o->sink(o->ctx, bytes));
    o->bytes += bytes.len;
    return OK;
}

void backup_mac(const uint8_t file_key[static AEAD_KEY_BYTES], struct str name, struct str head,
                uint8_t ret[static HASH_BYTES])
{
    AUTO(buf) struct buf message = buf_make(BACKUP_HEADER_BYTES);
    ASSERT(buf_put(&message, name) == OK);
    ASSERT(buf_put(&message, str_slice(head, 0, BACKUP_AT_MAC)) == OK);
    hash_blake2b_keyed(file_key, buf_str(&message), ret);
}

/* Everything up to the stream's own header. */
static enum err head_of(const uint8_t *public_key, const uint8_t *file_key, struct buf *out)
{
    uint8_t id[RECOVERY_ID_BYTES], mac[HASH_BYTES];
    static const char version[4] = {BACKUP_FORMAT, BACKUP_ALGORITHM, 0, 0};
    recovery_id(public_key, id);
    TRY(buf_put(out, STR(BACKUP_MAGIC)));
    TRY(buf_put(out, str_bytes(version, sizeof version)));
    TRY(buf_put(out, str_bytes(id, sizeof id)));
    TRY(box_seal(public_key, str_bytes(file_key, AEAD_KEY_BYTES), out));
    backup_mac(file_key, STR(BACKUP_MAC_NAME), buf_str(out), mac);
    return buf_put(out, str_bytes(mac, sizeof mac));
}

static enum err begin(struct backup_out *o, const uint8_t *public_key, const uint8_t *file_key)
{
    AUTO(buf) struct buf head = buf_make(BACKUP_HEADER_BYTES);
    uint8_t key[HASH_BYTES], stream[STREAM_HEADER_BYTES];
    TRY(head_of(public_key, file_key, &head));
    backup_mac(file_key, STR(BACKUP_STREAM_NAME), buf_str(&head), key);
    stream_seal_begin(&o->stream, key, stream);
    wipe(key, sizeof key);
    TRY(buf_put(&head, str_bytes(stream, sizeof stream)));
    hash_blake2b_update(&o->digest, buf_str(&head));
    return send(o, buf_str(&head));
}

enum err backup_out_open(const uint8_t public_key[static BOX_PUBLIC_BYTES], backup_sink *sink,
                         void *ctx, struct backup_out **ret)
{
    struct backup_out *o = xcalloc(1, sizeof *o);
    uint8_t file_key[AEAD_KEY_BYTES];
    o->sink = sink;
    o->ctx = ctx;
    o->plain = buf_make(BACKUP_PIECE_BYTES);
    o->sealed = buf_make(BACKUP_SEALED_PIECE_BYTES);
    hash_blake2b_init(&o->digest);
    random_bytes(file_key, sizeof file_key);
    enum err e = begin(o, public_key, file_key);
    wipe(file_key, sizeof file_key);
    if (e != OK) {
        backup_out_free(&o);
        return e;
    }
    *ret = o;
    return OK;
}

void backup_out_free(struct backup_out **handle)
{
    struct backup_out *o = TAKE(*handle);
    if (!o)
        return;
    stream_auto(&o->stream);
    buf_auto(&o->plain);
    buf_auto(&o->sealed);
    free(o);
}

void backup_out_autop(struct backup_out **o)
{
    backup_out_free(o);
}

static enum err flush(struct backup_out *o, bool last)
{
    buf_reset(&o->sealed);
    TRY(stream_seal(&o->stream, buf_str(&o->plain), last, &o->sealed));
    buf_reset(&o->plain);
    return send(o, buf_str(&o->sealed));
}

static enum err put(struct backup_out *o, struct str bytes)
{
    hash_blake2b_update(&o->digest, bytes);
    while (bytes.len) {
        /* A full piece waits until there is more: only the last one may be the last. */
        if (o->plain.len == BACKUP_PIECE_BYTES)
            TRY(flush(o, false));
        struct str some = str_slice(bytes, 0, BACKUP_PIECE_BYTES - o->plain.len);
        TRY(buf_put(&o->plain, some));
        bytes = str_slice(bytes, some.len, bytes.len);
    }
    return OK;
}

enum err backup_out_record(struct backup_out *o, enum backup_record type, struct str body)
{
    AUTO(buf) struct buf head = buf_make(BACKUP_RECORD_HEAD_BYTES);
    if (body.len > BACKUP_RECORD_MAX_BYTES)
        return ERR_TOO_LARGE;
    TRY(buf_put_byte(&head, (uint8_t)type));
    TRY(buf_put_u32(&head, (uint32_t)body.len));
    TRY(put(o, buf_str(&head)));
    return put(o, body);
}

void backup_out_digest(const struct backup_out *o, uint8_t ret[static HASH_BYTES])
{
    struct hash_blake2b_state copy = o->digest;
    hash_blake2b_final(&copy, ret);
}

enum err backup_out_end(struct backup_out *o)
{
    return flush(o, true);
}

uint64_t backup_out_bytes(const struct backup_out *o)
{
    return o->bytes;
}
