#include "worker.h"

#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "engine.h"
#include "io.h"
#include "log.h"
#include "worker_render.h"

enum {
    EXIT_DONE = 0,
    EXIT_USAGE = 2,
    EXIT_NOT_ALLOWED = 3,
    EXIT_UNREACHABLE = 6,
    EXIT_FAILED = 7,
    EXIT_INVALID = 9
};
enum { POLL_DEFAULT_MS = 1000, POLL_MOST_MS = 60000 };
enum { ENGINE_WORD_MAX_BYTES = 64, LIST_MAX_BYTES = 256 }; /* as the server takes them */

struct options {
    const char *engine, *name, *engines, *tags, *work, *poll;
    bool once, keep, token_stdin;
};

static bool read_options(int argc, char **argv, struct options *o)
{
    const struct {
        const char *flag, **value;
    } known[] = {{"--engine", &o->engine}, {"--name", &o->name}, {"--engines", &o->engines},
                 {"--tags", &o->tags},     {"--work", &o->work}, {"--poll-ms", &o->poll}};
    const struct {
        const char *flag;
        bool *value;
    } switches[] = {{"--once", &o->once}, {"--keep", &o->keep}, {"--token-stdin", &o->token_stdin}};
    for (int i = 1; i < argc; i++) {
        bool found = false;
        for (size_t k = 0; k < ARRAY_LEN(switches) && !found; k++) {
            found = strcmp(argv[i], switches[k].flag) == 0;
            if (found)
                *switches[k].value = true;
        }
        for (size_t k = 0; k < ARRAY_LEN(known) && !found; k++) {
            found = strcmp(argv[i], known[k].flag) == 0 && i + 1 < argc;
            if (found)
                *known[k].value = argv[++i];
        }
        if (!found)
            return false;
    }
    return o->engine != NULL;
}

/* Jobs ask for engines by words of this form. */
static bool word_ok(struct str word)
{
    for (size_t i = 0; i < word.len; i++) {
        char c = word.ptr[i];
        if (!(c >= 'a' && c <= 'z') && !(c >= '0' && c <= '9') && c != '-')
            return false;
    }
    return word.len > 0 && word.len <= ENGINE_WORD_MAX_BYTES;
}

static bool words_ok(const char *list)
{
    struct str rest = str_from(list), word;
    while (rest.ptr) {
        rest = str_split(rest, ',', &word);
        if (!word_ok(str_trim(word)))
            return false;
    }
    return strlen(list) <= LIST_MAX_BYTES;
}

/* NULL, or what is wrong. */
static const char *options_wrong(const struct options *o, uint64_t *ret_poll_ms)
{
    if (o->poll &&
        (str_to_u64(str_from(o->poll), POLL_MOST_MS, ret_poll_ms) != OK || *ret_poll_ms == 0))
        return "--poll-ms is a number from 1 to 60000";
    if (o->engines && !words_ok(o->engines))
        return "--engines is a comma list of words of a-z, 0-9 and -";
    if ((o->tags && strlen(o->tags) > LIST_MAX_BYTES) ||
        (o->name && strlen(o->name) > LIST_MAX_BYTES))
        return "--tags and --name have at most 256 characters";
    return NULL;
}

/* The program's file name, if a job can ask for it. */
static void name_engines(struct options *o)
{
    const char *slash = strrchr(o->engine, '/');
    if (o->engines)
        return;
    o->engines = slash ? slash + 1 : o->engine;
    if (words_ok(o->engines))
        return;
    o->engines = NULL;
    fputs("safelight worker: note: no job can ask for this engine by its file name (a-z, 0-9 and - "
          "are allowed); give it a word with --engines\n",
          stderr);
}

/* It is started in a job's folder: a path from here has to hold there too. */
static const char *find_engine(struct options *o, char absolute[static PATH_MAX])
{
    if (o->engine[0] != '/' && strchr(o->engine, '/')) {
        char here[PATH_MAX];
        if (!getcwd(here, sizeof here) ||
            snprintf(absolute, PATH_MAX, "%s/%s", here, o->engine) >= PATH_MAX)
            return "--engine: this folder's path is too long or gone; give one from /";
        o->engine = absolute;
    }
    return engine_wrong(o->engine);
}

/* Said when it begins, not again with each try. */
static void say_refused(enum err e, enum err before)
{
    if (e != before && e == ERR_UNREACHABLE)
        log_warn("server_not_reached", kv("next", "trying on"));
    else if (e != before)
        log_warn("server_gives_no_jobs", kv("code", err_code(e)), kv("why", err_text(e)),
                 kv("next", "trying on"));
}

