/* GET /operator/status: what each process could obtain and whether its parts work; for doctor. */
#include "api_request.h"
#include "json_encode.h"
#include "spool_room.h"

enum { STATUS_MAX_BYTES = 4096 };

static void write_spool(struct json_out *o, struct api *api)
{
    struct spool_room room = {.full = true}; /* what cannot be looked at takes no output */
    bool readable = spool_room_look(api, &room) == OK;
    json_out_key(o, "spool");
    json_out_open(o, '{');
    json_out_member_bool(o, "readable", readable);
    json_out_member_bool(o, "full", room.full);
    json_out_member_int(o, "usedBytes", room.used_bytes);
    json_out_member_int(o, "freeBytes", room.free_bytes);
    json_out_close(o, '}');
}

static void write_status(struct json_out *o, struct api *api, const struct vault_status *vault,
                         bool vault_answers, bool courier)
{
    struct store_health store = store_health(api->store);
    json_out_open(o, '{');
    json_out_key(o, "vault");
    json_out_open(o, '{');
    json_out_member_bool(o, "answers", vault_answers);
    json_out_member_bool(o, "unlocked", vault->unlocked);
    json_out_member_bool(o, "memoryLocked", vault->memory_locked);
    json_out_member_bool(o, "sandboxed", vault->sandboxed);
    json_out_close(o, '}');
    json_out_key(o, "api");
    json_out_open(o, '{');
    json_out_member_bool(o, "memoryLocked", api->confinement.memory_locked);
    json_out_member_bool(o, "undumpable", api->confinement.undumpable);
    json_out_member_bool(o, "capabilitiesDropped", api->confinement.capabilities_dropped);
    json_out_member_bool(o, "landlock", api->confinement.landlock);
    json_out_member_bool(o, "seccomp", api->confinement.seccomp);
    json_out_close(o, '}');
    json_out_key(o, "courier");
    json_out_open(o, '{');
    json_out_member_bool(o, "connected", courier);
    json_out_close(o, '}');
    write_spool(o, api);
    json_out_key(o, "store");
    json_out_open(o, '{');
    json_out_member_bool(o, "writable", store.writable);
    json_out_member_int(o, "commits", (int64_t)store.commits);
    json_out_member_int(o, "operations", (int64_t)store.operations);
    json_out_close(o, '}');
    json_out_close(o, '}');
}

static void status(struct http_request *r)
{
    struct api *api = api_of(r);
    struct vault_status vault = {.unlocked = false};
    bool vault_answers = vault_status(api->vault, &vault) == OK;
    bool courier = api_courier_begin(api) != NULL;
    api_courier_end(api);
    AUTO(buf) struct buf body = buf_make(STATUS_MAX_BYTES);
    struct json_out o = json_out_make(&body);
    write_status(&o, api, &vault, vault_answers, courier);
    enum err e = json_out_end(&o);
    if (e != OK)
        http_fail(r, e);
    else
        http_reply_json(r, 200, &body);
}

/* The vault is asked: that may block while it is stuck. */
void api_operator_status(struct http_request *r)
{
    api_defer_or_fail(r, status, NULL);
}
