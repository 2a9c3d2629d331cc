#include "nearest.h"

#include "limit.h"

enum { MORE = NEAREST_MAX_EDITS + 1 };

static char folded(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

static unsigned least(unsigned a, unsigned b)
{
    return a < b ? a : b;
}

/* Only the cells near the diagonal can be within the limit: time is linear in the length. */
unsigned nearest_edits(struct str a, struct str b)
{
    unsigned row[SECRET_NAME_MAX_BYTES + 2], next[SECRET_NAME_MAX_BYTES + 2];
    if (a.len > SECRET_NAME_MAX_BYTES || b.len > SECRET_NAME_MAX_BYTES ||
        a.len > b.len + NEAREST_MAX_EDITS || b.len > a.len + NEAREST_MAX_EDITS)
        return MORE;
    for (size_t j = 0; j <= b.len; j++)
        row[j] = j > MORE ? MORE : (unsigned)j;
    for (size_t i = 1; i <= a.len; i++) {
        size_t from = i > MORE ? i - MORE : 0, to = i + MORE < b.len ? i + MORE : b.len;
        for (size_t j = from; j <= to; j++) {
            if (j == 0) {
                next[0] = i > MORE ? MORE : (unsigned)i;
                continue;
            }
            unsigned same = row[j - 1] + (folded(a.ptr[i - 1]) != folded(b.ptr[j - 1]));
            unsigned drop = j < i + MORE ? row[j] + 1 : MORE;
            unsigned add = j > from ? next[j - 1] + 1 : MORE;
            next[j] = least(least(same, least(drop, add)), MORE);
        }
        memcpy(row + from, next + from, (to - from + 1) * sizeof row[0]);
    }
    return row[b.len];
}
