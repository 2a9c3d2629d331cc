#include "api_library.h"

#include "spool_library.h"

struct removal {
    struct http_request *r;
    const struct api_library_kind *kind;
    struct str file;
};

static enum err remove_op(struct store_tx *tx, void *ctx)
{
    struct removal *d = ctx;
    return d->kind->remove(tx, d->r, &d->file);
}

static void remove_now(struct http_request *r)
{
    struct removal *d = api_work(r);
    struct api *api = api_of(r);
    enum err e = store_write_wait(api->store, remove_op, d);
    if (e == ERR_CONFLICT) {
        http_fail_text(r, e, d->kind->needed);
    } else if (e != OK) {
        http_fail(r, e);
    } else {
        spool_library_remove(api->spool_folder, d->file);
        http_reply_empty(r, 204);
    }
}

void api_library_delete(struct http_request *r, const struct api_library_kind *kind)
{
    struct removal *d = arena_alloc(http_arena(r), sizeof *d);
    *d = (struct removal){.r = r, .kind = kind};
    api_defer_or_fail(r, remove_now, d);
}
