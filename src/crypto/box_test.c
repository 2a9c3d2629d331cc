#include "aead.h"
#include "box.h"
#include "test.h"

static const uint8_t seed[BOX_SEED_BYTES] = {1, 2, 3}, other[BOX_SEED_BYTES] = {1, 2, 4};

static void test_only_the_seed_opens(void)
{
    uint8_t key[BOX_PUBLIC_BYTES];
    AUTO(buf) struct buf sealed = buf_make(256);
    AUTOP(secret) struct secret *plain = NULL;
    AUTOP(secret) struct secret *none = NULL;
    box_public(seed, key);
    CHECK_OK(buf_put(&sealed, STR("before")));
    CHECK_OK(box_seal(key, STR("a value"), &sealed));
    CHECK_EQ(sealed.len, 6 + 7 + BOX_OVERHEAD_BYTES);
    struct str box = str_slice(buf_str(&sealed), 6, sealed.len);
    CHECK_OK(box_open(seed, box, &plain));
    CHECK_STR(secret_reveal(plain), "a value");
    CHECK_ERR(box_open(other, box, &none), ERR_TAMPERED);
    CHECK_ERR(box_open(seed, str_slice(box, 0, BOX_OVERHEAD_BYTES - 1), &none), ERR_TAMPERED);
    CHECK_ERR(box_open(seed, STR_EMPTY, &none), ERR_TAMPERED);
}

static void test_every_flip_and_cut_is_noticed(void)
{
    uint8_t key[BOX_PUBLIC_BYTES];
    AUTO(buf) struct buf sealed = buf_make(256);
    AUTOP(secret) struct secret *none = NULL;
    box_public(seed, key);
    CHECK_OK(box_seal(key, STR("x"), &sealed));
    for (size_t bit = 0; bit < sealed.len * 8; bit++) {
        if (bit == 31 * 8 + 7) /* X25519 takes no notice of its highest bit; the MAC does */
            continue;
        sealed.ptr[bit / 8] = (char)(sealed.ptr[bit / 8] ^ (1 << bit % 8));
        CHECK_ERR(box_open(seed, buf_str(&sealed), &none), ERR_TAMPERED);
        sealed.ptr[bit / 8] = (char)(sealed.ptr[bit / 8] ^ (1 << bit % 8));
    }
    for (size_t len = 0; len < sealed.len; len++)
        CHECK_ERR(box_open(seed, str_slice(buf_str(&sealed), 0, len), &none), ERR_TAMPERED);
}

static void test_two_boxes_of_the_same_differ(void)
{
    uint8_t key[BOX_PUBLIC_BYTES];
    AUTO(buf) struct buf a = buf_make(256);
    AUTO(buf) struct buf b = buf_make(256);
    box_public(seed, key);
    CHECK_OK(box_seal(key, STR("x"), &a));
    CHECK_OK(box_seal(key, STR("x"), &b));
    CHECK(!str_equal(buf_str(&a), buf_str(&b)));
}

static void test_a_key_that_is_none_is_refused(void)
{
    static const uint8_t zero[BOX_PUBLIC_BYTES], one[BOX_PUBLIC_BYTES] = {1};
    AUTO(buf) struct buf out = buf_make(256);
    AUTO(buf) struct buf small = buf_make(10);
    uint8_t key[BOX_PUBLIC_BYTES];
    CHECK_ERR(box_seal(zero, STR("x"), &out), ERR_INVALID);
    CHECK_ERR(box_seal(one, STR("x"), &out), ERR_INVALID);
    CHECK_EQ(out.len, 0);
    box_public(seed, key);
    CHECK_ERR(box_seal(key, STR("x"), &small), ERR_TOO_LARGE);
}

int main(void)
{
    CHECK_OK(crypto_open());
    RUN(test_only_the_seed_opens);
    RUN(test_every_flip_and_cut_is_noticed);
    RUN(test_two_boxes_of_the_same_differ);
    RUN(test_a_key_that_is_none_is_refused);
    return test_done();
}
