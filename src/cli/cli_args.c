#include "cli_args.h"

#include <stdio.h>

#include "nearest.h"

static enum err wrong(char *why, const char *text)
{
    snprintf(why, CLI_WHY_BYTES, "%s", text);
    return ERR_USAGE;
}

/* The flag called `name`; else says which one was probably meant. */
static enum err find_flag(const struct cli_command *c, struct str name, struct cli_word *ret,
                          char *why)
{
    struct cli_meaning meaning;
    struct nearest near = nearest_to(name);
    for (size_t i = 0; cli_flag_at(c, i, ret, &meaning); i++) {
        if (str_equal(name, ret->name))
            return OK;
        nearest_offer(&near, ret->name);
    }
    snprintf(why, CLI_WHY_BYTES,
             near.name.len ? "there is no such flag; did you mean --%.*s?"
                           : "there is no such flag",
             (int)near.name.len, near.name.ptr);
    return ERR_USAGE;
}

static void count_positional(const struct cli_command *c, size_t *ret_least, size_t *ret_most)
{
    struct str rest = str_from(c->usage);
    struct cli_word w;
    *ret_least = *ret_most = 0;
    while (cli_usage_next(&rest, &w)) {
        if (w.flag)
            continue;
        *ret_least += !w.optional;
        *ret_most = w.many ? CLI_POSITIONAL_MAX : *ret_most + 1;
    }
}

static bool given(const struct cli_args *a, struct str name)
{
    for (size_t i = 0; i < a->flag_count; i++) {
        if (str_equal(a->flags[i].name, name))
            return true;
    }
    return false;
}

static enum err required_given(const struct cli_args *a, size_t least, char *why)
{
    struct str rest = str_from(a->command->usage);
    struct cli_word w;
    while (cli_usage_next(&rest, &w)) {
        if (w.flag && !w.optional && !given(a, w.name)) {
            snprintf(why, CLI_WHY_BYTES, "--%.*s %.*s is missing", (int)w.name.len, w.name.ptr,
                     (int)w.value.len, w.value.ptr);
            return ERR_USAGE;
        }
    }
    return a->positional_count >= least ? OK : wrong(why, "an argument is missing");
}

static enum err take_flag(int argc, char *const *argv, int *at, struct cli_args *ret, char *why)
{
    struct str name, text = str_from(argv[*at] + 2);
    struct str joined = str_split(text, '=', &name);
    struct cli_word w;
    TRY(find_flag(ret->command, name, &w, why));
    if (ret->flag_count == CLI_FLAGS_MAX || given(ret, name))
        return wrong(why, "a flag is given twice");
    const char *value = joined.ptr; /* to the end of the word: NUL-terminated */
    if (!value && w.value.len && *at + 1 < argc)
        value = argv[++*at];
    if ((w.value.len > 0) != (value != NULL)) {
        snprintf(why, CLI_WHY_BYTES, "--%.*s %s", (int)w.name.len, w.name.ptr,
                 w.value.len ? "lacks its value" : "takes no value");
        return ERR_USAGE;
    }
    ret->flags[ret->flag_count].name = w.name;
    ret->flags[ret->flag_count++].value = value;
    return OK;
}

enum err cli_args_parse(const struct cli_command *c, int argc, char *const *argv,
                        struct cli_args *ret, char ret_why[static CLI_WHY_BYTES])
{
    size_t least, most;
    bool flags_over = false;
    *ret = (struct cli_args){.command = c};
    count_positional(c, &least, &most);
    for (int at = 0; at < argc; at++) {
        if (!flags_over && (strcmp(argv[at], "--help") == 0 || strcmp(argv[at], "-h") == 0)) {
            ret->help = true;
            return OK;
        }
        if (!flags_over && strcmp(argv[at], "--") == 0)
            flags_over = true; /* what follows may begin with a dash */
        else if (!flags_over && strncmp(argv[at], "--", 2) == 0)
            TRY(take_flag(argc, argv, &at, ret, ret_why));
        else if (!flags_over && argv[at][0] == '-' && argv[at][1])
            return wrong(ret_why, "flags begin with two dashes");
        else if (ret->positional_count < most)
            ret->positional[ret->positional_count++] = argv[at];
        else
            return wrong(ret_why, "there is an argument too many");
    }
    return required_given(ret, least, ret_why);
}

bool cli_flag(const struct cli_args *a, const char *name)
{
    return given(a, str_from(name));
}

const char *cli_flag_value(const struct cli_args *a, const char *name)
{
    for (size_t i = 0; i < a->flag_count; i++) {
        if (str_is(a->flags[i].name, name))
            return a->flags[i].value;
    }
    return NULL;
}
