/* The rules of a job's members, one function for each. They look at the shape of raw JSON that is
 * already known to be valid, report every problem with a JSON pointer, and quote nothing of it.
 * No store, no network: the same rules run under the fuzzer. Owner thread. */
#ifndef JOB_RULES_H
#define JOB_RULES_H

#include "arena.h"
#include "json_decode.h"
#include "problems.h"

enum {
    JOB_URL_MAX_BYTES = 8192,  /* what servers take as a request target, with room */
    JOB_WORD_MAX_BYTES = 64,   /* an engine, a codec */
    JOB_TEXT_MAX_BYTES = 1024, /* a bucket, a key, a prefix: S3 caps an object key at 1024 */
    JOB_FONTS_MAX = 1000,
    JOB_HEADERS_MAX = 100, /* more would not fit another server's head */
    JOB_PRIORITY_MAX = 1000,
};

struct job_rules {
    struct arena *arena;
    struct problems *problems;
    struct str at; /* where the job stands in the request: "", or "/assets/3" if nested */
};
/* The pointer in what was submitted, of a pointer within the job ("/upload"). */
struct str job_rules_at(const struct job_rules *r, const char *pointer);
/* A problem there. Always ERR_INVALID. */
enum err job_rules_add(const struct job_rules *r, const char *pointer, const char *message);

struct job_upload { /* raw text of the job, reference text included; absent: ptr NULL */
    struct str provider, prefix, output_url;
    struct str region, bucket, access_key_id, access_key_secret, endpoint, acl;
};

/* The kind of file that comes out, every default filled in. */
struct job_settings {
    struct str type;      /* "video", "image" or "aep" */
    struct str codec;     /* the long id, "video_h264_vbr_15mbps"; empty for aep */
    struct str quality;   /* "draft" or "full" */
    struct str engine;    /* "ae2025" or "ae2026" */
    struct str extension; /* ".mp4" and the like */
    bool frames;          /* only these frames, first to last */
    uint64_t first, last;
};

enum job_assets_of { JOB_ASSETS_OF_RENDER, JOB_ASSETS_OF_JOIN };
struct job_assets {
    size_t count;
    bool functions; /* one of them is a function */
    struct job_asset_job {
        struct str raw; /* the asset, which is a job of its own */
        size_t index;   /* among all assets */
    } *jobs;
    size_t job_count;
};

/* Each returns OK, or ERR_INVALID with problems added; what stands in `ret` is then partial. */
/* Nested jobs are listed, and checked by the caller but for their type. A join takes videos and
 * jobs only. */
enum err job_rules_assets(struct job_rules *r, struct str array, enum job_assets_of of,
                          struct job_assets *ret) MUST_USE;
/* `object` without bytes: what counts when nothing is said, or for a preview. A nested job makes
 * videos and images only. */
enum err job_rules_settings(struct job_rules *r, struct str object, bool nested,
                            struct job_settings *ret) MUST_USE;
/* Of a join: {"preset":"mp4"}. */
enum err job_rules_join_settings(struct job_rules *r, struct str object) MUST_USE;
/* The name of a function asset: nx:layer-remove or nx-layer-remove. */
enum err job_rules_function(struct job_rules *r, struct str name, struct str at) MUST_USE;
enum err job_rules_upload(struct job_rules *r, struct str object, struct job_upload *ret) MUST_USE;
enum err job_rules_webhook(struct job_rules *r, struct str object) MUST_USE;
/* A string or an array of strings; *ret is the comma list. */
enum err job_rules_tags(struct job_rules *r, struct str raw, struct str *ret) MUST_USE;

/* Is v one of the words of a NULL-terminated list? */
bool job_rules_one_of(struct str v, const char *const *words);
/* 1 to JOB_WORD_MAX_BYTES of a-z 0-9 - (and `extra` characters). */
bool job_rules_word(struct str v, const char *extra);
/* Does a reference stand in the text? What does not hold one can be judged now. */
bool job_rules_refers(struct str text);
/* http:// or https://, or a whole address in a secret; no blanks, no control characters, no user.
 * Without a reference it is one that will be connected to as it stands. */
bool job_rules_url(struct str v);
/* A raw JSON value that is a string of at most `max` bytes: its text, in the arena. */
bool job_rules_string(struct job_rules *r, struct str raw, size_t max, struct str *ret);
/* Reports members of the object that are not in the NULL-terminated list. */
enum err job_rules_only(struct job_rules *r, struct str object, struct str pointer,
                        const char *const *known) MUST_USE;
/* Headers that a request may be sent with: names and values as HTTP takes them, none twice, none
 * that frame or route the request. */
enum err job_rules_headers(struct job_rules *r, struct str object, struct str pointer) MUST_USE;

#endif
