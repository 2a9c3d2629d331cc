/* The command line of `safelight backup`. */
#ifndef SERVER_BACKUP_MAIN_H
#define SERVER_BACKUP_MAIN_H

/* argv[0] is the word. Returns the exit code. */
int backup_main(int argc, char **argv);

#endif
