/* Any bytes as a bundle: what decodes encodes back to the same bytes, opens and splices. */
#include "ref_bundle.h"

#include "limit.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Stands in for the vault's client. */
enum err vault_open_for_use(struct vault *v, const struct seal_context *context,
                            struct str team_key, struct str sealed, const struct vault_use *use,
                            struct secret **ret)
{
    (void)v;
    (void)team_key;
    (void)use;
    (void)sealed;
    return secret_new(context->name, ret);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    AUTO(arena) struct arena arena = arena_make();
    AUTO(buf) struct buf again = buf_make(size + 1), out = buf_make(RESOLVED_PAYLOAD_MAX_BYTES);
    AUTO(ref_values) struct ref_values values = {0};
    struct vault_use use = {.purpose = VAULT_FOR_DELIVERY};
    struct str name;
    struct ref_bundle b;
    if (ref_bundle_decode(str_bytes(data, size), &arena, &b) != OK)
        return 0;
    ASSERT(ref_bundle_encode(&b, &again) == OK);
    ASSERT(str_equal(buf_str(&again), str_bytes(data, size)));
    ASSERT(ref_bundle_open(&b, NULL, &use, &values, &name) == OK);
    ASSERT(ref_bundle_splice(&b, &values, &out) == OK);
    return 0;
}
