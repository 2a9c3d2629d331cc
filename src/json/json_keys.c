#include "json_keys.h"

#include <stdlib.h>

#include "alloc.h"
#include "json_escapes.h"
#include "random.h"

struct json_key_slot {
    uint64_t hash;
    const char *ptr;
    uint32_t len;
    uint32_t serial; /* of the object; 0: the slot is empty */
};

enum { FIRST_SLOTS = 256 };

void json_keys_init(struct json_keys *k)
{
    k->list = k->inline_list;
    k->count = 0;
    k->capacity = JSON_KEYS_INLINE;
    k->slots = NULL;
    k->slot_count = k->slot_capacity = 0;
    k->objects = 0;
    k->unescaped = arena_make();
}

void json_keys_done(struct json_keys *k)
{
    if (k->list != k->inline_list)
        free(k->list);
    free(k->slots);
    arena_auto(&k->unescaped);
}

static inline uint64_t rotate(uint64_t x, unsigned bits)
{
    return x << bits | x >> (64 - bits);
}

static inline void sip_round(uint64_t v[4])
{
    v[0] += v[1];
    v[2] += v[3];
    v[1] = rotate(v[1], 13) ^ v[0];
    v[3] = rotate(v[3], 16) ^ v[2];
    v[0] = rotate(v[0], 32) + v[3];
    v[2] += v[1];
    v[1] = rotate(v[1], 17) ^ v[2];
    v[3] = rotate(v[3], 21) ^ v[0];
    v[2] = rotate(v[2], 32);
}

/* https://www.aumasson.jp/siphash/siphash.pdf, one round a block and three at the end. The byte
 * order of the blocks does not matter here: the hash never leaves the process. */
static uint64_t sip_hash(const uint64_t key[2], struct str s)
{
    uint64_t v[4] = {key[0] ^ 0x736f6d6570736575, key[1] ^ 0x646f72616e646f6d,
                     key[0] ^ 0x6c7967656e657261, key[1] ^ 0x7465646279746573};
    uint64_t block;
    size_t at = 0;
    for (; s.len - at >= sizeof block; at += sizeof block) {
        memcpy(&block, s.ptr + at, sizeof block);
        v[3] ^= block;
        sip_round(v);
        v[0] ^= block;
    }
    block = 0;
    memcpy(&block, s.ptr + at, s.len - at);
    block ^= (uint64_t)s.len << 56;
    v[3] ^= block;
    sip_round(v);
    v[0] ^= block;
    v[2] ^= 0xff;
    for (int i = 0; i < 3; i++)
        sip_round(v);
    return v[0] ^ v[1] ^ v[2] ^ v[3];
}

/* The slot that holds the key, or the empty one where it belongs. */
static struct json_key_slot *find_slot(struct json_keys *k, uint64_t hash, uint32_t serial,
                                       struct str key)
{
    size_t mask = k->slot_capacity - 1;
    for (size_t at = hash & mask;; at = (at + 1) & mask) {
        struct json_key_slot *slot = &k->slots[at];
        if (slot->serial == 0)
            return slot;
        if (slot->hash == hash && slot->serial == serial &&
            str_equal(str_bytes(slot->ptr, slot->len), key))
            return slot;
    }
}

static void grow_slots(struct json_keys *k)
{
    struct json_key_slot *old = k->slots;
    size_t old_capacity = k->slot_capacity;
    if (!old)
        random_bytes(k->hash_key, sizeof k->hash_key);
    k->slot_capacity = old ? old_capacity * 2 : FIRST_SLOTS;
    k->slots = xcalloc(k->slot_capacity, sizeof *k->slots);
    for (size_t i = 0; old && i < old_capacity; i++)
        if (old[i].serial)
            *find_slot(k, old[i].hash, old[i].serial, str_bytes(old[i].ptr, old[i].len)) = old[i];
    free(old);
}

static bool add_hashed(struct json_keys *k, uint32_t serial, struct str key)
{
    if ((k->slot_count + 1) * 2 > k->slot_capacity)
        grow_slots(k);
    /* Objects with the same keys must not pile up in the same slots. */
    uint64_t hash = sip_hash(k->hash_key, key) + serial * 0x9e3779b97f4a7c15u;
    struct json_key_slot *slot = find_slot(k, hash, serial, key);
    if (slot->serial)
        return false;
    *slot = (struct json_key_slot){hash, key.ptr, (uint32_t)key.len, serial};
    k->slot_count++;
    return true;
}

static void push(struct json_keys *k, struct str key, uint32_t tag)
{
    if (k->count == k->capacity) {
        struct json_key *old = k->list;
        k->capacity *= 2;
        if (old == k->inline_list) {
            k->list = xmalloc(k->capacity * sizeof *k->list);
            memcpy(k->list, old, k->count * sizeof *k->list);
        } else {
            k->list = xrealloc(old, k->capacity, sizeof *k->list);
        }
    }
    k->list[k->count++] = (struct json_key){key.ptr, (uint32_t)key.len, tag};
}

static void start_hashing(struct json_keys *k, struct json_object_keys *object)
{
    for (size_t i = object->first; i < k->count; i++)
        (void)add_hashed(k, object->serial, str_bytes(k->list[i].ptr, k->list[i].len));
    object->hashed = true;
}

static struct str unescape(struct json_keys *k, struct str raw)
{
    char scratch[JSON_ESCAPE_MAX_BYTES];
    char *copy = arena_alloc(&k->unescaped, raw.len), *end = copy;
    struct str piece;
    while (json_piece_next(&raw, scratch, &piece)) {
        memcpy(end, piece.ptr, piece.len);
        end += piece.len;
    }
    return str_bytes(copy, (size_t)(end - copy));
}

bool json_keys_add_slow(struct json_keys *k, struct json_object_keys *object, struct str raw,
                        bool escaped)
{
    struct str key = escaped ? unescape(k, raw) : raw;
    if (object->hashed)
        return add_hashed(k, object->serial, key);
    uint32_t tag = json_keys_tag(key);
    for (size_t i = object->first; i < k->count; i++)
        if (k->list[i].tag == tag && str_equal(str_bytes(k->list[i].ptr, k->list[i].len), key))
            return false;
    push(k, key, tag);
    if (k->count - object->first >= JSON_KEYS_DIRECT)
        start_hashing(k, object);
    return true;
}
