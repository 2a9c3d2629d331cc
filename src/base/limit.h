/* Every limit of the product: value, unit, reason. A test stands at each limit and one past it. */
#ifndef BASE_LIMIT_H
#define BASE_LIMIT_H

/* The vendor's CLI cuts a value at 64 KiB; keys, certificates and service-account files fit. */
#define SECRET_VALUE_MAX_BYTES (64 * 1024)
/* Long enough for prod/eu/name paths; fits a table column and an AAD. */
#define SECRET_NAME_MAX_BYTES 128
/* A file of `secret import`: a hundred values of the largest kind; read whole into memory. */
#define IMPORT_MAX_BYTES   (8 * 1024 * 1024)
#define IMPORT_ENTRIES_MAX 10000 /* each is a request of its own */
/* Keeps one team from filling the name cache (about 200 bytes each). */
#define SECRETS_PER_TEAM_MAX 100000
/* Hosts of one policy: a studio's storage, receivers and sites; it travels with every record. */
#define POLICY_HOSTS_MAX 32
/* A change of policy wraps each version of a secret anew in one transaction: a moment of work. */
#define POLICY_VERSIONS_MAX 1000
/* Below this a value cannot be masked in logs without blinding them. */
#define SECRET_MASK_MIN_BYTES 4
/* Locked memory for values in flight: 60 of the largest, and half of RLIMIT_MEMLOCK's default. */
#define SECRET_ARENA_BYTES (4 * 1024 * 1024)

/* The values of one job, together: whoever opens them has them all in that memory at once, and two
 * such jobs fit beside each other. */
#define JOB_VALUES_MAX_BYTES (2 * 1024 * 1024)

#define TEAM_NAME_MAX_BYTES  64
#define TOKEN_NAME_MAX_BYTES 64
/* A handful of networks; held in memory for each token in use. */
#define TOKEN_ADDRESSES_MAX_BYTES 256
#define TOKEN_PATTERN_MAX_BYTES   128
/* Files open to others that doctor names at once: one command, and a screen of text. */
#define DOCTOR_OPEN_FILES_MAX 8
/* Default and longest life of a token, in days. */
#define TOKEN_EXPIRY_DEFAULT_DAYS 90
#define TOKEN_EXPIRY_MAX_DAYS     3650

/* A session of the web console ends so long after its last use: a page left open over lunch stays,
 * one left open over night does not. And after a working day whatever happens. */
#define CONSOLE_IDLE_MS        (2 * 3600 * 1000)
#define CONSOLE_SESSION_MS     (12 * 3600 * 1000)
#define CONSOLE_SESSION_MAX_MS (7 * 24 * 3600 * 1000LL)
/* A person's browsers and machines; the one that was unused longest gives way. */
#define CONSOLE_SESSIONS_PER_TOKEN_MAX 20
/* Enough to recognise a browser in the list of sessions. */
#define CONSOLE_USER_AGENT_MAX_BYTES 200
/* Wrong tokens at sign-in from one address before it is locked, and how long until it may try once
 * more. Typing errors do not reach this; tokens are pasted. */
#define CONSOLE_FAILURES_MAX 10
#define CONSOLE_LOCK_MS      (60 * 1000)

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
/* What a worker is answered: that, and up to a MiB of addresses of assets and fonts. */
#define LEASE_ANSWER_MAX_BYTES (9 * 1024 * 1024)
/* Entries in one answer's details; enough to mend a form, too few to be a sink. */
#define PROBLEMS_MAX 100

#define JOB_LOG_MAX_BYTES   (16 * 1024 * 1024)
#define LOG_CHUNK_MAX_BYTES (1024 * 1024)
#define JOB_ERROR_MAX_BYTES 4096
#define OUTPUT_MAX_BYTES    (64LL * 1024 * 1024 * 1024)

/* A large output goes to S3 in parts: a broken connection costs one part. S3 takes these sizes. */
#define UPLOAD_PART_MIN_BYTES (5 * 1024 * 1024)
#define UPLOAD_PART_MAX_BYTES (5LL * 1024 * 1024 * 1024)
/* The longest wait between two attempts of an upload: an endpoint that is back is noticed soon. */
#define UPLOAD_GAP_MAX_MS (300 * 1000)
/* Deliveries that were under way this often when the courier died are given up. */
#define DELIVERY_LOST_MAX 5
/* A signed address of an output is good for so many days, rounded up to the end of a day. */
#define OUTPUT_ADDRESS_DAYS 7
/* The largest setting of how long outputs are kept that nobody else has: a hundred years. */
#define KEEP_OUTPUTS_MAX_DAYS 36500

