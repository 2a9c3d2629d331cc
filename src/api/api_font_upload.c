/* POST /fonts: a form with the file part `font` and, if wished, the text `familyName`. The file is
 * streamed to a part file in the spool. What is wrong with the form is told when it has arrived
 * whole: an answer in the middle of a body ends the connection, and not every client reads it. */
#include <stdlib.h>
#include <sys/mman.h>

#include "alloc.h"
#include "api_font.h"
#include "clock.h"
#include "json_chars.h"
#include "multipart.h"
#include "spool_file.h"
#include "spool_library.h"
#include "spool_room.h"
#include "truetype.h"

enum { ANSWER_MAX_BYTES = 4096, FAMILY_TEXT_MAX = FONT_FAMILY_NAME_MAX_BYTES + 1 };

struct upload {
    struct http_request *r;
    struct multipart form;
    enum { PART_OTHER, PART_FONT, PART_FAMILY } part;
    struct spool_file file;
    struct font_row row;
    bool has_file, too_large;
    char family[FAMILY_TEXT_MAX]; /* one more than may be, so that too long is seen */
    size_t family_len;
    const char *field, *wrong; /* the first mistake */
    enum err disk;
};

static void upload_free(struct upload *u)
{
    spool_file_close(&u->file);
    free(u);
}

static void mistake(struct upload *u, const char *field, const char *wrong)
{
    if (u->wrong)
        return;
    u->field = field;
    u->wrong = wrong;
}

/* --- the form as it arrives --- */

static bool is_plain_text(struct str s)
{
    for (const char *p = s.ptr, *end = s.ptr + s.len; p < end;) {
        unsigned n = json_utf8_len(p, end);
        if (n == 0 || (unsigned char)*p < ' ' || *p == 0x7f ||
            (n == 2 && (unsigned char)p[0] == 0xc2 && (unsigned char)p[1] < 0xa0))
            return false;
        p += n;
    }
    return true;
}

/* Without folders, of whichever system. Workers install the font under this name. */
static bool take_file_name(struct upload *u, struct str name)
{
    for (size_t i = name.len; i > 0; i--) {
        if (name.ptr[i - 1] == '/' || name.ptr[i - 1] == '\\') {
            name = str_slice(name, i, name.len);
            break;
        }
    }
    struct str extension = STR(".ttf");
    if (name.len <= extension.len || name.len > FONT_FILE_NAME_MAX_BYTES || name.ptr[0] == '.' ||
        !is_plain_text(name) ||
        !str_equal_nocase(str_slice(name, name.len - extension.len, name.len), extension))
        return false;
    u->row.file_name = arena_str(http_arena(u->r), name);
    return true;
}

static enum err begin_file(struct upload *u, struct str file_name)
{
    if (u->has_file) {
        mistake(u, "font", "must be there once");
        return OK;
    }
    u->has_file = true;
    if (!file_name.ptr || !take_file_name(u, file_name)) {
        mistake(u, "font", "must have a file name that ends in .ttf, of at most 128 bytes");
        return OK;
    }
    struct api *api = api_of(u->r);
    struct str name = store_font_file(&u->row, http_arena(u->r));
    u->disk = spool_room_for_bytes(api, FONT_MAX_BYTES, false);
    if (u->disk == OK)
        u->disk = spool_file_open(api->spool_folder, name, name, FONT_MAX_BYTES, &u->file);
    return u->disk;
}

static enum err part(void *ctx, const struct multipart_part *p)
{
    struct upload *u = ctx;
    u->part = str_is(p->name, "font")         ? PART_FONT
              : str_is(p->name, "familyName") ? PART_FAMILY
                                              : PART_OTHER;
    if (u->part == PART_FAMILY && u->family_len > 0)
        mistake(u, "familyName", "must be there once");
    return u->part == PART_FONT ? begin_file(u, p->file_name) : OK;
}

static enum err data(void *ctx, struct str bytes)
{
    struct upload *u = ctx;
    if (u->part == PART_FAMILY) {
        size_t room = sizeof u->family - u->family_len;
        size_t n = bytes.len < room ? bytes.len : room;
        memcpy(u->family + u->family_len, bytes.ptr, n);
        u->family_len += n;
    }
    /* After a mistake the rest is read and thrown away. */
    if (u->part != PART_FONT || u->wrong || u->too_large)
        return OK;
    u->disk = spool_file_put(&u->file, bytes);
    if (u->disk == ERR_TOO_LARGE) {
        u->too_large = true;
        u->disk = OK;
    }
    return u->disk;
}

static enum err piece(void *ctx, struct str bytes)
{
    struct upload *u = ctx;
    if (u->form.why)
        return OK;
    enum err e = multipart_feed(&u->form, bytes);
    if (u->form.why)
        mistake(u, "font", u->form.why);
    return u->disk != OK ? e : OK;
}

