#include "recovery_change.h"

#include <stdio.h>
#include <string.h>

#include "alloc.h"
#include "arena.h"
#include "client.h"
#include "encode.h"
#include "io.h"
#include "json_decode.h"
#include "key_rotation.h"
#include "random.h"
#include "store_audit.h"

enum { BODY_MAX_BYTES = 64, ANSWER_MS = 60 * 1000 };

void recovery_change_auto(struct recovery_change *c)
{
    wipe(c->key, sizeof c->key);
    buf_auto(&c->id);
    buf_auto(&c->file);
    offline_auto(&c->offline);
}

static enum err explain(struct recovery_change *c, enum err e, struct str why)
{
    snprintf(c->why, sizeof c->why, "%.*s", (int)why.len, why.ptr);
    return e;
}

static enum err make(struct recovery_change *c)
{
    uint8_t public_key[BOX_PUBLIC_BYTES], id[RECOVERY_ID_BYTES];
    c->id = buf_make(2 * RECOVERY_ID_BYTES);
    c->file = buf_make(RECOVERY_FILE_BYTES);
    random_bytes(c->key, BOX_SEED_BYTES);
    box_public(c->key, public_key);
    recovery_id(public_key, id);
    TRY(encode_hex(&c->id, str_bytes(id, sizeof id)));
    return recovery_file_encode(public_key, &c->file);
}

/* --- through a running server --- */

struct said {
    struct str id, mark, error;
};

/* One call to it. ERR_UNREACHABLE: no answer, or none that can be read. Else its status. */
static enum err call(struct recovery_change *c, const char *method, struct str body,
                     struct arena *a, int *ret_status, struct said *ret)
{
    static const struct json_field fields[] = {
        JSON_FIELD(struct said, id, "id", JSON_AS_STR, JSON_OPTIONAL | JSON_NULLABLE, 64),
        JSON_FIELD(struct said, mark, "mark", JSON_AS_STR, JSON_OPTIONAL, 64),
        JSON_FIELD(struct said, error, "error", JSON_AS_STR, JSON_OPTIONAL, 4096)};
    struct client client __attribute__((cleanup(client_auto))) = {.token = NULL};
    struct fetch_result answer __attribute__((cleanup(fetch_result_auto))) = {0};
    struct fetch fetch = {.body = body, .body_fd = -1, .total_ms = ANSWER_MS};
    struct problems problems;
    const char *why = "";
    if (client_open_operator(&client, c->data, &why) != OK)
        return explain(c, ERR_UNREACHABLE, str_from(why));
    if (client_send(&client, method, "/operator/recovery-key", body.len ? "application/json" : NULL,
                    &fetch, &answer) != OK)
        return explain(c, ERR_UNREACHABLE, STR(OFFLINE_NO_ANSWER));
    struct str text = arena_str(a, buf_str(&answer.body));
    problems_init(&problems, a);
    if (json_decode(text, fields, ARRAY_LEN(fields), STR_EMPTY, &problems, ret) != OK)
        return explain(c, ERR_UNREACHABLE, STR("the server's answer cannot be read"));
    *ret_status = answer.status;
    return OK;
}

static enum err mark_from_server(struct recovery_change *c)
{
    AUTO(arena) struct arena a = arena_make();
    AUTO(buf) struct buf mark = buf_make(RECOVERY_MARK_BYTES);
    struct said said = {STR_EMPTY, STR_EMPTY, STR_EMPTY};
    int status = 0;
    TRY(call(c, "GET", STR_EMPTY, &a, &status, &said));
    if (status != 200 && said.error.len)
        return explain(c, ERR_CONFLICT, said.error);
    if (status != 200 || decode_hex(said.mark, &mark) != OK || mark.len != RECOVERY_MARK_BYTES)
        return explain(c, ERR_UNREACHABLE, STR("the server's answer cannot be read"));
    memcpy(c->key + BOX_SEED_BYTES, mark.ptr, mark.len);
    return OK;
}

/* What is answered before anything changed. Of any other answer nobody knows, a 408 for one: the
 * supervisor may be at it still. */
static bool is_refusal(int status)
{
    enum { MALFORMED = 400, NOT_THERE = 404, NOT_CHANGED = 409 };
    return status == MALFORMED || status == NOT_THERE || status == NOT_CHANGED;
}

static enum err commit_through_server(struct recovery_change *c)
{
    AUTO(arena) struct arena a = arena_make();
    AUTO(buf) struct buf body = buf_make(BODY_MAX_BYTES);
    struct said said = {STR_EMPTY, STR_EMPTY, STR_EMPTY};
    int status = 0;
    TRY(buf_printf(&body, "{\"id\":\"%.*s\"}", (int)c->id.len, c->id.ptr));
    TRY(datadir_put_recovery(c->data, true, buf_str(&c->file)));
    enum err e = call(c, "POST", buf_str(&body), &a, &status, &said);
    if (datadir_remove_recovery(c->data, true) != OK)
        e = ERR_TIMEOUT; /* then the disk has its say, too */
    if (e != OK)
        return ERR_TIMEOUT;
    if (is_refusal(status))
        return explain(c, ERR_CONFLICT, said.error);
    return status == 200 ? OK : ERR_TIMEOUT;
}

/* --- in a stopped directory --- */

static enum err mark_from_vault(struct recovery_change *c)
{
    static const uint8_t zeros[32];
    uint8_t stamp[32];
    TRY(vault_backup_stamp(c->offline.vault.vault, zeros, stamp));
    memcpy(c->key + BOX_SEED_BYTES, stamp, RECOVERY_MARK_BYTES);
    return OK;
}

static enum err record_op(struct store_tx *tx, void *ctx)
{
    const struct recovery_change *c = ctx;
    const struct audit_record record = {.type = AUDIT_RECOVERY_CHANGED,
                                        .team_id = STR(KEY_ROTATION_INSTANCE),
                                        .actor = STR("operator"),
                                        .subject = buf_str(&c->id)};
    return store_audit(tx, &record);
}

static enum err commit_in_folder(struct recovery_change *c)
{
    TRY(store_write_wait(c->offline.store, record_op, c));
    enum err e = datadir_put_recovery(c->data, false, buf_str(&c->file));
    /* It may have got into its place, though an error came behind that. */
    return e != OK && datadir_recovery_may_be(c->data, buf_str(&c->file)) ? ERR_TIMEOUT : e;
}

enum err recovery_change_begin(const char *data, struct recovery_change *ret)
{
    ret->data = data;
    TRY(make(ret));
    enum err e = offline_open(data, &ret->offline, ret->why);
    ret->serving = e == ERR_IN_USE;
    if (ret->serving)
        return mark_from_server(ret);
    return e == OK ? mark_from_vault(ret) : e;
}

enum err recovery_change_commit(struct recovery_change *c)
{
    return c->serving ? commit_through_server(c) : commit_in_folder(c);
}
