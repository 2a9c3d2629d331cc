/* The command line of everything that talks to a server. Results go to stdout, everything else to
 * stderr; values come from stdin, a file or a hidden prompt, never from argv. */
#ifndef CLI_H
#define CLI_H

/* argv[0] is the program, argv[1] the command's first word. Returns the exit code. */
int cli_main(int argc, char **argv);

enum cli_exit {
    EXIT_CODE_DONE = 0,
    EXIT_CODE_USAGE = 2,
    EXIT_CODE_NOT_ALLOWED = 3,
    EXIT_CODE_NOT_FOUND = 4,
    EXIT_CODE_CONFLICT = 5,
    EXIT_CODE_UNREACHABLE = 6,
    EXIT_CODE_FAILED = 7,
    EXIT_CODE_INVALID = 9,
};

#endif
