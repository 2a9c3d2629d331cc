/* Jobs on their way in: submit, join, what a dry run says, and waiting for the end. */
#include <stdio.h>

#include "cli.h"
#include "cli_commands.h"
#include "cli_global.h"
#include "cli_job.h"
#include "cli_output.h"
#include "cli_value.h"
#include "cli_wait.h"
#include "json_decode.h"
#include "json_encode.h"
#include "limit.h"
#include "progress.h"
#include "term.h"

enum { ANSWER_MAX_BYTES = 64 * 1024 * 1024, CELLS_MAX_BYTES = 8 * 1024 * 1024 };

static bool is_final(struct str status)
{
    return str_is(status, "finished") || str_is(status, "error") ||
           str_is(status, "manually_cancelled");
}

/* Words of ours: what a server says is not drawn over and over. */
static const char *state_word(struct str status)
{
    static const char *const words[][2] = {{"queued", "queued"},
                                           {"pending", "waiting for other jobs"},
                                           {"render:dorender", "rendering"},
                                           {"render:postrender", "delivering"}};
    for (size_t i = 0; i < ARRAY_LEN(words); i++) {
        if (str_is(status, words[i][0]))
            return words[i][1];
    }
    return "under way";
}

static uint64_t percent_of(struct str text)
{
    struct str whole;
    uint64_t percent = 0;
    (void)str_split(text, '.', &whole);
    return str_to_u64(whole, 100, &percent) == OK ? percent : 0;
}

/* Follows the job to its end and prints it; 7 unless it is finished. */
static int wait_for(struct cli_client *c, const struct cli_args *args, const char *id)
{
    AUTO(buf) struct buf job = buf_make(ANSWER_MAX_BYTES);
    AUTO(progress) struct progress progress = progress_make("queued", PROGRESS_PERCENT, 100);
    int64_t until_ms;
    int code = cli_wait_until(args, &until_ms);
    while (code == 0) {
        code = cli_job_get(c, id, &job);
        if (code != 0)
            break;
        struct str status = cli_member(buf_str(&job), "status", &c->arena);
        if (is_final(status)) {
            progress_auto(&progress);
            cli_job_print(args, buf_str(&job), &c->arena);
            return str_is(status, "finished") ? 0 : EXIT_CODE_FAILED;
        }
        progress.what = state_word(status);
        progress_at(&progress, percent_of(cli_member(buf_str(&job), "progress", &c->arena)));
        if (!cli_wait_more(until_ms, "the job", &progress))
            return EXIT_CODE_FAILED;
    }
    return code;
}

int cli_job_wait(const struct cli_args *args)
{
    struct cli_client c __attribute__((cleanup(cli_client_auto))) = {0};
    int code = cli_client_open(&c);
    return code == 0 ? wait_for(&c, args, args->positional[0]) : code;
}

/* --- dry run --- */

struct reference {
    struct str field, name, sink, host, version, resolves_to;
    bool exposed;
};
static const struct json_field reference_fields[] = {
    JSON_FIELD(struct reference, field, "field", JSON_AS_STR, JSON_REQUIRED, 8192),
    JSON_FIELD(struct reference, name, "name", JSON_AS_STR, JSON_REQUIRED, 256),
    JSON_FIELD(struct reference, sink, "sink", JSON_AS_STR, JSON_NULLABLE, 64),
    JSON_FIELD(struct reference, host, "host", JSON_AS_STR, JSON_NULLABLE, 1024),
    JSON_FIELD(struct reference, version, "version", JSON_AS_RAW, JSON_NULLABLE, 64),
    JSON_FIELD(struct reference, resolves_to, "resolvesTo", JSON_AS_RAW, JSON_NULLABLE, 64),
    JSON_FIELD(struct reference, exposed, "exposed", JSON_AS_BOOL, JSON_NULLABLE, 0),
};
struct checked {
    struct str references;
};
static const struct json_field checked_fields[] = {
    JSON_FIELD(struct checked, references, "references", JSON_AS_ARRAY, JSON_REQUIRED, 0),
};

/* "2", "3 (newest)"; "newest" for a token that may not list secrets. */
static struct str version_words(const struct reference *r, struct arena *a)
{
    if (r->version.len && !str_is(r->version, "null"))
        return r->version;
    if (!r->resolves_to.len)
        return STR("newest");
    return arena_printf(a, "%.*s (newest)", (int)r->resolves_to.len, r->resolves_to.ptr);
}

