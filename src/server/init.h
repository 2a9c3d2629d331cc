/* `safelight init`: the data directory, root key, keyring, database, first team and its admin
 * token, which alone goes to stdout. */
#ifndef SERVER_INIT_H
#define SERVER_INIT_H

int init_main(int argc, char **argv);

#endif
