#include "vault_protocol.h"

#include "test.h"

static char filler[IPC_MESSAGE_MAX_BYTES];

/* Every field filled with something every request takes. */
static struct vault_request sample(unsigned number)
{
    struct vault_request r = {.type = (enum vault_request_type)number};
    for (size_t i = 0; i < VAULT_NUMBER_COUNT; i++)
        r.numbers[i] = 2;
    r.numbers[VAULT_NUMBER_PURPOSE] = VAULT_FOR_DELIVERY;
    for (size_t i = 0; i < VAULT_BYTES_COUNT; i++)
        r.bytes[i] = STR("some");
    r.bytes[VAULT_BYTES_TEAM_ID] = STR("01JDF0000000000000000000T0");
    r.bytes[VAULT_BYTES_SECRET_ID] = STR("01JDF0000000000000000000S0");
    r.bytes[VAULT_BYTES_TEAM_KEY] = str_bytes(filler, TEAM_KEY_BYTES);
    r.bytes[VAULT_BYTES_NEW_TEAM_KEY] = str_bytes(filler, TEAM_KEY_BYTES);
    r.bytes[VAULT_BYTES_SEALED] = str_bytes(filler, SEALED_OVERHEAD_BYTES);
    r.bytes[VAULT_BYTES_SEAL_TEAM_KEY] = str_bytes(filler, TEAM_KEY_BYTES);
    r.bytes[VAULT_BYTES_PREVIOUS] = str_bytes(filler, 32);
    r.bytes[VAULT_BYTES_TREE_ROOT] = r.bytes[VAULT_BYTES_HEAD] = str_bytes(filler, 32);
    r.bytes[VAULT_BYTES_DIGEST] = str_bytes(filler, 32);
    return r;
}

static void test_every_request_round_trips(void)
{
    AUTO(buf) struct buf out = buf_make(IPC_MESSAGE_MAX_BYTES);
    AUTO(buf) struct buf again = buf_make(IPC_MESSAGE_MAX_BYTES);
    for (unsigned n = 0; n < 256; n++) {
        struct vault_request r = sample(n), back;
        if (!vault_request_known((uint8_t)n)) {
            const char one[1] = {(char)n};
            CHECK_ERR(vault_request_decode(str_bytes(one, 1), &back), ERR_INVALID);
            continue;
        }
        CHECK_OK(vault_request_encode(&r, &out));
        CHECK_OK(vault_request_decode(buf_str(&out), &back));
        CHECK_EQ(back.type, n);
        CHECK_OK(vault_request_encode(&back, &again));
        CHECK(str_equal(buf_str(&out), buf_str(&again)));
        for (size_t len = 0; len < out.len; len++)
            CHECK_ERR(vault_request_decode(str_slice(buf_str(&out), 0, len), &back), ERR_INVALID);
        CHECK_OK(buf_put_byte(&out, 0));
        CHECK_ERR(vault_request_decode(buf_str(&out), &back), ERR_INVALID);
    }
}

/* A flipped bit either changes what is said or is refused; it never reads beyond the message. */
static void test_every_flip_is_another_request_or_none(void)
{
    AUTO(buf) struct buf out = buf_make(IPC_MESSAGE_MAX_BYTES);
    AUTO(buf) struct buf again = buf_make(IPC_MESSAGE_MAX_BYTES);
    struct vault_request r = sample(VAULT_REQUEST_OPEN_FOR_USE), back;
    CHECK_OK(vault_request_encode(&r, &out));
    for (size_t bit = 0; bit < out.len * 8; bit++) {
        out.ptr[bit / 8] = (char)(out.ptr[bit / 8] ^ (1 << bit % 8));
        if (vault_request_decode(buf_str(&out), &back) == OK) {
            CHECK_OK(vault_request_encode(&back, &again));
            CHECK(str_equal(buf_str(&out), buf_str(&again)));
        }
        out.ptr[bit / 8] = (char)(out.ptr[bit / 8] ^ (1 << bit % 8));
    }
}

