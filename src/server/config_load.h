/* Where settings come from: the command line and the environment, which are looked at once, and the
 * file, which is read again at each reload. All that is wrong is told at once, a line each: where
 * it stands and what to do, never what was written there. Owner thread. */
#ifndef SERVER_CONFIG_LOAD_H
#define SERVER_CONFIG_LOAD_H

#include "config.h"

enum { CONFIG_FILE_MAX_BYTES = 64 * 1024, CONFIG_PROBLEMS_MAX_BYTES = 16 * 1024 };

enum config_origin {
    CONFIG_FROM_DEFAULT,
    CONFIG_FROM_FILE,
    CONFIG_FROM_ENVIRONMENT,
    CONFIG_FROM_FLAG
};
struct config_source {
    enum config_origin origin;
    unsigned line; /* of the file */
};

struct config_inputs {
    char data[CONFIG_TEXT_MAX_BYTES]; /* empty: not given */
    char file[CONFIG_TEXT_MAX_BYTES]; /* empty: there is none to look for */
    bool file_named;                  /* by --config: then it has to be there */
    char *environment[CONFIG_COUNT];  /* copies; NULL: not set */
    const char *flags[CONFIG_COUNT];  /* in argv */
};

/* How the result is wanted: flags that are no settings. */
struct config_output {
    bool json, quiet;
};

/* `--data DIR`, `--config FILE`, one `--name value` or `--name=value` for each setting, `--json`
 * and
 * `--quiet` when ret_output is not NULL; SAFELIGHT_DATA and SAFELIGHT_NAME. ERR_USAGE: `problems`
 * says what. */
enum err config_inputs_read(int argc, char **argv, struct config_output *ret_output,
                            struct config_inputs *ret, struct buf *problems) MUST_USE;
void config_inputs_auto(struct config_inputs *in);

/* ERR_INVALID: `problems` says all that is wrong; *ret and ret_from stay as they were. */
enum err config_load(const struct config_inputs *in, struct config *ret,
                     struct config_source ret_from[static CONFIG_COUNT],
                     struct buf *problems) MUST_USE;
/* The same, but those that are right are there also when others are not, so that more can be said
 * of them. */
enum err config_load_right(const struct config_inputs *in, struct config *ret,
                           struct config_source ret_from[static CONFIG_COUNT],
                           struct buf *problems) MUST_USE;

/* Adds a line about one setting: where it stands, and why it is wrong. */
void config_problem(const struct config_inputs *in, enum config_id id, struct config_source from,
                    const char *why, struct buf *problems);

/* SAFELIGHT_LISTEN for listen. */
void config_variable(enum config_id id, char ret[static 64]);

#endif
