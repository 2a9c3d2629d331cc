/* Template files in and out: who asks with a token gets an address, and whoever has the address
 * brings the file or fetches it.
 *
 * An upload is streamed to a part file, looked at, synced and renamed to a name of its own; the
 * commit then makes it the template's file and uses the address up, and what was the file before is
 * removed. One that breaks off, or turns out to be no template, leaves the address as it was. */
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "alloc.h"
#include "clock.h"
#include "hash.h"
#include "io.h"
#include "spool_file.h"
#include "spool_library.h"
#include "spool_room.h"
#include "template_kind.h"
#include "ticket.h"
#include "transfer.h"
#include "zip_project.h"

enum {
    ANSWER_MAX_BYTES = 64 * 1024,
    LOOK_BYTES = 16 * 1024 * 1024, /* after so many more the spool's room is looked at again */
};

static const char not_there[] = "The template's file has not been uploaded";

/* --- asking for an address --- */

struct asking {
    struct http_request *r;
    enum transfer_kind kind;
    struct template_row row;
    struct transfer_new made;
};

/* A template that lies elsewhere is fetched there. */
static enum err ask_op(struct store_tx *tx, void *ctx)
{
    struct asking *k = ctx;
    TRY(api_template_find(tx, k->r, &k->row));
    if (k->kind == TRANSFER_GET) {
        if (k->row.src.len > 0)
            return OK;
        if (k->row.file.len == 0)
            return ERR_GONE;
    }
    return transfer_insert(tx, &k->made);
}

static void ask_done(enum err e, void *ctx)
{
    const struct asking *k = ctx;
    if (e == ERR_GONE) {
        http_fail_text(k->r, e, not_there);
        return;
    }
    if (e != OK) {
        http_fail(k->r, e);
        return;
    }
    AUTO(buf) struct buf body = buf_make(ANSWER_MAX_BYTES);
    struct json_out o = json_out_make(&body);
    if (k->kind == TRANSFER_PUT) {
        transfer_upload_info(&o, &k->made, &k->row);
    } else {
        json_out_open(&o, '{');
        json_out_member_str(&o, "url", k->row.src.len > 0 ? k->row.src : k->made.url);
        json_out_close(&o, '}');
    }
    api_reply_out(k->r, 200, &body, &o);
}

static void ask(struct http_request *r, enum transfer_kind kind)
{
    struct asking *k = arena_alloc(http_arena(r), sizeof *k);
    struct ulid id;
    k->r = r;
    k->kind = kind;
    if (ulid_from(http_param(r, "id"), &id) != OK) {
        http_fail(r, ERR_NOT_FOUND);
        return;
    }
    transfer_make(r, kind, &id, &k->made);
    api_write(r, ask_op, ask_done, k);
}

void api_template_upload(struct http_request *r)
{
    ask(r, TRANSFER_PUT);
}

void api_template_download(struct http_request *r)
{
    ask(r, TRANSFER_GET);
}

/* --- PUT /upload/{ticket} --- */

struct upload {
    struct http_request *r;
    uint8_t hash[32];
    struct spool_file file;
    struct ulid id; /* of this upload */
    struct template_row row;
    struct template_kind kind;
    int64_t looked_at;  /* how much was there when the room was last looked at */
    struct str before;  /* the file that this one replaces */
    const char *wrong;  /* why it is no template */
    struct str project; /* in a zip */
};

static void upload_free(struct upload *u)
{
    spool_file_close(&u->file);
    free(u);
}

/* What a token that was revoked has asked for is no good any more. */
static enum err look(struct store_tx *tx, struct http_request *r, const uint8_t hash[static 32],
                     enum transfer_kind kind, struct transfer *ret, struct template_row *ret_row)
{
    struct arena *a = http_arena(r);
    struct token token;
    TRY(store_transfer_get(tx, hash, kind, clock_unix_ms(), a, ret));
    enum err e = store_token_get(tx, ret->token_id, a, &token);
    if (e == ERR_NOT_FOUND || (e == OK && token.revoked_at_ms != 0))
        return ERR_GONE;
    TRY(e);
    return store_template_get(tx, ulid_str(&ret->team_id), ulid_str(&ret->template_id), a, ret_row);
}

static enum err look_once(struct http_request *r, const uint8_t hash[static 32],
                          enum transfer_kind kind, struct template_row *ret)
{
    struct store_tx *tx;
    struct transfer transfer;
    TRY(store_read_begin(api_of(r)->store, &tx));
    enum err e = look(tx, r, hash, kind, &transfer, ret);
    store_read_end(api_of(r)->store, &tx);
    return e;
}

