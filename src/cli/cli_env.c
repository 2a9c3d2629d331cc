#include "cli_env.h"

#include "json_scan.h"
#include "limit.h"

enum {
    ENTRY_NAME_MAX_BYTES = 1024,
    WRAPPED_LEAST = 60 /* openssl and PEM wrap at 64, base64 at 76 */
};

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

static char at(const struct cli_env *env, size_t i)
{
    return i < env->rest.len ? env->rest.ptr[i] : '\n';
}

static void skip(struct cli_env *env, size_t count)
{
    env->rest = str_slice(env->rest, count, env->rest.len);
}

static void skip_blanks(struct cli_env *env)
{
    while (env->rest.len && is_blank(env->rest.ptr[0]))
        skip(env, 1);
}

static enum err wrong(struct cli_env *env, const char *why)
{
    env->why = why;
    return ERR_INVALID;
}

enum cli_env_format cli_env_guess(struct str text)
{
    if (str_starts(text, STR("\xef\xbb\xbf")))
        text = str_slice(text, 3, text.len);
    return str_starts(str_trim(text), STR("{")) ? CLI_ENV_JSON : CLI_ENV_DOTENV;
}

struct cli_env cli_env_make(struct str text, enum cli_env_format format, struct arena *arena)
{
    if (str_starts(text, STR("\xef\xbb\xbf")))
        text = str_slice(text, 3, text.len);
    return (struct cli_env){
        .rest = text, .format = format, .line = format == CLI_ENV_DOTENV, .arena = arena};
}

/* --- .env --- */

/* Past blank lines and comments; false at the end. */
static bool find_entry(struct cli_env *env)
{
    for (;;) {
        skip_blanks(env);
        if (env->rest.len == 0)
            return false;
        if (at(env, 0) == '#')
            skip(env, str_find(env->rest, '\n'));
        if (at(env, 0) == '\r' && at(env, 1) == '\n' && env->rest.len)
            skip(env, 1);
        if (env->rest.len == 0)
            return false;
        if (at(env, 0) != '\n')
            return true;
        env->line++;
        skip(env, 1);
    }
}

static enum err read_name(struct cli_env *env, struct str *ret)
{
    if (str_starts(env->rest, STR("export")) && is_blank(at(env, 6))) {
        skip(env, 6);
        skip_blanks(env);
    }
    size_t end = 0;
    while (end < env->rest.len && !is_blank(at(env, end)) && at(env, end) != '=' &&
           at(env, end) != '\n' && at(env, end) != '\r')
        end++;
    struct str name = str_slice(env->rest, 0, end);
    skip(env, end);
    skip_blanks(env);
    if (at(env, 0) != '=' || env->rest.len == 0)
        return wrong(env, "say NAME=value");
    if (name.len == 0)
        return wrong(env, "the name is missing before =");
    if (name.len > ENTRY_NAME_MAX_BYTES)
        return wrong(env, "the name is too long");
    *ret = arena_str(env->arena, name);
    skip(env, 1);
    skip_blanks(env);
    return OK;
}

/* Bytes of the value past the limit are read and dropped: only this entry is bad. */
static void keep(struct buf *value, char c, bool *too_long)
{
    *too_long = buf_put_byte(value, (uint8_t)c) != OK || *too_long;
}

static bool is_base64(struct str s)
{
    for (size_t i = 0; i < s.len; i++) {
        char c = s.ptr[i];
        bool word = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
        if (!word && c != '+' && c != '/' && c != '-' && c != '_')
            return false;
    }
    return s.len > 0;
}

/* The end of a wrapped value, not an entry (cli_env.h). */
static bool is_wrapped_end(const struct cli_env *env)
{
    struct str line = str_trim(str_slice(env->rest, 0, str_find(env->rest, '\n')));
    size_t pads = str_ends(line, STR("==")) ? 2 : str_ends(line, STR("=")) ? 1 : 0;
    if (env->above_line == 0 || env->line != env->above_line + 1 || pads == 0 ||
        !is_base64(str_slice(line, 0, line.len - pads)))
        return false;
    return pads == 2 ||
           (line.len % 4 == 0 && env->above.len >= WRAPPED_LEAST && is_base64(env->above));
}

static void read_bare(struct cli_env *env, struct buf *value, bool *too_long)
{
    size_t end = 0;
    while (end < env->rest.len && at(env, end) != '\n' &&
           !(at(env, end) == '#' && (end == 0 || is_blank(at(env, end - 1)))))
        end++;
    struct str text = str_trim(str_slice(env->rest, 0, end));
    *too_long = buf_put(value, text) != OK;
    env->above = text;
    env->above_line = env->line;
    skip(env, str_find(env->rest, '\n'));
}

/* What a backslash and the character behind it stand for; 0: nothing. */
static char escaped(char c)
{
    static const char from[] = "nrt\"\\$", to[] = "\n\r\t\"\\$";
    const char *found = c ? strchr(from, c) : NULL;
    return found ? to[found - from] : 0;
}

