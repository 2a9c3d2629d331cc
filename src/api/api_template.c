/* Templates of the team: make, list, show, rename, remove. Their files come and go by the addresses
 * of transfer.h. */
#include "api_template.h"

#include "api_library.h"
#include "api_list.h"
#include "clock.h"
#include "job_rules.h"
#include "transfer.h"

enum { ANSWER_MAX_BYTES = 64 * 1024 };

/* --- as answers show it --- */

void api_template_members(struct json_out *o, const struct template_row *t)
{
    json_out_member_str(o, "id", ulid_str(&t->id));
    json_out_member_str(o, "type", str_from(template_type_name(t->type)));
    json_out_member_str(o, "displayName", t->display_name);
    json_out_member_str(o, "status", str_from(template_status_name(t->status)));
    json_out_member_time(o, "createdAt", t->created_at_ms);
    json_out_member_time(o, "updatedAt", t->updated_at_ms);
}

/* What stands in the file is not looked into, so nothing is known of its compositions. */
static void write_members(struct json_out *o, const void *row)
{
    const struct template_row *t = row;
    api_template_members(o, t);
    json_out_key(o, "compositions");
    json_out_raw(o, STR("[]"));
    json_out_key(o, "layers");
    json_out_raw(o, STR("[]"));
    json_out_key(o, "mogrt");
    json_out_raw(o, STR("{}"));
    json_out_key(o, "error");
    if (t->error.len)
        json_out_str(o, t->error);
    else
        json_out_null(o);
}

static void reply_template(struct http_request *r, const struct template_row *t)
{
    AUTO(buf) struct buf body = buf_make(ANSWER_MAX_BYTES);
    struct json_out o = json_out_make(&body);
    json_out_open(&o, '{');
    write_members(&o, t);
    json_out_close(&o, '}');
    api_reply_out(r, 200, &body, &o);
}

/* --- reading --- */

enum err api_template_find(struct store_tx *tx, struct http_request *r, struct template_row *ret)
{
    struct str id = http_param(r, "id");
    if (!ulid_valid(id))
        return ERR_NOT_FOUND;
    return store_template_get(tx, api_actor(r)->team_id, id, http_arena(r), ret);
}

enum err api_template_read(struct http_request *r, struct template_row *ret)
{
    struct store_tx *tx;
    TRY(store_read_begin(api_of(r)->store, &tx));
    enum err e = api_template_find(tx, r, ret);
    store_read_end(api_of(r)->store, &tx);
    return e;
}

void api_template_get(struct http_request *r)
{
    struct template_row row;
    enum err e = api_template_read(r, &row);
    if (e != OK)
        http_fail(r, e);
    else
        reply_template(r, &row);
}

enum err api_template_rows(struct store_tx *tx, struct http_request *r, const void **ret_rows,
                           size_t *ret_count)
{
    struct template_row *rows = NULL;
    enum err e = store_template_list(tx, api_actor(r)->team_id, http_arena(r), &rows, ret_count);
    *ret_rows = rows;
    return e;
}

void api_template_list(struct http_request *r)
{
    static const struct api_list list = {api_template_rows, write_members,
                                         sizeof(struct template_row), API_TEMPLATE_LIST_MAX_BYTES};
    api_list(r, &list);
}

/* --- making one --- */

struct creation {
    struct http_request *r;
    struct creation_body {
        struct str type, display_name, src;
    } body;
    struct template_row row;
    struct transfer_new upload; /* unless it has an address of its own */
};

static const struct json_field fields[] = {
    JSON_FIELD(struct creation_body, type, "type", JSON_AS_STR, JSON_REQUIRED, 16),
    JSON_FIELD(struct creation_body, display_name, "displayName", JSON_AS_STR,
               JSON_REQUIRED | JSON_NOT_EMPTY, TEMPLATE_NAME_MAX_BYTES),
    JSON_FIELD(struct creation_body, src, "src", JSON_AS_STR, JSON_NULLABLE, JOB_URL_MAX_BYTES),
};

/* References belong into jobs: a template's address is used for any job, under no job's name. */
static bool is_address(struct str src)
{
    return job_rules_url(src) && str_search(src, STR("${"), 0) == src.len;
}

/* Answers itself when something is wrong with it. */
static bool check_body(struct creation *c)
{
    struct problems problems;
    problems_init(&problems, http_arena(c->r));
    if (!template_type_from(c->body.type, &c->row.type))
        problems_add(&problems, STR("type"), "must be aep, zip or mogrt");
    if (str_has_control(c->body.display_name))
        problems_add(&problems, STR("displayName"), "must not hold control characters");
    if (c->body.src.len > 0 && !is_address(c->body.src))
        problems_add(&problems, STR("src"),
                     "must be an http or https address without secret references");
    if (problems.count == 0)
        return true;
    http_fail_with(c->r, ERR_INVALID, &problems);
    return false;
}

