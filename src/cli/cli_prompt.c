#include "cli_prompt.h"

#include <stdio.h>

#include "prompt.h"
#include "term.h"

int cli_confirm_possible(const struct cli_args *args)
{
    const struct cli_command *c = args->command;
    if (cli_flag(args, "yes") || prompt_possible())
        return 0;
    fprintf(stderr,
            "safelight: this destroys something, and there is no terminal to ask on; say --yes\n"
            "usage: safelight %s%s%s %s\n",
            c->word, c->verb ? " " : "", c->verb ? c->verb : "", c->usage);
    return EXIT_CODE_USAGE;
}

int cli_confirm(const struct cli_args *args, const char *what, struct str name, const char *more)
{
    if (cli_flag(args, "yes"))
        return 0;
    fprintf(stderr, "This destroys %s ", what);
    term_put(name, "", stderr);
    fprintf(stderr, "%s. It cannot be undone.", more);
    if (prompt_yes())
        return 0;
    fputs("safelight: nothing was changed\n", stderr);
    return EXIT_CODE_USAGE;
}
