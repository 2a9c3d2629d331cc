/* Where in the document a value stands: the open containers, outermost first. Internal to this
 * folder. Owner thread. */
#ifndef REF_PATH_H
#define REF_PATH_H

#include "arena.h"
#include "json_escapes.h"
#include "limit.h"
#include "ref_scan.h"

/* A pointer is for people and for audit records; a longer one is cut at a character and ends in
 * "...". */
enum { REF_POINTER_MAX_BYTES = 256 };

struct ref_level {  /* one open container and the member or element it is at */
    struct str key; /* object: raw */
    size_t index;   /* array: counts from 1 once the first element has begun */
    size_t first;   /* asset: references found before it */
    bool array, key_escaped;
    bool assets; /* the array at /assets or in an asset's "assets" */
    bool asset;  /* an object in such an array */
    bool script; /* an asset whose type is "script" */
};

struct ref_path {
    size_t depth;
    struct ref_level levels[JSON_DEPTH_MAX];
};

static inline bool ref_path_key_is(const struct ref_level *level, struct str name)
{
    if (level->array || (!level->key_escaped && level->key.len != name.len))
        return false;
    return json_raw_is(level->key, level->key_escaped, name);
}

/* RFC 6901. The keys are the caller's own words; one that holds "${" is shown as <key>, so that a
 * pointer never repeats what may be a value in the wrong place. `in_key`: the pointer of the key
 * itself. */
struct str ref_path_pointer(const struct ref_path *path, bool in_key, struct arena *arena);

/* False when no reference may stand here. *ret_asset is the level of the asset it belongs to,
 * which decides between TEXT and SCRIPT once its type is known, or JSON_DEPTH_MAX. */
bool ref_path_sink(const struct ref_path *path, enum ref_sink *ret, size_t *ret_asset);

#endif
