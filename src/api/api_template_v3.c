/* Templates as version 3 of the API shows them; for reading only. */
#include "api_list.h"
#include "api_template.h"

enum { ANSWER_MAX_BYTES = 4096 };

static void write_members(struct json_out *o, const void *row)
{
    api_template_members(o, row);
}

void api_template_v3_list(struct http_request *r)
{
    static const struct api_list list = {api_template_rows, write_members,
                                         sizeof(struct template_row), API_TEMPLATE_LIST_MAX_BYTES};
    api_list(r, &list);
}

/* Here an id that cannot be one is a mistake, and said to be. Answers itself on a problem. */
static bool find(struct http_request *r, struct template_row *ret)
{
    if (!ulid_valid(http_param(r, "id"))) {
        api_fail_field(r, "id", "must be a ULID");
        return false;
    }
    enum err e = api_template_read(r, ret);
    if (e != OK)
        http_fail(r, e);
    return e == OK;
}

void api_template_v3_get(struct http_request *r)
{
    struct template_row row;
    if (!find(r, &row))
        return;
    AUTO(buf) struct buf body = buf_make(ANSWER_MAX_BYTES);
    struct json_out o = json_out_make(&body);
    json_out_open(&o, '{');
    api_template_members(&o, &row);
    json_out_close(&o, '}');
    api_reply_out(r, 200, &body, &o);
}

static void check_number(struct http_request *r, const char *name, uint64_t least,
                         struct problems *problems)
{
    struct str text;
    uint64_t v;
    if (http_query(r, name, &text) && (str_to_u64(text, INT64_MAX, &v) != OK || v < least))
        problems_addf(problems, str_from(name), "must be a whole number, %llu or more",
                      (unsigned long long)least);
}

/* Compositions and layers: the file is not looked into, so every page of them is empty, and there
 * is no largest limit to hold a request to. */
void api_template_v3_parts(struct http_request *r)
{
    struct template_row row;
    struct problems problems;
    problems_init(&problems, http_arena(r));
    check_number(r, "limit", 1, &problems);
    check_number(r, "offset", 0, &problems);
    if (problems.count > 0)
        http_fail_with(r, ERR_INVALID, &problems);
    else if (find(r, &row))
        http_reply(r, 200, "application/json", STR("[]"));
}
