#include "cli_table.h"

#include "cli_commands.h"

const struct cli_command cli_commands[] = {
#define COMMAND(word, verb, fn, usage, doc) {word, verb, fn, usage, doc},
#define PROGRAM(word, verb, usage, doc)     {word, verb, NULL, usage, doc},
#include "commands.def"
};
const size_t cli_command_count = ARRAY_LEN(cli_commands);

static const struct meaning {
    const char *word, *verb, *name;
    bool flag;
    struct cli_meaning meaning;
} meanings[] = {
#define GLOBAL(name, value, hint, text)
#define FLAG(word, verb, name, hint, text) {word, verb, name, true, {hint, text}},
#define WORD(word, verb, name, hint, text) {word, verb, name, false, {hint, text}},
#include "flags.def"
};

static const struct global {
    const char *name, *value;
    struct cli_meaning meaning;
} globals[] = {
#define GLOBAL(name, value, hint, text) {name, value, {hint, text}},
#define FLAG(word, verb, name, hint, text)
#define WORD(word, verb, name, hint, text)
#include "flags.def"
};

static struct {
    const struct cli_program *all;
    size_t count;
} programs;

void cli_programs_set(const struct cli_program *all, size_t count)
{
    programs.all = all;
    programs.count = count;
}

static bool same(const char *a, const char *b)
{
    return a == b || (a && b && strcmp(a, b) == 0);
}

const struct cli_program *cli_program_of(const struct cli_command *c)
{
    for (size_t i = 0; !c->run && i < programs.count; i++) {
        if (same(programs.all[i].word, c->word) && same(programs.all[i].verb, c->verb))
            return &programs.all[i];
    }
    return NULL;
}

bool cli_usage_next(struct str *rest, struct cli_word *ret)
{
    struct str word = STR_EMPTY;
    while (rest->ptr && rest->len && word.len == 0)
        *rest = str_split(*rest, ' ', &word);
    if (word.len == 0)
        return false;
    *ret = (struct cli_word){.value = STR_EMPTY, .optional = word.ptr[0] == '['};
    bool closed = str_ends(word, STR("]"));
    if (ret->optional)
        word = str_slice(word, 1, word.len - closed);
    ret->many = str_ends(word, STR("..."));
    if (ret->many)
        word = str_slice(word, 0, word.len - 3);
    ret->flag = str_starts(word, STR("--"));
    ret->name = ret->flag ? str_slice(word, 2, word.len) : word;
    if (!ret->flag || (ret->optional && closed) || !rest->ptr || rest->len == 0 ||
        rest->ptr[0] < 'A' || rest->ptr[0] > 'Z')
        return true;
    *rest = str_split(*rest, ' ', &ret->value);
    if (str_ends(ret->value, STR("]")))
        ret->value.len--;
    return true;
}

struct cli_meaning cli_meaning_of(const struct cli_command *c, const struct cli_word *w)
{
    const struct meaning *best = NULL;
    int best_rank = -1;
    for (size_t i = 0; i < ARRAY_LEN(meanings); i++) {
        const struct meaning *m = &meanings[i];
        if (m->flag != w->flag || !str_is(w->name, m->name))
            continue;
        if ((m->word && !same(m->word, c->word)) || (m->verb && !same(m->verb, c->verb)))
            continue;
        int rank = (m->word != NULL) + (m->verb != NULL);
        if (rank > best_rank) {
            best = m;
            best_rank = rank;
        }
    }
    return best ? best->meaning : (struct cli_meaning){"", NULL};
}

bool cli_global_flag(size_t i, struct cli_word *ret, struct cli_meaning *ret_meaning)
{
    if (i >= ARRAY_LEN(globals))
        return false;
    *ret = (struct cli_word){.name = str_from(globals[i].name),
                             .value = str_from(globals[i].value),
                             .flag = true,
                             .optional = true};
    *ret_meaning = globals[i].meaning;
    return true;
}

static bool setting_at(const struct cli_program *p, size_t i, struct cli_word *ret,
                       struct cli_meaning *ret_meaning)
{
    struct cli_setting s;
    if (!p || !p->setting || !p->setting(i, &s))
        return false;
    *ret = (struct cli_word){
        .name = str_from(s.name), .value = str_from(s.value), .flag = true, .optional = true};
    *ret_meaning = (struct cli_meaning){s.words, s.doc};
    return true;
}

bool cli_flag_at(const struct cli_command *c, size_t i, struct cli_word *ret,
                 struct cli_meaning *ret_meaning)
{
    struct str rest = str_from(c->usage);
    size_t at = 0;
    while (cli_usage_next(&rest, ret)) {
        if (!ret->flag || at++ != i)
            continue;
        *ret_meaning = cli_meaning_of(c, ret);
        return true;
    }
    return c->run ? cli_global_flag(i - at, ret, ret_meaning)
                  : setting_at(cli_program_of(c), i - at, ret, ret_meaning);
}

const char *cli_sentences(const struct cli_command *c, struct arena *a)
{
    char first = c->doc[0];
    bool lower = first >= 'a' && first <= 'z';
    return arena_printf(a, "%c%s%s", lower ? first - 'a' + 'A' : first, c->doc + 1,
                        str_ends(str_from(c->doc), STR(".")) ? "" : ".")
        .ptr;
}

struct str cli_short_doc(const struct cli_command *c)
{
    struct str doc = str_from(c->doc);
    size_t end = strcspn(c->doc, ":;"), stop = str_search(doc, STR(". "), 0);
    return str_slice(doc, 0, end < stop ? end : stop);
}

bool cli_first_of_group(size_t i)
{
    for (size_t before = 0; before < i; before++) {
        if (same(cli_commands[before].word, cli_commands[i].word))
            return false;
    }
    return true;
}

bool cli_hidden(const struct cli_command *c)
{
    return same(c->word, "man");
}
