#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "cli.h"
#include "cli_client.h"
#include "cli_commands.h"
#include "cli_output.h"
#include "cli_value.h"
#include "clock.h"
#include "limit.h"

enum { ANSWER_MAX_BYTES = 64 * 1024 * 1024, WAIT_POLL_MS = 500, WAIT_DEFAULT_S = 3600 };

static const struct cli_column show_columns[] = {
    {"ID", "id"},
    {"STATUS", "status"},
    {"PROGRESS", "progress"},
    {"OUTPUT", "outputUrl"},
    {"CREATED", "stats.createdAt"},
    {"STARTED", "stats.startedAt"},
    {"FINISHED", "stats.finishedAt"},
    {"ERROR", "stats.error"},
};
static const struct cli_column list_columns[] = {
    {"ID", "id"},
    {"STATUS", "status"},
    {"PROGRESS", "progress"},
    {"CREATED", "stats.createdAt"},
    {"ERROR", "stats.error"},
};

static void print_one(const struct cli_args *args, struct str job, struct arena *a)
{
    if (cli_flag(args, "json"))
        cli_print_json(job);
    else
        cli_print_object(job, show_columns, ARRAY_LEN(show_columns), a);
}

static int get_job(struct cli_client *c, const char *id, struct buf *ret)
{
    struct str escaped = cli_escaped(c, id);
    struct str path = arena_printf(&c->arena, "/jobs/%.*s", (int)escaped.len, escaped.ptr);
    buf_reset(ret);
    return cli_request(c, "GET", path.ptr, STR_EMPTY, ret);
}

static bool is_final(struct str status)
{
    return str_is(status, "finished") || str_is(status, "error") ||
           str_is(status, "manually_cancelled");
}

static void pause_ms(long ms)
{
    struct timespec t = {ms / 1000, ms % 1000 * 1000000};
    nanosleep(&t, NULL);
}

/* Follows the job to its end and prints it; 7 unless it is finished. */
static int wait_for(struct cli_client *c, const struct cli_args *args, const char *id)
{
    AUTO(buf) struct buf job = buf_make(ANSWER_MAX_BYTES);
    const char *text = cli_flag_value(args, "timeout");
    uint64_t seconds = WAIT_DEFAULT_S;
    if (text && str_to_u64(str_from(text), 30 * 24 * 3600, &seconds) != OK) {
        fputs("safelight: --timeout is a number of seconds\n", stderr);
        return EXIT_CODE_USAGE;
    }
    int64_t until_ms = clock_monotonic_ms() + (int64_t)seconds * 1000;
    for (;;) {
        int code = get_job(c, id, &job);
        if (code != 0)
            return code;
        struct str status = cli_member(buf_str(&job), "status", &c->arena);
        if (is_final(status)) {
            print_one(args, buf_str(&job), &c->arena);
            return str_is(status, "finished") ? 0 : EXIT_CODE_FAILED;
        }
        if (clock_monotonic_ms() > until_ms) {
            fputs("safelight: the job is not over yet; wait again, or see safelight job logs\n",
                  stderr);
            return EXIT_CODE_FAILED;
        }
        pause_ms(WAIT_POLL_MS);
    }
}

int cli_job_submit(const struct cli_args *args)
{
    struct cli_client c __attribute__((cleanup(cli_client_auto))) = {0};
    AUTO(buf) struct buf payload = buf_make(JOB_PAYLOAD_MAX_BYTES);
    AUTO(buf) struct buf answer = buf_make(ANSWER_MAX_BYTES);
    int code = cli_client_open(&c);
    if (code == 0)
        code = cli_text_read(args->positional_count ? args->positional[0] : NULL, &payload);
    if (code == 0)
        code = cli_request(&c, "POST", "/jobs", buf_str(&payload), &answer);
    if (code != 0)
        return code;
    struct str id = cli_member(buf_str(&answer), "id", &c.arena);
    if (cli_flag(args, "wait")) {
        fputs("submitted ", stderr);
        cli_put_printable(id, "", stderr);
        fputc('\n', stderr);
        return wait_for(&c, args, arena_text(&c.arena, id));
    }
    cli_print_json(cli_flag(args, "json") ? buf_str(&answer) : id);
    return 0;
}

int cli_job_show(const struct cli_args *args)
{
    struct cli_client c __attribute__((cleanup(cli_client_auto))) = {0};
    AUTO(buf) struct buf job = buf_make(ANSWER_MAX_BYTES);
    int code = cli_client_open(&c);
    if (code == 0)
        code = get_job(&c, args->positional[0], &job);
    if (code == 0)
        print_one(args, buf_str(&job), &c.arena);
    return code;
}

int cli_job_list(const struct cli_args *args)
{
    struct cli_client c __attribute__((cleanup(cli_client_auto))) = {0};
    AUTO(buf) struct buf answer = buf_make(ANSWER_MAX_BYTES);
    int code = cli_client_open(&c);
    if (code != 0)
        return code;
    const char *limit = cli_flag_value(args, "limit"), *states = cli_flag_value(args, "states");
    struct str path = arena_printf(&c.arena, "/jobs?sort=newest_first&limit=%s",
                                   cli_escaped(&c, limit ? limit : "50").ptr);
    if (states)
        path = arena_printf(&c.arena, "%s&states=%s", path.ptr, cli_escaped(&c, states).ptr);
    code = cli_request(&c, "GET", path.ptr, STR_EMPTY, &answer);
    if (code != 0)
        return code;
    if (cli_flag(args, "json"))
        cli_print_json(buf_str(&answer));
    else
        cli_print_table(buf_str(&answer), list_columns, ARRAY_LEN(list_columns), &c.arena);
    return 0;
}

int cli_job_logs(const struct cli_args *args)
{
    struct cli_client c __attribute__((cleanup(cli_client_auto))) = {0};
    AUTO(buf) struct buf log = buf_make(ANSWER_MAX_BYTES);
    int code = cli_client_open(&c);
    if (code != 0)
        return code;
    struct str path =
        arena_printf(&c.arena, "/jobs/%s/logs", cli_escaped(&c, args->positional[0]).ptr);
    code = cli_request(&c, "GET", path.ptr, STR_EMPTY, &log);
    if (code == 0 && isatty(STDOUT_FILENO)) /* an engine's words */
        cli_put_printable(buf_str(&log), "\n\r\t", stdout);
    else if (code == 0 && log.len)
        fwrite(log.ptr, 1, log.len, stdout);
    return code;
}

int cli_job_wait(const struct cli_args *args)
{
    struct cli_client c __attribute__((cleanup(cli_client_auto))) = {0};
    int code = cli_client_open(&c);
    return code == 0 ? wait_for(&c, args, args->positional[0]) : code;
}
