/* Finds ${secret.NAME} in a job's JSON: one pass over the raw bytes that validates the JSON,
 * enforces the limits, finds every reference with its JSON pointer and its sink, and says what is
 * wrong. Grammar (docs/DESIGN.md, 6): ${secret.NAME}, ${secrets.NAME}, ${secret.NAME@3}; NAME is 1
 * to 128 of A-Z a-z 0-9 _ - . /; $${secret.NAME} is the literal text ${secret.NAME}. Recognised
 * literally only (an escaped brace is text), in string values only. ${env.X}, ${other.X},
 * ${secretsX} are ordinary text. Malformed (anything that begins with ${secret. or ${secrets. or,
 * letter case and blanks inside the brace aside, would), in a key, or where none may stand: a
 * problem with the pointer. Owner thread. */
#ifndef REF_SCAN_H
#define REF_SCAN_H

#include "problems.h"
#include "str.h"

/* Where a value would go; policies allow or forbid these (docs/DESIGN.md, 6 and 7). */
enum ref_sink {
    REF_CREDENTIAL, /* /upload/params keys: used to sign, never sent */
    REF_UPLOAD,     /* other strings of /upload */
    REF_HEADER,     /* webhook headers, asset params.headers */
    REF_URL,        /* webhook url, asset src, template src */
    REF_BODY,       /* webhook data */
    REF_TEXT,       /* asset value and other asset strings: the worker gets the value */
    REF_SCRIPT,     /* strings of a script asset: the worker gets the value */
};
const char *ref_sink_name(enum ref_sink sink);
bool ref_sink_exposed(enum ref_sink sink); /* TEXT and SCRIPT */

struct ref {
    struct str name;   /* borrowed from the payload */
    uint32_t version;  /* 0: the newest at run time */
    size_t begin, end; /* of "${...}" (or of "$${" ... : see literal) in the payload */
    bool literal;      /* an escaped one: the splice only drops the first '$' */
    enum ref_sink sink;
    struct str pointer; /* JSON pointer of the string it stands in; in the arena */
};

/* What a payload may look like: which top-level members may hold references. */
enum ref_shape { REF_SHAPE_JOB, REF_SHAPE_NONE /* e.g. metadata: references refused everywhere */ };

struct ref_list {
    struct ref *refs; /* in the order of the payload */
    size_t count;
};

/* OK, ERR_JSON (one problem: reason and position), ERR_INVALID (problems), ERR_TOO_LARGE (payload
 * over JOB_PAYLOAD_MAX_BYTES). More than REFS_PER_PAYLOAD_MAX references: ERR_INVALID. */
enum err ref_scan(struct str payload, enum ref_shape shape, struct arena *arena,
                  struct problems *problems, struct ref_list *ret) MUST_USE;

/* The grammar alone: is `name` one that a secret may have? */
bool ref_name_valid(struct str name);

#endif
