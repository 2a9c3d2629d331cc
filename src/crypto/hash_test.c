#include "aead.h"
#include "encode.h"
#include "hash.h"
#include "test.h"

static struct str hex(const uint8_t digest[static HASH_BYTES], struct buf *out)
{
    buf_reset(out);
    CHECK_OK(encode_hex(out, str_bytes(digest, HASH_BYTES)));
    return buf_str(out);
}

static void fill(uint8_t *bytes, size_t len)
{
    for (size_t i = 0; i < len; i++)
        bytes[i] = (uint8_t)i;
}

/* RFC 7693's algorithm; digests computed with CPython's hashlib. */
static void test_blake2b_known_answers(void)
{
    AUTO(buf) struct buf text = buf_make(64);
    uint8_t d[HASH_BYTES], key[32], thousand[1000];
    fill(key, sizeof key);
    fill(thousand, sizeof thousand);
    hash_blake2b(STR(""), d);
    CHECK_STR(hex(d, &text), "0e5751c026e543b2e8ab2eb06099daa1d1e5df47778f7787faab45cdf12fe3a8");
    hash_blake2b(STR("abc"), d);
    CHECK_STR(hex(d, &text), "bddd813c634239723171ef3fee98579b94964e3bb1cb3e427262c8c068d52319");
    hash_blake2b_keyed(key, STR("abc"), d);
    CHECK_STR(hex(d, &text), "d63a32d3e44738d7907f964316c241adaba0abfeabc32349677578a15a203f7f");
    hash_blake2b_keyed(key, str_bytes(thousand, sizeof thousand), d);
    CHECK_STR(hex(d, &text), "35ef19e1b0264b96e9d2f9c1ded07ab910b83e31c06559b5794ad4682e44f54a");
}

/* FIPS 180-4 examples. */
static void test_sha256_known_answers(void)
{
    static const struct {
        const char *text, *digest;
    } cases[] = {
        {"", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
        {"abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
        {"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
         "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"},
    };
    AUTO(buf) struct buf text = buf_make(64);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        uint8_t d[HASH_BYTES];
        hash_sha256(str_from(cases[i].text), d);
        CHECK_STR(hex(d, &text), cases[i].digest);
    }
}

static void test_sha256_in_pieces_is_the_same(void)
{
    AUTO(buf) struct buf text = buf_make(64);
    char block[1000];
    uint8_t d[HASH_BYTES];
    struct hash_sha256_state s;
    memset(block, 'a', sizeof block);
    hash_sha256_init(&s);
    for (int i = 0; i < 1000; i++) {
        hash_sha256_update(&s, str_bytes(block, 7));
        hash_sha256_update(&s, STR_EMPTY);
        hash_sha256_update(&s, str_bytes(block, sizeof block - 7));
    }
    hash_sha256_final(&s, d);
    CHECK_STR(hex(d, &text), "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

/* RFC 4231, cases 1, 2 and 6. */
static void test_hmac_known_answers(void)
{
    AUTO(buf) struct buf text = buf_make(64);
    uint8_t d[HASH_BYTES];
    char key[131];
    memset(key, 0x0b, 20);
    hash_hmac_sha256(str_bytes(key, 20), STR("Hi There"), d);
    CHECK_STR(hex(d, &text), "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7");
    hash_hmac_sha256(STR("Jefe"), STR("what do ya want for nothing?"), d);
    CHECK_STR(hex(d, &text), "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
    memset(key, 0xaa, sizeof key);
    hash_hmac_sha256(str_bytes(key, sizeof key),
                     STR("Test Using Larger Than Block-Size Key - Hash Key First"), d);
    CHECK_STR(hex(d, &text), "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
}

int main(void)
{
    CHECK_OK(crypto_open());
    RUN(test_blake2b_known_answers);
    RUN(test_sha256_known_answers);
    RUN(test_sha256_in_pieces_is_the_same);
    RUN(test_hmac_known_answers);
    return test_done();
}
