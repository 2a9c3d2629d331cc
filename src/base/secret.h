/* A secret value: opaque bytes in one locked, non-dumpable arena, wiped when freed, compared in
 * constant time. There is no to-string; printf and the log macros do not accept one. The only way
 * to the bytes is secret_reveal(); tools/lint lists the files that may call it.
 * Any thread; the arena belongs to the process that opened it (it does not survive fork). */
#ifndef BASE_SECRET_H
#define BASE_SECRET_H

#include "str.h"

struct secret; /* opaque outside secret.c */

struct secret_arena_report {
    bool locked;     /* mlock worked: the arena is never swapped */
    bool undumpable; /* MADV_DONTDUMP worked */
    bool wiped_on_fork;
    size_t size_bytes;
};

/* Opens the arena (once; later calls only report). Without a call the first secret opens it with
 * SECRET_ARENA_BYTES. What could not be obtained is reported, not fatal. */
struct secret_arena_report secret_arena_open(size_t size_bytes);

/* In a child, right after fork: the arena is the parent's, and its secrets are gone. */
void secret_arena_forget(void);

/* A copy of `bytes`. ERR_LIMIT when the arena is full. The caller wipes its own source. */
enum err secret_new(struct str bytes, struct secret **ret) MUST_USE;

/* An empty secret that can take up to capacity_bytes by secret_append. */
enum err secret_new_empty(size_t capacity_bytes, struct secret **ret) MUST_USE;
enum err secret_append(struct secret *s, struct str bytes) MUST_USE; /* ERR_TOO_LARGE */

size_t secret_len(const struct secret *s);
bool secret_equal(const struct secret *a, const struct secret *b);

/* The bytes themselves; valid until the secret is freed. */
struct str secret_reveal(const struct secret *s);

/* Wipes, frees, sets NULL; accepts NULL. */
void secret_free(struct secret **s);
void secret_autop(struct secret **s);

/* How many bytes are handed out now; for tests and metrics. */
size_t secret_arena_used(void);

#endif
