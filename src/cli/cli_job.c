#include "cli_job.h"

#include <stdio.h>
#include <unistd.h>

#include "cli.h"
#include "cli_commands.h"
#include "cli_output.h"
#include "cli_transfer.h"
#include "json_encode.h"

enum { ANSWER_MAX_BYTES = 64 * 1024 * 1024, IDS_MAX_BYTES = 1024 * 1024 };

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

void cli_job_print(const struct cli_args *args, struct str job, struct arena *a)
{
    if (cli_flag(args, "json"))
        cli_print_json(job);
    else
        cli_print_object(job, show_columns, ARRAY_LEN(show_columns), a);
}

int cli_job_get(struct cli_client *c, const char *id, struct buf *ret)
{
    struct str escaped = cli_escaped(c, id);
    struct str path = arena_printf(&c->arena, "/jobs/%.*s", (int)escaped.len, escaped.ptr);
    buf_reset(ret);
    return cli_request(c, "GET", path.ptr, STR_EMPTY, ret);
}

int cli_job_show(const struct cli_args *args)
{
    struct cli_client c __attribute__((cleanup(cli_client_auto))) = {0};
    AUTO(buf) struct buf job = buf_make(ANSWER_MAX_BYTES);
    int code = cli_client_open(&c);
    if (code == 0)
        code = cli_job_get(&c, args->positional[0], &job);
    if (code == 0)
        cli_job_print(args, buf_str(&job), &c.arena);
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

int cli_job_cancel(const struct cli_args *args)
{
    struct cli_client c __attribute__((cleanup(cli_client_auto))) = {0};
    AUTO(buf) struct buf answer = buf_make(ANSWER_MAX_BYTES);
    int code = cli_client_open(&c);
    if (code != 0)
        return code;
    bool one = args->positional_count == 1;
    const char *query = cli_flag(args, "running") ? "?running=true" : "";
    struct str path = one ? arena_printf(&c.arena, "/jobs/%s/cancel%s",
                                         cli_escaped(&c, args->positional[0]).ptr, query)
                          : arena_printf(&c.arena, "/jobs/cancel%s", query);
    code = cli_request(&c, one ? "PATCH" : "POST", path.ptr, one ? STR_EMPTY : ids_body(&c, args),
                       &answer);
    if (code != 0)
        return code;
    if (cli_flag(args, "json"))
        cli_print_json(buf_str(&answer));
    else
        cli_print_table(buf_str(&answer), list_columns, 2, &c.arena);
    return 0;
}

int cli_job_retry_delivery(const struct cli_args *args)
{
    struct cli_client c __attribute__((cleanup(cli_client_auto))) = {0};
    AUTO(buf) struct buf answer = buf_make(ANSWER_MAX_BYTES);
    int code = cli_client_open(&c);
    if (code != 0)
        return code;
    struct str path =
        arena_printf(&c.arena, "/jobs/%s/retry-delivery", cli_escaped(&c, args->positional[0]).ptr);
    code = cli_request(&c, "POST", path.ptr, STR_EMPTY, &answer);
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
    return cli_download(&c, args, arena_text(&c.arena, address),
                        output_name(&c, address, cli_member(buf_str(&job), "id", &c.arena)));
}
