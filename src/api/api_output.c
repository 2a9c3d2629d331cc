/* Outputs that lie in our spool: by a signed address, or by the job's id with a token; and what is
 * done about those that did not reach their bucket. */
#include "api_output.h"

#include <fcntl.h>
#include <sys/stat.h>

#include "clock.h"
#include "io.h"

enum { ANSWER_MAX_BYTES = 2 * 1024 * 1024, FILE_NAME_MAX_BYTES = 64 };

/* --- addresses --- */

enum err api_output_sign_new(struct http_request *r, struct job_prepared *p)
{
    return job_address_sign_new(api_of(r)->vault, p, clock_unix_ms(), http_arena(r));
}

enum err api_output_sign(struct http_request *r, struct job *jobs, size_t count)
{
    return job_address_sign_list(api_of(r)->vault, jobs, count, clock_unix_ms(), http_arena(r));
}

/* --- the file --- */

static int open_output(struct http_request *r, struct str job_id, uint64_t *ret_bytes)
{
    struct arena *a = http_arena(r);
    struct stat file;
    struct str name = job_spool_name(job_id, a);
    struct str path = arena_printf(a, "%s/%.*s", api_of(r)->spool_folder, (int)name.len, name.ptr);
    int fd = open(path.ptr, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd >= 0 && fstat(fd, &file) == 0 && S_ISREG(file.st_mode)) {
        *ret_bytes = (uint64_t)file.st_size;
        return fd;
    }
    io_close(&fd);
    return -1;
}

/* A file never changes once its job has ended, so its name and size tell it from any other. */
static void send_file(struct http_request *r, const struct job *job, int fd, uint64_t bytes)
{
    struct arena *a = http_arena(r);
    struct str type = job_content_type(job->output_name);
    bool shown = !str_is(type, JOB_CONTENT_TYPE_UNKNOWN);
    struct str disposition =
        arena_printf(a, "%s; filename=\"%.*s\"", shown ? "inline" : "attachment",
                     (int)job->output_name.len, job->output_name.ptr);
    struct str tag = arena_printf(a, "\"%s-%llu\"", job->id.text, (unsigned long long)bytes);
    http_answer_header(r, "Content-Disposition", disposition.ptr);
    http_answer_tag(r, tag.ptr);
    http_reply_file(r, 200, arena_text(a, type), fd, 0, bytes);
}

/* The file of a finished job. With an upload it is elsewhere: nothing was promised here. But when
 * the upload failed, the file that waits here is the only one. */
static void reply_output(struct http_request *r, const struct job *job)
{
    uint64_t bytes;
    bool waits = job->state == JOB_ERROR && job->rendered_at_ms != 0;
    if ((job->state != JOB_FINISHED && !waits) || job->output_bytes < 0) {
        http_fail(r, ERR_NOT_FOUND);
        return;
    }
    int fd = open_output(r, ulid_str(&job->id), &bytes);
    if (fd < 0 && !job_address_is_ours(job))
        http_fail(r, ERR_NOT_FOUND);
    else if (fd < 0)
        http_fail_text(r, ERR_GONE, "The output is not kept here any more");
    else
        send_file(r, job, fd, bytes);
}

/* Any odd id is simply one that is not there. */
static enum err read_job(struct http_request *r, struct job *ret)
{
    struct store_tx *tx;
    struct str id = http_param(r, "id");
    if (!ulid_valid(id))
        return ERR_NOT_FOUND;
    TRY(store_read_begin(api_of(r)->store, &tx));
    enum err e = store_job_get(tx, api_actor(r)->team_id, id, false, http_arena(r), ret);
    store_read_end(api_of(r)->store, &tx);
    return e;
}

void api_job_output(struct http_request *r)
{
    struct job job;
    enum err e = read_job(r, &job);
    if (e != OK)
        http_fail(r, e);
    else
        reply_output(r, &job);
}

/* --- GET /o/{file} --- */

static enum err find_signed(struct http_request *r, struct str file, struct job *ret)
{
    struct store_tx *tx;
    struct str id = str_slice(file, 0, ULID_LEN);
    if (!ulid_valid(id))
        return ERR_FORBIDDEN;
    TRY(store_read_begin(api_of(r)->store, &tx));
    enum err e = store_job_any(tx, id, false, http_arena(r), ret);
    store_read_end(api_of(r)->store, &tx);
    TRY(e);
    return str_equal(ret->output_name, file) ? OK : ERR_NOT_FOUND;
}

/* The signature first: without one nothing is said of what is there. */
void api_output_get(struct http_request *r)
{
    struct str file = http_param(r, "file"), expires, signature;
    struct job job;
    enum err e = ERR_FORBIDDEN;
    if (http_query(r, "expires", &expires) && http_query(r, "signature", &signature) &&
        file.len <= FILE_NAME_MAX_BYTES)
        e = job_address_check(api_of(r)->vault, file, expires, signature, clock_unix_ms(),
                              http_arena(r));
    if (e == OK)
        e = find_signed(r, file, &job);
    if (e == ERR_FORBIDDEN)
        http_fail_text(r, e, "This address is not signed by this server; ask for the job again");
    else if (e == ERR_GONE)
        http_fail_text(r, e, "This address has expired; ask for the job again");
    else if (e == ERR_NOT_FOUND)
        http_fail_text(r, ERR_GONE, "The job is not there any more");
    else if (e != OK)
        http_fail(r, e);
    else
        reply_output(r, &job);
}

/* --- POST /jobs/{id}/retry-delivery --- */

struct retry {
    struct http_request *r;
    struct job_redeliver redeliver;
};

static enum err retry_op(struct store_tx *tx, void *ctx)
{
    struct retry *t = ctx;
    return job_redeliver_op(tx, &t->redeliver);
}

static void retry_done(enum err e, void *ctx)
{
    struct retry *t = ctx;
    struct http_request *r = t->r;
    AUTO(buf) struct buf body = buf_make(ANSWER_MAX_BYTES);
    if (e == OK)
        api_wake(api_of(r));
    if (e == OK)
        e = api_output_sign(r, &t->redeliver.ret_job, 1);
    if (e == OK)
        e = job_write(&t->redeliver.ret_job, false, &body);
    if (e == ERR_CONFLICT)
        http_fail_text(r, e, "No delivery of this job has failed");
    else if (e == ERR_GONE)
        http_fail_text(r, e, "The output is not kept here any more; submit the job again");
    else if (e != OK)
        http_fail(r, e);
    else
        http_reply_json(r, 200, &body);
}

void api_job_retry_delivery(struct http_request *r)
{
    struct retry *t = arena_alloc(http_arena(r), sizeof *t);
    struct job job;
    uint64_t bytes;
    enum err e = read_job(r, &job);
    if (e != OK) {
        http_fail(r, e);
        return;
    }
    AUTO(fd) int fd = open_output(r, ulid_str(&job.id), &bytes);
    t->r = r;
    t->redeliver = (struct job_redeliver){.actor = api_actor(r),
                                          .job_id = arena_str(http_arena(r), ulid_str(&job.id)),
                                          .output_there = fd >= 0,
                                          .arena = http_arena(r)};
    api_write(r, retry_op, retry_done, t);
}
