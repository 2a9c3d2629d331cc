/* The messages between a vault client and the vault process, one each way (docs/FORMAT-envelope.md,
 * section 7). Both decoders take arbitrary bytes: a message is whole, within every bound and
 * without a byte left over, or it is ERR_INVALID. Any thread. */
#ifndef VAULT_PROTOCOL_H
#define VAULT_PROTOCOL_H

#include "keyring.h"
#include "limit.h"
#include "policy.h"
#include "vault.h"

enum {
    VAULT_INSTANCE_ID_MAX_BYTES = 64,
    VAULT_POLICY_MAX_BYTES = POLICY_MAX_BYTES,
    VAULT_JOB_ID_MAX_BYTES = 64,
    VAULT_FIELD_MAX_BYTES = 1024, /* the client cuts a longer pointer */
    VAULT_HOST_MAX_BYTES = 300,   /* a DNS name and a port */
    VAULT_TOKEN_MAX_BYTES = 256,
    VAULT_RECORDS_MAX_BYTES = IPC_MESSAGE_MAX_BYTES - 256,
    VAULT_REQUEST_MAX_BYTES = IPC_MESSAGE_MAX_BYTES,
    VAULT_ANSWER_HEADER_BYTES = 3,
    VAULT_HASHES_MAX = (IPC_MESSAGE_MAX_BYTES - VAULT_ANSWER_HEADER_BYTES) / 32
};

/* Groups of fields; a request carries some of them. */
enum {
    VAULT_WITH_NUMBER = 1 << 0,
    VAULT_WITH_CONTEXT = 1 << 1,
    VAULT_WITH_USE = 1 << 2,
    VAULT_WITH_INSTANCE = 1 << 3,
    VAULT_WITH_KEYRING = 1 << 4,
    VAULT_WITH_TEAM = 1 << 5,
    VAULT_WITH_TEAM_KEY = 1 << 6,
    VAULT_WITH_REWRAP = 1 << 7,
    VAULT_WITH_VALUE = 1 << 8,
    VAULT_WITH_SEALED = 1 << 9,
    VAULT_WITH_TOKEN = 1 << 10,
    VAULT_WITH_RECORDS = 1 << 11,
    VAULT_WITH_CHAIN = 1 << 12,
    VAULT_WITH_RESEAL = 1 << 13,
    VAULT_WITH_CHECKPOINT = 1 << 14,
    VAULT_WITH_DIGEST = 1 << 15
};

enum vault_answer_kind {
    VAULT_ANSWER_NOTHING,
    VAULT_ANSWER_BLOB,  /* sealed or wrapped bytes, or signed text */
    VAULT_ANSWER_VALUE, /* the one answer in clear: a value for its use */
    VAULT_ANSWER_STATUS,
    VAULT_ANSWER_HASH,
    VAULT_ANSWER_HASHES
};

#define VAULT_NUMBER(...)
#define VAULT_BYTES(...)
#define VAULT_REQUEST(number, name, ...) VAULT_REQUEST_##name = number,
enum vault_request_type {
#include "vault_protocol.def"
    VAULT_REQUEST_END
};
#undef VAULT_REQUEST
#undef VAULT_NUMBER
#define VAULT_REQUEST(...)
#define VAULT_NUMBER(name, ...) VAULT_NUMBER_##name,
enum {
#include "vault_protocol.def"
    VAULT_NUMBER_COUNT
};
#undef VAULT_NUMBER
#undef VAULT_BYTES
#define VAULT_NUMBER(...)
#define VAULT_BYTES(name, ...) VAULT_BYTES_##name,
enum {
#include "vault_protocol.def"
    VAULT_BYTES_COUNT
};
#undef VAULT_REQUEST
#undef VAULT_NUMBER
#undef VAULT_BYTES

/* Fields outside the request's groups are ignored when encoding and zero after decoding. Bytes
 * borrow from the message. */
struct vault_request {
    enum vault_request_type type;
    uint64_t numbers[VAULT_NUMBER_COUNT];
    struct str bytes[VAULT_BYTES_COUNT];
};

bool vault_request_known(uint8_t number);
bool vault_request_while_locked(enum vault_request_type type);
bool vault_request_for_courier(uint8_t number);

/* Replaces out's contents. ERR_INVALID: a field is out of bounds. */
enum err vault_request_encode(const struct vault_request *r, struct buf *out) MUST_USE;
enum err vault_request_decode(struct str message, struct vault_request *ret) MUST_USE;

void vault_request_set_context(struct vault_request *r, const struct seal_context *context);
struct seal_context vault_request_context(const struct vault_request *r);

/* Replaces out's contents by an answer's header; on OK the body is appended behind it. number 0:
 * the request could not be read. */
enum err vault_answer_begin(uint8_t number, enum err result, struct buf *out) MUST_USE;
/* ERR_INVALID: not an answer to that type of request. A body only comes with OK. */
enum err vault_answer_decode(struct str message, enum vault_request_type type, enum err *ret_result,
                             struct str *ret_body) MUST_USE;

enum { VAULT_STATUS_BYTES = 9 };
enum err vault_status_encode(const struct vault_status *s, struct buf *out) MUST_USE;
enum err vault_status_decode(struct str bytes, struct vault_status *ret) MUST_USE;

#endif
