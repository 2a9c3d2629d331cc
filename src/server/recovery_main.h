/* The command line of `safelight recovery-key`. */
#ifndef SERVER_RECOVERY_MAIN_H
#define SERVER_RECOVERY_MAIN_H

/* argv[0] is the word. Returns the exit code. */
int recovery_main(int argc, char **argv);

#endif