static void test_bounds_hold_at_and_past_the_limit(void)
{
    static const struct {
        enum vault_request_type type;
        size_t field, shortest, longest;
    } cases[] = {
#define ROW(type, name, shortest, longest)                                                         \
    {VAULT_REQUEST_##type, VAULT_BYTES_##name, shortest, longest}
        ROW(UNLOCK, INSTANCE_ID, 1, VAULT_INSTANCE_ID_MAX_BYTES),
        ROW(UNLOCK, KEYRING, 1, KEYRING_BLOB_MAX_BYTES),
        ROW(SEAL, NAME, 1, SECRET_NAME_MAX_BYTES),
        ROW(SEAL, POLICY, 0, VAULT_POLICY_MAX_BYTES),
        ROW(SEAL, VALUE, 0, SECRET_VALUE_MAX_BYTES),
        ROW(SEAL, TEAM_KEY, TEAM_KEY_BYTES, TEAM_KEY_BYTES),
        ROW(REWRAP, NEW_TEAM_KEY, TEAM_KEY_BYTES, TEAM_KEY_BYTES),
        ROW(REWRAP, NEW_POLICY, 0, VAULT_POLICY_MAX_BYTES),
        ROW(RESEAL, SEAL_TEAM_KEY, TEAM_KEY_BYTES, TEAM_KEY_BYTES),
        ROW(RESEAL, SEALED, SEALED_OVERHEAD_BYTES, SEALED_MAX_BYTES),
        ROW(SIGN_CHECKPOINT, TREE_ROOT, 32, 32),
        ROW(SIGN_CHECKPOINT, HEAD, 32, 32),
        ROW(OPEN_FOR_USE, SEALED, SEALED_OVERHEAD_BYTES, SEALED_MAX_BYTES),
        ROW(OPEN_FOR_USE, JOB_ID, 1, VAULT_JOB_ID_MAX_BYTES),
        ROW(OPEN_FOR_USE, FIELD, 0, VAULT_FIELD_MAX_BYTES),
        ROW(OPEN_FOR_USE, HOST, 1, VAULT_HOST_MAX_BYTES), /* of a delivery */
        ROW(HASH_TOKEN, TOKEN, 1, VAULT_TOKEN_MAX_BYTES),
        ROW(CHAIN_AUDIT, PREVIOUS, 32, 32),
        ROW(CHAIN_AUDIT, RECORDS, 4, VAULT_RECORDS_MAX_BYTES),
        ROW(BACKUP_STAMP, DIGEST, 32, 32),
        ROW(SIGN_ADDRESSES, RECORDS, 4, VAULT_RECORDS_MAX_BYTES),
#undef ROW
    };
    AUTO(buf) struct buf out = buf_make(IPC_MESSAGE_MAX_BYTES);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct vault_request r = sample(cases[i].type), back;
        struct str *field = &r.bytes[cases[i].field];
        *field = str_bytes(filler, cases[i].longest);
        CHECK_OK(vault_request_encode(&r, &out));
        CHECK_OK(vault_request_decode(buf_str(&out), &back));
        *field = str_bytes(filler, cases[i].longest + 1);
        CHECK_ERR(vault_request_encode(&r, &out), ERR_INVALID);
        if (cases[i].shortest == 0)
            continue;
        *field = str_bytes(filler, cases[i].shortest - 1);
        CHECK_ERR(vault_request_encode(&r, &out), ERR_INVALID);
    }
}

