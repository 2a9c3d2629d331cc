#include "sign.h"

#include "aead.h"
#include "encode.h"
#include "test.h"

static void from_hex(const char *text, size_t len, uint8_t *ret)
{
    AUTO(buf) struct buf out = buf_make(256);
    CHECK_OK(decode_hex(str_from(text), &out));
    CHECK_EQ(out.len, len);
    memcpy(ret, out.ptr, len);
}

/* RFC 8032, 7.1, TEST 2. */
static void test_the_rfcs_vector(void)
{
    uint8_t seed[SIGN_SEED_BYTES], want_public[SIGN_PUBLIC_BYTES], want[SIGN_BYTES];
    uint8_t public_key[SIGN_PUBLIC_BYTES], signature[SIGN_BYTES];
    from_hex("4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb", sizeof seed, seed);
    from_hex("3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c", sizeof want_public,
             want_public);
    from_hex("92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"
             "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00",
             sizeof want, want);
    sign_public(seed, public_key);
    sign_detached(seed, STR("r"), signature);
    CHECK(memcmp(public_key, want_public, sizeof public_key) == 0);
    CHECK(memcmp(signature, want, sizeof signature) == 0);
    CHECK(sign_holds(public_key, STR("r"), signature));
}

static void test_another_message_key_or_signature_does_not_hold(void)
{
    uint8_t seed[SIGN_SEED_BYTES] = {7}, public_key[SIGN_PUBLIC_BYTES], signature[SIGN_BYTES];
    sign_public(seed, public_key);
    sign_detached(seed, STR("message"), signature);
    CHECK(sign_holds(public_key, STR("message"), signature));
    CHECK(!sign_holds(public_key, STR("Message"), signature));
    CHECK(!sign_holds(public_key, STR("messag"), signature));
    for (size_t i = 0; i < sizeof signature; i++) {
        signature[i] ^= 1;
        CHECK(!sign_holds(public_key, STR("message"), signature));
        signature[i] ^= 1;
    }
    seed[0] = 8;
    sign_public(seed, public_key);
    CHECK(!sign_holds(public_key, STR("message"), signature));
}

int main(void)
{
    CHECK_OK(crypto_open());
    RUN(test_the_rfcs_vector);
    RUN(test_another_message_key_or_signature_does_not_hold);
    return test_done();
}
