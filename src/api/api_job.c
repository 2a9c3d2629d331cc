/* One job, for those who submit them: as it stands, its log. */
#include <stdio.h>

#include "api_job.h"
#include "api_output.h"

enum {
    ANSWER_MAX_BYTES = 2 * 1024 * 1024,
    LOG_ANSWER_MAX_BYTES = JOB_LOG_MAX_BYTES + 4096, /* and the line that says it was too long */
};

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
        e = api_output_sign(r, &job, 1);
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
    if (!api_job_id_is_good(r, http_param(r, "id")))
        return;
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
