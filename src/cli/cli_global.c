#include "cli_global.h"

#include <stdarg.h>
#include <stdio.h>

#include "progress.h"

static struct {
    const struct cli_host *host;
    const char *profile;
    bool quiet;
} global;

void cli_global_take(const struct cli_args *args, const struct cli_host *host)
{
    global.host = host;
    global.profile = cli_flag_value(args, "profile");
    global.quiet = cli_flag(args, "quiet");
    if (global.quiet)
        progress_silence();
}

bool cli_quiet(void)
{
    return global.quiet;
}

const char *cli_profile_flag(void)
{
    return global.profile;
}

const struct cli_host *cli_host(void)
{
    return global.host;
}

void cli_note(const char *format, ...)
{
    va_list args;
    if (global.quiet)
        return;
    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    fputc('\n', stderr);
}
