#include "clock.h"

#include <stdatomic.h>
#include <stdio.h>
#include <time.h>

static _Atomic int64_t test_unix_ms;

static int64_t read_ms(clockid_t which)
{
    struct timespec t;
    ASSERT(clock_gettime(which, &t) == 0);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

int64_t clock_unix_ms(void)
{
    int64_t set = atomic_load_explicit(&test_unix_ms, memory_order_relaxed);
    return set ? set : read_ms(CLOCK_REALTIME);
}

int64_t clock_monotonic_ms(void)
{
    return read_ms(CLOCK_MONOTONIC);
}

int64_t clock_monotonic_us(void)
{
    struct timespec t;
    ASSERT(clock_gettime(CLOCK_MONOTONIC, &t) == 0);
    return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

void clock_set_for_tests(int64_t unix_ms)
{
    atomic_store(&test_unix_ms, unix_ms);
}

void clock_format(int64_t unix_ms, char ret[static CLOCK_TEXT_BYTES])
{
    time_t seconds = (time_t)(unix_ms / 1000);
    int ms = (int)(unix_ms % 1000);
    if (ms < 0) { /* before 1970 */
        ms += 1000;
        seconds--;
    }
    struct tm t;
    gmtime_r(&seconds, &t);
    snprintf(ret, CLOCK_TEXT_BYTES, "%04u-%02u-%02uT%02u:%02u:%02u.%03uZ",
             (unsigned)(t.tm_year + 1900) % 10000, (unsigned)t.tm_mon + 1, (unsigned)t.tm_mday,
             (unsigned)t.tm_hour, (unsigned)t.tm_min, (unsigned)t.tm_sec, (unsigned)ms);
}

static enum err number(struct str *s, size_t digits, int *ret)
{
    uint64_t v;
    if (s->len < digits)
        return ERR_INVALID;
    TRY(str_to_u64(str_slice(*s, 0, digits), 9999, &v));
    *s = str_slice(*s, digits, s->len);
    *ret = (int)v;
    return OK;
}

static enum err literal(struct str *s, const char *either)
{
    if (s->len == 0 || s->ptr[0] == 0 || !strchr(either, s->ptr[0]))
        return ERR_INVALID;
    *s = str_slice(*s, 1, s->len);
    return OK;
}

static enum err fraction(struct str *s, int *ret_ms)
{
    *ret_ms = 0;
    if (s->len == 0 || s->ptr[0] != '.')
        return OK;
    int place = 100;
    size_t i = 1;
    for (; i < s->len && s->ptr[i] >= '0' && s->ptr[i] <= '9'; i++, place /= 10)
        *ret_ms += place * (s->ptr[i] - '0');
    if (i == 1)
        return ERR_INVALID;
    *s = str_slice(*s, i, s->len);
    return OK;
}

static enum err zone(struct str *s, int *ret_minutes)
{
    if (s->len == 1 && (s->ptr[0] == 'Z' || s->ptr[0] == 'z')) {
        *ret_minutes = 0;
        return OK;
    }
    int sign = s->len && s->ptr[0] == '-' ? -1 : 1, hours, minutes;
    TRY(literal(s, "+-"));
    TRY(number(s, 2, &hours));
    TRY(literal(s, ":"));
    TRY(number(s, 2, &minutes));
    if (s->len || hours > 23 || minutes > 59)
        return ERR_INVALID;
    *ret_minutes = sign * (hours * 60 + minutes);
    return OK;
}

enum err clock_parse(struct str s, int64_t *ret_unix_ms)
{
    struct tm t = {0};
    int ms, zone_minutes;
    TRY(number(&s, 4, &t.tm_year));
    TRY(literal(&s, "-"));
    TRY(number(&s, 2, &t.tm_mon));
    TRY(literal(&s, "-"));
    TRY(number(&s, 2, &t.tm_mday));
    TRY(literal(&s, "Tt "));
    TRY(number(&s, 2, &t.tm_hour));
    TRY(literal(&s, ":"));
    TRY(number(&s, 2, &t.tm_min));
    TRY(literal(&s, ":"));
    TRY(number(&s, 2, &t.tm_sec));
    TRY(fraction(&s, &ms));
    TRY(zone(&s, &zone_minutes));
    int day = t.tm_mday, month = t.tm_mon;
    if (month < 1 || month > 12 || day < 1 || t.tm_hour > 23 || t.tm_min > 59 || t.tm_sec > 60)
        return ERR_INVALID;
    t.tm_year -= 1900;
    t.tm_mon -= 1;
    bool leap = t.tm_sec == 60; /* the second after :59, as clocks without leap seconds see it */
    t.tm_sec -= leap;
    int64_t seconds = timegm(&t) + leap;
    if (t.tm_mday != day) /* timegm moved 31 June into July */
        return ERR_INVALID;
    *ret_unix_ms = (seconds - zone_minutes * 60) * 1000 + ms;
    return OK;
}
