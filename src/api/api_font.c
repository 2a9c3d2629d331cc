/* Fonts of the team: list, show, remove. */
#include "api_font.h"

#include "spool_library.h"

enum { LIST_MAX_BYTES = 4 * 1024 * 1024, ANSWER_MAX_BYTES = 4096 };

void api_font_write(struct json_out *o, const struct font_row *font)
{
    json_out_open(o, '{');
    json_out_member_str(o, "id", ulid_str(&font->id));
    json_out_member_str(o, "familyName", font->family_name);
    json_out_member_str(o, "fileName", font->file_name);
    json_out_member_time(o, "createdAt", font->created_at_ms);
    json_out_close(o, '}');
}

void api_font_list(struct http_request *r)
{
    struct store_tx *tx;
    struct font_row *rows = NULL;
    size_t count = 0;
    enum err e = store_read_begin(api_of(r)->store, &tx);
    if (e == OK) {
        e = store_font_list(tx, api_actor(r)->team_id, http_arena(r), &rows, &count);
        store_read_end(api_of(r)->store, &tx);
    }
    if (e != OK) {
        http_fail(r, e);
        return;
    }
    AUTO(buf) struct buf body = buf_make(LIST_MAX_BYTES);
    struct json_out o = json_out_make(&body);
    json_out_open(&o, '[');
    for (size_t i = 0; i < count; i++)
        api_font_write(&o, &rows[i]);
    json_out_close(&o, ']');
    api_reply_out(r, 200, &body, &o);
}

static enum err find(struct store_tx *tx, struct http_request *r, struct font_row *ret)
{
    struct str id = http_param(r, "id");
    if (!ulid_valid(id))
        return ERR_NOT_FOUND;
    return store_font_get(tx, api_actor(r)->team_id, id, http_arena(r), ret);
}

void api_font_get(struct http_request *r)
{
    struct store_tx *tx;
    struct font_row font;
    enum err e = store_read_begin(api_of(r)->store, &tx);
    if (e == OK) {
        e = find(tx, r, &font);
        store_read_end(api_of(r)->store, &tx);
    }
    if (e != OK) {
        http_fail(r, e);
        return;
    }
    AUTO(buf) struct buf body = buf_make(ANSWER_MAX_BYTES);
    struct json_out o = json_out_make(&body);
    api_font_write(&o, &font);
    api_reply_out(r, 200, &body, &o);
}

/* --- removing --- */

struct removal {
    struct http_request *r;
    struct font_row font;
};

static enum err delete_op(struct store_tx *tx, void *ctx)
{
    struct removal *d = ctx;
    TRY(find(tx, d->r, &d->font));
    TRY(store_font_delete(tx, ulid_str(&d->font.team_id), ulid_str(&d->font.id)));
    struct audit_record record = api_audit(api_actor(d->r), AUDIT_FONT_DELETED);
    record.subject = ulid_str(&d->font.id);
    record.name = d->font.file_name;
    return store_audit(tx, &record);
}

static void delete_font(struct http_request *r)
{
    struct removal *d = api_work(r);
    struct api *api = api_of(r);
    enum err e = store_write_wait(api->store, delete_op, d);
    if (e == ERR_CONFLICT) {
        http_fail_text(r, e, "Jobs that have not ended need this font");
    } else if (e != OK) {
        http_fail(r, e);
    } else {
        spool_library_remove(api->spool_folder, store_font_file(&d->font, http_arena(r)));
        http_reply_empty(r, 204);
    }
}

void api_font_delete(struct http_request *r)
{
    struct removal *d = arena_alloc(http_arena(r), sizeof *d);
    d->r = r;
    api_defer_or_fail(r, delete_font, d);
}
