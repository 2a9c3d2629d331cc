#include "config_load.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "alloc.h"
#include "datadir.h"
#include "io.h"

/* Those that no longer fit are not told: there are enough to begin with. */
static void problem(struct buf *problems, const char *format, ...) PRINTF_LIKE(2, 3);
static void problem(struct buf *problems, const char *format, ...)
{
    char line[CONFIG_TEXT_MAX_BYTES + 2 * CONFIG_WHY_BYTES];
    va_list args;
    va_start(args, format);
    vsnprintf(line, sizeof line, format, args);
    va_end(args);
    size_t before = problems->len;
    if (buf_put(problems, str_from(line)) != OK || buf_put(problems, STR("\n")) != OK)
        buf_truncate(problems, before);
}

void config_variable(enum config_id id, char ret[static 64])
{
    const char *name = config_setting(id)->name;
    size_t at = (size_t)snprintf(ret, 64, "SAFELIGHT_");
    for (; *name && at < 63; name++)
        ret[at++] = *name == '-' ? '_' : (char)toupper((unsigned char)*name);
    ret[at] = 0;
}

/* --- command line --- */

/* One `--name value` or `--name=value`; *at moves behind it. NULL: there is no value. */
static const char *next_flag(int argc, char **argv, int *at, struct str *ret_name)
{
    const char *text = argv[*at];
    *ret_name = STR_EMPTY;
    if (strncmp(text, "--", 2) != 0)
        return NULL;
    size_t length = strcspn(text + 2, "=");
    *ret_name = str_bytes(text + 2, length);
    (*at)++;
    if (text[2 + length] == '=')
        return text + 2 + length + 1;
    return *at < argc ? argv[(*at)++] : NULL;
}

static void unknown(struct buf *problems, const char *where, struct str name, const char *dashes)
{
    const char *near = config_nearest(name);
    problem(problems, "%s: there is no setting of this name%s%s%s%s", where,
            near ? "; did you mean " : "", near ? dashes : "", near ? near : "", near ? "?" : "");
}

static enum err read_flag(struct config_inputs *in, struct str name, const char *value,
                          const char *where, struct buf *problems)
{
    enum config_id id = config_find(name);
    bool data = str_is(name, "data"), file = str_is(name, "config");
    if (!value) {
        problem(problems, "%s: say --name value (see --help)", where);
        return ERR_USAGE;
    }
    if (data || file) {
        if (str_to_text(str_from(value), data ? in->data : in->file, CONFIG_TEXT_MAX_BYTES) == OK &&
            value[0]) {
            in->file_named = in->file_named || file;
            return OK;
        }
        problem(problems, "%s: the path is empty or too long", where);
        return ERR_USAGE;
    }
    if (id == CONFIG_COUNT) {
        unknown(problems, where, name, "--");
        return ERR_USAGE;
    }
    if (config_setting(id)->type == CONFIG_TYPE_SECRET) {
        problem(problems,
                "%s: a command line can be read by everybody on this machine; put this setting "
                "into the file",
                where);
        return ERR_USAGE;
    }
    in->flags[id] = value;
    return OK;
}

static bool output_flag(const char *word, struct config_output *ret)
{
    bool json = strcmp(word, "--json") == 0, quiet = strcmp(word, "--quiet") == 0;
    if (!ret || (!json && !quiet))
        return false;
    ret->json = ret->json || json;
    ret->quiet = ret->quiet || quiet;
    return true;
}

static enum err read_flags(int argc, char **argv, struct config_output *ret_output,
                           struct config_inputs *in, struct buf *problems)
{
    enum err first = OK;
    for (int at = 1; at < argc;) {
        char where[32];
        struct str name;
        snprintf(where, sizeof where, "argument %d", at);
        if (output_flag(argv[at], ret_output)) {
            at++;
            continue;
        }
        const char *value = next_flag(argc, argv, &at, &name);
        if (name.len == 0) {
            problem(problems, "%s: say --name value (see --help)", where);
            return ERR_USAGE;
        }
        enum err e = read_flag(in, name, value, where, problems);
        first = first == OK ? e : first;
    }
    return first;
}

