/* completion bash|zsh|fish: scripts from the table. What a server or the profiles name is asked for
 * when it is needed; such names are taken as they are, never as shell text. */
#include <stdio.h>

#include "cli.h"
#include "cli_commands.h"
#include "nearest.h"

/* In single quotes. fish has escapes in there, the others have not. */
static void quoted(struct str text, bool fish)
{
    putchar('\'');
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        if (c == '\'')
            fputs(fish ? "\\'" : "'\\''", stdout);
        else if (c == '\\' && fish)
            fputs("\\\\", stdout);
        else
            putchar(c);
    }
    putchar('\'');
}

/* How the positional word of this number is completed. */
static const char *word_hint(const struct cli_command *c, size_t number)
{
    struct str rest = str_from(c->usage);
    struct cli_word w;
    const char *last = "";
    while (cli_usage_next(&rest, &w)) {
        if (w.flag)
            continue;
        last = cli_meaning_of(c, &w).hint;
        if (number-- == 0 || w.many)
            return last;
    }
    return "";
}

static bool has_verbs(const char *word)
{
    for (size_t i = 0; i < cli_command_count; i++) {
        if (strcmp(cli_commands[i].word, word) == 0)
            return cli_commands[i].verb != NULL;
    }
    return false;
}

/* "secret list" for "@secret": what prints such names, one a line. */
static const struct {
    const char *hint, *command;
} listers[] = {
    {"@secret", "secret list"}, {"@job", "job list"},         {"@template", "template list"},
    {"@font", "font list"},     {"@profile", "profile list"},
};

/* --- bash and zsh: the same shape, other words for it --- */

struct shell {
    const char *files, *folders, *words, *words_end;
};
static const struct shell bash = {
    "compopt -o filenames; mapfile -t COMPREPLY < <(compgen -f -- \"$cur\")",
    "compopt -o filenames; mapfile -t COMPREPLY < <(compgen -d -- \"$cur\")",
    "_safelight_words '",
    "'",
};
static const struct shell zsh = {"_files", "_files -/", "compadd -- ", ""};

static void put_hint(const struct shell *sh, const char *hint)
{
    if (!hint[0])
        putchar(':'); /* nothing to offer */
    if (strcmp(hint, "@file") == 0)
        fputs(sh->files, stdout);
    else if (strcmp(hint, "@dir") == 0)
        fputs(sh->folders, stdout);
    else if (hint[0] != '@' && hint[0])
        printf("%s%s%s", sh->words, hint, sh->words_end);
    for (size_t i = 0; i < ARRAY_LEN(listers); i++) {
        if (strcmp(hint, listers[i].hint) == 0)
            printf("_safelight_names %s", listers[i].command);
    }
}

static void put_words_of(const char *word)
{
    bool first = true;
    for (size_t i = 0; i < cli_command_count; i++) {
        const struct cli_command *c = &cli_commands[i];
        bool wanted = word ? strcmp(c->word, word) == 0 && c->verb != NULL
                           : cli_first_of_group(i) && !cli_hidden(c);
        if (!wanted)
            continue;
        printf("%s%s", first ? "" : " ", word ? c->verb : c->word);
        first = false;
    }
}

/* The arm of a case for one command: values of its flags, its flags, its words. */
static void put_arm(const struct shell *sh, const struct cli_command *c)
{
    struct cli_word w;
    struct cli_meaning meaning;
    printf("    '%s%s%s')\n        _safelight_nth", c->word, c->verb ? " " : "",
           c->verb ? c->verb : "");
    for (size_t i = 0; cli_flag_at(c, i, &w, &meaning); i++) {
        if (w.value.len)
            printf(" --%.*s", (int)w.name.len, w.name.ptr);
    }
    fputs("\n        case \"$prev\" in\n", stdout);
    for (size_t i = 0; cli_flag_at(c, i, &w, &meaning); i++) {
        if (w.value.len == 0)
            continue;
        printf("        --%.*s) ", (int)w.name.len, w.name.ptr);
        put_hint(sh, meaning.hint);
        fputs("; return ;;\n", stdout);
    }
    printf("        esac\n        if [[ \"$cur\" == -* ]]; then\n            ");
    fputs(sh->words, stdout);
    for (size_t i = 0; cli_flag_at(c, i, &w, &meaning); i++)
        printf("%s--%.*s", i ? " " : "", (int)w.name.len, w.name.ptr);
    printf("%s\n            return\n        fi\n", sh->words_end);
    fputs("        case $nth in\n", stdout);
    for (size_t i = 0; i < 3 && word_hint(c, i)[0]; i++) {
        printf("        %zu) ", i);
        put_hint(sh, word_hint(c, i));
        fputs(" ;;\n", stdout);
    }
    fputs("        esac ;;\n", stdout);
}

