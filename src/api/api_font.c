/* Fonts of the team: list, show, remove. */
#include "api_font.h"

#include "api_library.h"
#include "api_list.h"

enum { LIST_MAX_BYTES = 4 * 1024 * 1024, ANSWER_MAX_BYTES = 4096 };

static void write_members(struct json_out *o, const void *row)
{
    const struct font_row *font = row;
    json_out_member_str(o, "id", ulid_str(&font->id));
    json_out_member_str(o, "familyName", font->family_name);
    json_out_member_str(o, "fileName", font->file_name);
    json_out_member_time(o, "createdAt", font->created_at_ms);
}

void api_font_write(struct json_out *o, const struct font_row *font)
{
    json_out_open(o, '{');
    write_members(o, font);
    json_out_close(o, '}');
}

static enum err read_rows(struct store_tx *tx, struct http_request *r, const void **ret_rows,
                          size_t *ret_count)
{
    struct font_row *rows = NULL;
    enum err e = store_font_list(tx, api_actor(r)->team_id, http_arena(r), &rows, ret_count);
    *ret_rows = rows;
    return e;
}

void api_font_list(struct http_request *r)
{
    static const struct api_list list = {read_rows, write_members, sizeof(struct font_row),
                                         LIST_MAX_BYTES};
    api_list(r, &list);
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

static enum err remove_font(struct store_tx *tx, struct http_request *r, struct str *ret_file)
{
    struct font_row font;
    TRY(find(tx, r, &font));
    TRY(store_font_delete(tx, ulid_str(&font.team_id), ulid_str(&font.id)));
    *ret_file = store_font_file(&font, http_arena(r));
    struct audit_record record = api_audit(api_actor(r), AUDIT_FONT_DELETED);
    record.subject = ulid_str(&font.id);
    record.name = font.file_name;
    return store_audit(tx, &record);
}

void api_font_delete(struct http_request *r)
{
    static const struct api_library_kind kind = {remove_font,
                                                 "Jobs that have not ended need this font"};
    api_library_delete(r, &kind);
}
