#include "cli_help.h"

#include <unistd.h>

#include "term.h"

enum { NAME_CELLS = 26, TEXT_LEAST_CELLS = 20, LINE_MOST_CELLS = 100 };

/* Text broken between words; the cursor stands at column `at`, lines begin at `indent`. */
static void put_text(FILE *to, struct str text, size_t indent, size_t at)
{
    size_t width = term_width(fileno(to)) - 1, column = indent;
    struct str word;
    width = width < LINE_MOST_CELLS ? width : LINE_MOST_CELLS;
    width = width > indent + TEXT_LEAST_CELLS ? width : indent + TEXT_LEAST_CELLS;
    fprintf(to, "%*s", (int)(indent - at), "");
    for (bool begins = true; text.ptr && text.len; begins = false) {
        text = str_split(text, ' ', &word);
        if (!begins && column + 1 + word.len > width) {
            fprintf(to, "\n%*s", (int)indent, "");
            column = indent;
        } else if (!begins) {
            fputc(' ', to);
            column++;
        }
        fprintf(to, "%.*s", (int)word.len, word.ptr);
        column += word.len;
    }
    fputc('\n', to);
}

static void put_row(FILE *to, struct str name, struct str text)
{
    fprintf(to, "  %.*s", (int)name.len, name.ptr);
    size_t at = 2 + name.len;
    if (at + 1 > NAME_CELLS) {
        fputc('\n', to);
        at = 0;
    }
    put_text(to, text, NAME_CELLS, at);
}

void cli_help_usage(FILE *to, const struct cli_command *c)
{
    fprintf(to, "usage: safelight %s%s%s%s%s%s\n", c->word, c->verb ? " " : "",
            c->verb ? c->verb : "", c->usage[0] ? " " : "", c->usage,
            cli_program_of(c) && cli_program_of(c)->setting ? " [settings]" : "");
}

static void put_words(FILE *to, const struct cli_command *c)
{
    struct str rest = str_from(c->usage);
    struct cli_word w;
    bool any = false;
    while (cli_usage_next(&rest, &w)) {
        if (w.flag)
            continue;
        if (!any)
            fputc('\n', to);
        any = true;
        put_row(to, w.name, str_from(cli_meaning_of(c, &w).text));
    }
}

static void put_flags(FILE *to, const struct cli_command *c)
{
    struct cli_word w;
    struct cli_meaning meaning;
    fputc('\n', to);
    for (size_t i = 0; cli_flag_at(c, i, &w, &meaning); i++) {
        char name[80];
        snprintf(name, sizeof name, "--%.*s%s%.*s", (int)w.name.len, w.name.ptr,
                 w.value.len ? " " : "", (int)w.value.len, w.value.ptr);
        put_row(to, str_from(name), str_from(meaning.text));
    }
}

void cli_help_command(FILE *to, const struct cli_command *c)
{
    AUTO(arena) struct arena arena = arena_make();
    cli_help_usage(to, c);
    fputc('\n', to);
    put_text(to, str_from(cli_sentences(c, &arena)), 0, 0);
    put_words(to, c);
    put_flags(to, c);
}

static const char tail[] =
    "Client commands take a server and a token from --profile, else SAFELIGHT_URL and "
    "SAFELIGHT_TOKEN, else SAFELIGHT_PROFILE, else NEXRENDER_API_URL and NEXRENDER_API_KEY, else "
    "the profile in use (safelight login makes one).";
static const char operators[] =
    "Operator commands take --data DIR and talk to the server running on it.";
static const char pages[] = "safelight man WORD prints a command's manual page, for man -l -.";
static const char exits[] = "Exit codes: 0 done, 2 usage, 3 not allowed, 4 not found, 5 conflict, "
                            "6 no answer, 7 failed, 9 invalid.";

void cli_help_overview(FILE *to, const char *only_word)
{
    fputs("usage: safelight COMMAND ...   (safelight COMMAND --help says more)\n", to);
    for (size_t i = 0; i < cli_command_count; i++) {
        const struct cli_command *c = &cli_commands[i];
        char name[80];
        if ((only_word && strcmp(c->word, only_word) != 0) || (!only_word && cli_hidden(c)))
            continue;
        if (cli_first_of_group(i) && (i == 0 || only_word || c->verb || cli_commands[i - 1].verb))
            fputc('\n', to);
        snprintf(name, sizeof name, "%s %s", c->word, c->verb ? c->verb : "");
        put_row(to, str_from(name), cli_short_doc(c));
    }
    fputs("\n", to);
    put_text(to, str_from(tail), 0, 0);
    put_text(to, str_from(operators), 0, 0);
    put_text(to, str_from(pages), 0, 0);
    put_text(to, str_from(exits), 0, 0);
}
