/* GET /healthz: the process answers. GET /readyz: it can also do its work. */
#include "api_request.h"
#include "spool_room.h"
#include "store_team.h"

void api_health(struct http_request *r)
{
    http_reply(r, 200, "application/json", STR("{\"status\":\"ok\"}"));
}

/* A real write that changes nothing: the only way to know that the disk is well again. */
static enum err try_write(struct store_tx *tx, void *ctx)
{
    struct str keyring;
    TRY(store_keyring_get(tx, ctx, &keyring));
    return store_keyring_put(tx, keyring);
}

static bool writable(struct http_request *r)
{
    struct store *store = api_of(r)->store;
    return store_health(store).writable || store_write_wait(store, try_write, http_arena(r)) == OK;
}

/* A full spool stops pick-ups alone; deliveries, which empty it, go on. */
static void reply_ready(struct http_request *r)
{
    bool full = spool_room_for_job(api_of(r)) != OK;
    http_reply(r, 200, "application/json",
               full ? STR("{\"status\":\"ready\",\"spool\":\"full\"}")
                    : STR("{\"status\":\"ready\",\"spool\":\"ok\"}"));
}

static void ready(struct http_request *r)
{
    struct api *api = api_of(r);
    struct vault_status status;
    enum err e = vault_status(api->vault, &status);
    if (e != OK || !status.unlocked)
        http_fail(r, ERR_VAULT_DOWN);
    else if (!writable(r))
        http_fail(r, ERR_UNAVAILABLE);
    else
        reply_ready(r);
}

/* The vault is asked: that may block while it is stuck. */
void api_ready(struct http_request *r)
{
    api_defer_or_fail(r, ready, NULL);
}
