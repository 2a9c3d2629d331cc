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

struct rows {
    unsigned before[SECRET_NAME_MAX_BYTES + 2], row[SECRET_NAME_MAX_BYTES + 2],
        next[SECRET_NAME_MAX_BYTES + 2];
};

static unsigned cell(const struct rows *r, struct str a, struct str b, size_t i, size_t j)
{
    size_t from = i > MORE ? i - MORE : 0;
    char x = folded(a.ptr[i - 1]), y = folded(b.ptr[j - 1]);
    unsigned same = r->row[j - 1] + (x != y);
    unsigned drop = j < i + MORE ? r->row[j] + 1 : MORE;
    unsigned add = j > from ? r->next[j - 1] + 1 : MORE;
    unsigned best = least(least(same, least(drop, add)), MORE);
    bool swapped = i > 1 && j > 1 && x == folded(b.ptr[j - 2]) && folded(a.ptr[i - 2]) == y;
    return swapped ? least(best, r->before[j - 2] + 1) : best;
}

/* Only the cells near the diagonal can be within the limit: time is linear in the length. */
unsigned nearest_edits(struct str a, struct str b)
{
    struct rows r;
    if (a.len > SECRET_NAME_MAX_BYTES || b.len > SECRET_NAME_MAX_BYTES ||
        a.len > b.len + NEAREST_MAX_EDITS || b.len > a.len + NEAREST_MAX_EDITS)
        return MORE;
    for (size_t j = 0; j <= b.len; j++) {
        r.row[j] = j > MORE ? MORE : (unsigned)j;
        r.before[j] = MORE;
    }
    for (size_t i = 1; i <= a.len; i++) {
        size_t from = i > MORE ? i - MORE : 0, to = i + MORE < b.len ? i + MORE : b.len;
        for (size_t j = from; j <= to; j++)
            r.next[j] = j == 0 ? least((unsigned)i, MORE) : cell(&r, a, b, i, j);
        memcpy(r.before, r.row, sizeof r.row);
        memcpy(r.row + from, r.next + from, (to - from + 1) * sizeof r.row[0]);
    }
    return r.row[b.len];
}

struct nearest nearest_to(struct str wanted)
{
    return (struct nearest){.wanted = wanted, .name = STR_EMPTY, .edits = MORE};
}

void nearest_offer(struct nearest *n, struct str name)
{
    unsigned edits = nearest_edits(n->wanted, name);
    if (edits >= n->edits || 2 * edits > n->wanted.len)
        return;
    n->edits = edits;
    n->name = name;
}
