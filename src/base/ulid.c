#include "ulid.h"

#include <pthread.h>

#include "clock.h"
#include "random.h"

static const char alphabet[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";

static struct {
    pthread_mutex_t lock;
    int64_t ms;
    uint8_t random[10];
} last = {.lock = PTHREAD_MUTEX_INITIALIZER};

/* Counts the random part up by one; false when it would wrap (1 in 2^80 and not on our watch). */
static bool count_up(uint8_t random[10])
{
    for (int i = 9; i >= 0; i--) {
        if (++random[i] != 0)
            return true;
    }
    return false;
}

struct ulid ulid_new(void)
{
    uint8_t bytes[16];
    pthread_mutex_lock(&last.lock);
    int64_t now = clock_unix_ms();
    /* A clock that steps back must not make ids that sort before those already given out. */
    if (now > last.ms || !count_up(last.random)) {
        last.ms = now > last.ms ? now : last.ms + 1;
        random_bytes(last.random, sizeof last.random);
    }
    for (int i = 0; i < 6; i++)
        bytes[i] = (uint8_t)((uint64_t)last.ms >> (8 * (5 - i)));
    memcpy(bytes + 6, last.random, 10);
    pthread_mutex_unlock(&last.lock);

    /* 128 bits as 26 digits of 5 bits, from the last one: two zero bits stand in front. */
    struct ulid u;
    unsigned value = 0, have = 0;
    for (int digit = ULID_LEN - 1, at = 15; digit >= 0; digit--) {
        if (have < 5 && at >= 0) {
            value |= (unsigned)bytes[at--] << have;
            have += 8;
        }
        u.text[digit] = alphabet[value & 31];
        value >>= 5;
        have -= have < 5 ? have : 5;
    }
    u.text[ULID_LEN] = 0;
    return u;
}

bool ulid_valid(struct str s)
{
    if (s.len != ULID_LEN || s.ptr[0] < '0' || s.ptr[0] > '7')
        return false;
    for (size_t i = 0; i < s.len; i++) {
        if (s.ptr[i] == 0 || !strchr(alphabet, s.ptr[i]))
            return false;
    }
    return true;
}

enum err ulid_from(struct str s, struct ulid *ret)
{
    if (!ulid_valid(s))
        return ERR_INVALID;
    memcpy(ret->text, s.ptr, ULID_LEN);
    ret->text[ULID_LEN] = 0;
    return OK;
}

/* The first ten digits: 48 bits behind two zero bits. */
int64_t ulid_time_ms(const struct ulid *u)
{
    int64_t ms = 0;
    for (int i = 0; i < 10; i++) {
        const char *digit = strchr(alphabet, u->text[i]);
        ms = ms * 32 + (digit && *digit ? digit - alphabet : 0);
    }
    return ms;
}
