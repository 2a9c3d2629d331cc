#include "api_backup.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <unistd.h>

#include "alloc.h"
#include "api_request.h"
#include "backup_make.h"
#include "clock.h"
#include "io.h"
#include "key_rotation.h"
#include "limit.h"
#include "log.h"

enum { PIPE_BYTES = 1024 * 1024, LOOK_UP_MS = 200 };

struct api_backup {
    struct api *api;
    pthread_mutex_t lock;
    pthread_t thread;
    bool started; /* there is a thread to join */
    _Atomic bool running, stop;
    int data, verdict; /* the ends that are written to */
    bool with_spool;
};

struct api_backup *api_backup_new(struct api *api)
{
    struct api_backup *b = xcalloc(1, sizeof *b);
    b->api = api;
    b->data = b->verdict = -1;
    ASSERT(pthread_mutex_init(&b->lock, NULL) == 0);
    return b;
}

/* With the lock held: the last one's thread is over or about to be. */
static void reap(struct api_backup *b)
{
    if (b->started)
        pthread_join(b->thread, NULL);
    b->started = false;
}

void api_backup_stop(struct api_backup *b)
{
    if (!b)
        return;
    b->stop = true;
    pthread_mutex_lock(&b->lock);
    reap(b);
    pthread_mutex_unlock(&b->lock);
}

void api_backup_free(struct api_backup **handle)
{
    struct api_backup *b = TAKE(*handle);
    if (!b)
        return;
    api_backup_stop(b);
    pthread_mutex_destroy(&b->lock);
    free(b);
}

/* --- the thread --- */

/* Whoever reads it may be slow, but not for ever: the snapshot holds up the store's upkeep. */
static enum err to_pipe(void *ctx, struct str bytes)
{
    struct api_backup *b = ctx;
    int64_t until = clock_monotonic_ms() + HTTP_BODY_PROGRESS_MS;
    while (bytes.len) {
        if (b->stop)
            return ERR_BUSY;
        ssize_t n = write(b->data, bytes.ptr, bytes.len);
        if (n > 0) {
            bytes = str_slice(bytes, (size_t)n, bytes.len);
            until = clock_monotonic_ms() + HTTP_BODY_PROGRESS_MS;
            continue;
        }
        if (n < 0 && errno != EAGAIN && errno != EINTR)
            return ERR_UNREACHABLE;
        if (clock_monotonic_ms() > until)
            return ERR_TIMEOUT;
        struct pollfd p = {.fd = b->data, .events = POLLOUT};
        poll(&p, 1, LOOK_UP_MS);
    }
    return OK;
}

static enum err record_op(struct store_tx *tx, void *ctx)
{
    const struct backup_make *m = ctx;
    const struct audit_record record = {.type = AUDIT_BACKUP_MADE,
                                        .team_id = STR(KEY_ROTATION_INSTANCE),
                                        .actor = STR("operator"),
                                        .subject = str_from(m->ret_key_id)};
    return store_audit(tx, &record);
}

static enum err record(void *ctx, const struct backup_make *m)
{
    const struct api_backup *b = ctx;
    struct backup_make copy = *m;
    return store_write_wait(b->api->store, record_op, &copy);
}

static void *thread_main(void *ctx)
{
    struct api_backup *b = ctx;
    struct backup_make m = {.store = b->api->store,
                            .vault = b->api->vault,
                            .spool_folder = b->with_spool ? b->api->spool_folder : NULL,
                            .sink = to_pipe,
                            .sink_ctx = b,
                            .record = record,
                            .record_ctx = b};
    enum err e = backup_make(&m);
    if (e == OK && write(b->verdict, "k", 1) != 1)
        e = ERR_UNREACHABLE;
    if (e == OK)
        log_info("backup_made", kv("key", m.ret_key_id), kv("bytes", m.ret_bytes),
                 kv("rows", m.ret_rows), kv("files", m.ret_files));
    else
        log_error("backup_failed", kv("code", err_code(e)));
    io_close(&b->data);
    io_close(&b->verdict);
    b->running = false; /* without the lock: whoever joins this thread may hold it */
    return NULL;
}

/* --- the request --- */

struct ends {
    int data[2], verdict[2];
};

static void ends_auto(struct ends *p)
{
    for (size_t i = 0; i < 2; i++) {
        io_close(&p->data[i]);
        io_close(&p->verdict[i]);
    }
}

static enum err make_pipes(struct ends *p)
{
    if (pipe2(p->data, O_CLOEXEC | O_NONBLOCK) != 0 ||
        pipe2(p->verdict, O_CLOEXEC | O_NONBLOCK) != 0)
        return ERR_LIMIT;
    (void)!fcntl(p->data[1], F_SETPIPE_SZ, PIPE_BYTES); /* a wish: fewer turns */
    return OK;
}

/* With the lock held. */
static enum err start(struct api_backup *b, bool with_spool, struct ends *p)
{
    AUTO(buf) struct buf export = buf_make(RECOVERY_EXPORT_MAX_BYTES);
    if (b->stop)
        return ERR_BUSY;
    if (b->running)
        return ERR_CONFLICT;
    reap(b);
    /* What cannot begin is refused with a status; later the answer could only break off. */
    TRY(vault_recovery_export(b->api->vault, &export));
    TRY(make_pipes(p));
    b->with_spool = with_spool;
    b->data = p->data[1];
    b->verdict = p->verdict[1];
    b->running = true;
    if (pthread_create(&b->thread, NULL, thread_main, b) != 0) {
        b->running = false;
        b->data = b->verdict = -1;
        return ERR_LIMIT;
    }
    b->started = true;
    p->data[1] = p->verdict[1] = -1; /* the thread's from here on */
    return OK;
}

static void begin(struct http_request *r)
{
    struct api_backup *b = api_of(r)->backup;
    const bool *with_spool = api_work(r);
    struct ends p __attribute__((cleanup(ends_auto))) = {{-1, -1}, {-1, -1}};
    pthread_mutex_lock(&b->lock);
    enum err e = start(b, *with_spool, &p);
    pthread_mutex_unlock(&b->lock);
    if (e == ERR_CONFLICT) {
        http_fail_text(r, e, "A backup is already being made; wait until it is done");
        return;
    }
    if (e != OK) {
        http_fail(r, e);
        return;
    }
    int data = p.data[0], verdict = p.verdict[0];
    p.data[0] = p.verdict[0] = -1;
    http_reply_pipe(r, 200, "application/octet-stream", data, -1, verdict);
}

void api_operator_backup(struct http_request *r)
{
    struct str spool = STR("yes");
    bool *with_spool = arena_alloc(http_arena(r), sizeof *with_spool);
    (void)!http_query(r, "spool", &spool);
    *with_spool = str_is(spool, "yes");
    if (!*with_spool && !str_is(spool, "no"))
        api_fail_field(r, "spool", "must be yes or no");
    else
        api_defer_or_fail(r, begin, with_spool);
}
