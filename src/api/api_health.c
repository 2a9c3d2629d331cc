/* GET /healthz: the process answers. GET /readyz: it can also do its work; if not, why, in words
 * that a machine can match and that say nothing about anybody. */
#include "api_request.h"
#include "spool_room.h"
#include "store_team.h"

enum { COURIER_WAIT_MS = 2000, BODY_MAX_BYTES = 1024 };

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

static bool vault_up(struct api *api)
{
    struct vault_status status;
    return vault_status(api->vault, &status) == OK && status.unlocked;
}

/* A full spool stops pick-ups alone; deliveries, which empty it, go on: it is told, and 200. */
static void ready(struct http_request *r)
{
    struct api *api = api_of(r);
    bool vault = vault_up(api);
    const struct {
        const char *code;
        bool holds, fatal;
        enum err err;
    } checks[] = {
        {"vault_down", !vault, true, ERR_VAULT_DOWN},
        {"store_readonly", vault && !writable(r), true, ERR_UNAVAILABLE}, /* it asks the vault */
        {"courier_down", !api_courier_answers(api, COURIER_WAIT_MS), true, ERR_BUSY},
        {"spool_full", spool_room_for_job(api) != OK, false, OK},
    };
    enum err worst = OK;
    AUTO(buf) struct buf body = buf_make(BODY_MAX_BYTES);
    struct json_out o = json_out_make(&body);
    json_out_open(&o, '{');
    for (size_t i = 0; i < ARRAY_LEN(checks); i++)
        if (checks[i].holds && checks[i].fatal && worst == OK)
            worst = checks[i].err;
    if (worst != OK) {
        json_out_member_str(&o, "error", str_from(err_text(worst)));
        json_out_member_str(&o, "code", str_from(err_code(worst)));
    }
    json_out_member_str(&o, "status", worst == OK ? STR("ready") : STR("not ready"));
    json_out_member_str(&o, "spool", checks[3].holds ? STR("full") : STR("ok"));
    json_out_key(&o, "reasons");
    json_out_open(&o, '[');
    for (size_t i = 0; i < ARRAY_LEN(checks); i++)
        if (checks[i].holds)
            json_out_str(&o, str_from(checks[i].code));
    json_out_close(&o, ']');
    json_out_close(&o, '}');
    api_reply_out(r, worst == OK ? 200 : err_status(worst), &body, &o);
}

/* The vault is asked: that may block while it is stuck. */
void api_ready(struct http_request *r)
{
    api_defer_or_fail(r, ready, NULL);
}
