/* `safelight config check|show`: argv[1] is "check" or "show". Returns the exit code. */
#ifndef SERVER_CONFIG_MAIN_H
#define SERVER_CONFIG_MAIN_H

int config_main(int argc, char **argv);

#endif
