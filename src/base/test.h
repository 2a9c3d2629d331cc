/* The unit tests' frame: TAP on stdout, read by Meson. A test file is a program:
 *
 *     #include "test.h"
 *     static void test_slice_is_clamped(void) { CHECK(...); CHECK_EQ(1, 2); CHECK_STR(s, "x"); }
 *     int main(void) { RUN(test_slice_is_clamped); return test_done(); }
 *
 * A failed check is printed with file and line and the test goes on. */
#ifndef BASE_TEST_H
#define BASE_TEST_H

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "str.h"

static int test_count_, test_failed_, test_failures_here_;

#define CHECK(expr)                                                                                \
    ((expr) ? (void)0                                                                              \
            : (test_failures_here_++,                                                              \
               (void)printf("# %s:%d: failed: %s\n", __FILE__, __LINE__, #expr)))
#define CHECK_EQ(got, want)                                                                        \
    do {                                                                                           \
        int64_t got_ = (int64_t)(got), want_ = (int64_t)(want);                                    \
        if (got_ != want_) {                                                                       \
            test_failures_here_++;                                                                 \
            printf("# %s:%d: %s is %" PRId64 ", wanted %" PRId64 "\n", __FILE__, __LINE__, #got,   \
                   got_, want_);                                                                   \
        }                                                                                          \
    } while (0)
#define CHECK_ERR(call, want) CHECK_EQ((int)(call), (int)(want))
#define CHECK_OK(call)        CHECK_EQ((int)(call), (int)OK)
#define CHECK_STR(got, text)                                                                       \
    do {                                                                                           \
        struct str got_ = (got), want_ = str_from(text);                                           \
        if (!str_equal(got_, want_)) {                                                             \
            test_failures_here_++;                                                                 \
            printf("# %s:%d: %s is \"%.*s\", wanted \"%s\"\n", __FILE__, __LINE__, #got,           \
                   (int)got_.len, got_.ptr, text);                                                 \
        }                                                                                          \
    } while (0)
#define RUN(fn)                                                                                    \
    do {                                                                                           \
        test_failures_here_ = 0;                                                                   \
        fn();                                                                                      \
        test_count_++;                                                                             \
        test_failed_ += test_failures_here_ != 0;                                                  \
        printf("%s %d - %s\n", test_failures_here_ ? "not ok" : "ok", test_count_, #fn);           \
        fflush(stdout);                                                                            \
    } while (0)

static inline int test_done(void)
{
    printf("1..%d\n", test_count_);
    return test_failed_ ? EXIT_FAILURE : EXIT_SUCCESS;
}

#endif