static void put_cases(const struct shell *sh)
{
    fputs("    case \"$command\" in\n", stdout);
    for (size_t i = 0; i < cli_command_count; i++) {
        if (!cli_hidden(&cli_commands[i]))
            put_arm(sh, &cli_commands[i]);
    }
    fputs("    esac\n", stdout);
}

static void put_verb_cases(const struct shell *sh)
{
    fputs("        case \"$command\" in\n", stdout);
    for (size_t i = 0; i < cli_command_count; i++) {
        const char *word = cli_commands[i].word;
        if (!cli_first_of_group(i) || !has_verbs(word))
            continue;
        printf("        %s) %s", word, sh->words);
        put_words_of(word);
        printf("%s; return ;;\n", sh->words_end);
    }
    fputs("        esac\n", stdout);
}

static void put_groups(void)
{
    bool first = true;
    for (size_t i = 0; i < cli_command_count; i++) {
        if (!cli_first_of_group(i) || !has_verbs(cli_commands[i].word))
            continue;
        printf("%s%s", first ? "" : "|", cli_commands[i].word);
        first = false;
    }
}

static void put_bash(void)
{
    fputs("# Completion of safelight for bash: source it, or put it where bash-completion looks.\n"
          "_safelight_words() { COMPREPLY=($(compgen -W \"$1\" -- \"$cur\")); }\n"
          "# Names come from a server: kept when they are plain, and never expanded.\n"
          "_safelight_names() {\n"
          "    local name\n"
          "    COMPREPLY=()\n"
          "    while IFS= read -r name; do\n"
          "        [[ \"$name\" == \"$cur\"* && \"$name\" =~ ^[A-Za-z0-9_./-]+$ ]] && "
          "COMPREPLY+=(\"$name\")\n"
          "    done < <(timeout 2 safelight \"$@\" --quiet 2>/dev/null </dev/null)\n"
          "}\n"
          "# How many words stand before this one that are no flags and no values of \"$@\".\n"
          "_safelight_nth() {\n"
          "    local i\n"
          "    for (( i = from; i < COMP_CWORD; i++ )); do\n"
          "        if [[ \" $* \" == *\" ${COMP_WORDS[i]} \"* ]]; then\n"
          "            [[ \"${COMP_WORDS[i+1]}\" == \"=\" ]] && (( i += 1 ))\n"
          "            (( i += 1 ))\n"
          "        elif [[ \"${COMP_WORDS[i]}\" != -* ]]; then\n"
          "            (( nth += 1 ))\n"
          "        fi\n"
          "    done\n"
          "}\n"
          "_safelight() {\n"
          "    local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]}\n"
          "    local command=${COMP_WORDS[1]} nth=0 from=2\n"
          "    COMPREPLY=()\n"
          "    [[ \"$cur\" == \"=\" ]] && cur= # --flag=value is three words here\n"
          "    [[ \"$prev\" == \"=\" ]] && prev=${COMP_WORDS[COMP_CWORD-2]}\n"
          "    if (( COMP_CWORD == 1 )); then\n"
          "        _safelight_words '",
          stdout);
    put_words_of(NULL);
    fputs(" --help --version'\n        return\n    fi\n    if (( COMP_CWORD == 2 )); then\n",
          stdout);
    put_verb_cases(&bash);
    fputs("    fi\n    case \"$command\" in\n    ", stdout);
    put_groups();
    fputs(") command=\"$command ${COMP_WORDS[2]}\" from=3 ;;\n    esac\n", stdout);
    put_cases(&bash);
    fputs("}\ncomplete -F _safelight safelight\n", stdout);
}

static void put_zsh(void)
{
    fputs("#compdef safelight\n"
          "# Completion of safelight for zsh: put it into a folder of $fpath, as _safelight.\n"
          "_safelight_names() {\n"
          "    local -a names\n"
          "    names=(${(M)${(f)\"$(timeout 2 safelight \"$@\" --quiet 2>/dev/null "
          "</dev/null)\"}:#[A-Za-z0-9_./-]#})\n"
          "    compadd -a names\n"
          "}\n"
          "# How many words stand before this one that are no flags and no values of \"$@\".\n"
          "_safelight_nth() {\n"
          "    local -i i\n"
          "    for (( i = from; i < CURRENT; i++ )); do\n"
          "        if (( $@[(I)$words[i]] )); then\n"
          "            (( i += 1 ))\n"
          "        elif [[ \"$words[i]\" != -* ]]; then\n"
          "            (( nth += 1 ))\n"
          "        fi\n"
          "    done\n"
          "}\n"
          "_safelight() {\n"
          "    setopt localoptions extendedglob\n"
          "    local cur=$words[CURRENT] prev=$words[CURRENT-1] command=$words[2]\n"
          "    local -i nth=0 from=3\n"
          "    if [[ \"$cur\" == --*=* ]]; then\n"
          "        prev=${cur%%=*} cur=${cur#*=}\n"
          "        compset -P '*='\n"
          "    fi\n"
          "    if (( CURRENT == 2 )); then\n"
          "        compadd -- ",
          stdout);
    put_words_of(NULL);
    fputs(" --help --version\n        return\n    fi\n    if (( CURRENT == 3 )); then\n", stdout);
    put_verb_cases(&zsh);
    fputs("    fi\n    case \"$command\" in\n    ", stdout);
    put_groups();
    fputs(") command=\"$command $words[3]\" from=4 ;;\n    esac\n", stdout);
    put_cases(&zsh);
    fputs("}\nif [[ $funcstack[1] == _safelight ]]; then\n    _safelight \"$@\"\n"
          "else\n    compdef _safelight safelight\nfi\n",
          stdout);
}

