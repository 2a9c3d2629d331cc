/* Signs a webhook as https://www.standardwebhooks.com describes: webhook-id (the delivery, the same
 * for every attempt), webhook-timestamp (of this attempt) and webhook-signature, "v1," and the
 * base64 of HMAC-SHA-256 over id.timestamp.body. Owner thread. */
#ifndef COURIER_WEBHOOK_SIGN_H
#define COURIER_WEBHOOK_SIGN_H

#include "errand.h"
#include "headers.h"

enum { WEBHOOK_KEY_MIN_BYTES = 24, WEBHOOK_KEY_MAX_BYTES = 64 };

/* The key that a secret's value stands for: what follows "whsec_" from base64, else the bytes as
 * they are. ERR_INVALID: not base64, or too short or too long for a key. */
enum err webhook_sign_key(struct str value, struct buf *out) MUST_USE;

/* What the headers borrow from. */
struct webhook_signature {
    struct buf timestamp, text;
};
void webhook_signature_auto(struct webhook_signature *s);

/* Sets the three headers when the order is to be signed; ours stand in place of those the job gave.
 * The vault opens the secret for the URL's host. ERR_INVALID as above, or what the vault said. */
enum err webhook_sign(const struct errand *e, const struct url *url, struct str body,
                      struct headers *headers, struct webhook_signature *ret) MUST_USE;

#endif
