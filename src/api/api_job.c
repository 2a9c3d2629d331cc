/* Jobs, for those who submit them: submit, one, its log, its output. */
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

#include "api_request.h"
#include "io.h"
#include "jobs.h"

enum {
    ANSWER_MAX_BYTES = 2 * 1024 * 1024,
    LOG_ANSWER_MAX_BYTES = JOB_LOG_MAX_BYTES + 4096, /* and the line that says it was too long */
};

/* --- POST /jobs --- */

struct submission {
    struct job_prepared prepared; /* first: job_insert_op takes the same pointer */
    struct http_request *r;
};

static enum err submit_op(struct store_tx *tx, void *ctx)
{
    struct submission *s = ctx;
    return job_insert_op(tx, &s->prepared);
}

static void submit_done(enum err e, void *ctx)
{
    struct submission *s = ctx;
    AUTO(buf) struct buf body = buf_make(ANSWER_MAX_BYTES);
    if (e == OK)
        e = job_write_created(&s->prepared, &body);
    if (e != OK)
        http_fail(s->r, e);
    else
        http_reply_json(s->r, 201, &body);
}

/* Without an upload the output stays here, and whoever may read jobs fetches it. */
static void give_output_address(struct http_request *r, struct job *job)
{
    struct str base = api_base_url(r);
    if (job->output_url.len == 0)
        job->output_url = arena_printf(http_arena(r), "%.*s/api/v2/jobs/%s/output", (int)base.len,
                                       base.ptr, job->id.text);
}

void api_job_submit(struct http_request *r)
{
    struct submission *s = arena_alloc(http_arena(r), sizeof *s);
    struct problems problems;
    struct store_tx *tx;
    s->r = r;
    problems_init(&problems, http_arena(r));
    if (!api_body_is_json(r))
        return;
    enum err e = store_read_begin(api_of(r)->store, &tx);
    if (e == OK) {
        e = job_prepare(tx, api_actor(r), http_body(r), http_arena(r), &problems, &s->prepared);
        store_read_end(api_of(r)->store, &tx);
    }
    if (e == OK)
        give_output_address(r, &s->prepared.job);
    if (e == ERR_NOT_FOUND)
        http_fail_text(r, e, "There is no such template; give the job a template.src");
    else if (e != OK)
        http_fail_with(r, e, &problems);
    else
        api_write(r, submit_op, submit_done, s);
}

/* --- reading --- */

/* Any odd id is simply one that is not there. Inside a read transaction. */
static enum err read_job(struct http_request *r, struct store_tx *tx, struct job *ret)
{
    struct str id = http_param(r, "id");
    if (!ulid_valid(id))
        return ERR_NOT_FOUND;
    return store_job_get(tx, api_actor(r)->team_id, id, false, http_arena(r), ret);
}

void api_job_get(struct http_request *r)
{
    struct store_tx *tx;
    struct job job;
    AUTO(buf) struct buf body = buf_make(ANSWER_MAX_BYTES);
    enum err e = store_read_begin(api_of(r)->store, &tx);
    if (e == OK) {
        e = read_job(r, tx, &job);
        store_read_end(api_of(r)->store, &tx);
    }
    if (e == OK)
        e = job_write(&job, false, &body);
    if (e != OK)
        http_fail(r, e);
    else
        http_reply_json(r, 200, &body);
}

void api_job_logs(struct http_request *r)
{
    struct store_tx *tx;
    struct job job;
    AUTO(buf) struct buf text = buf_make(LOG_ANSWER_MAX_BYTES);
    enum err e = store_read_begin(api_of(r)->store, &tx);
    if (e == OK) {
        e = read_job(r, tx, &job);
        if (e == OK && job.log_bytes == 0)
            e = ERR_NOT_FOUND;
        if (e == OK)
            e = store_log_read(tx, ulid_str(&job.id), 0, LOG_ANSWER_MAX_BYTES, &text);
        store_read_end(api_of(r)->store, &tx);
    }
    if (e != OK) {
        http_fail(r, e);
        return;
    }
    char name[ULID_LEN + 32];
    snprintf(name, sizeof name, "inline; filename=\"%s.log\"", job.id.text);
    http_answer_header(r, "Content-Disposition", name);
    http_reply(r, 200, "text/plain; charset=utf-8", buf_str(&text));
}

/* A job without an upload leaves its output in the spool. */
void api_job_output(struct http_request *r)
{
    struct store_tx *tx;
    struct job job;
    struct stat file;
    enum err e = store_read_begin(api_of(r)->store, &tx);
    if (e == OK) {
        e = read_job(r, tx, &job);
        store_read_end(api_of(r)->store, &tx);
    }
    if (e == OK && (job.state != JOB_FINISHED || job.output_bytes < 0))
        e = ERR_NOT_FOUND;
    if (e != OK) {
        http_fail(r, e);
        return;
    }
    struct arena *a = http_arena(r);
    struct str name = job_spool_name(ulid_str(&job.id), a);
    struct str path = arena_printf(a, "%s/%.*s", api_of(r)->spool_folder, (int)name.len, name.ptr);
    int fd = open(path.ptr, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd >= 0 && fstat(fd, &file) == 0 && S_ISREG(file.st_mode)) {
        struct str disposition = arena_printf(a, "attachment; filename=\"%.*s\"",
                                              (int)job.output_name.len, job.output_name.ptr);
        http_answer_header(r, "Content-Disposition", disposition.ptr);
        http_reply_file(r, 200, "application/octet-stream", fd, 0, (uint64_t)file.st_size);
        return;
    }
    io_close(&fd);
    http_fail(r, ERR_NOT_FOUND);
}
