#include "keyring.h"

#include "alloc.h"

void keyring_auto(struct keyring *k)
{
    for (size_t i = 0; i < k->count; i++)
        secret_free(&k->masters[i].key);
    secret_free(&k->token_key);
    secret_free(&k->audit_key);
    *k = (struct keyring){.count = 0};
}

static void move(struct keyring *from, struct keyring *ret)
{
    *ret = *from;
    *from = (struct keyring){.count = 0};
}

enum err keyring_create(struct keyring *ret)
{
    AUTO(keyring) struct keyring fresh = {.count = 0};
    TRY(keyring_rotate(&fresh));
    TRY(envelope_key_new(&fresh.token_key));
    TRY(envelope_key_new(&fresh.audit_key));
    move(&fresh, ret);
    return OK;
}

enum err keyring_copy(const struct keyring *k, struct keyring *ret)
{
    AUTO(keyring) struct keyring copy = {.count = 0};
    for (; copy.count < k->count; copy.count++) {
        struct keyring_master *to = &copy.masters[copy.count];
        to->version = k->masters[copy.count].version;
        TRY(secret_new(secret_reveal(k->masters[copy.count].key), &to->key));
    }
    TRY(secret_new(secret_reveal(k->token_key), &copy.token_key));
    TRY(secret_new(secret_reveal(k->audit_key), &copy.audit_key));
    move(&copy, ret);
    return OK;
}

struct envelope_kek keyring_current(const struct keyring *k)
{
    ASSERT(k->count > 0);
    const struct keyring_master *last = &k->masters[k->count - 1];
    return (struct envelope_kek){.key = last->key, .version = last->version};
}

enum err keyring_master(const struct keyring *k, uint32_t version, struct envelope_kek *ret)
{
    for (size_t i = 0; i < k->count; i++) {
        if (k->masters[i].version == version) {
            *ret = (struct envelope_kek){.key = k->masters[i].key, .version = version};
            return OK;
        }
    }
    return ERR_TAMPERED;
}

enum err keyring_rotate(struct keyring *k)
{
    uint32_t current = k->count ? keyring_current(k).version : 0;
    if (k->count == KEYRING_MASTERS_MAX || current == UINT32_MAX)
        return ERR_LIMIT;
    struct keyring_master *fresh = &k->masters[k->count];
    TRY(envelope_key_new(&fresh->key));
    fresh->version = current + 1;
    k->count++;
    return OK;
}

enum err keyring_retire(struct keyring *k, uint32_t least)
{
    size_t first = 0;
    while (first < k->count && k->masters[first].version != least)
        first++;
    if (first == k->count)
        return ERR_CONFLICT;
    for (size_t i = 0; i < first; i++)
        secret_free(&k->masters[i].key);
    k->count -= first;
    memmove(k->masters, k->masters + first, k->count * sizeof k->masters[0]);
    /* The vacated entries still point at keys that moved down. */
    wipe(k->masters + k->count, first * sizeof k->masters[0]);
    return OK;
}