static void test_what_an_encoder_refuses_the_decoder_refuses(void)
{
    AUTO(buf) struct buf out = buf_make(IPC_MESSAGE_MAX_BYTES);
    struct vault_request r = sample(VAULT_REQUEST_SEAL), back;
    r.bytes[VAULT_BYTES_TEAM_ID] = STR("81JDF0000000000000000000T0");
    CHECK_ERR(vault_request_encode(&r, &out), ERR_INVALID);
    r = sample(VAULT_REQUEST_SEAL);
    r.numbers[VAULT_NUMBER_VERSION] = 0;
    CHECK_ERR(vault_request_encode(&r, &out), ERR_INVALID);
    r.numbers[VAULT_NUMBER_VERSION] = 1ull << 32;
    CHECK_ERR(vault_request_encode(&r, &out), ERR_INVALID);
    r = sample(VAULT_REQUEST_OPEN_FOR_USE);
    r.numbers[VAULT_NUMBER_PURPOSE] = VAULT_FOR_PICKUP;
    r.numbers[VAULT_NUMBER_SINKS] = POLICY_TEXT;
    r.bytes[VAULT_BYTES_HOST] = STR_EMPTY;
    CHECK_OK(vault_request_encode(&r, &out));
    /* Purpose and sinks are the last numbers: bytes 1 + 3 * 8 and 1 + 4 * 8. As a delivery it lacks
     * its host, and a worker is handed nothing but text and scripts. */
    enum { PURPOSE = 25, SINKS = 33 };
    CHECK_EQ(out.ptr[PURPOSE], VAULT_FOR_PICKUP);
    CHECK_EQ(out.ptr[SINKS], POLICY_TEXT);
    out.ptr[PURPOSE] = VAULT_FOR_DELIVERY;
    CHECK_ERR(vault_request_decode(buf_str(&out), &back), ERR_INVALID);
    out.ptr[PURPOSE] = VAULT_FOR_MASKING;
    CHECK_OK(vault_request_decode(buf_str(&out), &back));
    out.ptr[PURPOSE] = VAULT_FOR_ADDRESS;
    CHECK_OK(vault_request_decode(buf_str(&out), &back));
    out.ptr[PURPOSE] = 0;
    CHECK_ERR(vault_request_decode(buf_str(&out), &back), ERR_INVALID);
    out.ptr[PURPOSE] = VAULT_FOR_PICKUP;
    for (unsigned sinks = 0; sinks < 256; sinks++) {
        bool good = sinks != 0 && (sinks & ~(unsigned)POLICY_TO_WORKER) == 0;
        out.ptr[SINKS] = (char)sinks;
        CHECK_ERR(vault_request_decode(buf_str(&out), &back), good ? OK : ERR_INVALID);
    }
}

static void test_context_round_trips(void)
{
    struct vault_request r = {.type = VAULT_REQUEST_SEAL};
    const struct seal_context c = {.team_id = STR("t"),
                                   .secret_id = STR("s"),
                                   .name = STR("n"),
                                   .version = UINT32_MAX,
                                   .epoch = UINT64_MAX,
                                   .created_at_ms = -5,
                                   .policy = STR("p")};
    vault_request_set_context(&r, &c);
    struct seal_context back = vault_request_context(&r);
    CHECK_STR(back.team_id, "t");
    CHECK_STR(back.secret_id, "s");
    CHECK_STR(back.name, "n");
    CHECK_STR(back.policy, "p");
    CHECK(back.version == UINT32_MAX && back.epoch == UINT64_MAX && back.created_at_ms == -5);
}

