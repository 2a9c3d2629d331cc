/* PUT /t/{ticket}: a worker hands in its output. It is streamed to a part file beside its place,
 * synced, and renamed in the transaction that uses the ticket up and says that the output is there.
 * An upload that breaks off leaves the ticket as it was. */
#include <stdlib.h>

#include "alloc.h"
#include "jobs.h"
#include "lease_keep.h"
#include "spool_file.h"
#include "spool_room.h"
#include "ticket.h"

enum { LOOK_BYTES = 16 * 1024 * 1024 }; /* after so many more the spool's room is looked at again */

struct upload {
    struct http_request *r;
    uint8_t hash[32];
    struct spool_file file;
    int64_t looked_at; /* how much was there when the room was last looked at */
    struct lease_keep keep;
    struct job_output output;
};

static void upload_free(struct upload *u)
{
    spool_file_close(&u->file);
    free(u);
}

static enum err piece(void *ctx, struct str bytes)
{
    struct upload *u = ctx;
    lease_keep_moved(&u->keep);
    if (u->file.bytes >= u->looked_at + LOOK_BYTES) {
        u->looked_at = u->file.bytes;
        TRY(spool_room_for_bytes(api_of(u->r), LOOK_BYTES, true));
    }
    return spool_file_put(&u->file, bytes);
}

static enum err store_op_output(struct store_tx *tx, void *ctx)
{
    struct upload *u = ctx;
    struct arena *a = http_arena(u->r);
    struct ticket ticket;
    struct job job;
    TRY(ticket_take(tx, u->hash, TICKET_OUTPUT_PUT, a, &ticket, &job));
    u->output = (struct job_output){.job_id = ulid_str(&ticket.job_id),
                                    .lease_id = ticket.lease_id,
                                    .bytes = u->file.bytes,
                                    .arena = a};
    TRY(job_output_op(tx, &u->output));
    /* Now the lease is known to run, and nobody can take it away before the commit: an upload that
     * outlived its lease never replaces the output of the next one. Should the commit fail, the job
     * has no output yet and the next upload replaces this file. */
    return u->file.part ? spool_file_place(&u->file) : OK;
}

static enum err put_in_place(struct upload *u)
{
    TRY(spool_file_sync(&u->file));
    enum err e = store_write_wait(api_of(u->r)->store, store_op_output, u);
    spool_room_changed(api_of(u->r));
    return e;
}

/* ERR_STORE_FULL before anything is written. */
static enum err check_room(struct http_request *r)
{
    uint64_t length;
    bool known = str_to_u64(http_header(r, "Content-Length"), INT64_MAX, &length) == OK;
    return spool_room_for_bytes(api_of(r), known ? (int64_t)length : -1, false);
}

static void complete(struct http_request *r)
{
    struct upload *u = api_work(r);
    enum err e = put_in_place(u);
    upload_free(u);
    if (e != OK)
        http_fail(r, e);
    else
        http_reply(r, 201, "application/json", STR("{}"));
}

static void end(struct http_request *r, void *ctx, bool whole)
{
    if (!api_defer_body(r, whole, complete, ctx))
        upload_free(ctx);
}

void api_ticket_put(struct http_request *r)
{
    struct api *api = api_of(r);
    struct arena *a = http_arena(r);
    struct ticket ticket;
    struct job job;
    uint8_t hash[32];
    enum err e = ticket_hash(r, hash);
    if (e == OK)
        e = ticket_look(api->store, hash, 1u << TICKET_OUTPUT_PUT, a, &ticket, &job);
    if (e == OK)
        e = check_room(r);
    if (e != OK) {
        http_fail(r, e);
        return;
    }
    struct str name = job_spool_name(ulid_str(&ticket.job_id), a);
    struct upload *u = xcalloc(1, sizeof *u);
    u->r = r;
    u->file.fd = -1;
    u->keep = lease_keep_of(api->store, &job);
    memcpy(u->hash, hash, sizeof hash);
    struct str part = arena_printf(a, "%.*s.%.*s", (int)name.len, name.ptr,
                                   (int)ticket.lease_id.len, ticket.lease_id.ptr);
    /* Two uploads to one address cannot run at once. */
    e = spool_file_open(api->spool_folder, part, name, OUTPUT_MAX_BYTES, &u->file);
    if (e != OK) {
        upload_free(u);
        http_fail(r, e);
        return;
    }
    http_stream_body(r, &(struct http_sink){.piece = piece, .end = end, .ctx = u});
}
