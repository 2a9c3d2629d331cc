/* Every limit of the product: value, unit, reason. A test stands at each limit and one past it. */
#ifndef BASE_LIMIT_H
#define BASE_LIMIT_H

/* The vendor's CLI cuts a value at 64 KiB; keys, certificates and service-account files fit. */
#define SECRET_VALUE_MAX_BYTES (64 * 1024)
/* Long enough for prod/eu/name paths; fits a table column and an AAD. */
#define SECRET_NAME_MAX_BYTES 128
/* Keeps one team from filling the name cache (about 200 bytes each). */
#define SECRETS_PER_TEAM_MAX 100000
/* Below this a value cannot be masked in logs without blinding them. */
#define SECRET_MASK_MIN_BYTES 4
/* Locked memory for values in flight: 60 of the largest, and half of RLIMIT_MEMLOCK's default. */
#define SECRET_ARENA_BYTES (4 * 1024 * 1024)

#define TEAM_NAME_MAX_BYTES  64
#define TOKEN_NAME_MAX_BYTES 64
/* A handful of networks; held in memory for each token in use. */
#define TOKEN_ADDRESSES_MAX_BYTES 256
#define TOKEN_PATTERN_MAX_BYTES   128
/* Default and longest life of a token, in days. */
#define TOKEN_EXPIRY_DEFAULT_DAYS 90
#define TOKEN_EXPIRY_MAX_DAYS     3650

/* A job's JSON; a batch has its own limit. */
#define JOB_PAYLOAD_MAX_BYTES (1024 * 1024)
/* Body of any other JSON request: a 64 KiB value with every byte escaped as \u00XX, and its name.
 */
#define JSON_BODY_MAX_BYTES (512 * 1024)
#define JSON_DEPTH_MAX      64
/* Values in one document: bounds time and the duplicate-key table. */
#define JSON_NODES_MAX             200000
#define REFS_PER_PAYLOAD_MAX       1000
#define RESOLVED_PAYLOAD_MAX_BYTES (8 * 1024 * 1024)
/* Entries in one answer's details; enough to mend a form, too few to be a sink. */
#define PROBLEMS_MAX 100

#define JOB_LOG_MAX_BYTES   (16 * 1024 * 1024)
#define LOG_CHUNK_MAX_BYTES (1024 * 1024)
#define JOB_ERROR_MAX_BYTES 4096
#define OUTPUT_MAX_BYTES    (64LL * 1024 * 1024 * 1024)
#define JOB_LEASES_MAX      5           /* a poisonous job fails after this many */
#define JOB_LEASE_MS        (60 * 1000) /* our worker renews every third of it */
#define JOB_TAGS_MAX_BYTES  256
#define JOB_ASSETS_MAX      1000
#define LIST_JOBS_MAX       1000

#define HTTP_HEADER_MAX_BYTES    (16 * 1024)
#define HTTP_TARGET_MAX_BYTES    (8 * 1024)
#define HTTP_HEAD_DEADLINE_MS    (30 * 1000) /* from the first byte to the end of the head */
#define HTTP_BODY_PROGRESS_MS    (60 * 1000) /* longest time for HTTP_BODY_PROGRESS_BYTES of body */
#define HTTP_BODY_PROGRESS_BYTES (16 * 1024) /* less than this in that time is a slow drip */
#define HTTP_CONNECTIONS_MAX     10000

/* One message between our processes: a value, its sealed form and its context. */
#define IPC_MESSAGE_MAX_BYTES (160 * 1024)
#define IPC_FDS_MAX           4
/* One order to the courier: reference text and sealed records, never a value. */
#define COURIER_ORDER_MAX_BYTES (96 * 1024 * 1024)

/* What an upstream may answer: headers, and the body of a webhook or upload (not of an asset). */
#define UPSTREAM_HEADERS_MAX_BYTES (64 * 1024)
#define UPSTREAM_BODY_MAX_BYTES    (64 * 1024)

#endif
