/* The command line of `safelight restore`. */
#ifndef SERVER_RESTORE_MAIN_H
#define SERVER_RESTORE_MAIN_H

/* argv[0] is the word. Returns the exit code. */
int restore_main(int argc, char **argv);

#endif
