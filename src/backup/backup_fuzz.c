/* The reader of backups. First byte odd: the rest is a file as it lies on a disk. Even: the rest is
 * what somebody with the public key has sealed. */
#include <stddef.h>

#include "aead.h"
#include "backup_out.h"
#include "backup_read.h"

static const uint8_t seed[BOX_SEED_BYTES] = {1};

static enum err to_buf(void *ctx, struct str bytes)
{
    return buf_put(ctx, bytes);
}

static enum err from_reader(void *ctx, char *ret, size_t max, size_t *ret_len)
{
    struct reader *r = ctx;
    size_t len = r->rest.len < max ? r->rest.len : max;
    if (len)
        memcpy(ret, r->rest.ptr, len);
    r->rest = str_slice(r->rest, len, r->rest.len);
    *ret_len = len;
    return OK;
}

static enum err on_begin(void *ctx, const struct backup_begin *b)
{
    struct recovery_parts parts;
    (void)ctx;
    (void)!recovery_export_read(b->export, &parts);
    return OK;
}
static enum err on_table(void *ctx, const struct store_table *t)
{
    (void)ctx;
    ASSERT(t->column_count > 0 && t->column_count <= BACKUP_COLUMNS_MAX);
    return OK;
}
static enum err on_row(void *ctx, const struct store_value *values, size_t count)
{
    (void)ctx;
    for (size_t i = 0; i < count; i++)
        ASSERT(values[i].type == STORE_INT || values[i].number == 0);
    return OK;
}
static enum err on_nothing(void *ctx)
{
    (void)ctx;
    return OK;
}
static enum err on_file(void *ctx, const struct backup_file *f)
{
    (void)ctx;
    ASSERT(backup_file_name_valid(f->name));
    return OK;
}
static enum err on_data(void *ctx, struct str bytes)
{
    (void)ctx;
    ASSERT(bytes.len > 0);
    return OK;
}

/* One record after the other, of whatever stands in the bytes. */
static enum err seal(struct str bytes, struct buf *out)
{
    AUTOP(backup_out) struct backup_out *o = NULL;
    uint8_t public_key[BOX_PUBLIC_BYTES];
    struct reader r = {bytes};
    uint8_t type;
    struct str body;
    box_public(seed, public_key);
    TRY(backup_out_open(public_key, to_buf, out, &o));
    while (reader_u8(&r, &type) == OK && reader_lengthed(&r, &body) == OK)
        TRY(backup_out_record(o, (enum backup_record)type, body));
    return backup_out_end(o);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct backup_target to = {on_begin, on_table, on_row,     on_nothing,
                                     on_file,  on_data,  on_nothing, NULL};
    AUTO(buf) struct buf sealed = buf_make(1 << 20);
    AUTOP(backup_in) struct backup_in *in = NULL;
    struct backup_read result;
    if (size == 0 || crypto_open() != OK)
        return 0;
    struct str bytes = str_bytes(data + 1, size - 1);
    if (data[0] % 2 == 0) {
        if (seal(bytes, &sealed) != OK)
            return 0;
        bytes = buf_str(&sealed);
    }
    struct reader r = {bytes};
    if (backup_in_open(from_reader, &r, seed, &in) == OK)
        (void)!backup_read(in, &to, &result);
    return 0;
}
