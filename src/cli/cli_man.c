/* man [NAME]: manual pages from the table, in the man macros that man-db and mandoc both read. */
#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>

#include "arena.h"
#include "cli.h"
#include "cli_commands.h"

/* The date of the text, not of the build: pages are the same wherever they are made. */
#define PAGE_DATE "2026-11-28"

enum { LINE_MOST = 76 };

/* --- roff --- */

static const char *escape_of(char c)
{
    switch (c) {
    case '\\':
        return "\\e";
    case '-':
        return "\\-";
    case '\'':
        return "\\(aq";
    case '`':
        return "\\(ga";
    default:
        return NULL;
    }
}

static void put_escaped(FILE *to, struct str text)
{
    for (size_t i = 0; i < text.len; i++) {
        const char *escape = escape_of(text.ptr[i]);
        if (escape)
            fputs(escape, to);
        else
            fputc(text.ptr[i], to);
    }
}

static size_t escaped_len(struct str text)
{
    size_t len = 0;
    for (size_t i = 0; i < text.len; i++)
        len += escape_of(text.ptr[i]) ? strlen(escape_of(text.ptr[i])) : 1;
    return len;
}

/* A paragraph in lines that are not too long, the first of which has begun; a line does not begin
 * with what is a macro. */
static void put_text_at(FILE *to, const char *paragraph, size_t column)
{
    struct str text = str_from(paragraph), word;
    bool begins = true;
    while (text.ptr && text.len) {
        text = str_split(text, ' ', &word);
        if (word.len == 0)
            continue;
        size_t len = escaped_len(word);
        if (!begins && column + 1 + len > LINE_MOST) {
            fputc('\n', to);
            column = 0;
        } else if (!begins) {
            fputc(' ', to);
            column++;
        }
        if (column == 0 && word.ptr[0] == '.')
            fputs("\\&", to);
        put_escaped(to, word);
        column += len;
        begins = false;
    }
    fputc('\n', to);
}

static void put_text(FILE *to, const char *paragraph)
{
    put_text_at(to, paragraph, 0);
}

static void put_title(FILE *to, const char *group)
{
    fprintf(to, ".\\\" Written by safelight man from the table of commands.\n.TH SAFELIGHT");
    for (const char *c = group; c && *c; c++) {
        if (c == group)
            fputs("\\-", to);
        fputc(*c >= 'a' && *c <= 'z' ? *c - 'a' + 'A' : *c, to);
    }
    fputs(" 1 \"" PAGE_DATE "\" \"safelight " SAFELIGHT_VERSION
          "\" \"Safelight\"\n.ad l\n.nh\n.SH NAME\n",
          to);
    fprintf(to, "safelight%s%s \\- ", group ? "\\-" : "", group ? group : "");
}

/* Flags in bold, what stands for something in italics, brackets as they are. */
static void put_usage(FILE *to, const struct cli_command *c)
{
    struct str rest = str_from(c->usage);
    struct cli_word w;
    fprintf(to, "\\fBsafelight %s%s%s\\fR", c->word, c->verb ? " " : "", "");
    if (c->verb) {
        fputs("\\fB", to);
        put_escaped(to, str_from(c->verb));
        fputs("\\fR", to);
    }
    while (cli_usage_next(&rest, &w)) {
        fputs(w.optional ? "\n[" : "\n", to);
        fputs(w.flag ? "\\fB\\-\\-" : "\\fI", to);
        put_escaped(to, w.name);
        fputs("\\fR", to);
        if (w.value.len) {
            fputs(" \\fI", to);
            put_escaped(to, w.value);
            fputs("\\fR", to);
        }
        fputs(w.many ? "..." : "", to);
        fputs(w.optional ? "]" : "", to);
    }
    if (cli_program_of(c) && cli_program_of(c)->setting)
        fputs("\n[\\fIsettings\\fR]", to);
    fputc('\n', to);
}

static void put_tag(FILE *to, const struct cli_word *w)
{
    fputs(".TP\n", to);
    fputs(w->flag ? "\\fB\\-\\-" : "\\fI", to);
    put_escaped(to, w->name);
    fputs("\\fR", to);
    if (w->value.len) {
        fputs(" \\fI", to);
        put_escaped(to, w->value);
        fputs("\\fR", to);
    }
    fputc('\n', to);
}

/* --- sections --- */

