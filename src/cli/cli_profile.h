/* Profiles: a server and a token under a name, one file each, NAME.profile in
 * $XDG_CONFIG_HOME/safelight (or ~/.config/safelight), and which of them is in use. Folder and
 * files must be ours alone: what is a link, belongs to someone else or is open to others is
 * refused, not used. Files are replaced as a whole. Owner thread. */
#ifndef CLI_PROFILE_H
#define CLI_PROFILE_H

#include "arena.h"
#include "secret.h"

enum { PROFILE_NAME_MAX_BYTES = 64, PROFILE_URL_MAX_BYTES = 1000, PROFILE_WHY_BYTES = 240 };

struct profile {
    char url[PROFILE_URL_MAX_BYTES + 1];
    struct secret *token;
};
void profile_auto(struct profile *p);

/* 1 to 64 of a-z A-Z 0-9 . _ -, beginning with a letter or digit. */
bool profile_name_valid(struct str name);

/* ERR_NOT_FOUND: there is none. ERR_FORBIDDEN (links, owner, permissions), ERR_INVALID (not what we
 * wrote), ERR_IO: ret_why says what to do. */
enum err profile_load(const char *name, struct profile *ret,
                      char ret_why[static PROFILE_WHY_BYTES]) MUST_USE;
/* Makes the folder if need be. */
enum err profile_save(const char *name, const struct profile *p,
                      char ret_why[static PROFILE_WHY_BYTES]) MUST_USE;
enum err profile_remove(const char *name, char ret_why[static PROFILE_WHY_BYTES]) MUST_USE;

/* The one in use: ERR_NOT_FOUND when none was chosen. */
enum err profile_current(char ret[static PROFILE_NAME_MAX_BYTES + 1],
                         char ret_why[static PROFILE_WHY_BYTES]) MUST_USE;
enum err profile_use(const char *name, char ret_why[static PROFILE_WHY_BYTES]) MUST_USE;

/* Names, sorted, in the arena. None when there is no folder. */
enum err profile_list(struct arena *a, struct str **ret, size_t *ret_count,
                      char ret_why[static PROFILE_WHY_BYTES]) MUST_USE;

#endif
