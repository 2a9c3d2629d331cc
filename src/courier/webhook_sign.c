#include "webhook_sign.h"

#include "clock.h"
#include "encode.h"
#include "hash.h"

enum {
    SIGNATURE_MAX_BYTES = 64,
    TIMESTAMP_MAX_BYTES = 32,
    HOST_MAX_BYTES = 300,
    /* id, timestamp, two dots */
    AROUND_BODY_BYTES = 64,
};

void webhook_signature_auto(struct webhook_signature *s)
{
    buf_auto(&s->timestamp);
    buf_auto(&s->text);
}

enum err webhook_sign_key(struct str value, struct buf *out)
{
    struct str mark = STR("whsec_");
    if (str_starts(value, mark))
        TRY(decode_base64(str_slice(value, mark.len, value.len), BASE64_STD, out));
    else
        TRY(buf_put(out, value));
    return out->len >= WEBHOOK_KEY_MIN_BYTES && out->len <= WEBHOOK_KEY_MAX_BYTES ? OK
                                                                                  : ERR_INVALID;
}

static enum err sign(struct str key, struct str id, struct str timestamp, struct str body,
                     struct buf *out)
{
    AUTO(buf) struct buf text = buf_make(body.len + AROUND_BODY_BYTES);
    uint8_t mac[HASH_BYTES];
    TRY(buf_put(&text, id));
    TRY(buf_put_byte(&text, '.'));
    TRY(buf_put(&text, timestamp));
    TRY(buf_put_byte(&text, '.'));
    TRY(buf_put(&text, body));
    hash_hmac_sha256(key, buf_str(&text), mac);
    TRY(buf_put(out, STR("v1,")));
    return encode_base64(out, str_bytes(mac, sizeof mac), BASE64_STD);
}

static enum err open_key(const struct errand *e, struct str host, struct buf *out)
{
    AUTO(ref_values) struct ref_values values = {0};
    const struct vault_use use = {
        .purpose = VAULT_FOR_DELIVERY, .job_id = e->order->job_id, .host = host};
    struct str refused;
    TRY(ref_bundle_open(&e->order->signing, e->vault, &use, &values, &refused));
    enum err err = webhook_sign_key(secret_reveal(values.values[0]), out);
    return err == ERR_TOO_LARGE ? ERR_INVALID : err;
}

enum err webhook_sign(const struct errand *e, const struct url *url, struct str body,
                      struct headers *headers, struct webhook_signature *ret)
{
    struct str id = e->order->delivery_id;
    AUTO(buf) struct buf key = buf_make(WEBHOOK_KEY_MAX_BYTES), host = buf_make(HOST_MAX_BYTES);
    *ret = (struct webhook_signature){.timestamp = buf_make(TIMESTAMP_MAX_BYTES),
                                      .text = buf_make(SIGNATURE_MAX_BYTES)};
    if (!id.len)
        return OK;
    TRY(url_host_port(url, &host));
    TRY(open_key(e, buf_str(&host), &key));
    TRY(buf_printf(&ret->timestamp, "%lld", (long long)(clock_unix_ms() / 1000)));
    TRY(sign(buf_str(&key), id, buf_str(&ret->timestamp), body, &ret->text));
    headers_set(headers, STR("webhook-id"), id);
    headers_set(headers, STR("webhook-timestamp"), buf_str(&ret->timestamp));
    headers_set(headers, STR("webhook-signature"), buf_str(&ret->text));
    return OK;
}