#define JOB_LEASES_MAX 5           /* a poisonous job fails after this many */
#define JOB_LEASE_MS   (60 * 1000) /* our worker renews every third of it */
/* A worker of protocol v1 has no heartbeat: it speaks when a percent of the rendering is done. */
#define JOB_STOCK_LEASE_MS     (30 * 60 * 1000)
#define JOB_STOCK_LEASE_MAX_MS (24 * 3600 * 1000)
/* It sends the job back whole: what it was given, and what it wrote into it. */
#define STOCK_UPDATE_MAX_BYTES (12 * 1024 * 1024)
/* After Effects may write more than is kept; the rest is read and dropped. */
#define STOCK_LOG_MAX_BYTES (64 * 1024 * 1024)
#define JOB_TAGS_MAX_BYTES  256
#define JOB_ASSETS_MAX      1000
#define JOB_NESTED_MAX      100 /* of one submit, at any depth: rows in one transaction */
#define LIST_JOBS_MAX       1000
#define LIST_VERSIONS_MAX   1000
/* Jobs that refer to a secret: each payload of them is read for it. */
#define LIST_SECRET_JOBS_MAX 100
/* Secrets whose jobs are counted in one call, and how many jobs of each are looked at: some
 * hundredths of a second for all. */
#define SECRET_USES_IDS_MAX  100
#define SECRET_USES_JOBS_MAX 100
#define LIST_AUDIT_MAX       1000
/* Records that one call looks at for its filters: some tenths of a second. */
#define AUDIT_SCAN_MAX 100000
/* Records that are read at a time, so that nobody waits for a whole log. */
#define AUDIT_STEP_RECORDS 500
/* Whole logs that are checked at the same time, one of each team: each takes a thread of those that
 * may block. */
#define AUDIT_WALKS_MAX 4
/* The same for lists with filters, which may look at AUDIT_SCAN_MAX records: with the walks they
 * leave some of those threads to the workers. */
#define AUDIT_SEARCHES_MAX 2
/* An actor's id, a secret's or team's name: what a filter may ask for. */
#define AUDIT_FILTER_MAX_BYTES 128
#define CANCEL_JOBS_MAX        1000 /* ids in one call, as the vendor documents */
#define BATCH_JOBS_MAX         1000
#define BATCH_NESTED_MAX       1000 /* nested jobs of a whole batch: rows in one transaction */
#define BATCH_BODY_MAX_BYTES   (32 * 1024 * 1024)

/* What the vendor takes; a project with its footage is often some hundred MiB. */
#define TEMPLATE_MAX_BYTES      (2LL * 1024 * 1024 * 1024)
#define TEMPLATE_NAME_MAX_BYTES 256
/* A list is answered whole: 10,000 are 5 MB of it. */
#define TEMPLATES_PER_TEAM_MAX 10000
/* An address for an upload or download without a token; the vendor's clients expect an hour. */
#define TRANSFER_MS (3600 * 1000)
/* What the vendor takes; the largest fonts with all of Unicode are 30 MiB. */
#define FONT_MAX_BYTES (40 * 1024 * 1024)
/* The font, and the form around it. */
#define FONT_FORM_MAX_BYTES (41 * 1024 * 1024)
/* Long enough for any name in use; a file system takes 255. */
#define FONT_FILE_NAME_MAX_BYTES   128
#define FONT_FAMILY_NAME_MAX_BYTES 128
/* Workers load what a job names, and AE starts slowly with more than some hundred. */
#define FONTS_PER_TEAM_MAX 1000

/* One row of the database in a backup: a batch's JSON, the largest thing that is ever stored. */
#define BACKUP_RECORD_MAX_BYTES (33 * 1024 * 1024)

#define HTTP_HEADER_MAX_BYTES    (16 * 1024)
#define HTTP_TARGET_MAX_BYTES    (8 * 1024)
#define HTTP_HEAD_DEADLINE_MS    (30 * 1000) /* from the first byte to the end of the head */
#define HTTP_BODY_PROGRESS_MS    (60 * 1000) /* longest time for HTTP_BODY_PROGRESS_BYTES of body */
#define HTTP_BODY_PROGRESS_BYTES (16 * 1024) /* less than this in that time is a slow drip */
#define HTTP_CONNECTIONS_MAX     10000
/* No call takes more than ten; with some hundred the HTTP library cannot answer. */
#define HTTP_QUERY_PARAMETERS_MAX 100

/* One message between our processes: a value, its sealed form and its context. */
#define IPC_MESSAGE_MAX_BYTES (160 * 1024)
#define IPC_FDS_MAX           4
/* One order to the courier: reference text and sealed records, never a value. */
#define COURIER_ORDER_MAX_BYTES (96 * 1024 * 1024)

/* What an upstream may answer: headers, and the body of a webhook or upload (not of an asset). */
#define UPSTREAM_HEADERS_MAX_BYTES (64 * 1024)
#define UPSTREAM_BODY_MAX_BYTES    (64 * 1024)

#endif
