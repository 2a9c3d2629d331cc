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

/* With an offset the log is followed: that there is none yet is no error then. */
struct log_part {
    struct job job;
    uint64_t offset;
    bool followed;
};

static enum err read_log(struct http_request *r, struct log_part *part, struct buf *out)
{
    struct store_tx *tx;
    TRY(store_read_begin(api_of(r)->store, &tx));
    enum err e = read_job(r, tx, &part->job);
    if (e == OK && part->job.log_bytes == 0 && !part->followed)
        e = ERR_NOT_FOUND;
    if (e == OK && part->offset > (uint64_t)part->job.log_bytes)
        e = ERR_INVALID;
    if (e == OK)
        e = store_log_read(tx, ulid_str(&part->job.id), (int64_t)part->offset, LOG_ANSWER_MAX_BYTES,
                           out);
    store_read_end(api_of(r)->store, &tx);
    return e;
}

void api_job_logs(struct http_request *r)
{
    struct log_part part = {.offset = 0};
    struct str unused;
    AUTO(buf) struct buf text = buf_make(LOG_ANSWER_MAX_BYTES);
    part.followed = http_query(r, "offset", &unused);
    if (!api_job_id_is_good(r, http_param(r, "id")) ||
        !api_query_number(r, "offset", 0, INT64_MAX, &part.offset))
        return;
    enum err e = read_log(r, &part, &text);
    if (e == ERR_INVALID)
        api_fail_field(r, "offset", "lies beyond the end of the log");
    else if (e != OK)
        http_fail(r, e);
    if (e != OK)
        return;
    char name[ULID_LEN + 32], total[24];
    snprintf(name, sizeof name, "inline; filename=\"%s.log\"", part.job.id.text);
    snprintf(total, sizeof total, "%llu", (unsigned long long)(part.offset + text.len));
    http_answer_header(r, "Content-Disposition", name);
    http_answer_header(r, "X-Log-Bytes", total);
    http_reply(r, 200, "text/plain; charset=utf-8", buf_str(&text));
}
