/* PUT /t/{ticket}: a worker hands in its output. It is streamed to a part file beside its place,
 * synced, renamed, and then the ticket is used up in the transaction that says the output is there.
 * An upload that breaks off leaves the ticket as it was. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "alloc.h"
#include "io.h"
#include "jobs.h"
#include "spool.h"
#include "ticket.h"

struct upload {
    struct http_request *r;
    uint8_t hash[32];
    char *part, *place; /* paths */
    int fd;
    int64_t bytes;
    struct job_output output;
};

/* The part file too, if it is still there. */
static void upload_free(struct upload *u)
{
    io_close(&u->fd);
    if (u->part)
        (void)!unlink(u->part);
    free(u->part);
    free(u->place);
    free(u);
}

static enum err piece(void *ctx, struct str bytes)
{
    struct upload *u = ctx;
    if (u->bytes > OUTPUT_MAX_BYTES - (int64_t)bytes.len)
        return ERR_TOO_LARGE;
    TRY(io_write_all(u->fd, bytes));
    u->bytes += (int64_t)bytes.len;
    return OK;
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
                                    .bytes = u->bytes,
                                    .arena = a};
    return job_output_op(tx, &u->output);
}

/* The lease is looked at once more before the file takes its place: an upload that outlived its
 * lease must not replace the output of the next one. */
static enum err put_in_place(struct upload *u)
{
    struct api *api = api_of(u->r);
    struct ticket ticket;
    if (fsync(u->fd) != 0)
        return errno == ENOSPC || errno == EDQUOT ? ERR_STORE_FULL : ERR_IO;
    TRY(ticket_look(api->store, u->hash, TICKET_OUTPUT_PUT, http_arena(u->r), &ticket));
    if (rename(u->part, u->place) != 0)
        return ERR_IO;
    free(TAKE(u->part));
    TRY(io_sync_folder(api->spool_folder));
    return store_write_wait(api->store, store_op_output, u);
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
    if (!whole) {
        upload_free(ctx);
    } else if (!api_defer(r, complete, ctx)) {
        upload_free(ctx);
        http_fail(r, ERR_BUSY);
    }
}

void api_ticket_put(struct http_request *r)
{
    struct api *api = api_of(r);
    struct arena *a = http_arena(r);
    struct ticket ticket;
    uint8_t hash[32];
    enum err e = ticket_hash(r, hash);
    if (e == OK)
        e = ticket_look(api->store, hash, TICKET_OUTPUT_PUT, a, &ticket);
    if (e != OK) {
        http_fail(r, e);
        return;
    }
    struct str name = job_spool_name(ulid_str(&ticket.job_id), a);
    struct upload *u = xcalloc(1, sizeof *u);
    u->r = r;
    memcpy(u->hash, hash, sizeof hash);
    u->place = str_dup(arena_printf(a, "%s/%.*s", api->spool_folder, (int)name.len, name.ptr));
    struct str part = arena_printf(a, "%s.%.*s" SPOOL_PART_SUFFIX, u->place,
                                   (int)ticket.lease_id.len, ticket.lease_id.ptr);
    /* Exclusively: two uploads to one address cannot run at once. */
    u->fd = open(part.ptr, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (u->fd < 0) {
        e = errno == EEXIST ? ERR_CONFLICT : errno == ENOSPC ? ERR_STORE_FULL : ERR_IO;
        upload_free(u);
        http_fail(r, e);
        return;
    }
    u->part = str_dup(part);
    http_stream_body(r, &(struct http_sink){.piece = piece, .end = end, .ctx = u});
}
