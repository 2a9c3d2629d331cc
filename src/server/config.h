/* The server's settings, from one table (config.def). Strength, weakest first: default, file,
 * environment (SAFELIGHT_LISTEN), flag (--listen); config_load.h puts them together. Errors name a
 * setting, never what was written for it. Owner thread. */
#ifndef SERVER_CONFIG_H
#define SERVER_CONFIG_H

#include "buf.h"
#include "limit.h"
#include "log.h"

enum {
    CONFIG_TEXT_MAX_BYTES = 1024,
    CONFIG_HASH_BYTES = 32,
    CONFIG_SECRET_MIN_BYTES = 32, /* nobody guesses that */
    CONFIG_SECRET_MAX_BYTES = 512,
    CONFIG_SOCKET_PATH_MAX_BYTES = 107, /* what the kernel takes */
};

/* Of a secret the SHA-256 is kept; zeroes: it is not set. */
struct config {
    char data[CONFIG_TEXT_MAX_BYTES]; /* the data directory, absolute */
#define CONFIG_TEXT(member, ...)   char member[CONFIG_TEXT_MAX_BYTES];
#define CONFIG_WORD(member, ...)   char member[CONFIG_TEXT_MAX_BYTES];
#define CONFIG_BOOL(member, ...)   bool member;
#define CONFIG_INT(member, ...)    int64_t member;
#define CONFIG_SECRET(member, ...) uint8_t member[CONFIG_HASH_BYTES];
#include "config.def"
#undef CONFIG_TEXT
#undef CONFIG_WORD
#undef CONFIG_BOOL
#undef CONFIG_INT
#undef CONFIG_SECRET
};

#define CONFIG_TEXT(member, ...)   CONFIG_##member,
#define CONFIG_WORD(member, ...)   CONFIG_##member,
#define CONFIG_BOOL(member, ...)   CONFIG_##member,
#define CONFIG_INT(member, ...)    CONFIG_##member,
#define CONFIG_SECRET(member, ...) CONFIG_##member,
enum config_id {
#include "config.def"
    CONFIG_COUNT
};
#undef CONFIG_TEXT
#undef CONFIG_WORD
#undef CONFIG_BOOL
#undef CONFIG_INT
#undef CONFIG_SECRET

enum config_type { CONFIG_TYPE_TEXT, CONFIG_TYPE_BOOL, CONFIG_TYPE_INT, CONFIG_TYPE_SECRET };

struct config_setting {
    const char *name, *fallback;
    const char *unit; /* of a number; of a text: the words it may be, or "" */
    const char *doc;
    enum config_type type;
    bool reloads;
    size_t offset;
    int64_t least, most;
};
const struct config_setting *config_setting(enum config_id id);

void config_defaults(struct config *c);

enum { CONFIG_WHY_BYTES = 200 };

/* CONFIG_COUNT: there is no such setting. */
enum config_id config_find(struct str name);
/* The name a person probably meant; NULL: none is near. */
const char *config_nearest(struct str name);
/* ERR_INVALID: ret_why says what is wrong. */
enum err config_assign(struct config *c, enum config_id id, struct str value,
                       char ret_why[static CONFIG_WHY_BYTES]) MUST_USE;

/* What is wrong with a setting that has a form of its own or contradicts another; NULL: nothing. */
const char *config_wrong(const struct config *c, enum config_id id);

/* As a person would write it; a secret is "set" or "not set". */
enum err config_value(const struct config *c, enum config_id id, struct buf *out) MUST_USE;
bool config_same(const struct config *a, const struct config *b, enum config_id id);
void config_copy(struct config *to, const struct config *from, enum config_id id);

/* --- settings that are more than text; the checks above have been passed --- */

struct config_listen {
    bool is_unix;
    char address[CONFIG_SOCKET_PATH_MAX_BYTES + 1]; /* or the path */
    uint16_t port;
};
/* Splits "127.0.0.1:4300", "[::1]:4300", "unix:/run/safelight/http.sock". ERR_INVALID. */
enum err config_listen(struct str listen, struct config_listen *ret) MUST_USE;
enum err config_mode(struct str octal, unsigned *ret) MUST_USE; /* ERR_INVALID */
enum log_level config_log_level(const struct config *c);
enum log_format config_log_format(const struct config *c);
enum config_metrics { CONFIG_METRICS_OFF, CONFIG_METRICS_LOOPBACK, CONFIG_METRICS_TOKEN };
enum config_metrics config_metrics(const struct config *c);

#endif