static enum err piece(void *ctx, struct str bytes)
{
    struct upload *u = ctx;
    if (u->file.bytes >= u->looked_at + LOOK_BYTES) {
        u->looked_at = u->file.bytes;
        TRY(spool_room_for_bytes(api_of(u->r), LOOK_BYTES, true));
    }
    template_kind_feed(&u->kind, bytes);
    return spool_file_put(&u->file, bytes);
}

static enum err uploaded_op(struct store_tx *tx, void *ctx)
{
    struct upload *u = ctx;
    struct transfer transfer;
    TRY(look(tx, u->r, u->hash, TRANSFER_PUT, &transfer, &u->row));
    TRY(store_transfer_close(tx, ulid_str(&u->row.id), TRANSFER_PUT));
    u->before = store_template_file(&u->row, http_arena(u->r));
    u->row.status = TEMPLATE_UPLOADED;
    u->row.src = u->row.error = STR_EMPTY;
    u->row.file = ulid_str(&u->id);
    u->row.bytes = u->file.bytes;
    u->row.project = u->project;
    u->row.updated_at_ms = clock_unix_ms();
    TRY(store_template_update(tx, &u->row));
    struct audit_record record = {.type = AUDIT_TEMPLATE_UPLOADED,
                                  .team_id = ulid_str(&u->row.team_id),
                                  .actor = transfer.token_id,
                                  .address = http_peer(u->r),
                                  .request_id = http_request_id(u->r),
                                  .subject = ulid_str(&u->row.id),
                                  .name = u->row.display_name};
    return store_audit(tx, &record);
}

/* A template that has a good file keeps it. */
static enum err wrong_op(struct store_tx *tx, void *ctx)
{
    struct upload *u = ctx;
    struct transfer transfer;
    TRY(look(tx, u->r, u->hash, TRANSFER_PUT, &transfer, &u->row));
    if (u->row.status == TEMPLATE_UPLOADED)
        return OK;
    u->row.status = TEMPLATE_ERROR;
    u->row.error = str_from(u->wrong);
    u->row.updated_at_ms = clock_unix_ms();
    return store_template_update(tx, &u->row);
}

static enum err put_in_place(struct upload *u)
{
    struct api *api = api_of(u->r);
    TRY(spool_file_sync(&u->file));
    u->project = STR_EMPTY;
    if (u->row.type == TEMPLATE_ZIP)
        u->project = zip_project_read(u->file.fd, (uint64_t)u->file.bytes, http_arena(u->r));
    TRY(spool_file_place(&u->file));
    enum err e = store_write_wait(api->store, uploaded_op, u);
    struct template_row ours = {.id = u->row.id, .file = ulid_str(&u->id)};
    if (e != OK)
        spool_library_undo(api->store, api->spool_folder,
                           store_template_file(&ours, http_arena(u->r)));
    else
        spool_library_remove(api->spool_folder, u->before);
    return e;
}

static void complete(struct http_request *r)
{
    struct upload *u = api_work(r);
    u->wrong = template_kind_problem(&u->kind, u->row.type);
    const char *wrong = u->wrong;
    enum err e = wrong ? store_write_wait(api_of(r)->store, wrong_op, u) : put_in_place(u);
    upload_free(u);
    if (e != OK)
        http_fail(r, e);
    else if (wrong)
        http_fail_text(r, ERR_INVALID, wrong);
    else
        http_reply(r, 200, "application/json", STR("{}"));
}

static void end(struct http_request *r, void *ctx, bool whole)
{
    if (!api_defer_body(r, whole, complete, ctx))
        upload_free(ctx);
}

/* The setting may allow less than the route. A template waits until jobs have room as well. */
static enum err check_length(const struct http_request *r)
{
    struct api *api = api_of(r);
    uint64_t length;
    bool known = str_to_u64(http_header(r, "Content-Length"), INT64_MAX, &length) == OK;
    struct api_settings settings;
    api_settings_get(api, &settings);
    if (known && length > (uint64_t)settings.template_max_bytes)
        return ERR_TOO_LARGE;
    enum err e = spool_room_for_job(api);
    if (e == OK)
        e = spool_room_for_bytes(api, known ? (int64_t)length : -1, false);
    return e == ERR_SPOOL_FULL ? ERR_STORE_FULL : e;
}

