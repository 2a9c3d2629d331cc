#include "worker.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "io.h"
#include "log.h"
#include "worker_render.h"

enum { EXIT_DONE = 0, EXIT_USAGE = 2, EXIT_NOT_ALLOWED = 3, EXIT_UNREACHABLE = 6, EXIT_FAILED = 7 };
enum { POLL_DEFAULT_MS = 1000, POLL_MOST_MS = 60000 };

static const char usage[] =
    "usage: safelight worker --engine CMD [--once] [--name NAME] [--engines LIST] [--tags LIST]\n"
    "                        [--work DIR] [--keep] [--poll-ms N]\n\n"
    "Runs a render node: takes jobs, renders them with CMD, hands the output in.\n\n"
    "  --engine CMD     a program run in an empty folder with job.json and the assets; it writes "
    "the\n"
    "                   file named by SAFELIGHT_OUTPUT and may print PROGRESS: n. ffmpeg is built "
    "in\n"
    "  --once           take one job, wait for it if there is none yet, and exit (7 when it "
    "failed)\n"
    "  --name NAME      what this node is called in logs [the host's name]\n"
    "  --engines LIST   engines it serves, comma separated [CMD's file name]\n"
    "  --tags LIST      take only jobs with one of these tags\n"
    "  --work DIR       folder for the jobs' files [a new one under TMPDIR]\n"
    "  --keep           leave the jobs' folders where they are, to look into\n"
    "  --poll-ms N      how often to ask for a job [1000]\n\n"
    "Reads SAFELIGHT_URL and SAFELIGHT_TOKEN (a token with the role worker). SIGTERM: finish the "
    "job,\n"
    "then exit.\n";

struct options {
    const char *engine, *name, *engines, *tags, *work, *poll;
    bool once, keep;
};

static bool read_options(int argc, char **argv, struct options *o)
{
    const struct {
        const char *flag, **value;
    } known[] = {{"--engine", &o->engine}, {"--name", &o->name}, {"--engines", &o->engines},
                 {"--tags", &o->tags},     {"--work", &o->work}, {"--poll-ms", &o->poll}};
    for (int i = 1; i < argc; i++) {
        bool found = false;
        if (strcmp(argv[i], "--once") == 0 || strcmp(argv[i], "--keep") == 0) {
            *(argv[i][2] == 'o' ? &o->once : &o->keep) = true;
            continue;
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

/* Waits for a signal or the time; true when we were asked to stop. */
static bool wait_or_stop(int signals, int64_t ms)
{
    struct pollfd p = {.fd = signals, .events = POLLIN};
    return poll(&p, 1, (int)ms) > 0;
}

static int loop(const struct client *client, const struct options *o,
                const struct render_options *render, int64_t poll_ms, int signals)
{
    struct lease_wish wish = {o->name, o->engines, o->tags};
    int64_t pause = poll_ms;
    for (;;) {
        struct lease lease __attribute__((cleanup(lease_auto))) = {0};
        enum err e = lease_take(client, &wish, &lease);
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
            log_warn("server_not_reached", kv("error", err_code(e)));
            pause = pause * 2 + poll_ms < POLL_MOST_MS ? pause * 2 + poll_ms : POLL_MOST_MS;
        } else {
            pause = poll_ms;
        }
        if (wait_or_stop(signals, pause))
            return EXIT_DONE;
    }
}

static int open_signals(void)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigprocmask(SIG_BLOCK, &set, NULL);
    signal(SIGPIPE, SIG_IGN);
    return signalfd(-1, &set, SFD_CLOEXEC);
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

int worker_main(int argc, char **argv)
{
    struct options o = {0};
    char host[256] = "worker", work[4096];
    uint64_t poll_ms = POLL_DEFAULT_MS;
    bool made;
    if (argc > 1 && (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0)) {
        fputs(usage, stdout);
        return EXIT_DONE;
    }
    if (!read_options(argc, argv, &o) ||
        (o.poll && (str_to_u64(str_from(o.poll), POLL_MOST_MS, &poll_ms) != OK || poll_ms == 0))) {
        fputs(usage, stderr);
        return EXIT_USAGE;
    }
    /* The engine runs as the same user: it shall not read our token and memory in /proc. */
    prctl(PR_SET_DUMPABLE, 0);
    log_open("worker", LOG_INFO, LOG_LOGFMT);
    gethostname(host, sizeof host - 1);
    o.name = o.name ? o.name : host;
    const char *slash = strrchr(o.engine, '/');
    o.engines = o.engines ? o.engines : slash ? slash + 1 : o.engine;
    struct client client __attribute__((cleanup(client_auto))) = {.token = NULL};
    const char *why;
    if (client_open(&client, &why) != OK) {
        fprintf(stderr, "safelight worker: %s\n", why);
        return EXIT_NOT_ALLOWED;
    }
    client_forget_environment();
    if (!work_folder(o.work, work, &made)) {
        fputs("safelight worker: the work folder cannot be made or entered\n", stderr);
        return EXIT_FAILED;
    }
    struct render_options render = {o.engine, work, o.keep};
    AUTO(fd) int signals = open_signals();
    int code = loop(&client, &o, &render, (int64_t)poll_ms, signals);
    if (made)
        rmdir(work);
    return code;
}
