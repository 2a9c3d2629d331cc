#include "cli_args.h"

/* The place of "--name" in the usage, or NULL; *ret_takes_value when an upper-case word follows. */
static const char *find_flag(const char *usage, struct str name, bool *ret_takes_value)
{
    for (const char *at = usage; (at = strstr(at, "--")) != NULL; at += 2) {
        const char *word = at + 2;
        if (strncmp(word, name.ptr, name.len) != 0 || !strchr(" ]", word[name.len]))
            continue;
        *ret_takes_value =
            word[name.len] == ' ' && word[name.len + 1] >= 'A' && word[name.len + 1] <= 'Z';
        return at;
    }
    return NULL;
}

/* Positional words are the upper-case ones that do not follow a flag; WORD... is one or more. */
static size_t count_positional(const char *usage, bool required_only)
{
    size_t count = 0;
    bool after_flag = false;
    struct str rest = str_from(usage), word;
    while (rest.ptr && rest.len) {
        rest = str_split(rest, ' ', &word);
        bool optional = word.len && word.ptr[0] == '[';
        struct str bare = optional ? str_slice(word, 1, word.len) : word;
        bool flag = str_starts(bare, STR("--"));
        if (!flag && !after_flag && bare.len && (!optional || !required_only))
            count += str_ends(word, STR("...")) && !required_only ? CLI_POSITIONAL_MAX : 1;
        after_flag = flag && !str_ends(word, STR("]"));
    }
    return count;
}

static bool required_flags_given(const char *usage, const struct cli_args *a)
{
    struct str rest = str_from(usage), word;
    while (rest.ptr && rest.len) {
        rest = str_split(rest, ' ', &word);
        if (!str_starts(word, STR("--")))
            continue;
        bool given = false;
        for (size_t i = 0; i < a->flag_count; i++)
            given = given || str_is(str_slice(word, 2, word.len), a->flags[i].name);
        if (!given)
            return false;
    }
    return true;
}

static enum err take_flag(const char *usage, int argc, char **argv, int *at, struct cli_args *ret,
                          const char **ret_why)
{
    char *text = argv[*at] + 2;
    size_t length = strcspn(text, "=");
    bool takes_value, joined = text[length] == '=';
    if (length == 0 || !find_flag(usage, str_bytes(text, length), &takes_value)) {
        *ret_why = "there is no such flag";
        return ERR_USAGE;
    }
    text[length] = 0;
    if (ret->flag_count == CLI_FLAGS_MAX || cli_flag(ret, text)) {
        *ret_why = "a flag is given twice";
        return ERR_USAGE;
    }
    const char *value = NULL;
    if (joined)
        value = text + length + 1;
    else if (takes_value && *at + 1 < argc)
        value = argv[++*at];
    if (takes_value != (value != NULL)) {
        *ret_why = takes_value ? "a flag lacks its value" : "a flag takes no value";
        return ERR_USAGE;
    }
    ret->flags[ret->flag_count].name = text;
    ret->flags[ret->flag_count++].value = value;
    return OK;
}

enum err cli_args_parse(const char *usage, int argc, char **argv, struct cli_args *ret,
                        const char **ret_why)
{
    *ret = (struct cli_args){0};
    size_t most = count_positional(usage, false), least = count_positional(usage, true);
    for (int at = 0; at < argc; at++) {
        if (strcmp(argv[at], "--help") == 0 || strcmp(argv[at], "-h") == 0) {
            ret->help = true;
            return OK;
        }
        if (strncmp(argv[at], "--", 2) == 0) {
            TRY(take_flag(usage, argc, argv, &at, ret, ret_why));
        } else if (ret->positional_count < most && most <= CLI_POSITIONAL_MAX) {
            ret->positional[ret->positional_count++] = argv[at];
        } else {
            *ret_why = "there is an argument too many";
            return ERR_USAGE;
        }
    }
    *ret_why = "an argument is missing";
    return ret->positional_count >= least && required_flags_given(usage, ret) ? OK : ERR_USAGE;
}

bool cli_flag(const struct cli_args *a, const char *name)
{
    for (size_t i = 0; i < a->flag_count; i++) {
        if (strcmp(a->flags[i].name, name) == 0)
            return true;
    }
    return false;
}

const char *cli_flag_value(const struct cli_args *a, const char *name)
{
    for (size_t i = 0; i < a->flag_count; i++) {
        if (strcmp(a->flags[i].name, name) == 0)
            return a->flags[i].value;
    }
    return NULL;
}