/* --- fish: one line for each thing --- */

static void fish_condition(const struct cli_command *c)
{
    printf("complete -c safelight -n '__safelight_at %s%s%s'", c->word, c->verb ? " " : "",
           c->verb ? c->verb : "");
}

static void fish_hint(const char *hint)
{
    if (strcmp(hint, "@file") == 0)
        fputs(" -F", stdout);
    else if (strcmp(hint, "@dir") == 0)
        fputs(" -a '(__fish_complete_directories)'", stdout);
    else if (hint[0] != '@' && hint[0])
        printf(" -a '%s'", hint);
    for (size_t i = 0; i < ARRAY_LEN(listers); i++) {
        if (strcmp(hint, listers[i].hint) == 0)
            printf(" -a '(__safelight_names %s)'", listers[i].command);
    }
}

static void fish_command(const struct cli_command *c)
{
    struct cli_word w;
    struct cli_meaning meaning;
    for (size_t i = 0; cli_flag_at(c, i, &w, &meaning); i++) {
        fish_condition(c);
        printf(" -l %.*s", (int)w.name.len, w.name.ptr);
        if (w.value.len) {
            fputs(strcmp(meaning.hint, "@file") == 0 ? " -r" : " -x", stdout);
            fish_hint(meaning.hint);
        }
        fputs(" -d ", stdout);
        quoted(str_from(meaning.text), true);
        putchar('\n');
    }
    if (word_hint(c, 0)[0]) {
        fish_condition(c);
        fish_hint(word_hint(c, 0));
        putchar('\n');
    }
}

static void put_fish(void)
{
    fputs("# Completion of safelight for fish: put it into ~/.config/fish/completions.\n"
          "function __safelight_names\n"
          "    timeout 2 safelight $argv --quiet 2>/dev/null </dev/null | "
          "string match -r '^[A-Za-z0-9_./-]+$'\n"
          "end\n"
          "# The command is this one; the next word is behind these.\n"
          "function __safelight_at\n"
          "    set -l words (commandline -opc)\n"
          "    set -l last (math 1 + (count $argv))\n"
          "    test \"$words[2..$last]\" = \"$argv\"\n"
          "end\n"
          "function __safelight_behind\n"
          "    set -l words (commandline -opc)\n"
          "    test \"$words[2..-1]\" = \"$argv\"\n"
          "end\n"
          "complete -c safelight -f\n",
          stdout);
    for (size_t i = 0; i < cli_command_count; i++) {
        const struct cli_command *c = &cli_commands[i];
        if (cli_hidden(c))
            continue;
        if (cli_first_of_group(i)) {
            printf("complete -c safelight -n __safelight_behind -a %s -d ", c->word);
            if (c->verb) {
                putchar('\'');
                put_words_of(c->word);
                putchar('\'');
            } else {
                quoted(cli_short_doc(c), true);
            }
            putchar('\n');
        }
        if (c->verb) {
            printf("complete -c safelight -n '__safelight_behind %s' -a %s -d ", c->word, c->verb);
            quoted(cli_short_doc(c), true);
            putchar('\n');
        }
        fish_command(c);
    }
}

int cli_completion(const struct cli_args *args)
{
    static const struct {
        const char *shell;
        void (*put)(void);
    } shells[] = {{"bash", put_bash}, {"zsh", put_zsh}, {"fish", put_fish}};
    struct nearest near = nearest_to(str_from(args->positional[0]));
    for (size_t i = 0; i < ARRAY_LEN(shells); i++) {
        nearest_offer(&near, str_from(shells[i].shell));
        if (strcmp(args->positional[0], shells[i].shell) != 0)
            continue;
        shells[i].put();
        return 0;
    }
    fprintf(stderr,
            near.name.len ? "safelight: say bash, zsh or fish; did you mean %.*s?\n"
                          : "safelight: say bash, zsh or fish\n",
            (int)near.name.len, near.name.ptr);
    return EXIT_CODE_USAGE;
}