/* --- when it is whole --- */

static enum err check_form(struct upload *u)
{
    if (!u->form.why && multipart_end(&u->form) != OK)
        mistake(u, "font", u->form.why);
    if (!u->has_file)
        mistake(u, "font", "is required: a file part");
    struct str family = str_trim(str_bytes(u->family, u->family_len));
    if (family.len > FONT_FAMILY_NAME_MAX_BYTES || !is_plain_text(family))
        mistake(u, "familyName", "must be text of at most 128 bytes without control characters");
    u->row.family_name = arena_str(http_arena(u->r), family);
    if (u->wrong)
        return ERR_INVALID;
    return u->too_large ? ERR_TOO_LARGE : OK;
}

/* The font's own name, unless the form gives one. */
static enum err find_family(struct upload *u, struct str font)
{
    AUTO(buf) struct buf name = buf_make(FONT_FAMILY_NAME_MAX_BYTES);
    const char *problem = truetype_problem(font);
    if (problem) {
        mistake(u, "font", problem);
        return ERR_INVALID;
    }
    if (u->row.family_name.len > 0)
        return OK;
    enum err e = truetype_family(font, &name);
    u->row.family_name = arena_str(http_arena(u->r), str_trim(buf_str(&name)));
    if (e == OK && u->row.family_name.len > 0)
        return OK;
    mistake(u, "familyName", "is required: the font does not say what its family is");
    return ERR_INVALID;
}

static enum err look_inside(struct upload *u)
{
    size_t len = (size_t)u->file.bytes;
    if (len == 0)
        return find_family(u, STR_EMPTY);
    void *bytes = mmap(NULL, len, PROT_READ, MAP_PRIVATE, u->file.fd, 0);
    if (bytes == MAP_FAILED)
        return ERR_LIMIT;
    enum err e = find_family(u, str_bytes(bytes, len));
    ASSERT(munmap(bytes, len) == 0);
    return e;
}

static enum err insert_op(struct store_tx *tx, void *ctx)
{
    struct upload *u = ctx;
    TRY(store_font_insert(tx, &u->row));
    struct audit_record record = api_audit(api_actor(u->r), AUDIT_FONT_CREATED);
    record.subject = ulid_str(&u->row.id);
    record.name = u->row.file_name;
    return store_audit(tx, &record);
}

static enum err put_in_place(struct upload *u)
{
    struct api *api = api_of(u->r);
    TRY(check_form(u));
    TRY(look_inside(u));
    TRY(spool_file_sync(&u->file));
    TRY(spool_file_place(&u->file));
    u->row.bytes = u->file.bytes;
    u->row.created_at_ms = clock_unix_ms();
    enum err e = store_write_wait(api->store, insert_op, u);
    if (e != OK)
        spool_library_undo(api->store, api->spool_folder,
                           store_font_file(&u->row, http_arena(u->r)));
    return e;
}

/* Nothing of it is left in the spool when the answer goes out. */
static void complete(struct http_request *r)
{
    struct upload *u = api_work(r);
    enum err e = put_in_place(u);
    struct font_row row = u->row;
    const char *field = u->field, *wrong = u->wrong;
    upload_free(u);
    if (wrong) {
        api_fail_field(r, field, wrong);
        return;
    }
    if (e != OK) {
        if (e == ERR_TOO_LARGE)
            http_fail_text(r, e, "A font may have at most 40 MiB");
        else
            http_fail(r, e);
        return;
    }
    AUTO(buf) struct buf body = buf_make(ANSWER_MAX_BYTES);
    struct json_out o = json_out_make(&body);
    api_font_write(&o, &row);
    api_reply_out(r, 201, &body, &o);
}

static void end(struct http_request *r, void *ctx, bool whole)
{
    if (!api_defer_body(r, whole, complete, ctx))
        upload_free(ctx);
}

void api_font_upload(struct http_request *r)
{
    struct str boundary;
    if (!multipart_boundary(http_header(r, "Content-Type"), &boundary)) {
        api_fail_field(r, "font", "is required: send multipart/form-data with a file part");
        return;
    }
    struct upload *u = xcalloc(1, sizeof *u);
    u->r = r;
    u->file.fd = -1;
    u->row.id = ulid_new();
    enum err e = ulid_from(api_actor(r)->team_id, &u->row.team_id);
    ASSERT(e == OK);
    multipart_init(&u->form, boundary,
                   &(struct multipart_sink){.part = part, .data = data, .ctx = u});
    http_stream_body(r, &(struct http_sink){.piece = piece, .end = end, .ctx = u});
}