static enum err create_op(struct store_tx *tx, void *ctx)
{
    const struct creation *c = ctx;
    TRY(store_template_insert(tx, &c->row));
    if (c->upload.url.len > 0)
        TRY(transfer_insert(tx, &c->upload));
    struct audit_record record = api_audit(api_actor(c->r), AUDIT_TEMPLATE_CREATED);
    record.subject = ulid_str(&c->row.id);
    record.name = c->row.display_name;
    return store_audit(tx, &record);
}

/* Clients read one of three shapes: the template itself, the template and uploadInfo side by side,
 * or an uploadUrl. */
static void create_done(enum err e, void *ctx)
{
    const struct creation *c = ctx;
    if (e != OK) {
        http_fail(c->r, e);
        return;
    }
    AUTO(buf) struct buf body = buf_make(ANSWER_MAX_BYTES);
    struct json_out o = json_out_make(&body);
    json_out_open(&o, '{');
    write_members(&o, &c->row);
    json_out_key(&o, "template");
    json_out_open(&o, '{');
    write_members(&o, &c->row);
    json_out_close(&o, '}');
    if (c->upload.url.len > 0) {
        json_out_key(&o, "uploadInfo");
        transfer_upload_info(&o, &c->upload, &c->row);
        json_out_member_str(&o, "uploadUrl", c->upload.url);
    }
    json_out_close(&o, '}');
    api_reply_out(c->r, 201, &body, &o);
}

void api_template_create(struct http_request *r)
{
    struct creation *c = arena_alloc(http_arena(r), sizeof *c);
    c->r = r;
    c->body.src = STR_EMPTY;
    if (!api_decode(r, fields, ARRAY_LEN(fields), &c->body) || !check_body(c))
        return;
    struct template_row *row = &c->row;
    bool has_address = c->body.src.len > 0;
    enum err e = ulid_from(api_actor(r)->team_id, &row->team_id);
    ASSERT(e == OK);
    row->id = ulid_new();
    row->display_name = c->body.display_name;
    row->status = has_address ? TEMPLATE_UPLOADED : TEMPLATE_AWAITING_UPLOAD;
    row->src = has_address ? c->body.src : STR_EMPTY;
    row->error = row->file = STR_EMPTY;
    row->created_at_ms = row->updated_at_ms = clock_unix_ms();
    if (!has_address)
        transfer_make(r, TRANSFER_PUT, &row->id, &c->upload);
    api_write(r, create_op, create_done, c);
}

/* --- renaming --- */

struct renaming {
    struct http_request *r;
    struct str display_name;
    struct template_row row;
};

static const struct json_field new_name[] = {
    JSON_FIELD(struct renaming, display_name, "displayName", JSON_AS_STR,
               JSON_REQUIRED | JSON_NOT_EMPTY, TEMPLATE_NAME_MAX_BYTES),
};

static enum err rename_op(struct store_tx *tx, void *ctx)
{
    struct renaming *n = ctx;
    TRY(api_template_find(tx, n->r, &n->row));
    n->row.display_name = n->display_name;
    n->row.updated_at_ms = clock_unix_ms();
    return store_template_update(tx, &n->row);
}

static void rename_done(enum err e, void *ctx)
{
    const struct renaming *n = ctx;
    if (e != OK)
        http_fail(n->r, e);
    else
        reply_template(n->r, &n->row);
}

void api_template_rename(struct http_request *r)
{
    struct renaming *n = arena_alloc(http_arena(r), sizeof *n);
    n->r = r;
    if (!api_decode(r, new_name, ARRAY_LEN(new_name), n))
        return;
    if (str_has_control(n->display_name))
        api_fail_field(r, "displayName", "must not hold control characters");
    else
        api_write(r, rename_op, rename_done, n);
}

/* --- removing --- */

static enum err remove_template(struct store_tx *tx, struct http_request *r, struct str *ret_file)
{
    struct template_row row;
    TRY(api_template_find(tx, r, &row));
    TRY(store_template_delete(tx, ulid_str(&row.team_id), ulid_str(&row.id)));
    *ret_file = store_template_file(&row, http_arena(r));
    struct audit_record record = api_audit(api_actor(r), AUDIT_TEMPLATE_DELETED);
    record.subject = ulid_str(&row.id);
    record.name = row.display_name;
    return store_audit(tx, &record);
}

void api_template_delete(struct http_request *r)
{
    static const struct api_library_kind kind = {remove_template,
                                                 "Jobs that have not ended need this template"};
    api_library_delete(r, &kind);
}
