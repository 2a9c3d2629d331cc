#include "vault_protocol.h"

#define VAULT_REQUEST(...)
#define VAULT_BYTES(...)
#define VAULT_NUMBER(name, group, least, most) {VAULT_WITH_##group, least, most},
static const struct {
    unsigned group;
    uint64_t least, most;
} number_fields[VAULT_NUMBER_COUNT] = {
#include "vault_protocol.def"
};
#undef VAULT_NUMBER
#undef VAULT_BYTES
#define VAULT_NUMBER(...)
#define VAULT_BYTES(name, group, shortest, longest) {VAULT_WITH_##group, shortest, longest},
static const struct {
    unsigned group;
    size_t shortest, longest;
} bytes_fields[VAULT_BYTES_COUNT] = {
#include "vault_protocol.def"
};
#undef VAULT_REQUEST
#undef VAULT_BYTES
#define VAULT_BYTES(...)
#define VAULT_REQUEST(number, name, handler, groups, answer, locked, courier)                      \
    [number] = {groups, VAULT_ANSWER_##answer, locked, courier, true},
static const struct request_row {
    unsigned groups;
    enum vault_answer_kind answer;
    bool while_locked, for_courier, known;
} requests[VAULT_REQUEST_END] = {
#include "vault_protocol.def"
};
#undef VAULT_REQUEST
#undef VAULT_NUMBER
#undef VAULT_BYTES

/* The largest request: sealed bytes, both policies and every small field. */
_Static_assert(SEALED_MAX_BYTES + 2 * VAULT_POLICY_MAX_BYTES + 2 * TEAM_KEY_BYTES +
                       VAULT_FIELD_MAX_BYTES + VAULT_HOST_MAX_BYTES + 1024 <
                   VAULT_REQUEST_MAX_BYTES,
               "every request fits one message");
_Static_assert(VAULT_RECORDS_MAX_BYTES + 1 + 4 + 32 + 4 <= VAULT_REQUEST_MAX_BYTES,
               "a full load of records fits one message");

bool vault_request_known(uint8_t number)
{
    return number < VAULT_REQUEST_END && requests[number].known;
}

bool vault_request_while_locked(enum vault_request_type type)
{
    return requests[type].while_locked;
}

bool vault_request_for_courier(uint8_t number)
{
    return vault_request_known(number) && requests[number].for_courier;
}

static enum err check_number(size_t field, uint64_t n)
{
    return n < number_fields[field].least || n > number_fields[field].most ? ERR_INVALID : OK;
}

static enum err check_bytes(size_t field, struct str s)
{
    if (s.len < bytes_fields[field].shortest || s.len > bytes_fields[field].longest)
        return ERR_INVALID;
    bool is_id = field == VAULT_BYTES_TEAM_ID || field == VAULT_BYTES_SECRET_ID;
    return is_id && !ulid_valid(s) ? ERR_INVALID : OK;
}

/* A value that leaves for another machine says for which, and every one but a mask's says where it
 * goes. */
static enum err check_use(const struct vault_request *r)
{
    uint64_t purpose = r->numbers[VAULT_NUMBER_PURPOSE], sinks = r->numbers[VAULT_NUMBER_SINKS];
    if (r->type != VAULT_REQUEST_OPEN_FOR_USE)
        return OK;
    bool delivery = purpose == VAULT_FOR_DELIVERY;
    bool host_ok = delivery == (r->bytes[VAULT_BYTES_HOST].len > 0);
    bool sinks_ok = purpose == VAULT_FOR_MASKING || sinks != 0;
    if (purpose == VAULT_FOR_PICKUP)
        sinks_ok = sinks != 0 && (sinks & ~(uint64_t)POLICY_TO_WORKER) == 0;
    return host_ok && sinks_ok ? OK : ERR_INVALID;
}

enum err vault_request_encode(const struct vault_request *r, struct buf *out)
{
    unsigned groups = requests[r->type].groups;
    buf_reset(out);
    TRY(check_use(r));
    TRY(buf_put_byte(out, (uint8_t)r->type));
    for (size_t i = 0; i < VAULT_NUMBER_COUNT; i++) {
        if (!(groups & number_fields[i].group))
            continue;
        TRY(check_number(i, r->numbers[i]));
        TRY(buf_put_u64(out, r->numbers[i]));
    }
    for (size_t i = 0; i < VAULT_BYTES_COUNT; i++) {
        if (!(groups & bytes_fields[i].group))
            continue;
        TRY(check_bytes(i, r->bytes[i]));
        TRY(buf_put_lengthed(out, r->bytes[i]));
    }
    return OK;
}

enum err vault_request_decode(struct str message, struct vault_request *ret)
{
    struct reader reader = {message};
    struct vault_request r;
    uint8_t number;
    memset(&r, 0, sizeof r);
    if (message.len > VAULT_REQUEST_MAX_BYTES)
        return ERR_INVALID;
    TRY(reader_u8(&reader, &number));
    if (!vault_request_known(number))
        return ERR_INVALID;
    r.type = (enum vault_request_type)number;
    unsigned groups = requests[number].groups;
    for (size_t i = 0; i < VAULT_NUMBER_COUNT; i++) {
        if (!(groups & number_fields[i].group))
            continue;
        TRY(reader_u64(&reader, &r.numbers[i]));
        TRY(check_number(i, r.numbers[i]));
    }
    for (size_t i = 0; i < VAULT_BYTES_COUNT; i++) {
        if (!(groups & bytes_fields[i].group))
            continue;
        TRY(reader_lengthed(&reader, &r.bytes[i]));
        TRY(check_bytes(i, r.bytes[i]));
    }
    TRY(check_use(&r));
    TRY(reader_end(&reader));
    *ret = r;
    return OK;
}

void vault_request_set_context(struct vault_request *r, const struct seal_context *c)
{
    r->bytes[VAULT_BYTES_TEAM_ID] = c->team_id;
    r->bytes[VAULT_BYTES_SECRET_ID] = c->secret_id;
    r->bytes[VAULT_BYTES_NAME] = c->name;
    r->bytes[VAULT_BYTES_POLICY] = c->policy;
    r->numbers[VAULT_NUMBER_VERSION] = c->version;
    r->numbers[VAULT_NUMBER_EPOCH] = c->epoch;
    r->numbers[VAULT_NUMBER_CREATED_AT] = (uint64_t)c->created_at_ms;
}

struct seal_context vault_request_context(const struct vault_request *r)
{
    return (struct seal_context){.team_id = r->bytes[VAULT_BYTES_TEAM_ID],
                                 .secret_id = r->bytes[VAULT_BYTES_SECRET_ID],
                                 .name = r->bytes[VAULT_BYTES_NAME],
                                 .version = (uint32_t)r->numbers[VAULT_NUMBER_VERSION],
                                 .epoch = r->numbers[VAULT_NUMBER_EPOCH],
                                 .created_at_ms = (int64_t)r->numbers[VAULT_NUMBER_CREATED_AT],
                                 .policy = r->bytes[VAULT_BYTES_POLICY]};
}

enum err vault_answer_begin(uint8_t number, enum err result, struct buf *out)
{
    buf_reset(out);
    TRY(buf_put_byte(out, number));
    return buf_put_u16(out, (uint16_t)result);
}

static bool body_fits(enum vault_answer_kind kind, size_t len)
{
    switch (kind) {
    case VAULT_ANSWER_NOTHING:
        return len == 0;
    case VAULT_ANSWER_BLOB:
        return len > 0;
    case VAULT_ANSWER_VALUE:
        return len <= SECRET_VALUE_MAX_BYTES;
    case VAULT_ANSWER_STATUS:
        return len == VAULT_STATUS_BYTES;
    case VAULT_ANSWER_HASH:
        return len == 32;
    case VAULT_ANSWER_HASHES:
        return len > 0 && len % 32 == 0;
    }
    return false;
}

enum err vault_answer_decode(struct str message, enum vault_request_type type, enum err *ret_result,
                             struct str *ret_body)
{
    struct reader r = {message};
    uint8_t number;
    uint16_t result;
    TRY(reader_u8(&r, &number));
    TRY(reader_u16(&r, &result));
    if (number != (uint8_t)type || result >= ERR_COUNT)
        return ERR_INVALID;
    if (result == OK ? !body_fits(requests[type].answer, r.rest.len) : r.rest.len != 0)
        return ERR_INVALID;
    *ret_result = (enum err)result;
    *ret_body = r.rest;
    return OK;
}

enum { FLAG_UNLOCKED = 1, FLAG_PENDING_ROOT = 2, FLAG_LOCKED_MEMORY = 4, FLAG_SANDBOXED = 8 };

enum err vault_status_encode(const struct vault_status *s, struct buf *out)
{
    uint8_t flags =
        (uint8_t)((s->unlocked ? FLAG_UNLOCKED : 0) | (s->pending_root ? FLAG_PENDING_ROOT : 0) |
                  (s->memory_locked ? FLAG_LOCKED_MEMORY : 0) |
                  (s->sandboxed ? FLAG_SANDBOXED : 0));
    TRY(buf_put_u32(out, s->master_version));
    TRY(buf_put_u32(out, s->master_versions));
    return buf_put_byte(out, flags);
}

enum err vault_status_decode(struct str bytes, struct vault_status *ret)
{
    struct reader r = {bytes};
    struct vault_status s;
    uint8_t flags;
    TRY(reader_u32(&r, &s.master_version));
    TRY(reader_u32(&r, &s.master_versions));
    TRY(reader_u8(&r, &flags));
    if (flags > 15)
        return ERR_INVALID;
    TRY(reader_end(&r));
    s.unlocked = flags & FLAG_UNLOCKED;
    s.pending_root = flags & FLAG_PENDING_ROOT;
    s.memory_locked = flags & FLAG_LOCKED_MEMORY;
    s.sandboxed = flags & FLAG_SANDBOXED;
    *ret = s;
    return OK;
}
