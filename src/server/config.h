/* The server's settings, from one table (config.def). Strength, weakest first: default, file,
 * environment (SAFELIGHT_LISTEN), flag (--listen). Owner thread; before anything starts. */
#ifndef SERVER_CONFIG_H
#define SERVER_CONFIG_H

#include "buf.h"
#include "limit.h"

enum { CONFIG_TEXT_MAX_BYTES = 1024 };

struct config {
    char data[CONFIG_TEXT_MAX_BYTES]; /* the data directory, absolute */
#define CONFIG_TEXT(member, name, def, doc)             char member[CONFIG_TEXT_MAX_BYTES];
#define CONFIG_BOOL(member, name, def, doc)             bool member;
#define CONFIG_INT(member, name, def, least, most, doc) int64_t member;
#include "config.def"
#undef CONFIG_TEXT
#undef CONFIG_BOOL
#undef CONFIG_INT
};

void config_defaults(struct config *c);

/* One setting by name. ERR_NOT_FOUND: no such setting. ERR_INVALID: *ret_why says what is wrong
 * (static text). */
enum err config_set(struct config *c, struct str name, struct str value,
                    const char **ret_why) MUST_USE;

/* `name = value` lines, # comments, blank lines. ERR_NOT_FOUND: no such file. ERR_INVALID: ret_why
 * names the line and the reason. */
enum err config_read_file(struct config *c, const char *path, char ret_why[static 200]) MUST_USE;

/* SAFELIGHT_NAME for each setting that is in the environment. */
enum err config_read_environment(struct config *c, char ret_why[static 200]) MUST_USE;

/* Settings that contradict each other. */
enum err config_check(const struct config *c, char ret_why[static 200]) MUST_USE;

/* The settings one by one, for help, completion and manual; false: no more. */
struct config_setting {
    const char *name, *argument, *doc, *fallback; /* argument: what stands for its value */
};
bool config_setting(size_t i, struct config_setting *ret);

/* Splits "127.0.0.1:4300" and "[::1]:4300". ERR_INVALID. */
enum err config_address(struct str listen, char ret_address[static 64],
                        uint16_t *ret_port) MUST_USE;

#endif