static void put_flags(FILE *to, const struct cli_command *c)
{
    struct str rest = str_from(c->usage);
    struct cli_word w;
    struct cli_meaning meaning;
    while (cli_usage_next(&rest, &w)) {
        if (w.flag || !cli_meaning_of(c, &w).text)
            continue;
        put_tag(to, &w);
        put_text(to, cli_meaning_of(c, &w).text);
    }
    for (size_t i = 0; cli_flag_at(c, i, &w, &meaning); i++) {
        struct cli_word global;
        struct cli_meaning ignored;
        /* These follow once, below. */
        if (c->run && cli_global_flag(0, &global, &ignored) && str_equal(global.name, w.name))
            break;
        put_tag(to, &w);
        put_text(to, meaning.text ? meaning.text : "");
    }
}

static void put_globals(FILE *to)
{
    struct cli_word w;
    struct cli_meaning meaning;
    fputs(".SH OPTIONS OF EVERY COMMAND\n", to);
    for (size_t i = 0; cli_global_flag(i, &w, &meaning); i++) {
        put_tag(to, &w);
        put_text(to, meaning.text);
    }
}

struct entry {
    const char *name, *text;
};

static void put_entries(FILE *to, const char *section, const struct entry *entries, size_t count)
{
    fprintf(to, ".SH %s\n", section);
    for (size_t i = 0; i < count; i++) {
        fputs(".TP\n\\fB", to);
        put_escaped(to, str_from(entries[i].name));
        fputs("\\fR\n", to);
        put_text(to, entries[i].text);
    }
}

static const struct entry exits[] = {
    {"0", "Done."},
    {"2", "The command was not written correctly, or something would be destroyed and nobody "
          "confirmed it."},
    {"3", "Not allowed: no token, one that is not valid, or one whose role does not allow it; or "
          "a profile that others could have changed."},
    {"4", "There is no such thing, or its id can be none."},
    {"5", "It conflicts with what is there: the name or file exists already, or the state does not "
          "allow it."},
    {"6", "The server cannot be reached, or went away in the middle. What was asked for may have "
          "been done: look before you ask again."},
    {"7", "It failed: the job did not finish, some were refused, a file could not be written, a "
          "check of doctor is bad, or the server said so."},
    {"9",
     "The input is not valid: a file that is not there, a value, a setting, an address; what is "
     "wrong with it was said."},
};

static const struct entry variables[] = {
    {"SAFELIGHT_URL", "The server's address; http://127.0.0.1:4300 without it."},
    {"SAFELIGHT_TOKEN", "An API token. Stronger than any profile but one named by --profile."},
    {"SAFELIGHT_PROFILE", "The profile to use when there is no SAFELIGHT_TOKEN."},
    {"NEXRENDER_API_URL, NEXRENDER_API_KEY",
     "Read when the variables above are not set, so that what was made for the vendor's cloud "
     "works unchanged."},
    {"SAFELIGHT_CA_FILE", "A PEM file with a private CA to trust for the server, besides the "
                          "system's."},
    {"SAFELIGHT_DATA", "The data directory of safelight serve, when --data is not given."},
    {"NO_COLOR", "When set, nothing is coloured."},
    {"COLUMNS", "How wide tables may be, instead of what the terminal says."},
    {"XDG_CONFIG_HOME", "Where profiles are kept, instead of ~/.config."},
};

static const struct entry files[] = {
    {"~/.config/safelight/NAME.profile",
     "A server and a token, written by safelight login, for its owner alone (0600). A file that is "
     "a link, belongs to someone else or is open to others is refused."},
    {"~/.config/safelight/current", "The name of the profile in use."},
};

static void put_main_page(FILE *to)
{
    put_title(to, NULL);
    fputs("secrets for render farms\n.SH SYNOPSIS\n\\fBsafelight\\fR \\fICOMMAND\\fR ...\n"
          ".SH DESCRIPTION\n",
          to);
    put_text(to, "Safelight keeps the secrets of render jobs: jobs name them, and the values go to "
                 "storage servers, receivers and sites without being in a job, on a render node or "
                 "in a log. Results go to standard output (a table on a terminal, JSON with "
                 "--json), everything else to standard error. Values are read from standard input, "
                 "a file or a hidden prompt, never from the command line.");
    fputs(".PP\n", to);
    put_text(to, "Client commands take their server and token from --profile; else from "
                 "SAFELIGHT_URL and SAFELIGHT_TOKEN; else from the profile that SAFELIGHT_PROFILE "
                 "names; else from NEXRENDER_API_URL and NEXRENDER_API_KEY; else from the profile "
                 "in use, which safelight login made. Operator commands take --data and talk to "
                 "the server that runs on that directory.");
    fputs(".SH COMMANDS\n", to);
    for (size_t i = 0; i < cli_command_count; i++) {
        const struct cli_command *c = &cli_commands[i];
        AUTO(arena) struct arena arena = arena_make();
        if (cli_hidden(c))
            continue;
        fprintf(to, ".TP\n\\fBsafelight %s", c->word);
        if (c->verb) {
            fputc(' ', to);
            put_escaped(to, str_from(c->verb));
        }
        fputs("\\fR\n", to);
        put_text(to, arena_text(&arena, cli_short_doc(c)));
    }
    put_globals(to);
    put_entries(to, "EXIT STATUS", exits, ARRAY_LEN(exits));
    put_entries(to, "ENVIRONMENT", variables, ARRAY_LEN(variables));
    put_entries(to, "FILES", files, ARRAY_LEN(files));
    fputs(".SH SEE ALSO\n", to);
    const char *before = "";
    for (size_t i = 0; i < cli_command_count; i++) {
        if (cli_first_of_group(i) && !cli_hidden(&cli_commands[i])) {
            fprintf(to, "%s.BR safelight\\-%s (1)", before, cli_commands[i].word);
            before = " ,\n";
        }
    }
    fputs(" ,\n.BR safelight.conf (5)\n", to);
}

