#include "template_kind.h"

#include "test.h"

static void test_first_bytes_tell_the_kind(void)
{
    static const struct {
        struct str head;
        bool aep, zip; /* a .mogrt is a zip archive */
    } cases[] = {
        {STR("RIFX\0\0\1\0Egg!"), true, false},
        {STR("RIFX"), true, false},
        {STR("RIF"), true, true},
        {STR("rifx"), true, true},
        {STR("<?xml version=\"1.0\"?><AfterEffectsProject>"), true, true},
        {STR("PK\003\004\024\0"), false, true},
        {STR("PK\003\004"), false, true},
        {STR("PK\003"), true, true},
        {STR("\0"), true, true},
        {STR(""), false, false},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        for (size_t step = 1; step < 32; step++) {
            struct template_kind k = {.len = 0};
            for (size_t at = 0; at < cases[i].head.len; at += step)
                template_kind_feed(&k, str_slice(cases[i].head, at, at + step));
            CHECK_EQ(!template_kind_problem(&k, TEMPLATE_AEP), cases[i].aep);
            CHECK_EQ(!template_kind_problem(&k, TEMPLATE_ZIP), cases[i].zip);
            CHECK_EQ(!template_kind_problem(&k, TEMPLATE_MOGRT), cases[i].zip);
        }
    }
}

static void test_only_the_beginning_counts(void)
{
    struct template_kind k = {.len = 0};
    char piece[100];
    memset(piece, 'x', sizeof piece);
    template_kind_feed(&k, STR("RIFX"));
    for (int i = 0; i < 100; i++)
        template_kind_feed(&k, str_bytes(piece, sizeof piece));
    CHECK(!template_kind_problem(&k, TEMPLATE_AEP));
    CHECK_EQ(k.len, sizeof k.head);
}

int main(void)
{
    RUN(test_first_bytes_tell_the_kind);
    RUN(test_only_the_beginning_counts);
    return test_done();
}
