#include "order.h"

#include "limit.h"

/* What is accepted encodes to the same bytes; both messages of the protocol are tried. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    AUTO(arena) struct arena arena = arena_make();
    AUTO(buf) struct buf again = buf_make(COURIER_ORDER_MAX_BYTES);
    struct str bytes = str_bytes(data, size);
    struct order order;
    struct answer answer;
    if (order_decode(bytes, &arena, &order) == OK) {
        ASSERT(order_encode(&order, &again) == OK);
        ASSERT(str_equal(bytes, buf_str(&again)));
    }
    buf_reset(&again);
    if (answer_decode(bytes, &answer) == OK) {
        ASSERT(answer_encode(&answer, &again) == OK);
        ASSERT(str_equal(bytes, buf_str(&again)));
    }
    return 0;
}
