#include <stdio.h>
#include <string.h>

#include "config_load.h"
#include "serve.h"

enum { EXIT_USAGE = 2, EXIT_INVALID = 9 };

static int usage(FILE *to)
{
    AUTO(buf) struct buf help = buf_make(16 * 1024);
    fputs(
        "usage: safelight serve --data DIR [--config FILE] [settings]\n\n"
        "Runs the server until it is stopped (Ctrl-C, SIGTERM); prints one line when it is ready.\n"
        "A setting comes from its flag, else SAFELIGHT_NAME in the environment, else\n"
        "`name = value` in FILE (DIR/safelight.conf when there is one), else its default.\n\n"
        "  --data DIR                 the data directory that safelight init made\n"
        "  --config FILE              settings, one `name = value` a line; safelight config check\n"
        "                             reads them as a dry run, SIGHUP while it serves\n",
        to);
    if (config_help(&help) == OK)
        fprintf(to, "%.*s", (int)help.len, help.ptr);
    return to == stderr ? EXIT_USAGE : 0;
}

static int refuse(const struct buf *problems, int code)
{
    struct str rest = buf_str(problems), line;
    while (rest.ptr && rest.len) {
        rest = str_split(rest, '\n', &line);
        fprintf(stderr, "safelight serve: %.*s\n", (int)line.len, line.ptr);
    }
    return code;
}

int serve_main(int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0)
            return usage(stdout);
    }
    static struct config c; /* a few KiB of paths: not on the stack of every fork */
    static struct config_inputs in;
    static struct config_source from[CONFIG_COUNT];
    AUTO(buf) struct buf problems = buf_make(CONFIG_PROBLEMS_MAX_BYTES);
    if (config_inputs_read(argc, argv, NULL, &in, &problems) != OK)
        return refuse(&problems, EXIT_USAGE);
    if (!in.data[0])
        return usage(stderr);
    if (config_load(&in, &c, from, &problems) != OK)
        return refuse(&problems, EXIT_INVALID);
    return serve_run(&in, &c);
}