static enum err take(const struct client *client, const struct lease_wish *wish,
                     struct worker_stop *stop, enum err *before, struct lease *ret)
{
    enum err e = lease_take(client, wish, stop, ret);
    bool answered = e == OK || e == ERR_NOT_FOUND;
    if (answered && *before != OK)
        log_info("server_gives_jobs_again");
    else if (!answered && e != ERR_FORBIDDEN)
        say_refused(e, *before);
    *before = answered ? OK : e;
    return e;
}

static int loop(const struct client *client, const struct options *o,
                const struct render_options *render, int64_t poll_ms, struct worker_stop *stop)
{
    struct lease_wish wish = {o->name, o->engines, o->tags};
    int64_t pause = poll_ms;
    enum err before = OK;
    for (;;) {
        struct lease lease __attribute__((cleanup(lease_auto))) = {0};
        enum err e = take(client, &wish, stop, &before, &lease);
        if (e == OK) {
            bool good = worker_render(&lease, render);
            if (o->once)
                return good ? EXIT_DONE : EXIT_FAILED;
            pause = 0;
        } else if (e == ERR_FORBIDDEN) {
            fputs(
                "safelight worker: the server does not take this token; it needs the role worker\n",
                stderr);
            return EXIT_NOT_ALLOWED;
        } else if (e != ERR_NOT_FOUND) {
            pause = pause * 2 + poll_ms < POLL_MOST_MS ? pause * 2 + poll_ms : POLL_MOST_MS;
        } else {
            pause = poll_ms;
        }
        if (worker_stop_wait(stop, pause, 1))
            return EXIT_DONE;
    }
}

/* A folder of our own when none is named; *ret_made tells to remove it at the end. */
static bool work_folder(const char *named, char ret[static 4096], bool *ret_made)
{
    const char *tmp = getenv("TMPDIR");
    *ret_made = named == NULL;
    if (named)
        return (mkdir(named, 0700) == 0 || errno == EEXIST) && realpath(named, ret) != NULL;
    snprintf(ret, 4096, "%s/safelight-worker-XXXXXX", tmp && tmp[0] ? tmp : "/tmp");
    return mkdtemp(ret) != NULL;
}

/* No child of ours finds the token where it came from. */
static enum err open_client(struct client *client, bool from_stdin, const char **ret_why)
{
    enum err e =
        from_stdin ? client_open_from(client, STDIN_FILENO, ret_why) : client_open(client, ret_why);
    client_forget_environment();
    if (!from_stdin)
        return e;
    close(STDIN_FILENO);
    return io_open_standard() == OK ? e : ERR_IO;
}

int worker_main(int argc, char **argv)
{
    struct options o = {0};
    char host[256] = "worker", work[4096], engine[PATH_MAX];
    uint64_t poll_ms = POLL_DEFAULT_MS;
    bool made;
    const char *wrong =
        read_options(argc, argv, &o) ? options_wrong(&o, &poll_ms) : "say --engine CMD";
    if (wrong) {
        fprintf(stderr, "safelight worker: %s\n", wrong);
        return EXIT_USAGE;
    }
    /* The engine runs as the same user: it shall not read our token and memory in /proc. */
    prctl(PR_SET_DUMPABLE, 0);
    log_open("worker", LOG_INFO, LOG_LOGFMT);
    gethostname(host, sizeof host - 1);
    o.name = o.name ? o.name : host;
    name_engines(&o);
    struct client client __attribute__((cleanup(client_auto))) = {.token = NULL};
    const char *why;
    enum err e = open_client(&client, o.token_stdin, &why);
    if (e != OK) {
        fprintf(stderr, "safelight worker: %s\n", why);
        return e == ERR_INVALID ? EXIT_INVALID : EXIT_NOT_ALLOWED;
    }
    if ((wrong = find_engine(&o, engine)) != NULL) {
        fprintf(stderr, "safelight worker: %s\n", wrong);
        return EXIT_INVALID;
    }
    if (!work_folder(o.work, work, &made)) {
        fputs("safelight worker: the work folder cannot be made or entered\n", stderr);
        return EXIT_FAILED;
    }
    struct render_options render = {o.engine, work, o.keep};
    AUTO(worker_stop) struct worker_stop stop = {-1, 0};
    if (worker_stop_open(&stop) != OK) {
        fputs("safelight worker: there is no descriptor left for signals\n", stderr);
        return EXIT_FAILED;
    }
    signal(SIGPIPE, SIG_IGN);
    int code = loop(&client, &o, &render, (int64_t)poll_ms, &stop);
    if (made)
        rmdir(work);
    return code;
}
