#include "cli_job.h"

#include <stdio.h>
#include <unistd.h>

#include "cli.h"
#include "cli_commands.h"
#include "cli_global.h"
#include "cli_resource.h"
#include "cli_transfer.h"
#include "json_encode.h"
#include "term.h"
#include "ulid.h"

enum { ANSWER_MAX_BYTES = 64 * 1024 * 1024, IDS_MAX_BYTES = 1024 * 1024 };

/* Before the end there is nothing at that address. */
static struct str output_of(struct str job, struct arena *a)
{
    return str_is(cli_member(job, "status", a), "finished") ? cli_member(job, "outputUrl", a)
                                                            : STR_EMPTY;
}

static const struct cli_column show_columns[] = {
    CLI_TEXT("ID", "id", 0),
    CLI_TEXT("STATUS", "status", 0),
    CLI_TEXT("PROGRESS", "progress", 0),
    CLI_OF("OUTPUT", "outputUrl", 0, output_of),
    CLI_TEXT("CREATED", "stats.createdAt", 0),
    CLI_TEXT("STARTED", "stats.startedAt", 0),
    CLI_TEXT("FINISHED", "stats.finishedAt", 0),
    CLI_TEXT("ERROR", "stats.error", 0),
};
static const struct cli_column list_columns[] = {
    CLI_WHOLE("ID", "id", 0),
    CLI_WHOLE("STATUS", "status", 0),
    CLI_WHOLE("PROGRESS", "progress", 3),
    CLI_TEXT("CREATED", "stats.createdAt", 2),
    CLI_TEXT("ERROR", "stats.error", 1),
};
static const struct cli_resource jobs = {
    .what = "job", .path = "/jobs", .columns = show_columns, .count = ARRAY_LEN(show_columns)};

void cli_job_print(const struct cli_args *args, struct str job, struct arena *a)
{
    cli_put_one(args, job, show_columns, ARRAY_LEN(show_columns), a);
}

int cli_job_get(struct cli_client *c, const char *id, struct buf *ret)
{
    return cli_resource_get(c, &jobs, id, ret);
}

int cli_job_show(const struct cli_args *args)
{
    return cli_resource_show(args, &jobs);
}

int cli_job_list(const struct cli_args *args)
{
    struct cli_client c __attribute__((cleanup(cli_client_auto))) = {0};
    int code = cli_client_open(&c);
    if (code != 0)
        return code;
    const char *limit = cli_flag_value(args, "limit"), *states = cli_flag_value(args, "states");
    struct str path = arena_printf(&c.arena, "/jobs?sort=newest_first&limit=%s",
                                   cli_escaped(&c, limit ? limit : "50").ptr);
    if (states)
        path = arena_printf(&c.arena, "%s&states=%s", path.ptr, cli_escaped(&c, states).ptr);
    return cli_list_from(&c, args, path.ptr, list_columns, ARRAY_LEN(list_columns));
}

/* A job that no worker has begun has no log; that is no mistake. */
static int explain_no_log(struct cli_client *c, const char *id)
{
    AUTO(buf) struct buf job = buf_make(ANSWER_MAX_BYTES);
    c->absence_is_fine = false;
    int code = cli_job_get(c, id, &job);
    if (code == 0)
        cli_note("The job has no log yet.");
    return code;
}

int cli_job_logs(const struct cli_args *args)
{
    struct cli_client c __attribute__((cleanup(cli_client_auto))) = {0};
    AUTO(buf) struct buf log = buf_make(ANSWER_MAX_BYTES);
    const char *id = args->positional[0];
    int code = cli_client_open(&c);
    if (code != 0)
        return code;
    c.absence_is_fine = true;
    code = cli_request(&c, "GET", cli_resource_path(&c, &jobs, id, "/logs"), STR_EMPTY, &log);
    if (code == EXIT_CODE_NOT_FOUND && log.len == 0)
        return explain_no_log(&c, id);
    if (code == 0 && isatty(STDOUT_FILENO)) /* an engine's words */
        term_put(buf_str(&log), "\n\r\t", stdout);
    else if (code == 0 && log.len)
        fwrite(log.ptr, 1, log.len, stdout);
    return code;
}

static struct str ids_body(struct cli_client *c, const struct cli_args *args)
{
    AUTO(buf) struct buf body = buf_make(IDS_MAX_BYTES);
    struct json_out o = json_out_make(&body);
    json_out_open(&o, '{');
    json_out_key(&o, "jobs");
    json_out_open(&o, '[');
    for (size_t i = 0; i < args->positional_count; i++)
        json_out_str(&o, str_from(args->positional[i]));
    json_out_close(&o, ']');
    json_out_close(&o, '}');
    return json_out_end(&o) == OK ? arena_str(&c->arena, buf_str(&body)) : STR_EMPTY;
}

