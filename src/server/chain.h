/* The store's audit chain, computed by the vault. */
#ifndef SERVER_CHAIN_H
#define SERVER_CHAIN_H

#include "store.h"
#include "vault.h"

/* Hands each group's records to the vault before the commit. */
void chain_connect(struct store *store, struct vault *vault);

#endif
