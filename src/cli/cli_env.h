/* Names and values out of a .env file or a JSON object of strings, one after another. The grammar
 * of .env, as docs/CLI.md has it:
 *
 *     file    = *( [blank] [ entry | comment ] newline )
 *     entry   = [ "export" blanks ] NAME [blank] "=" [blank] value
 *     value   = bare | 'single' | "double" | `back`     then blanks and a comment may follow
 *     comment = "#" to the end of the line
 *
 * bare runs to the end of the line or to a blank followed by '#', without the blanks around it; it
 * holds no quotes' meaning and no escapes. Quoted values may span lines. In single and back quotes
 * every byte stands for itself; in double quotes \n \r \t \" \\ \$ are escapes, a backslash before
 * a newline joins the lines, any other one is an error. Nothing is substituted: $NAME stays text. A
 * line's end is \n or \r\n; within quotes \r\n becomes \n. A byte order mark is skipped.
 *
 * A line of base64 characters that ends in '=' or '==', right below a bare value, is not an entry:
 * it is the end of a key that base64 wrapped, and would become a name, which everybody may read.
 * Two '=' are always that; one is when the value above is as long as a wrapped line and the text is
 * a multiple of four.
 *
 * src/api/console/dotenv.mjs reads by the same rules; tests/vectors/dotenv.json is the test of
 * both.
 *
 * The text is in memory that its owner wipes; values go straight into locked memory. Any thread. */
#ifndef CLI_ENV_H
#define CLI_ENV_H

#include "arena.h"
#include "buf.h"
#include "secret.h"

enum cli_env_format { CLI_ENV_DOTENV, CLI_ENV_JSON };
/* JSON when the first character that is no blank is '{'. */
enum cli_env_format cli_env_guess(struct str text);

struct cli_env_entry {
    struct str name;      /* in the arena; as written, whether a secret may be called so or not */
    struct secret *value; /* the caller's; NULL with `why` */
    const char *why;      /* what is wrong with this entry alone, static text; else NULL */
    unsigned line;        /* where it begins; JSON: 0 */
};

struct json_scan;
struct cli_env {
    struct str rest;
    enum cli_env_format format;
    unsigned line;
    struct str above; /* the last bare value, and its line; 0: the last was none */
    unsigned above_line;
    const char *why; /* after ERR_INVALID: what is wrong with the text itself */
    struct arena *arena;
    struct json_scan *scan;
};
void cli_env_auto(struct cli_env *env);
struct cli_env cli_env_make(struct str text, enum cli_env_format format, struct arena *arena);

/* The next entry. ERR_NOT_FOUND: there is none. ERR_INVALID: the text cannot be read on from
 * env->line, env->why says why; nothing of what follows is known. ERR_LIMIT: no locked memory. */
enum err cli_env_next(struct cli_env *env, struct cli_env_entry *ret) MUST_USE;

#endif
