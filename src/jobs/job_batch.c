#include "job_batch.h"

#include "clock.h"
#include "json_scan.h"
#include "store_audit.h"

enum {
    DETAILS_MAX = 10, /* of one job: a thousand of them are in one answer */
    /* Refused jobs that may be told which names were meant: each looks at every name of the team,
     * and the same mistake stands in all of them. */
    SUGGESTING_JOBS_MAX = 5,
    /* What is nested deeper than this is not told apart from what is no JSON at all. */
    MALFORMED_DEPTH = 4096,
};

/* --- one job, kept beyond the memory it was prepared in --- */

static void keep(struct arena *a, struct str *s)
{
    *s = s->len ? arena_str(a, *s) : STR_EMPTY;
}

static void keep_job(struct arena *a, struct job *job)
{
    struct str *const kept[] = {&job->template_id, &job->output_url,   &job->output_name,
                                &job->tags,        &job->engine,       &job->submitted_by,
                                &job->parent_id,   &job->missing_fonts};
    for (size_t i = 0; i < ARRAY_LEN(kept); i++)
        keep(a, kept[i]);
}

static void *keep_array(struct arena *a, const void *list, size_t count, size_t size)
{
    void *copy = arena_array(a, count + 1, size);
    if (count)
        memcpy(copy, list, count * size);
    return copy;
}

/* Which secrets they name; where they stand is not asked any more. */
static void keep_names(struct arena *a, struct ref_list *refs)
{
    struct ref *kept = arena_array(a, refs->count + 1, sizeof *kept);
    size_t count = 0;
    for (size_t i = 0; i < refs->count; i++) {
        struct str name = refs->refs[i].name;
        if (refs->refs[i].literal || (count && str_equal(kept[count - 1].name, name)))
            continue;
        kept[count++] = (struct ref){.name = arena_str(a, name)};
    }
    *refs = (struct ref_list){kept, count};
}

static void keep_prepared(struct arena *a, struct job_prepared *p)
{
    keep_job(a, &p->job);
    keep_names(a, &p->refs);
    p->reach = NULL;
    p->fonts = keep_array(a, p->fonts, p->font_count, sizeof *p->fonts);
    p->warning_count = p->warning_count < PROBLEMS_MAX ? p->warning_count : PROBLEMS_MAX;
    p->warnings = keep_array(a, p->warnings, p->warning_count, sizeof *p->warnings);
    for (size_t i = 0; i < p->warning_count; i++) {
        keep(a, &p->warnings[i].field);
        keep(a, &p->warnings[i].message);
    }
    p->children = keep_array(a, p->children, p->child_count, sizeof *p->children);
    for (size_t i = 0; i < p->child_count; i++)
        keep_prepared(a, &p->children[i]);
}

static void keep_problems(struct arena *a, const struct problems *problems,
                          struct job_batch_item *item)
{
    size_t count = problems->count < DETAILS_MAX ? problems->count : DETAILS_MAX;
    item->details = keep_array(a, problems->list, count, sizeof *item->details);
    item->detail_count = count;
    for (size_t i = 0; i < count; i++) {
        keep(a, &item->details[i].field);
        keep(a, &item->details[i].message);
    }
}

/* --- accepting --- */

static void refuse(struct job_batch *b, struct job_batch_item *item, enum err e,
                   const struct problems *problems)
{
    item->err = e;
    b->refused_count++;
    keep_problems(b->arena, problems, item);
    item->why = str_from(e == ERR_NOT_FOUND ? JOB_NO_TEMPLATE : err_text(e));
    if (item->detail_count) {
        struct problem *first = &item->details[0];
        item->why =
            arena_printf(b->arena, "%.*s%s%.*s", (int)first->field.len, first->field.ptr,
                         first->field.len ? ": " : "", (int)first->message.len, first->message.ptr);
    }
}

static bool malformed(struct str job)
{
    return json_valid(job, (struct json_limits){MALFORMED_DEPTH, SIZE_MAX}) != OK;
}

static enum err prepare_item(struct store_tx *read, struct str raw, size_t *nested,
                             struct job_batch *b, struct job_batch_item *item)
{
    AUTO(arena) struct arena a = arena_make();
    struct problems found;
    problems_init(&found, &a);
    const struct actor *actor = b->refused_count < SUGGESTING_JOBS_MAX ? b->actor : &b->quiet;
    enum err e = job_prepare(read, actor, JOB_KIND_RENDER, raw, &a, &found, &item->prepared);
    if (e == OK && *nested + item->prepared.nested_count > BATCH_NESTED_MAX)
        e = problems_addf(&found, STR("/assets"),
                          "all jobs of a batch may hold at most %d nested jobs", BATCH_NESTED_MAX);
    if (e == ERR_JSON && malformed(raw))
        return ERR_JSON;
    if (e == ERR_JSON || e == ERR_INVALID || e == ERR_TOO_LARGE || e == ERR_NOT_FOUND) {
        refuse(b, item, e, &found);
        return OK;
    }
    TRY(e);
    *nested += item->prepared.nested_count;
    b->good_count++;
    keep_prepared(b->arena, &item->prepared);
    return OK;
}

enum err job_batch_prepare(struct store_tx *read, const struct str *jobs, size_t count,
                           struct problems *problems, struct job_batch *b)
{
    size_t nested = 0;
    b->items = arena_array(b->arena, count, sizeof *b->items);
    b->count = count;
    b->quiet = *b->actor;
    b->quiet.may_list_names = false;
    b->batch =
        (struct batch){.id = ulid_new(), .total = (int64_t)count, .created_at_ms = clock_unix_ms()};
    TRY(ulid_from(b->actor->team_id, &b->batch.team_id));
    for (size_t i = 0; i < count; i++) {
        struct job_batch_item *item = &b->items[i];
        enum err e = prepare_item(read, jobs[i], &nested, b, item);
        if (e == ERR_JSON)
            (void)problems_addf(problems, STR("jobs"), "job %zu is not valid JSON", i);
        TRY(e);
        item->prepared.job.batch_id = ulid_str(&b->batch.id);
        item->prepared.job.batch_index = (int64_t)i;
    }
    return OK;
}

enum err job_batch_insert_op(struct store_tx *tx, void *ctx)
{
    struct job_batch *b = ctx;
    TRY(store_batch_insert(tx, &b->batch));
    for (size_t i = 0; i < b->count; i++) {
        if (b->items[i].err == OK)
            TRY(job_insert_op(tx, &b->items[i].prepared));
    }
    return OK;
}
