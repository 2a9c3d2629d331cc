/* A fragment of a job's JSON, its references, and the sealed records they need: all that another
 * process must have to resolve it with the vault, and nothing in clear. This is what an order to
 * the courier carries. */
#ifndef REF_BUNDLE_H
#define REF_BUNDLE_H

#include "ref_scan.h"
#include "ref_splice.h"
#include "vault.h"

/* A record for each reference, and older versions of the same secrets for masks. */
enum { REF_BUNDLE_RECORDS_MAX = 20000 };

struct ref_record { /* one sealed version */
    struct seal_context context;
    struct str sealed;
};

struct ref_use { /* one reference in the fragment */
    size_t begin, end;
    bool literal;
    enum ref_sink sink; /* unused for a literal */
    uint32_t record;    /* index into records; unused for a literal */
    struct str pointer;
};

struct ref_bundle {
    struct str fragment;        /* raw JSON of one value */
    struct str team_key;        /* wrapped */
    struct ref_record *records; /* each (name, version) once */
    size_t record_count;
    struct ref_use *uses;
    size_t use_count;
};

/* ERR_INVALID for what ref_bundle_decode() would refuse; ERR_TOO_LARGE. */
enum err ref_bundle_encode(const struct ref_bundle *b, struct buf *out) MUST_USE;
/* Strs borrow from `bytes`; arrays are in the arena. ERR_INVALID for anything malformed, including
 * uses out of order, overlapping, or past the fragment, and a use whose text in the fragment is not
 * a reference to its record's name (and version, when it names one). */
enum err ref_bundle_decode(struct str bytes, struct arena *arena, struct ref_bundle *ret) MUST_USE;

/* Opened values of a bundle, one for each record. */
struct ref_values {
    struct secret **values;
    size_t count;
};
void ref_values_auto(struct ref_values *v); /* wipes and frees all */

/* The sink as a policy sees it: what is handed to a worker is text, if it is no script. */
static inline enum ref_sink ref_sink_for_worker(enum ref_sink sink)
{
    return sink == REF_SCRIPT ? REF_SCRIPT : REF_TEXT;
}
/* For each record use->field is set to the pointer of its first use, and the sinks of its uses are
 * added to use->sinks. When the vault refuses one, *ret_name is its secret's name, borrowed from
 * the bundle; else empty. */
enum err ref_bundle_open(const struct ref_bundle *b, struct vault *vault,
                         const struct vault_use *use, struct ref_values *ret,
                         struct str *ret_name) MUST_USE;
/* Splices opened values into the fragment. */
enum err ref_bundle_splice(const struct ref_bundle *b, const struct ref_values *values,
                           struct buf *out) MUST_USE;

#endif
