#include "json_number.h"

static size_t digits_from(struct str s, size_t at)
{
    while (at < s.len && s.ptr[at] >= '0' && s.ptr[at] <= '9')
        at++;
    return at;
}

size_t json_number_len(struct str s, bool *ret_exponent)
{
    size_t at = s.len > 0 && s.ptr[0] == '-', from = at;
    *ret_exponent = false;
    at = digits_from(s, at);
    if (at == from)
        return 0;
    if (s.ptr[from] == '0')
        at = from + 1; /* what follows a leading zero is not part of it */
    if (at < s.len && s.ptr[at] == '.') {
        from = at + 1;
        at = digits_from(s, from);
        if (at == from)
            return 0;
    }
    if (at < s.len && (s.ptr[at] == 'e' || s.ptr[at] == 'E')) {
        from = at + 1;
        from += from < s.len && (s.ptr[from] == '+' || s.ptr[from] == '-');
        at = digits_from(s, from);
        if (at == from)
            return 0;
        *ret_exponent = true;
    }
    return at;
}

/* 2^1024 - 2^970, the least number that rounds to infinity: 309 digits. */
static const char overflow_digits[] =
    "179769313486231580793728971405303415079934132710037826936173778980444968292764750946649017"
    "977587207096330286416692887910946555547851940402630657488671505820681908902000708383676273"
    "854845817711531764475730270069855571366959622842914819860834936475292719074168444365510704"
    "342711559699508093042880177904174497792";
_Static_assert(sizeof overflow_digits - 1 == 309, "the digits of 2^1024 - 2^970");

static int64_t exponent_of(struct str text)
{
    bool negative = text.len > 0 && text.ptr[0] == '-';
    int64_t v = 0;
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] < '0')
            continue; /* the sign */
        v = v * 10 + (text.ptr[i] - '0');
        if (v > (int64_t)1 << 40)
            break; /* more than any text has digits */
    }
    return negative ? -v : v;
}

/* The significant digits, compared with those of the bound. */
static bool digits_below_bound(struct str mantissa, size_t first)
{
    size_t n = 0;
    for (size_t i = first; i < mantissa.len && n < sizeof overflow_digits - 1; i++) {
        if (mantissa.ptr[i] == '.')
            continue;
        if (mantissa.ptr[i] != overflow_digits[n])
            return mantissa.ptr[i] < overflow_digits[n];
        n++;
    }
    /* Equal so far: below only when the bound has more than zeros left. */
    return overflow_digits[n + strspn(overflow_digits + n, "0")] != '\0';
}

bool json_number_fits_double(struct str number)
{
    struct str mantissa = number, exponent = STR_EMPTY;
    for (size_t i = 0; i < number.len; i++) {
        if (number.ptr[i] == 'e' || number.ptr[i] == 'E') {
            mantissa = str_slice(number, 0, i);
            exponent = str_slice(number, i + 1, number.len);
        }
    }
    size_t point = str_find(mantissa, '.'), first = 0;
    while (first < mantissa.len && (mantissa.ptr[first] < '1' || mantissa.ptr[first] > '9'))
        first++;
    if (first == mantissa.len)
        return true; /* zero */
    /* The value is 0.d1d2d3... times ten to the `scale`. */
    int64_t scale = (int64_t)point - (int64_t)first + (first > point) + exponent_of(exponent);
    if (scale != 309)
        return scale < 309;
    return digits_below_bound(mantissa, first);
}