static void put_row(struct json_out *o, const struct reference *r, struct arena *a)
{
    json_out_open(o, '{');
    json_out_member_str(o, "field", r->field);
    json_out_member_str(o, "name", r->name);
    json_out_member_str(o, "version", version_words(r, a));
    json_out_member_str(o, "sink", r->sink);
    json_out_member_str(o, "host", r->host.len ? r->host : STR("-"));
    json_out_member_str(o, "worker", r->exposed ? STR("sees it") : STR("blind"));
    json_out_close(o, '}');
}

/* The same rows in words. */
static enum err put_rows(struct cli_client *c, struct str answer, struct buf *ret,
                         size_t *ret_count)
{
    struct problems problems;
    struct checked checked = {STR_EMPTY};
    struct json_out o = json_out_make(ret);
    struct json_elements all;
    struct str element;
    problems_init(&problems, &c->arena);
    TRY(json_decode(answer, checked_fields, ARRAY_LEN(checked_fields), STR_EMPTY, &problems,
                    &checked));
    json_out_open(&o, '[');
    json_elements_init(&all, checked.references);
    for (*ret_count = 0; json_elements_next(&all, &element); ++*ret_count) {
        struct reference r = {.exposed = false};
        TRY(json_decode(element, reference_fields, ARRAY_LEN(reference_fields), STR_EMPTY,
                        &problems, &r));
        put_row(&o, &r, &c->arena);
    }
    json_out_close(&o, ']');
    return json_out_end(&o);
}

static int print_checked(struct cli_client *c, const struct cli_args *args, struct str answer)
{
    static const struct cli_column columns[] = {
        CLI_TEXT("FIELD", "field", 0),      CLI_TEXT("SECRET", "name", 1),
        CLI_WHOLE("VERSION", "version", 5), CLI_WHOLE("SINK", "sink", 3),
        CLI_TEXT("HOST", "host", 4),        CLI_WHOLE("WORKER", "worker", 2),
    };
    AUTO(buf) struct buf rows = buf_make(CELLS_MAX_BYTES);
    size_t count;
    if (cli_flag(args, "json")) {
        cli_print_json(answer);
        return 0;
    }
    if (put_rows(c, answer, &rows, &count) != OK) {
        fputs("safelight: the server's answer cannot be understood\n", stderr);
        return EXIT_CODE_FAILED;
    }
    if (count)
        cli_print_table(buf_str(&rows), columns, ARRAY_LEN(columns), &c->arena);
    fflush(stdout); /* in this order also where both go to one file */
    cli_warnings(c, answer);
    cli_note("The job is valid%s; nothing was stored.", count ? "" : " and refers to no secret");
    return 0;
}

/* --- submit --- */

static int send_job(const struct cli_args *args, const char *path)
{
    struct cli_client c __attribute__((cleanup(cli_client_auto))) = {0};
    AUTO(buf) struct buf payload = buf_make(JOB_PAYLOAD_MAX_BYTES);
    AUTO(buf) struct buf answer = buf_make(ANSWER_MAX_BYTES);
    bool dry = cli_flag(args, "dry-run"), wait = cli_flag(args, "wait");
    c.only_asks = dry;
    if (dry && wait) {
        fputs("safelight: a dry run makes no job to wait for\n", stderr);
        return EXIT_CODE_USAGE;
    }
    int code = cli_client_open(&c);
    if (code == 0)
        code = cli_text_read(args->positional_count ? args->positional[0] : NULL, &payload);
    if (code == 0 && payload.len == 0) {
        fputs("safelight: the job is empty; it is a JSON object\n", stderr);
        code = EXIT_CODE_INVALID;
    }
    if (code == 0)
        code = cli_request(&c, "POST",
                           arena_printf(&c.arena, "%s%s", path, dry ? "?dryRun=true" : "").ptr,
                           buf_str(&payload), &answer);
    if (code != 0)
        return code;
    if (dry)
        return print_checked(&c, args, buf_str(&answer));
    struct str id = cli_member(buf_str(&answer), "id", &c.arena);
    if (wait || !cli_flag(args, "json"))
        cli_warnings(&c, buf_str(&answer));
    if (wait) {
        if (!cli_quiet()) {
            fputs("submitted ", stderr);
            term_put(id, "", stderr);
            fputc('\n', stderr);
        }
        return wait_for(&c, args, arena_text(&c.arena, id));
    }
    cli_print_json(cli_flag(args, "json") ? buf_str(&answer) : id);
    return 0;
}

int cli_job_submit(const struct cli_args *args)
{
    return send_job(args, "/jobs");
}

int cli_job_join(const struct cli_args *args)
{
    return send_job(args, "/jobs/join");
}
