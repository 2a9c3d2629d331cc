#include "aead.h"
#include "encode.h"
#include "test.h"

enum { SAMPLE_BYTES = 29 };
static uint8_t key[AEAD_KEY_BYTES], other_key[AEAD_KEY_BYTES];
static const struct str aad = STR("who and what for");
static const struct str sample = STR("twenty-nine bytes of a sample");

static void seal_sample(struct buf *out)
{
    uint8_t nonce[AEAD_NONCE_BYTES];
    memset(nonce, 0x40, sizeof nonce);
    CHECK_OK(aead_seal_with_nonce(key, nonce, aad, sample, out));
    CHECK_EQ(out->len, AEAD_OVERHEAD_BYTES + SAMPLE_BYTES);
}

static enum err opens(const uint8_t *with, struct str with_aad, struct str sealed)
{
    AUTOP(secret) struct secret *plain = NULL;
    enum err e = aead_open(with, with_aad, sealed, &plain);
    CHECK((plain != NULL) == (e == OK));
    return e;
}

static void test_round_trip(void)
{
    AUTO(buf) struct buf sealed = buf_make(70000 + AEAD_OVERHEAD_BYTES);
    static char big[70000];
    static const size_t sizes[] = {0, 1, 63, 64, 65, 4096, sizeof big};
    memset(big, 'x', sizeof big);
    for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
        AUTOP(secret) struct secret *plain = NULL;
        buf_reset(&sealed);
        CHECK_OK(aead_seal(key, aad, str_bytes(big, sizes[i]), &sealed));
        CHECK_OK(aead_open(key, aad, buf_str(&sealed), &plain));
        CHECK(plain && str_equal(secret_reveal(plain), str_bytes(big, sizes[i])));
    }
}

/* Computed by tests/vectors/make.py, which shares no code with libsodium. */
static void test_known_answer(void)
{
    AUTO(buf) struct buf sealed = buf_make(256), text = buf_make(512);
    seal_sample(&sealed);
    CHECK_OK(encode_hex(&text, buf_str(&sealed)));
    CHECK_STR(buf_str(&text), "4040404040404040404040404040404040404040404040409e038bb4faed04f38b24"
                              "5cfefdd7a1f43b0f5e5b9cc44698fb229725506b92bada78c2e919b58810e4fc39e0"
                              "56df9deff7591e1ed22e8b0de2dbda8298e6685065fc345dd91e29b72d7470b7c4");
}

static void test_nonces_are_fresh(void)
{
    AUTO(buf) struct buf a = buf_make(256), b = buf_make(256);
    CHECK_OK(aead_seal(key, aad, sample, &a));
    CHECK_OK(aead_seal(key, aad, sample, &b));
    CHECK(!str_equal(buf_str(&a), buf_str(&b)));
}

static void test_wrong_key_or_context_is_refused(void)
{
    AUTO(buf) struct buf sealed = buf_make(256);
    seal_sample(&sealed);
    CHECK_ERR(opens(other_key, aad, buf_str(&sealed)), ERR_TAMPERED);
    CHECK_ERR(opens(key, STR("who and what foR"), buf_str(&sealed)), ERR_TAMPERED);
    CHECK_ERR(opens(key, STR("who and what fo"), buf_str(&sealed)), ERR_TAMPERED);
    CHECK_ERR(opens(key, STR_EMPTY, buf_str(&sealed)), ERR_TAMPERED);
    CHECK_ERR(opens(key, aad, buf_str(&sealed)), OK);
}

static void test_every_flip_and_cut_is_refused(void)
{
    AUTO(buf) struct buf sealed = buf_make(256);
    seal_sample(&sealed);
    for (size_t bit = 0; bit < sealed.len * 8; bit++) {
        sealed.ptr[bit / 8] = (char)(sealed.ptr[bit / 8] ^ (1 << bit % 8));
        CHECK_ERR(opens(key, aad, buf_str(&sealed)), ERR_TAMPERED);
        sealed.ptr[bit / 8] = (char)(sealed.ptr[bit / 8] ^ (1 << bit % 8));
    }
    for (size_t len = 0; len < sealed.len; len++)
        CHECK_ERR(opens(key, aad, str_slice(buf_str(&sealed), 0, len)), ERR_TAMPERED);
    CHECK_OK(buf_put_byte(&sealed, 0));
    CHECK_ERR(opens(key, aad, buf_str(&sealed)), ERR_TAMPERED);
}

/* A right tag does not help a wrong commitment, nor the other way about: both are needed. */
static void test_commitment_and_tag_are_both_needed(void)
{
    AUTO(buf) struct buf mine = buf_make(256), theirs = buf_make(256), mixed = buf_make(256);
    uint8_t nonce[AEAD_NONCE_BYTES];
    memset(nonce, 0x40, sizeof nonce);
    seal_sample(&mine);
    CHECK_OK(aead_seal_with_nonce(other_key, nonce, aad, sample, &theirs));
    size_t cipher_at = AEAD_NONCE_BYTES + AEAD_COMMITMENT_BYTES;
    CHECK_OK(buf_put(&mixed, str_slice(buf_str(&mine), 0, cipher_at)));
    CHECK_OK(buf_put(&mixed, str_slice(buf_str(&theirs), cipher_at, theirs.len)));
    CHECK_ERR(opens(key, aad, buf_str(&mixed)), ERR_TAMPERED);
    CHECK_ERR(opens(other_key, aad, buf_str(&mixed)), ERR_TAMPERED);
}

static void test_full_buffer_is_left_alone(void)
{
    AUTO(buf) struct buf small = buf_make(AEAD_OVERHEAD_BYTES + SAMPLE_BYTES - 1);
    CHECK_ERR(aead_seal(key, aad, sample, &small), ERR_TOO_LARGE);
    CHECK_EQ(small.len, 0);
}

static void test_no_secret_is_left(void)
{
    CHECK_EQ(secret_arena_used(), 0);
}

int main(void)
{
    memset(key, 0x11, sizeof key);
    memset(other_key, 0x12, sizeof other_key);
    CHECK_OK(crypto_open());
    RUN(test_round_trip);
    RUN(test_known_answer);
    RUN(test_nonces_are_fresh);
    RUN(test_wrong_key_or_context_is_refused);
    RUN(test_every_flip_and_cut_is_refused);
    RUN(test_commitment_and_tag_are_both_needed);
    RUN(test_full_buffer_is_left_alone);
    RUN(test_no_secret_is_left);
    return test_done();
}
