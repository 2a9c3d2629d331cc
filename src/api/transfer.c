#include "transfer.h"

#include <stdio.h>

#include "alloc.h"
#include "clock.h"
#include "encode.h"
#include "hash.h"

enum { TRANSFER_DIGITS = 32 }; /* 190 bits */

void transfer_make(struct http_request *r, enum transfer_kind kind, const struct ulid *template_id,
                   struct transfer_new *ret)
{
    char random[TRANSFER_DIGITS + 1];
    struct str base = api_base_url(r);
    ret->row = (struct transfer){.kind = kind,
                                 .template_id = *template_id,
                                 .token_id = api_actor(r)->token_id,
                                 .expires_at_ms = clock_unix_ms() + TRANSFER_MS};
    enum err e = ulid_from(api_actor(r)->team_id, &ret->row.team_id);
    ASSERT(e == OK);
    random_base62(random, TRANSFER_DIGITS);
    hash_blake2b(str_bytes(random, TRANSFER_DIGITS), ret->row.hash);
    ret->url = arena_printf(http_arena(r), "%.*s/%s/%s", (int)base.len, base.ptr,
                            kind == TRANSFER_PUT ? "upload" : "download", random);
    wipe(random, sizeof random);
}

enum err transfer_insert(struct store_tx *tx, const struct transfer_new *t)
{
    TRY(store_transfer_sweep(tx, clock_unix_ms()));
    if (t->row.kind == TRANSFER_PUT)
        TRY(store_transfer_close(tx, ulid_str(&t->row.template_id), TRANSFER_PUT));
    return store_transfer_insert(tx, &t->row);
}

void transfer_upload_info(struct json_out *o, const struct transfer_new *t,
                          const struct template_row *row)
{
    char key[ULID_LEN + 8];
    snprintf(key, sizeof key, "%s.%s", row->id.text, template_type_name(row->type));
    json_out_open(o, '{');
    json_out_member_str(o, "url", t->url);
    json_out_member_str(o, "method", STR("PUT"));
    json_out_key(o, "fields");
    json_out_raw(o, STR("{}"));
    json_out_member_int(o, "expiresIn", TRANSFER_MS / 1000);
    json_out_member_str(o, "key", str_from(key));
    json_out_close(o, '}');
}