static void put_group_page(FILE *to, size_t at)
{
    const char *word = cli_commands[at].word;
    size_t last = at;
    while (last + 1 < cli_command_count && strcmp(cli_commands[last + 1].word, word) == 0)
        last++;
    put_title(to, word);
    AUTO(arena) struct arena arena = arena_make();
    struct str name = at == last ? cli_short_doc(&cli_commands[at]) : STR_EMPTY;
    for (size_t i = at; i <= last && at != last; i++)
        name = arena_printf(&arena, "%.*s%s%s", (int)name.len, name.ptr, i > at ? ", " : "",
                            cli_commands[i].verb);
    put_text_at(to, arena_text(&arena, name), sizeof "safelight\\- \\- " + strlen(word));
    fputs(".SH SYNOPSIS\n", to);
    for (size_t i = at; i <= last; i++) {
        put_usage(to, &cli_commands[i]);
        fputs(i < last ? ".br\n" : "", to);
    }
    fputs(".SH DESCRIPTION\n", to);
    for (size_t i = at; i <= last; i++) {
        const struct cli_command *c = &cli_commands[i];
        if (c->verb) {
            fprintf(to, ".SS %s ", c->word);
            put_escaped(to, str_from(c->verb));
            fputc('\n', to);
        }
        put_text(to, cli_sentences(c, &arena));
        put_flags(to, c);
    }
    if (cli_commands[at].run)
        put_globals(to);
    put_entries(to, "EXIT STATUS", exits, ARRAY_LEN(exits));
    fputs(".SH SEE ALSO\n.BR safelight (1)\n", to);
}

/* --- the command --- */

/* The page's text, or false when there is none of that name. */
static bool put_page(FILE *to, struct str name)
{
    if (str_is(name, "safelight")) {
        put_main_page(to);
        return true;
    }
    struct str word = str_starts(name, STR("safelight-")) ? str_slice(name, 10, name.len) : name;
    for (size_t i = 0; i < cli_command_count; i++) {
        if (!cli_first_of_group(i) || cli_hidden(&cli_commands[i]) ||
            !str_is(word, cli_commands[i].word))
            continue;
        put_group_page(to, i);
        return true;
    }
    return false;
}

static int write_page(struct arena *a, const char *folder, const char *name)
{
    FILE *to = fopen(arena_printf(a, "%s/%s.1", folder, name).ptr, "we");
    bool good = to != NULL;
    if (to)
        good = put_page(to, str_from(name)) && !ferror(to);
    if (to && fclose(to) != 0)
        good = false;
    if (good)
        return 0;
    fputs("safelight: a page cannot be written there\n", stderr);
    return EXIT_CODE_FAILED;
}

int cli_man(const struct cli_args *args)
{
    AUTO(arena) struct arena arena = arena_make();
    const char *folder = cli_flag_value(args, "all");
    const char *name = args->positional_count ? args->positional[0] : "safelight";
    if (!folder && put_page(stdout, str_from(name)))
        return 0;
    if (!folder) {
        fputs("safelight: there is no such page: say safelight, or a command's first word\n",
              stderr);
        return EXIT_CODE_NOT_FOUND;
    }
    if (mkdir(folder, 0777) != 0 && errno != EEXIST) {
        fputs("safelight: that folder cannot be made\n", stderr);
        return EXIT_CODE_FAILED;
    }
    int code = write_page(&arena, folder, "safelight");
    for (size_t i = 0; i < cli_command_count && code == 0; i++) {
        if (cli_first_of_group(i) && !cli_hidden(&cli_commands[i]))
            code = write_page(&arena, folder,
                              arena_printf(&arena, "safelight-%s", cli_commands[i].word).ptr);
    }
    return code;
}
