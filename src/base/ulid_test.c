#include "ulid.h"

#include "clock.h"
#include "test.h"

static void test_ulids_rise_also_when_the_clock_does_not(void)
{
    struct ulid last = ulid_new();
    for (int i = 0; i < 3000; i++) {
        if (i == 1000)
            clock_set_for_tests(clock_unix_ms() - 60000);
        if (i == 2000)
            clock_set_for_tests(clock_unix_ms() + 600000);
        struct ulid next = ulid_new();
        CHECK(strcmp(last.text, next.text) < 0);
        CHECK(ulid_valid(ulid_str(&next)));
        last = next;
    }
    clock_set_for_tests(0);
}

static void test_ulid_holds_the_time(void)
{
    clock_set_for_tests(4102444800000); /* later than all the other tests' */
    struct ulid u = ulid_new();
    clock_set_for_tests(0);
    uint64_t ms = 0;
    for (int i = 0; i < 10; i++)
        ms = ms * 32 + (uint64_t)(strchr("0123456789ABCDEFGHJKMNPQRSTVWXYZ", u.text[i]) -
                                  "0123456789ABCDEFGHJKMNPQRSTVWXYZ");
    CHECK(ms == 4102444800000);
}

static void test_ulid_text(void)
{
    static const struct {
        const char *text;
        bool valid;
    } cases[] = {
        {"01ARZ3NDEKTSV4RRFFQ69G5FAV", true},
        {"7ZZZZZZZZZZZZZZZZZZZZZZZZZ", true},
        {"00000000000000000000000000", true},
        {"8ZZZZZZZZZZZZZZZZZZZZZZZZZ", false},
        {"01arz3ndektsv4rrffq69g5fav", false},
        {"01ARZ3NDEKTSV4RRFFQ69G5FA", false},
        {"01ARZ3NDEKTSV4RRFFQ69G5FAVV", false},
        {"01ARZ3NDEKTSV4RRFFQ69G5FAI", false},
        {"01ARZ3NDEKTSV4RRFFQ69G5FAL", false},
        {"01ARZ3NDEKTSV4RRFFQ69G5FAO", false},
        {"01ARZ3NDEKTSV4RRFFQ69G5FAU", false},
        {"01ARZ3NDEKTSV4RRFFQ69G5FA/", false},
        {"", false},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct ulid u;
        CHECK_EQ(ulid_valid(str_from(cases[i].text)), cases[i].valid);
        CHECK_ERR(ulid_from(str_from(cases[i].text), &u), cases[i].valid ? OK : ERR_INVALID);
        if (cases[i].valid)
            CHECK_STR(ulid_str(&u), cases[i].text);
    }
    CHECK(!ulid_valid(str_bytes("01ARZ3NDEKTSV4RRFFQ69G5FA\0", 26)));
}

int main(void)
{
    RUN(test_ulids_rise_also_when_the_clock_does_not);
    RUN(test_ulid_holds_the_time);
    RUN(test_ulid_text);
    return test_done();
}
