#include <stdio.h>
#include <string.h>

#include "config_files.h"
#include "serve.h"
#include "term.h"

enum { EXIT_USAGE = 2, EXIT_INVALID = 9 };

static int refuse(const struct buf *problems, int code)
{
    struct str rest = buf_str(problems), line;
    while (rest.ptr && rest.len) {
        rest = str_split(rest, '\n', &line);
        fputs("safelight serve: ", stderr);
        term_put(line, "", stderr); /* a path may hold anything */
        fputc('\n', stderr);
    }
    return code;
}

int serve_main(int argc, char **argv)
{
    static struct config c; /* a few KiB of paths: not on the stack of every fork */
    static struct config_inputs in;
    static struct config_source from[CONFIG_COUNT];
    AUTO(buf) struct buf problems = buf_make(CONFIG_PROBLEMS_MAX_BYTES);
    if (config_inputs_read(argc, argv, NULL, &in, &problems) != OK)
        return refuse(&problems, EXIT_USAGE);
    if (!in.data[0]) {
        fputs("usage: safelight serve --data DIR, the directory that safelight init made\n",
              stderr);
        return EXIT_USAGE;
    }
    enum err e = config_load_right(&in, &c, from, &problems);
    if (config_files(&in, &c, from, &problems) != OK || e != OK)
        return refuse(&problems, EXIT_INVALID);
    return serve_run(&in, &c);
}
