/* Arbitrary messages to both sides: to an unlocked vault, which must always answer with a whole
 * answer, and to a client's decoder. What a decoder takes must encode to the same bytes. */
#include "vault_handle.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct vault_state state;
static struct buf request = {.max = IPC_MESSAGE_MAX_BYTES};
static struct buf answer = {.max = IPC_MESSAGE_MAX_BYTES};

/* Unlocked for the instance of the seeds. Starts over when a message rotated it far. */
static void open_state(void)
{
    if (state.keyring.count > 0 && state.keyring.count < KEYRING_MASTERS_MAX)
        return;
    struct vault_request r = {.type = VAULT_REQUEST_KEYRING_CREATE};
    vault_state_auto(&state);
    memset(&state, 0, sizeof state);
    ASSERT(crypto_open() == OK);
    ASSERT(vault_state_set_root(&state, STR("root key A, 32 bytes, for tests.")) == OK);
    r.bytes[VAULT_BYTES_INSTANCE_ID] = STR("01JDF0000000000000000000A0");
    ASSERT(vault_request_encode(&r, &request) == OK);
    vault_handle(&state, buf_str(&request), &answer);
    r.type = VAULT_REQUEST_UNLOCK;
    r.bytes[VAULT_BYTES_KEYRING] = str_slice(buf_str(&answer), 3, answer.len);
    ASSERT(vault_request_encode(&r, &request) == OK);
    vault_handle(&state, buf_str(&request), &answer);
    ASSERT(state.keyring.count == 1);
}

static void fuzz_request(struct str message)
{
    struct vault_request r;
    struct str body;
    enum err result;
    open_state();
    bool whole = vault_request_decode(message, &r) == OK;
    if (whole) {
        ASSERT(vault_request_encode(&r, &request) == OK);
        ASSERT(str_equal(buf_str(&request), message));
    }
    /* What a request opens it frees, unless the keyring itself was replaced. */
    size_t used = secret_arena_used();
    const struct secret *token_key = state.keyring.token_key;
    vault_handle(&state, message, &answer);
    ASSERT(answer.len >= VAULT_ANSWER_HEADER_BYTES);
    if (whole) {
        ASSERT(vault_answer_decode(buf_str(&answer), r.type, &result, &body) == OK);
    } else {
        ASSERT(answer.ptr[1] == ERR_INVALID && answer.len == VAULT_ANSWER_HEADER_BYTES);
    }
    ASSERT(state.keyring.token_key != token_key || secret_arena_used() == used);
}

static void fuzz_answer(uint8_t number, struct str message)
{
    struct vault_status status;
    enum err result;
    struct str body;
    if (!vault_request_known(number))
        return;
    if (vault_answer_decode(message, (enum vault_request_type)number, &result, &body) != OK)
        return;
    ASSERT(result < ERR_COUNT && body.len <= message.len);
    if (number == VAULT_REQUEST_STATUS && result == OK)
        ASSERT(vault_status_decode(body, &status) == OK || (uint8_t)body.ptr[8] > 15);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str message = str_bytes(data, size);
    fuzz_request(message);
    if (size > 1)
        fuzz_answer(data[0], str_slice(message, 1, size));
    return 0;
}
