/* The first byte says how the rest is cut; whatever the cut, the same comes out as in one piece,
 * and never more than went in. */
#include "buf.h"
#include "multipart.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static enum err on_part(void *ctx, const struct multipart_part *p)
{
    struct buf *out = ctx;
    TRY(buf_put(out, STR("[")));
    TRY(buf_put(out, p->name));
    TRY(buf_put(out, STR("|")));
    TRY(buf_put(out, p->file_name.ptr ? p->file_name : STR_EMPTY));
    return buf_put(out, STR("]"));
}

static enum err on_data(void *ctx, struct str bytes)
{
    return buf_put(ctx, bytes);
}

static enum err parse(struct str body, size_t step, struct buf *out)
{
    struct multipart m;
    multipart_init(&m, STR("XX"),
                   &(struct multipart_sink){.part = on_part, .data = on_data, .ctx = out});
    for (size_t at = 0; at < body.len; at += step)
        TRY(multipart_feed(&m, str_slice(body, at, at + step)));
    return multipart_end(&m);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 1)
        return 0;
    struct str boundary, body = str_bytes(data + 1, size - 1);
    if (multipart_boundary(body, &boundary))
        ASSERT(boundary.len > 0 && boundary.len <= MULTIPART_BOUNDARY_MAX);
    AUTO(buf) struct buf whole = buf_make(size + 3 * MULTIPART_PARTS_MAX);
    AUTO(buf) struct buf cut = buf_make(size + 3 * MULTIPART_PARTS_MAX);
    enum err e = parse(body, body.len + 1, &whole);
    ASSERT(e == OK || e == ERR_INVALID);
    ASSERT(parse(body, (size_t)data[0] + 1, &cut) == e);
    ASSERT(str_equal(buf_str(&whole), buf_str(&cut)));
    return 0;
}
