#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "datadir.h"
#include "serve.h"

enum { EXIT_USAGE = 2, EXIT_INVALID = 9 };

static int refuse(const char *what, const char *why)
{
    fprintf(stderr, "safelight serve: %s: %s\n", what, why);
    return EXIT_USAGE;
}

/* One `--name value` or `--name=value`; *at moves behind it. NULL name: not a flag. */
static const char *next_flag(int argc, char **argv, int *at, char name[static 64])
{
    const char *text = argv[*at];
    if (strncmp(text, "--", 2) != 0)
        return NULL;
    size_t length = strcspn(text + 2, "=");
    if (length == 0 || length >= 64)
        return NULL;
    memcpy(name, text + 2, length);
    name[length] = 0;
    (*at)++;
    if (text[2 + length] == '=')
        return text + 2 + length + 1;
    return *at < argc ? argv[(*at)++] : NULL;
}

struct flags {
    const char *data, *file;
};

/* Two rounds over argv: the first finds DIR and FILE, the second applies what is stronger. */
static enum err read_flags(int argc, char **argv, struct flags *flags, struct config *c, char *why)
{
    for (int at = 1; at < argc;) {
        char name[64];
        const char *value = next_flag(argc, argv, &at, name), *reason = "";
        if (!value) {
            snprintf(why, 200, "argument %d: say --name value (see --help)", at);
            return ERR_USAGE;
        }
        if (strcmp(name, "data") == 0)
            flags->data = value;
        else if (strcmp(name, "config") == 0)
            flags->file = value;
        else if (c && config_set(c, str_from(name), str_from(value), &reason) != OK) {
            snprintf(why, 200, "--%s: %s", name, reason);
            return ERR_USAGE;
        }
    }
    return OK;
}

int serve_main(int argc, char **argv)
{
    static struct config c; /* a few KiB of paths: not on the stack of every fork */
    struct flags flags = {0};
    char why[200] = "", path[DATADIR_PATH_MAX_BYTES];
    config_defaults(&c);
    if (read_flags(argc, argv, &flags, NULL, why) != OK)
        return refuse("command line", why);
    if (!flags.data)
        flags.data = getenv("SAFELIGHT_DATA");
    if (!flags.data || !flags.data[0])
        return refuse("usage", "say --data DIR, the directory that safelight init made");
    char *absolute = realpath(flags.data, NULL);
    if (str_to_text(str_from(absolute ? absolute : flags.data), c.data, sizeof c.data) != OK)
        return refuse("--data", "the path is too long");
    free(absolute);
    const char *file = flags.file;
    if (!file && datadir_path(c.data, "safelight.conf", path) == OK)
        file = path;
    enum err e = file ? config_read_file(&c, file, why) : ERR_NOT_FOUND;
    if (e == ERR_NOT_FOUND && flags.file)
        return refuse("--config", "there is no such file");
    if (e != OK && e != ERR_NOT_FOUND)
        return refuse(file, why);
    if (config_read_environment(&c, why) != OK)
        return refuse("environment", why);
    if (read_flags(argc, argv, &flags, &c, why) != OK)
        return refuse("command line", why);
    if (config_check(&c, why) != OK)
        return refuse("settings", why);
    return serve_run(&c);
}