static enum err place_data(struct config_inputs *in, struct buf *problems)
{
    const char *variable = getenv("SAFELIGHT_DATA");
    if (!in->data[0] && variable && variable[0] &&
        str_to_text(str_from(variable), in->data, sizeof in->data) != OK)
        in->data[0] = 0;
    if (!in->data[0])
        return OK;
    char *absolute = realpath(in->data, NULL), path[DATADIR_PATH_MAX_BYTES];
    enum err e = absolute ? str_to_text(str_from(absolute), in->data, sizeof in->data) : OK;
    free(absolute);
    if (e == OK && !in->file_named) {
        e = datadir_path(in->data, "safelight.conf", path);
        if (e == OK)
            e = str_to_text(str_from(path), in->file, sizeof in->file);
    }
    if (e == OK)
        return OK;
    problem(problems, "--data: the path is too long");
    return ERR_USAGE;
}

enum err config_inputs_read(int argc, char **argv, struct config_output *ret_output,
                            struct config_inputs *ret, struct buf *problems)
{
    *ret = (struct config_inputs){.file_named = false};
    TRY(read_flags(argc, argv, ret_output, ret, problems));
    TRY(place_data(ret, problems));
    for (enum config_id id = 0; id < CONFIG_COUNT; id++) {
        char variable[64];
        config_variable(id, variable);
        const char *value = getenv(variable);
        ret->environment[id] = value ? xstrdup(value) : NULL;
    }
    return OK;
}

void config_inputs_auto(struct config_inputs *in)
{
    for (enum config_id id = 0; id < CONFIG_COUNT; id++)
        free(TAKE(in->environment[id]));
}

/* --- all together --- */

struct load {
    const struct config_inputs *in;
    struct config config;
    struct config_source from[CONFIG_COUNT];
    bool assigned[CONFIG_COUNT]; /* else it was refused, and said so */
    struct buf *problems;
};

/* What a person looks for: a line of the file, a variable, a flag. */
void config_problem(const struct config_inputs *in, enum config_id id, struct config_source from,
                    const char *why, struct buf *problems)
{
    const char *name = config_setting(id)->name;
    char variable[64];
    config_variable(id, variable);
    if (from.origin == CONFIG_FROM_FILE)
        problem(problems, "%s:%u: %s: %s", in->file, from.line, name, why);
    else if (from.origin == CONFIG_FROM_ENVIRONMENT)
        problem(problems, "environment: %s: %s", variable, why);
    else
        problem(problems, "%s%s: %s", from.origin == CONFIG_FROM_FLAG ? "--" : "", name, why);
}

static void set(struct load *l, enum config_id id, struct str value, struct config_source from)
{
    char why[CONFIG_WHY_BYTES];
    l->from[id] = from;
    l->assigned[id] = config_assign(&l->config, id, value, why) == OK;
    if (!l->assigned[id])
        config_problem(l->in, id, from, why, l->problems);
}

static void read_line(struct load *l, struct str line, unsigned number)
{
    char where[1200];
    struct str name, value = str_split(line, '=', &name);
    snprintf(where, sizeof where, "%s:%u", l->in->file, number);
    if (!value.ptr) {
        problem(l->problems, "%s: say name = value", where);
        return;
    }
    enum config_id id = config_find(str_trim(name));
    if (id == CONFIG_COUNT)
        unknown(l->problems, where, str_trim(name), "");
    else if (l->from[id].origin == CONFIG_FROM_FILE)
        problem(l->problems, "%s: %s was said in line %u already", where, config_setting(id)->name,
                l->from[id].line);
    else
        set(l, id, str_trim(value), (struct config_source){CONFIG_FROM_FILE, number});
}

/* A secret in a file that anybody can read is none. */
static void check_permissions(struct load *l)
{
    struct stat st;
    for (enum config_id id = 0; id < CONFIG_COUNT; id++) {
        if (config_setting(id)->type != CONFIG_TYPE_SECRET ||
            l->from[id].origin != CONFIG_FROM_FILE)
            continue;
        if (stat(l->in->file, &st) == 0 && (st.st_mode & 007) != 0)
            problem(l->problems,
                    "%s:%u: %s is a secret, and others may read or write this file: chmod 640 it",
                    l->in->file, l->from[id].line, config_setting(id)->name);
    }
}

