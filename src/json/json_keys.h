/* The keys seen so far in each open object, to find duplicates in linear time. An object with few
 * keys compares them directly; a larger one goes to a hash table under a random key (SipHash-1-3),
 * so that nobody can choose keys that collide. Internal to this folder. Owner thread. */
#ifndef JSON_KEYS_H
#define JSON_KEYS_H

#include "arena.h"

enum { JSON_KEYS_DIRECT = 16, JSON_KEYS_INLINE = 64 };

struct json_key_slot;
struct json_keys {
    struct json_key {
        const char *ptr;
        uint32_t len, tag;
    } *list; /* of all open objects, outermost first */
    size_t count, capacity;
    struct json_key_slot *slots; /* of every object that grew large; none is ever removed */
    size_t slot_count, slot_capacity;
    uint64_t hash_key[2];
    uint32_t objects;
    struct arena unescaped;
    struct json_key inline_list[JSON_KEYS_INLINE]; /* not cleared */
};

struct json_object_keys { /* one open object */
    size_t first;         /* in list */
    uint32_t serial;
    bool hashed;
};

void json_keys_init(struct json_keys *k);
void json_keys_done(struct json_keys *k);

static inline struct json_object_keys json_keys_open(struct json_keys *k)
{
    return (struct json_object_keys){k->count, ++k->objects, false};
}
static inline void json_keys_close(struct json_keys *k, const struct json_object_keys *object)
{
    k->count = object->first;
}
/* Escaped keys, large objects, a full list. */
bool json_keys_add_slow(struct json_keys *k, struct json_object_keys *object, struct str raw,
                        bool escaped);

/* Length, first and last byte tell most keys of a small object apart. */
static inline uint32_t json_keys_tag(struct str key)
{
    if (key.len == 0)
        return 0;
    unsigned char first = (unsigned char)key.ptr[0], last = (unsigned char)key.ptr[key.len - 1];
    return (uint32_t)key.len << 16 ^ (uint32_t)first << 8 ^ last;
}

/* False when the object has the key already. `raw` must outlive k. */
static inline bool json_keys_add(struct json_keys *k, struct json_object_keys *object,
                                 struct str raw, bool escaped)
{
    size_t count = k->count;
    if (escaped || object->hashed || count == k->capacity ||
        count - object->first >= JSON_KEYS_DIRECT - 1)
        return json_keys_add_slow(k, object, raw, escaped);
    uint32_t tag = json_keys_tag(raw);
    for (size_t i = object->first; i < count; i++)
        if (k->list[i].tag == tag && str_equal(str_bytes(k->list[i].ptr, k->list[i].len), raw))
            return false;
    k->list[count] = (struct json_key){raw.ptr, (uint32_t)raw.len, tag};
    k->count = count + 1;
    return true;
}

#endif
