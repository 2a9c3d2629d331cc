#include "cli_wait.h"

#include <stdio.h>
#include <time.h>

#include "cli.h"
#include "clock.h"

enum { POLL_MS = 500, DEFAULT_S = 3600, MOST_S = 30 * 24 * 3600 };

int cli_wait_until(const struct cli_args *args, int64_t *ret_until_ms)
{
    const char *text = cli_flag_value(args, "timeout");
    uint64_t seconds = DEFAULT_S;
    if (text && str_to_u64(str_from(text), MOST_S, &seconds) != OK) {
        fputs("safelight: --timeout is a number of seconds\n", stderr);
        return EXIT_CODE_INVALID;
    }
    *ret_until_ms = clock_monotonic_ms() + (int64_t)seconds * 1000;
    return 0;
}

bool cli_wait_more(int64_t until_ms, const char *what, struct progress *shown)
{
    struct timespec t = {POLL_MS / 1000, POLL_MS % 1000 * 1000000};
    if (clock_monotonic_ms() > until_ms) {
        if (shown)
            progress_auto(shown);
        fprintf(stderr, "safelight: %s is not over yet; wait again, or look at it with show\n",
                what);
        return false;
    }
    nanosleep(&t, NULL);
    return true;
}