static void test_answers(void)
{
    static const struct {
        enum vault_request_type type;
        size_t body;
        enum err want;
    } cases[] = {
        {VAULT_REQUEST_UNLOCK, 0, OK},
        {VAULT_REQUEST_UNLOCK, 1, ERR_INVALID},
        {VAULT_REQUEST_SEAL, 0, ERR_INVALID},
        {VAULT_REQUEST_SEAL, 300, OK},
        {VAULT_REQUEST_OPEN_FOR_USE, 0, OK},
        {VAULT_REQUEST_OPEN_FOR_USE, SECRET_VALUE_MAX_BYTES, OK},
        {VAULT_REQUEST_OPEN_FOR_USE, SECRET_VALUE_MAX_BYTES + 1, ERR_INVALID},
        {VAULT_REQUEST_STATUS, VAULT_STATUS_BYTES, OK},
        {VAULT_REQUEST_STATUS, VAULT_STATUS_BYTES + 1, ERR_INVALID},
        {VAULT_REQUEST_HASH_TOKEN, 31, ERR_INVALID},
        {VAULT_REQUEST_HASH_TOKEN, 32, OK},
        {VAULT_REQUEST_CHAIN_AUDIT, 0, ERR_INVALID},
        {VAULT_REQUEST_CHAIN_AUDIT, 33, ERR_INVALID},
        {VAULT_REQUEST_CHAIN_AUDIT, 96, OK},
        {VAULT_REQUEST_SIGN_ADDRESSES, 33, ERR_INVALID},
        {VAULT_REQUEST_SIGN_ADDRESSES, 64, OK},
    };
    AUTO(buf) struct buf out = buf_make(IPC_MESSAGE_MAX_BYTES);
    enum err result;
    struct str body;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        CHECK_OK(vault_answer_begin((uint8_t)cases[i].type, OK, &out));
        CHECK_OK(buf_put(&out, str_bytes(filler, cases[i].body)));
        CHECK_ERR(vault_answer_decode(buf_str(&out), cases[i].type, &result, &body), cases[i].want);
    }
    CHECK_OK(vault_answer_begin(VAULT_REQUEST_SEAL, ERR_TAMPERED, &out));
    CHECK_OK(vault_answer_decode(buf_str(&out), VAULT_REQUEST_SEAL, &result, &body));
    CHECK(result == ERR_TAMPERED && body.len == 0);
    CHECK_ERR(vault_answer_decode(buf_str(&out), VAULT_REQUEST_STATUS, &result, &body),
              ERR_INVALID);
    for (size_t len = 0; len < out.len; len++)
        CHECK_ERR(vault_answer_decode(str_slice(buf_str(&out), 0, len), VAULT_REQUEST_SEAL, &result,
                                      &body),
                  ERR_INVALID);
    CHECK_OK(buf_put_byte(&out, 0));
    CHECK_ERR(vault_answer_decode(buf_str(&out), VAULT_REQUEST_SEAL, &result, &body), ERR_INVALID);
    CHECK_OK(vault_answer_begin(VAULT_REQUEST_SEAL, (enum err)ERR_COUNT, &out));
    CHECK_ERR(vault_answer_decode(buf_str(&out), VAULT_REQUEST_SEAL, &result, &body), ERR_INVALID);
}

static void test_status_round_trips(void)
{
    AUTO(buf) struct buf out = buf_make(64);
    for (unsigned bits = 0; bits < 16; bits++) {
        struct vault_status s = {.master_version = 7,
                                 .master_versions = 2,
                                 .unlocked = bits & 1,
                                 .pending_root = bits & 2,
                                 .memory_locked = bits & 4,
                                 .sandboxed = bits & 8},
                            back;
        buf_reset(&out);
        CHECK_OK(vault_status_encode(&s, &out));
        CHECK_OK(vault_status_decode(buf_str(&out), &back));
        CHECK(back.master_version == 7 && back.master_versions == 2 &&
              back.unlocked == s.unlocked && back.pending_root == s.pending_root &&
              back.memory_locked == s.memory_locked && back.sandboxed == s.sandboxed);
    }
    out.ptr[out.len - 1] = 16;
    struct vault_status s;
    CHECK_ERR(vault_status_decode(buf_str(&out), &s), ERR_INVALID);
}

int main(void)
{
    RUN(test_every_request_round_trips);
    RUN(test_every_flip_is_another_request_or_none);
    RUN(test_bounds_hold_at_and_past_the_limit);
    RUN(test_what_an_encoder_refuses_the_decoder_refuses);
    RUN(test_context_round_trips);
    RUN(test_answers);
    RUN(test_status_round_trips);
    return test_done();
}
