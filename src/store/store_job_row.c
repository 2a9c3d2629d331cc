#include "store_job_row.h"

static const char *const names[JOB_STATE_COUNT] = {
    [JOB_QUEUED] = "queued",     [JOB_PENDING] = "pending", [JOB_RENDERING] = "render:dorender",
    [JOB_FINISHED] = "finished", [JOB_ERROR] = "error",     [JOB_CANCELLED] = "manually_cancelled",
};

const char *job_state_name(enum job_state s)
{
    ASSERT((unsigned)s < JOB_STATE_COUNT);
    return names[s];
}

bool job_state_from(struct str name, enum job_state *ret)
{
    for (unsigned i = 0; i < JOB_STATE_COUNT; i++) {
        if (str_is(name, names[i])) {
            *ret = (enum job_state)i;
            return true;
        }
    }
    return false;
}

bool job_state_final(enum job_state s)
{
    return s == JOB_FINISHED || s == JOB_ERROR || s == JOB_CANCELLED;
}

enum err store_job_read(struct db_stmt *q, struct arena *a, void *ret_row)
{
    struct job *ret = ret_row;
    struct job j = {.payload = STR_EMPTY};
    TRY(store_column_ulid(q, &j.id));
    TRY(store_column_ulid(q, &j.team_id));
    int64_t state = db_column_int(q);
    if (state < 0 || state >= JOB_STATE_COUNT)
        return ERR_TAMPERED;
    j.state = (enum job_state)state;
    j.template_id = store_column_str(q, a);
    j.output_url = store_column_str(q, a);
    j.output_name = store_column_str(q, a);
    j.tags = store_column_str(q, a);
    j.engine = store_column_str(q, a);
    j.submitted_by = store_column_str(q, a);
    j.priority = db_column_int(q);
    j.total_assets = db_column_int(q);
    j.progress = db_column_int(q);
    j.created_at_ms = db_column_int(q);
    j.updated_at_ms = db_column_int(q);
    j.started_at_ms = db_column_int(q);
    j.finished_at_ms = db_column_int(q);
    j.error_at_ms = db_column_int(q);
    j.rendered_at_ms = db_column_int(q);
    j.error = store_column_str(q, a);
    j.lease_id = store_column_str(q, a);
    j.lease_expires_at_ms = db_column_int(q);
    j.lease_count = db_column_int(q);
    j.lease_token = store_column_str(q, a);
    j.worker = store_column_str(q, a);
    j.output_bytes = db_column_int(q);
    j.log_bytes = db_column_int(q);
    j.log_consumed = db_column_int(q);
    int64_t kind = db_column_int(q);
    if (kind != JOB_KIND_RENDER && kind != JOB_KIND_JOIN)
        return ERR_TAMPERED;
    j.kind = (enum job_kind)kind;
    j.parent_id = store_column_str(q, a);
    j.parent_asset = db_column_int(q);
    j.waiting = db_column_int(q);
    j.batch_id = store_column_str(q, a);
    j.batch_index = db_column_int(q);
    j.exposes = db_column_int(q) != 0;
    j.stock = db_column_int(q) != 0;
    j.missing_fonts = store_column_str(q, a);
    *ret = j;
    return OK;
}

bool store_comma_next(struct str *list, struct str *ret)
{
    while (list->len) {
        struct str head;
        *list = str_split(*list, ',', &head);
        head = str_trim(head);
        if (head.len) {
            *ret = head;
            return true;
        }
    }
    return false;
}
