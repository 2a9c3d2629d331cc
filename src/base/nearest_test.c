#include "nearest.h"
#include "test.h"

static void test_edits_are_counted_up_to_the_limit(void)
{
    static const struct {
        const char *a, *b;
        unsigned edits;
    } cases[] = {
        {"AWS_KEY", "AWS_KEY", 0},
        {"AWS_KEY", "aws_key", 0},
        {"AWS_KEY", "AWS_KEYS", 1},
        {"AWS_KEY", "WS_KEY", 1},
        {"AWS_KEY", "AWS-KEY", 1},
        {"AWS_KEY", "AWSKEYS", 2},
        {"AWS_KEY", "AWS_KYE", 1},
        {"AWS_KEY", "WAS_KYE", 2},
        {"AWS_KEY", "WSA_KEY", 2},
        {"AWS_KEY", "WS_KE", 2},
        {"AWS_KEY", "AWS_TOKEN", 3},
        {"AWS_KEY", "XYZ_KEY", 3},
        {"AWS_KEY", "AWS_KEY_OLD", 3},
        {"A", "B", 1},
        {"A", "ABCD", 3},
        {"", "AB", 2},
        {"", "ABC", 3},
        {"ABCDEFGHIJ", "BCDEFGHIJK", 2},
        {"ABCDEFGHIJ", "CDEFGHIJKL", 3},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct str a = str_from(cases[i].a), b = str_from(cases[i].b);
        CHECK_EQ(nearest_edits(a, b), cases[i].edits);
        CHECK_EQ(nearest_edits(b, a), cases[i].edits);
    }
}

static void test_names_of_the_longest_size_are_compared(void)
{
    char a[128], b[128], c[129];
    memset(a, 'a', sizeof a);
    memset(b, 'a', sizeof b);
    memset(c, 'a', sizeof c);
    b[127] = 'b';
    CHECK_EQ(nearest_edits(str_bytes(a, 128), str_bytes(b, 128)), 1);
    CHECK_EQ(nearest_edits(str_bytes(a, 128), str_bytes(c, 129)), NEAREST_MAX_EDITS + 1);
}

/* The plain textbook way, to compare with. */
static unsigned edits_slowly(const char *a, size_t an, const char *b, size_t bn)
{
    unsigned table[16][16];
    for (size_t i = 0; i <= an; i++)
        for (size_t j = 0; j <= bn; j++) {
            unsigned best =
                (unsigned)(i ? (j ? table[i - 1][j - 1] + (a[i - 1] != b[j - 1]) : i) : j);
            if (i && table[i - 1][j] + 1 < best)
                best = table[i - 1][j] + 1;
            if (j && table[i][j - 1] + 1 < best)
                best = table[i][j - 1] + 1;
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] &&
                table[i - 2][j - 2] + 1 < best)
                best = table[i - 2][j - 2] + 1;
            table[i][j] = best;
        }
    return table[an][bn] > NEAREST_MAX_EDITS ? NEAREST_MAX_EDITS + 1 : table[an][bn];
}

static void test_band_agrees_with_the_whole_table(void)
{
    uint64_t seed = 7;
    for (int round = 0; round < 20000; round++) {
        char text[2][12];
        size_t len[2];
        for (int k = 0; k < 2; k++) {
            seed = seed * 6364136223846793005u + 1442695040888963407u;
            len[k] = (size_t)((seed >> 33) % 12);
            for (size_t i = 0; i < len[k]; i++) {
                seed = seed * 6364136223846793005u + 1442695040888963407u;
                text[k][i] = (char)('a' + ((seed >> 33) % 2));
            }
        }
        CHECK_EQ(nearest_edits(str_bytes(text[0], len[0]), str_bytes(text[1], len[1])),
                 edits_slowly(text[0], len[0], text[1], len[1]));
    }
}

static void test_the_nearest_of_several(void)
{
    static const struct {
        const char *wanted, *nearest;
    } cases[] = {{"lsit", "list"}, {"lis", "list"}, {"LIST", "list"},    {"x", ""},
                 {"ab", ""},       {"", ""},        {"rotat", "rotate"}, {"deltee", "delete"}};
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct nearest n = nearest_to(str_from(cases[i].wanted));
        nearest_offer(&n, STR("delete"));
        nearest_offer(&n, STR("list"));
        nearest_offer(&n, STR("rotate"));
        nearest_offer(&n, STR("set"));
        CHECK_STR(n.name, cases[i].nearest);
    }
}

int main(void)
{
    RUN(test_the_nearest_of_several);
    RUN(test_edits_are_counted_up_to_the_limit);
    RUN(test_names_of_the_longest_size_are_compared);
    RUN(test_band_agrees_with_the_whole_table);
    return test_done();
}