static enum err read_quoted(struct cli_env *env, struct buf *value, bool *too_long)
{
    char quote = at(env, 0);
    unsigned begin = env->line, lines = 0;
    size_t i = 1;
    for (; i < env->rest.len && at(env, i) != quote; i++) {
        char c = at(env, i);
        bool crlf = c == '\r' && i + 1 < env->rest.len && at(env, i + 1) == '\n';
        if (crlf)
            continue; /* the newline follows */
        lines += c == '\n';
        if (c != '\\' || quote != '"') {
            keep(value, c, too_long);
            continue;
        }
        i++;
        if (at(env, i) == '\r' && at(env, i + 1) == '\n')
            i++;
        if (i >= env->rest.len)
            break;
        c = at(env, i);
        lines += c == '\n';
        if (c != '\n' && !escaped(c)) {
            env->line = begin + lines;
            return wrong(env,
                         "in double quotes only \\n \\r \\t \\\" \\\\ \\$ are escapes; put the "
                         "value in single quotes to take it as it is");
        }
        if (c != '\n')
            keep(value, escaped(c), too_long);
    }
    if (i >= env->rest.len) {
        env->line = begin;
        return wrong(env, "the quote that opens here is never closed");
    }
    skip(env, i + 1);
    env->line = begin + lines;
    skip_blanks(env);
    if (at(env, 0) == '#')
        skip(env, str_find(env->rest, '\n'));
    if (at(env, 0) == '\r' && at(env, 1) == '\n' && env->rest.len)
        skip(env, 1);
    return at(env, 0) == '\n' ? OK : wrong(env, "there is something behind the closing quote");
}

/* What JSON can carry to the server; anything else would arrive as another value. */
static bool is_text(struct str s)
{
    AUTO(buf) struct buf quoted = buf_make(s.len + 2);
    struct json_limits limits = {1, 1};
    if (buf_put_byte(&quoted, '"') != OK)
        return false;
    for (size_t i = 0; i < s.len; i++) {
        unsigned char c = (unsigned char)s.ptr[i];
        if (c == 0 || buf_put_byte(&quoted, c < 0x20 || c == '"' || c == '\\' ? 'x' : c) != OK)
            return false;
    }
    return buf_put_byte(&quoted, '"') == OK && json_valid(buf_str(&quoted), limits) == OK;
}

static enum err take_value(struct buf *value, bool too_long, struct cli_env_entry *ret)
{
    if (too_long)
        ret->why = "the value is longer than 64 KiB";
    else if (value->len == 0)
        ret->why = "the value is empty";
    else if (!is_text(buf_str(value)))
        ret->why = "the value is not text (UTF-8 without NUL)";
    else
        return secret_new(buf_str(value), &ret->value);
    return OK;
}

static enum err next_dotenv(struct cli_env *env, struct cli_env_entry *ret)
{
    AUTO(buf) struct buf value = buf_make(SECRET_VALUE_MAX_BYTES);
    bool too_long = false;
    if (!find_entry(env))
        return ERR_NOT_FOUND;
    if (is_wrapped_end(env))
        return wrong(env, "a value that goes on in the next line stands in quotes; this line looks "
                          "like the end of the value above (an empty value is '')");
    struct cli_env_entry entry = {.line = env->line};
    env->above_line = 0;
    TRY(read_name(env, &entry.name));
    char first = at(env, 0);
    if (env->rest.len && (first == '"' || first == '\'' || first == '`'))
        TRY(read_quoted(env, &value, &too_long));
    else
        read_bare(env, &value, &too_long);
    TRY(take_value(&value, too_long, &entry));
    *ret = entry;
    return OK;
}

/* --- JSON --- */

static enum err bad_json(struct cli_env *env)
{
    size_t offset = json_scan_offset(env->scan);
    env->line = 1;
    for (size_t i = 0; i < offset && i < env->rest.len; i++)
        env->line += env->rest.ptr[i] == '\n';
    return wrong(env, json_scan_why(env->scan));
}

static enum err begin_json(struct cli_env *env)
{
    struct json_limits limits = {JSON_DEPTH_MAX, IMPORT_ENTRIES_MAX * 3};
    struct json_token t;
    env->scan = json_scan_new(env->rest, limits);
    if (json_scan_next(env->scan, &t) != OK)
        return bad_json(env);
    return t.type == JSON_OBJECT_BEGIN ? OK : wrong(env, "it is one JSON object of strings");
}

static enum err next_json(struct cli_env *env, struct cli_env_entry *ret)
{
    AUTO(buf) struct buf name = buf_make(ENTRY_NAME_MAX_BYTES);
    AUTO(buf) struct buf value = buf_make(SECRET_VALUE_MAX_BYTES);
    struct cli_env_entry entry = {.line = 0};
    struct json_token t;
    size_t end;
    if (!env->scan)
        TRY(begin_json(env));
    if (json_scan_next(env->scan, &t) != OK)
        return bad_json(env);
    if (t.type == JSON_OBJECT_END) /* then the document must end, too */
        return json_scan_next(env->scan, &t) == OK ? ERR_NOT_FOUND : bad_json(env);
    if (json_unescape(t.raw, &name) != OK)
        return wrong(env, "a name is too long");
    entry.name = arena_str(env->arena, buf_str(&name));
    if (json_scan_next(env->scan, &t) != OK)
        return bad_json(env);
    if (t.type != JSON_STRING) {
        if (json_scan_skip(env->scan, &t, &end) != OK)
            return bad_json(env);
        entry.why = "the value is not a string";
    } else {
        TRY(take_value(&value, json_unescape(t.raw, &value) != OK, &entry));
    }
    *ret = entry;
    return OK;
}

enum err cli_env_next(struct cli_env *env, struct cli_env_entry *ret)
{
    return env->format == CLI_ENV_JSON ? next_json(env, ret) : next_dotenv(env, ret);
}

void cli_env_auto(struct cli_env *env)
{
    json_scan_free(&env->scan);
}
