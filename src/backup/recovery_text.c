#include "recovery_text.h"

#include "alloc.h"
#include "hash.h"

static const char prefix[] = "SLRK1";
static const char digits[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";

enum {
    DIGITS = RECOVERY_GROUPS * 4,
    KEY_DIGITS = DIGITS - 4,
    CHECK_BITS = 20,
};
_Static_assert(KEY_DIGITS * 5 == RECOVERY_KEY_BYTES * 8, "no bit is left over");
_Static_assert(RECOVERY_TEXT_LEN == sizeof prefix - 1 + RECOVERY_GROUPS * 5, "the parts");

/* 20 bits that change with every change of the key. */
static uint32_t check_of(const uint8_t *key)
{
    uint8_t digest[HASH_BYTES];
    hash_blake2b(str_bytes(key, RECOVERY_KEY_BYTES), digest);
    uint32_t word = (uint32_t)digest[0] << 16 | (uint32_t)digest[1] << 8 | digest[2];
    return word >> (24 - CHECK_BITS);
}

static unsigned digit_at(const uint8_t *key, size_t i)
{
    if (i >= KEY_DIGITS)
        return check_of(key) >> (5 * (DIGITS - 1 - i)) & 31;
    size_t bit = i * 5, byte = bit / 8;
    unsigned two = (unsigned)key[byte] << 8 | (byte + 1 < RECOVERY_KEY_BYTES ? key[byte + 1] : 0);
    return two >> (11 - bit % 8) & 31;
}

void recovery_text_write(const uint8_t key[static RECOVERY_KEY_BYTES],
                         char ret[static RECOVERY_TEXT_LEN + 1])
{
    char *at = ret;
    memcpy(at, prefix, sizeof prefix - 1);
    at += sizeof prefix - 1;
    for (size_t i = 0; i < DIGITS; i++) {
        if (i % 4 == 0)
            *at++ = '-';
        *at++ = digits[digit_at(key, i)];
    }
    *at = 0;
}

/* -1: it is none. */
static int value_of(char c)
{
    if (c >= 'a' && c <= 'z')
        c = (char)(c - 'a' + 'A');
    if (c == 'O')
        c = '0';
    if (c == 'I' || c == 'L')
        c = '1';
    const char *found = c ? strchr(digits, c) : NULL;
    return found ? (int)(found - digits) : -1;
}

/* What stands behind the prefix, without what only divides it. */
static bool take_digits(struct str text, uint8_t *ret)
{
    size_t count = 0;
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        if (c == ' ' || c == '-' || c == '\t' || c == '\r' || c == '\n')
            continue;
        int value = value_of(c);
        if (value < 0 || count == DIGITS)
            return false;
        ret[count++] = (uint8_t)value;
    }
    return count == DIGITS;
}

static bool decode(struct str text, uint8_t *key)
{
    uint8_t values[DIGITS];
    uint32_t check = 0;
    text = str_trim(text);
    if (!str_equal_nocase(str_slice(text, 0, sizeof prefix - 1), str_from(prefix)))
        return false;
    bool ok = take_digits(str_slice(text, sizeof prefix - 1, text.len), values);
    memset(key, 0, RECOVERY_KEY_BYTES);
    for (size_t i = 0; ok && i < KEY_DIGITS; i++) {
        for (size_t b = 0; b < 5; b++) {
            if (values[i] >> (4 - b) & 1)
                key[(i * 5 + b) / 8] |= (uint8_t)(0x80 >> (i * 5 + b) % 8);
        }
    }
    for (size_t i = KEY_DIGITS; ok && i < DIGITS; i++)
        check = check << 5 | values[i];
    wipe(values, sizeof values);
    return ok && check == check_of(key);
}

enum err recovery_text_read(struct str text, struct secret **ret_key)
{
    uint8_t key[RECOVERY_KEY_BYTES];
    enum err e = decode(text, key) ? OK : ERR_INVALID;
    if (e == OK)
        e = secret_new(str_bytes(key, sizeof key), ret_key);
    wipe(key, sizeof key);
    return e;
}
