#include "redact_advice.h"

#include "test.h"

static void test_table(void)
{
    static const struct {
        const char *value, *says; /* NULL: nothing */
    } cases[] = {
        {"abc", "too short"},
        {"a\r\nb\nc", "too short"},
        {"true", "common word"},
        {"Password", "common word"},
        {" localhost\n", "common word"},
        {"4711", "short number"},
        {"1234567", "short number"},
        {"12345678", NULL},
        {"xxxxxxxxxxxxxxxx", "one character repeated"},
        {"    ", "one character repeated"},
        {"qvbnw", "as short as a word"},
        {"QVBN", "as short as a word"},
        {"qvbnwt", NULL},
        {"qvB4", NULL},
        {"passwords", NULL},
        {"correct horse battery staple", NULL},
        {"q7XsYp2LkR9vTz4WbN8c", NULL},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        AUTOP(secret) struct secret *value = NULL;
        CHECK_OK(secret_new(str_from(cases[i].value), &value));
        const char *got = redact_advice(value);
        bool good = cases[i].says ? got && strstr(got, cases[i].says) : !got;
        if (!good)
            printf("# %s: %s\n", cases[i].value, got ? got : "nothing");
        CHECK(good);
    }
}

int main(void)
{
    RUN(test_table);
    return test_done();
}