static enum err begin(struct upload *u)
{
    struct http_request *r = u->r;
    struct arena *a = http_arena(r);
    TRY(ticket_hash(r, u->hash));
    TRY(look_once(r, u->hash, TRANSFER_PUT, &u->row));
    TRY(check_length(r));
    /* The part's name is the address's: two uploads to one address cannot run at once. */
    uint64_t mark;
    memcpy(&mark, u->hash, sizeof mark);
    struct str part =
        arena_printf(a, "template.%s.%016llx", u->row.id.text, (unsigned long long)mark);
    struct template_row ours = {.id = u->row.id, .file = ulid_str(&u->id)};
    struct api_settings settings;
    api_settings_get(api_of(r), &settings);
    return spool_file_open(api_of(r)->spool_folder, part, store_template_file(&ours, a),
                           settings.template_max_bytes, &u->file);
}

void api_transfer_put(struct http_request *r)
{
    struct upload *u = xcalloc(1, sizeof *u);
    u->r = r;
    u->file.fd = -1;
    u->id = ulid_new();
    enum err e = begin(u);
    if (e != OK) {
        upload_free(u);
        http_fail(r, e);
        return;
    }
    http_stream_body(r, &(struct http_sink){.piece = piece, .end = end, .ctx = u});
}

/* --- GET /download/{ticket} --- */

struct download {
    struct http_request *r;
    uint8_t hash[32];
    struct template_row row;
};

/* The address is used before the first byte goes out, so that two at once cannot both have it; an
 * answer that breaks off, or had nothing of the file in it, gives it back. */
struct giving_back {
    struct store *store;
    uint8_t hash[32];
    bool moved;
};

static enum err give_back_op(struct store_tx *tx, void *ctx)
{
    const struct giving_back *g = ctx;
    return store_transfer_use(tx, g->hash, false);
}

static void given_back(enum err result, void *ctx)
{
    (void)result; /* then it stays used: whoever needs the file asks for another address */
    free(ctx);
}

static void moved(void *ctx)
{
    struct giving_back *g = ctx;
    g->moved = true;
}

static void sent(void *ctx, bool whole)
{
    struct giving_back *g = ctx;
    if (whole && g->moved)
        free(g);
    else
        store_write(g->store, give_back_op, given_back, g);
}

static void watch(const struct download *d)
{
    struct giving_back *g = xcalloc(1, sizeof *g);
    g->store = api_of(d->r)->store;
    memcpy(g->hash, d->hash, sizeof g->hash);
    http_answer_watch(d->r, &(struct http_watch){.moved = moved, .done = sent, .ctx = g});
}

static enum err take_op(struct store_tx *tx, void *ctx)
{
    struct download *d = ctx;
    struct transfer transfer;
    TRY(look(tx, d->r, d->hash, TRANSFER_GET, &transfer, &d->row));
    return store_transfer_use(tx, d->hash, true);
}

static void reply(struct download *d)
{
    struct http_request *r = d->r;
    struct arena *a = http_arena(r);
    struct stat file;
    struct str name = store_template_file(&d->row, a);
    struct str path = arena_printf(a, "%s/%.*s", api_of(r)->spool_folder, (int)name.len, name.ptr);
    int fd = name.len > 0 ? open(path.ptr, O_RDONLY | O_CLOEXEC | O_NOFOLLOW) : -1;
    if (fd >= 0 && fstat(fd, &file) == 0 && S_ISREG(file.st_mode)) {
        http_answer_header(r, "Content-Disposition",
                           arena_printf(a, "attachment; filename=\"%s.%s\"", d->row.id.text,
                                        template_type_name(d->row.type))
                               .ptr);
        http_reply_file(r, 200, "application/octet-stream", fd, 0, (uint64_t)file.st_size);
        return;
    }
    io_close(&fd);
    http_fail_text(r, ERR_GONE, not_there);
}

static void taken(enum err e, void *ctx)
{
    struct download *d = ctx;
    if (e != OK) {
        http_fail(d->r, e);
        return;
    }
    watch(d);
    reply(d);
}

void api_transfer_get(struct http_request *r)
{
    struct download *d = arena_alloc(http_arena(r), sizeof *d);
    d->r = r;
    enum err e = ticket_hash(r, d->hash);
    if (e == OK) /* most of what is refused is refused without the writer */
        e = look_once(r, d->hash, TRANSFER_GET, &d->row);
    if (e != OK)
        http_fail(r, e);
    else if (str_is(http_method(r), "HEAD"))
        reply(d);
    else
        api_write(r, take_op, taken, d);
}
