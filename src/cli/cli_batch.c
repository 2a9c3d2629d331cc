#include <stdio.h>

#include "cli.h"
#include "cli_client.h"
#include "cli_commands.h"
#include "cli_global.h"
#include "cli_output.h"
#include "cli_value.h"
#include "cli_wait.h"
#include "limit.h"
#include "progress.h"

enum { ANSWER_MAX_BYTES = 64 * 1024 * 1024 };

static const struct cli_column job_columns[] = {
    CLI_WHOLE("INDEX", "index", 2), CLI_WHOLE("ID", "id", 0), CLI_WHOLE("STATUS", "status", 0),
    CLI_TEXT("ERROR", "stats.error", 1)};

static void print_batch(struct cli_client *c, const struct cli_args *args, struct str batch)
{
    static const struct cli_column columns[] = {
        CLI_TEXT("BATCH", "batchId", 0),     CLI_TEXT("STATUS", "status", 0),
        CLI_TEXT("TOTAL", "stats.total", 0), CLI_TEXT("FINISHED", "stats.finished", 0),
        CLI_TEXT("ERROR", "stats.error", 0), CLI_TEXT("PENDING", "stats.pending", 0),
    };
    if (cli_flag(args, "json")) {
        cli_print_json(batch);
        return;
    }
    if (!cli_quiet()) {
        cli_print_object(batch, columns, ARRAY_LEN(columns), &c->arena);
        putchar('\n');
    }
    cli_print_table(cli_member(batch, "jobs", &c->arena), job_columns, ARRAY_LEN(job_columns),
                    &c->arena);
}

static const char *batch_path(struct cli_client *c, const char *id, const char *tail)
{
    cli_about(c, "batch of this id", NULL);
    return arena_printf(&c->arena, "/batches/%s%s", cli_escaped(c, id).ptr, tail).ptr;
}

static int get_batch(struct cli_client *c, const char *id, struct buf *ret)
{
    buf_reset(ret);
    return cli_request(c, "GET", batch_path(c, id, ""), STR_EMPTY, ret);
}

static uint64_t number_of(struct cli_client *c, const struct buf *object, const char *member)
{
    uint64_t number = 0;
    struct str text = cli_member(buf_str(object), member, &c->arena);
    return str_to_u64(text, UINT32_MAX, &number) == OK ? number : 0;
}

/* 7 unless every job is finished. */
static int wait_for(struct cli_client *c, const struct cli_args *args, const char *id)
{
    AUTO(buf) struct buf batch = buf_make(ANSWER_MAX_BYTES);
    AUTO(progress) struct progress progress = progress_make("jobs over", PROGRESS_ITEMS, 0);
    int64_t until_ms;
    int code = cli_wait_until(args, &until_ms);
    while (code == 0) {
        code = get_batch(c, id, &batch);
        if (code != 0)
            break;
        uint64_t total = number_of(c, &batch, "stats.total");
        uint64_t pending = number_of(c, &batch, "stats.pending");
        progress.whole = total;
        progress_at(&progress, pending < total ? total - pending : 0);
        if (str_is(cli_member(buf_str(&batch), "stats.pending", &c->arena), "0")) {
            progress_auto(&progress);
            print_batch(c, args, buf_str(&batch));
            bool good = str_is(cli_member(buf_str(&batch), "stats.error", &c->arena), "0");
            return good ? 0 : EXIT_CODE_FAILED;
        }
        if (!cli_wait_more(until_ms, "the batch", &progress))
            return EXIT_CODE_FAILED;
    }
    return code;
}

/* What was refused is said; then the exit code is 7 although the others run. */
static int print_created(struct cli_client *c, const struct cli_args *args, struct str answer)
{
    struct str refused = cli_member(answer, "errors", &c->arena);
    if (cli_flag(args, "json"))
        cli_print_json(answer);
    else
        cli_print_json(cli_member(answer, "batchId", &c->arena));
    if (refused.len <= 2)
        return 0;
    fputs("safelight: some of the jobs were not accepted:\n", stderr);
    cli_refused_jobs(c, refused);
    return EXIT_CODE_FAILED;
}

int cli_batch_submit(const struct cli_args *args)
{
    struct cli_client c __attribute__((cleanup(cli_client_auto))) = {0};
    AUTO(buf) struct buf payload = buf_make(BATCH_BODY_MAX_BYTES);
    AUTO(buf) struct buf answer = buf_make(ANSWER_MAX_BYTES);
    int code = cli_client_open(&c);
    if (code == 0)
        code = cli_text_read(args->positional_count ? args->positional[0] : NULL, &payload);
    if (code == 0)
        code = cli_request(&c, "POST", "/batches", buf_str(&payload), &answer);
    return code == 0 ? print_created(&c, args, buf_str(&answer)) : code;
}

int cli_batch_show(const struct cli_args *args)
{
    struct cli_client c __attribute__((cleanup(cli_client_auto))) = {0};
    AUTO(buf) struct buf batch = buf_make(ANSWER_MAX_BYTES);
    int code = cli_client_open(&c);
    if (code == 0)
        code = get_batch(&c, args->positional[0], &batch);
    if (code == 0)
        print_batch(&c, args, buf_str(&batch));
    return code;
}

int cli_batch_wait(const struct cli_args *args)
{
    struct cli_client c __attribute__((cleanup(cli_client_auto))) = {0};
    int code = cli_client_open(&c);
    return code == 0 ? wait_for(&c, args, args->positional[0]) : code;
}

int cli_batch_cancel(const struct cli_args *args)
{
    static const struct cli_column columns[] = {
        CLI_WHOLE("INDEX", "index", 3), CLI_WHOLE("ID", "id", 0), CLI_WHOLE("RESULT", "result", 0),
        CLI_WHOLE("STATUS", "status", 2), CLI_TEXT("REASON", "reason", 1)};
    struct cli_client c __attribute__((cleanup(cli_client_auto))) = {0};
    AUTO(buf) struct buf answer = buf_make(ANSWER_MAX_BYTES);
    int code = cli_client_open(&c);
    if (code != 0)
        return code;
    const char *tail = cli_flag(args, "running") ? "/cancel?running=true" : "/cancel";
    code = cli_request(&c, "POST", batch_path(&c, args->positional[0], tail), STR_EMPTY, &answer);
    if (code == 0 && cli_flag(args, "json"))
        cli_print_json(buf_str(&answer));
    else if (code == 0)
        cli_print_table(cli_member(buf_str(&answer), "jobs", &c.arena), columns, ARRAY_LEN(columns),
                        &c.arena);
    return code;
}
