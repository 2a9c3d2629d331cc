/* safelight recovery-key create|show: the key that opens backups. */
#ifndef SERVER_RECOVERY_MAIN_H
#define SERVER_RECOVERY_MAIN_H

int recovery_main(int argc, char **argv);

#endif
