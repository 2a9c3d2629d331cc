#include "aead.h"
#include "stream.h"
#include "test.h"

static const uint8_t key[STREAM_KEY_BYTES] = {7}, other[STREAM_KEY_BYTES] = {8};

struct pieces {
    uint8_t header[STREAM_HEADER_BYTES];
    struct buf piece[3];
};

static void pieces_auto(struct pieces *p)
{
    for (size_t i = 0; i < ARRAY_LEN(p->piece); i++)
        buf_auto(&p->piece[i]);
}

static void seal_three(struct pieces *p)
{
    AUTO(stream) struct stream s = {.opaque = {0}};
    stream_seal_begin(&s, key, p->header);
    for (size_t i = 0; i < 3; i++) {
        p->piece[i] = buf_make(64);
        CHECK_OK(stream_seal(&s, i == 1 ? STR("") : STR("some"), i == 2, &p->piece[i]));
        CHECK_EQ(p->piece[i].len, (i == 1 ? 0 : 4) + STREAM_OVERHEAD_BYTES);
    }
}

/* Opens the pieces in that order; false as soon as one is refused. */
static bool opens(const struct pieces *p, const uint8_t *with, const size_t *order, size_t count)
{
    AUTO(stream) struct stream s = {.opaque = {0}};
    AUTO(buf) struct buf out = buf_make(256);
    bool last = false;
    if (stream_open_begin(&s, with, p->header) != OK)
        return false;
    for (size_t i = 0; i < count; i++) {
        if (stream_open(&s, buf_str(&p->piece[order[i]]), &out, &last) != OK)
            return false;
        CHECK_EQ(last, order[i] == 2);
    }
    return true;
}

static void test_pieces_open_in_their_order_only(void)
{
    AUTO(pieces) struct pieces p;
    seal_three(&p);
    CHECK(opens(&p, key, (const size_t[]){0, 1, 2}, 3));
    CHECK(!opens(&p, other, (const size_t[]){0}, 1));
    CHECK(!opens(&p, key, (const size_t[]){1}, 1));
    CHECK(!opens(&p, key, (const size_t[]){2}, 1));
    CHECK(!opens(&p, key, (const size_t[]){0, 2}, 2));
    CHECK(!opens(&p, key, (const size_t[]){0, 0}, 2));
    CHECK(!opens(&p, key, (const size_t[]){0, 1, 2, 2}, 4));
    p.header[0] ^= 1;
    CHECK(!opens(&p, key, (const size_t[]){0}, 1));
}

static void test_every_flip_and_cut_is_noticed(void)
{
    AUTO(pieces) struct pieces p;
    AUTO(buf) struct buf out = buf_make(256);
    struct buf *piece = &p.piece[0];
    bool last;
    seal_three(&p);
    for (size_t bit = 0; bit < piece->len * 8; bit++) {
        piece->ptr[bit / 8] = (char)(piece->ptr[bit / 8] ^ (1 << bit % 8));
        CHECK(!opens(&p, key, (const size_t[]){0}, 1));
        piece->ptr[bit / 8] = (char)(piece->ptr[bit / 8] ^ (1 << bit % 8));
    }
    for (size_t len = 0; len < piece->len; len++) {
        AUTO(stream) struct stream s = {.opaque = {0}};
        CHECK_OK(stream_open_begin(&s, key, p.header));
        CHECK_ERR(stream_open(&s, str_slice(buf_str(piece), 0, len), &out, &last), ERR_TAMPERED);
    }
    CHECK_EQ(out.len, 0);
}

int main(void)
{
    CHECK_OK(crypto_open());
    RUN(test_pieces_open_in_their_order_only);
    RUN(test_every_flip_and_cut_is_noticed);
    return test_done();
}