/* Of several the server says only that one is wrong. */
static void about_many(struct cli_client *c, const struct cli_args *args)
{
    struct ulid id;
    cli_about(c, "job of one of these ids", "job list");
    for (size_t i = 0; i < args->positional_count; i++)
        c->id_is_none = c->id_is_none || ulid_from(str_from(args->positional[i]), &id) != OK;
}

int cli_job_cancel(const struct cli_args *args)
{
    struct cli_client c __attribute__((cleanup(cli_client_auto))) = {0};
    AUTO(buf) struct buf answer = buf_make(ANSWER_MAX_BYTES);
    int code = cli_client_open(&c);
    if (code != 0)
        return code;
    bool one = args->positional_count == 1;
    const char *query = cli_flag(args, "running") ? "?running=true" : "";
    const char *tail = arena_printf(&c.arena, "/cancel%s", query).ptr;
    if (!one)
        about_many(&c, args);
    if (one)
        code = cli_request(&c, "PATCH", cli_resource_path(&c, &jobs, args->positional[0], tail),
                           STR_EMPTY, &answer);
    else
        code = cli_request(&c, "POST", arena_printf(&c.arena, "/jobs%s", tail).ptr,
                           ids_body(&c, args), &answer);
    if (code == 0)
        cli_put_list(args, buf_str(&answer), list_columns, 2, &c.arena);
    return code;
}

int cli_job_retry_delivery(const struct cli_args *args)
{
    struct cli_client c __attribute__((cleanup(cli_client_auto))) = {0};
    AUTO(buf) struct buf answer = buf_make(ANSWER_MAX_BYTES);
    int code = cli_client_open(&c);
    if (code != 0)
        return code;
    code = cli_request(&c, "POST",
                       cli_resource_path(&c, &jobs, args->positional[0], "/retry-delivery"),
                       STR_EMPTY, &answer);
    if (code == 0)
        cli_job_print(args, buf_str(&answer), &c.arena);
    return code;
}

/* The last part of the address, when that is a plain name. */
static const char *output_name(struct cli_client *c, struct str address, struct str id)
{
    struct str path = str_slice(address, 0, str_find(address, '?'));
    size_t at = path.len;
    while (at > 0 && path.ptr[at - 1] != '/')
        at--;
    struct str name = str_slice(path, at, path.len);
    bool plain = name.len > 0 && name.len <= 128 && name.ptr[0] != '.' && name.ptr[0] != '-';
    for (size_t i = 0; i < name.len; i++) {
        char b = name.ptr[i];
        plain = plain && ((b >= 'a' && b <= 'z') || (b >= 'A' && b <= 'Z') ||
                          (b >= '0' && b <= '9') || b == '.' || b == '-' || b == '_');
    }
    return plain ? arena_text(&c->arena, name)
                 : arena_printf(&c->arena, "%.*s.out", (int)id.len, id.ptr).ptr;
}

int cli_job_output(const struct cli_args *args)
{
    struct cli_client c __attribute__((cleanup(cli_client_auto))) = {0};
    AUTO(buf) struct buf job = buf_make(ANSWER_MAX_BYTES);
    int code = cli_client_open(&c);
    if (code == 0)
        code = cli_job_get(&c, args->positional[0], &job);
    if (code != 0)
        return code;
    struct str address = cli_member(buf_str(&job), "outputUrl", &c.arena);
    if (!str_is(cli_member(buf_str(&job), "status", &c.arena), "finished") || address.len == 0) {
        fputs("safelight: the job has no output: it is not finished; safelight job show says how "
              "it stands\n",
              stderr);
        return EXIT_CODE_CONFLICT;
    }
    if (str_search(address, STR("${"), 0) < address.len) {
        fputs("safelight: the output's address holds secrets, which are not shown; fetch it from "
              "where the job was told to put it\n",
              stderr);
        return EXIT_CODE_INVALID;
    }
    struct str id = cli_member(buf_str(&job), "id", &c.arena);
    bool ours = str_search(address, arena_printf(&c.arena, "/o/%.*s", (int)id.len, id.ptr), 0) <
                address.len;
    const struct cli_download wanted = {.address = arena_text(&c.arena, address),
                                        .name = output_name(&c, address, id),
                                        .id = ours ? arena_text(&c.arena, id) : NULL};
    return cli_download(&c, args, &wanted);
}
