#include "cookie.h"

#include "test.h"

static void check(const char *header, size_t count, const char *value)
{
    struct str got = STR("untouched");
    CHECK_EQ(cookie_find(str_from(header), STR("__Host-s"), &got), count);
    CHECK_STR(got, count ? value : "untouched");
}

static void test_one_among_many(void)
{
    check("__Host-s=v", 1, "v");
    check("a=1; __Host-s=v; b=2", 1, "v");
    check("a=1;__Host-s=v;b=2", 1, "v");
    check(" __Host-s = v ;", 1, "v");
    check("__Host-s=", 1, "");
    check("__Host-s=a=b", 1, "a=b");
    check("__Host-s=\"v\"", 1, "\"v\"");
}

static void test_another_name_is_another_cookie(void)
{
    static const char *const headers[] = {
        "",
        ";",
        ";;;",
        "=",
        "=v",
        "__Host-s",
        "__host-s=v",
        "__Host-S=v",
        "__Host-s2=v",
        "x__Host-s=v",
        "a=__Host-s",
        "a=1 __Host-s=v",
        "\"__Host-s\"=v",
        "__Host- s=v",
    };
    for (size_t i = 0; i < ARRAY_LEN(headers); i++)
        check(headers[i], 0, NULL);
}

static void test_several_are_counted(void)
{
    check("__Host-s=a; __Host-s=b", 2, "a");
    check("__Host-s=a; __Host-s=a; x=; __Host-s", 2, "a");
    check("__Host-s=; __Host-s=b", 2, "");
}

int main(void)
{
    RUN(test_one_among_many);
    RUN(test_another_name_is_another_cookie);
    RUN(test_several_are_counted);
    return test_done();
}
