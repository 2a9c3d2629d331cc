#include "chain.h"

static enum err chain(void *ctx, const uint8_t previous[32], const struct str *records,
                      size_t count, uint8_t (*ret_macs)[32])
{
    return vault_chain_audit(ctx, previous, records, count, ret_macs);
}

void chain_connect(struct store *store, struct vault *vault)
{
    store_set_chain(store, chain, vault);
}