static void read_file(struct load *l)
{
    AUTO(buf) struct buf file = buf_make(CONFIG_FILE_MAX_BYTES);
    if (!l->in->file[0])
        return;
    enum err e = io_read_file(l->in->file, &file);
    if (e == ERR_NOT_FOUND && !l->in->file_named)
        return;
    if (e != OK) {
        problem(l->problems, "%s: %s", l->in->file,
                e == ERR_NOT_FOUND   ? "there is no such file"
                : e == ERR_TOO_LARGE ? "it is larger than 64 KiB"
                                     : "it cannot be read");
        return;
    }
    struct str rest = buf_str(&file), line;
    for (unsigned number = 1; rest.ptr && rest.len; number++) {
        rest = str_split(rest, '\n', &line);
        line = str_trim(line);
        if (line.len > 0 && line.ptr[0] != '#')
            read_line(l, line, number);
    }
    check_permissions(l);
}

static void read_environment(struct load *l, enum config_id id)
{
    const char *value = l->in->environment[id];
    char variable[64];
    config_variable(id, variable);
    if (!value)
        return;
    if (config_setting(id)->type == CONFIG_TYPE_SECRET)
        problem(l->problems,
                "environment: %s: every child of ours would have it; put this setting into the "
                "file",
                variable);
    else
        set(l, id, str_from(value), (struct config_source){CONFIG_FROM_ENVIRONMENT, 0});
}

/* Variables of ours that are no settings: of clients, of workers and their engines, of the packaged
 * unit. */
static const char *const other_variables[] = {"data", "url",    "token",  "profile",    "output",
                                              "job",  "job-id", "engine", "worker-args"};

/* SAFELIGHT_LOG_LVL. Only what is close to a setting was meant as one: container platforms make
 * variables of this beginning too, and there is nothing in a name that is nearly known to hide. */
static void check_variable(struct load *l, struct str variable)
{
    char name[64], right[64];
    size_t length = 0;
    for (; length < variable.len && length < sizeof name; length++)
        name[length] =
            variable.ptr[length] == '_' ? '-' : (char)tolower((unsigned char)variable.ptr[length]);
    struct str wanted = str_bytes(name, length);
    for (size_t i = 0; i < ARRAY_LEN(other_variables); i++) {
        if (str_is(wanted, other_variables[i]))
            return;
    }
    const char *near = config_find(wanted) == CONFIG_COUNT ? config_nearest(wanted) : NULL;
    if (!near || variable.len > sizeof name)
        return;
    config_variable(config_find(str_from(near)), right);
    problem(l->problems, "environment: SAFELIGHT_%.*s: there is no such setting; did you mean %s?",
            (int)variable.len, variable.ptr, right);
}

static void check_environment(struct load *l)
{
    for (char **at = environ; at && *at; at++) {
        struct str name;
        str_split(str_from(*at), '=', &name);
        if (str_starts(name, STR("SAFELIGHT_")))
            check_variable(l, str_slice(name, strlen("SAFELIGHT_"), name.len));
    }
}

/* Only of those that could be read: what is wrong is told once. */
static void check_forms(struct load *l)
{
    for (enum config_id id = 0; id < CONFIG_COUNT; id++) {
        const char *why = l->assigned[id] ? config_wrong(&l->config, id) : NULL;
        if (why)
            config_problem(l->in, id, l->from[id], why, l->problems);
    }
}

enum err config_load_right(const struct config_inputs *in, struct config *ret,
                           struct config_source ret_from[static CONFIG_COUNT], struct buf *problems)
{
    struct load l = {.in = in, .problems = problems};
    size_t before = problems->len;
    config_defaults(&l.config);
    memset(l.assigned, true, sizeof l.assigned);
    memcpy(l.config.data, in->data, sizeof l.config.data);
    read_file(&l);
    for (enum config_id id = 0; id < CONFIG_COUNT; id++)
        read_environment(&l, id);
    for (enum config_id id = 0; id < CONFIG_COUNT; id++)
        if (in->flags[id])
            set(&l, id, str_from(in->flags[id]), (struct config_source){CONFIG_FROM_FLAG, 0});
    check_environment(&l);
    check_forms(&l);
    *ret = l.config;
    memcpy(ret_from, l.from, sizeof l.from);
    return problems->len > before ? ERR_INVALID : OK;
}

enum err config_load(const struct config_inputs *in, struct config *ret,
                     struct config_source ret_from[static CONFIG_COUNT], struct buf *problems)
{
    struct config c;
    struct config_source from[CONFIG_COUNT];
    TRY(config_load_right(in, &c, from, problems));
    *ret = c;
    memcpy(ret_from, from, sizeof from);
    return OK;
}
