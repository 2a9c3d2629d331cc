#include "store.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "alloc.h"
#include "clock.h"
#include "io.h"
#include "store_inner.h"
#include "store_schema.h"

enum err store_open_connection(struct store *s, bool writer, struct db **ret)
{
    struct db_options options = {
        .path = s->path, .writer = writer, .fault = s->faulty ? &s->fault : NULL};
    return db_open(&options, ret);
}

enum { LOCK_WAIT_MS = 3000, LOCK_POLL_MS = 20 };

/* An open-file-description lock: it ends with the process, whatever way that ends. Its holder may
 * be ending right now, after its supervisor was killed: worth a moment. */
static enum err take_lock(struct store *s)
{
    static const struct timespec pause = {.tv_nsec = LOCK_POLL_MS * 1000000L};
    int64_t until = clock_monotonic_ms() + LOCK_WAIT_MS;
    struct buf path = buf_make(4096);
    enum err e = buf_printf(&path, "%s/lock%c", s->folder, 0);
    if (e == OK)
        s->lock_fd = open(path.ptr, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    buf_auto(&path);
    TRY(e);
    if (s->lock_fd < 0)
        return errno == ENOENT ? ERR_NOT_FOUND : errno == ENOSPC ? ERR_STORE_FULL : ERR_IO;
    struct flock whole = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    while (fcntl(s->lock_fd, F_OFD_SETLK, &whole) != 0) {
        if (errno != EAGAIN && errno != EACCES)
            return ERR_IO;
        if (clock_monotonic_ms() >= until)
            return ERR_IN_USE;
        nanosleep(&pause, NULL);
    }
    return OK;
}

/* SQLite would make the file with the umask's mode; an empty file is an empty database to it. */
static enum err make_file(const struct store *s)
{
    AUTO(fd) int file = open(s->path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (file < 0)
        return errno == ENOSPC ? ERR_STORE_FULL : ERR_IO;
    return io_sync_folder(s->folder);
}

/* A log that was not emptied: the last process was killed, perhaps before it had wiped what it
 * deleted. */
static bool was_killed(const struct store *s)
{
    struct stat log;
    struct arena a = arena_make();
    bool yes = stat(arena_printf(&a, "%s-wal", s->path).ptr, &log) == 0 && log.st_size > 0;
    arena_auto(&a);
    return yes;
}

static enum err open_database(struct store *s, bool create)
{
    if (create)
        TRY(make_file(s));
    if (was_killed(s))
        store_wipe_soon(s);
    TRY(store_open_connection(s, true, &s->writer));
    int64_t version;
    TRY(store_schema_version(s->writer, &version));
    /* A file without a schema is what a crash in the middle of init leaves. */
    if (create && version != 0)
        return ERR_CONFLICT;
    if (!create && version == 0)
        return ERR_NOT_FOUND;
    TRY(store_schema_migrate(s->writer, store_schema_steps, store_schema_step_count));
    /* One reader from the start: while it is open, a writer that is opened anew cannot meet a log
     * it would have to recover. */
    struct store_tx *reader;
    TRY(store_read_begin(s, &reader));
    store_read_end(s, &reader);
    return OK;
}

static struct store *store_new(const struct store_options *options)
{
    struct store *s = xcalloc(1, sizeof *s);
    s->lock_fd = -1;
    s->last = &s->first;
    s->folder = xstrdup(options->folder);
    struct arena a = arena_make();
    s->path = xstrdup(arena_printf(&a, "%s/safelight.db", options->folder).ptr);
    arena_auto(&a);
    s->faulty = options->fail_nth_call != 0;
    s->fault.driver = &db_sqlite_driver;
    db_fault_arm(&s->fault, options->fail_nth_call);
    pthread_mutex_init(&s->lock, NULL);
    pthread_cond_init(&s->wake, NULL);
    pthread_mutex_init(&s->read_lock, NULL);
    pthread_condattr_t monotonic;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&s->read_change, &monotonic);
    pthread_condattr_destroy(&monotonic);
    return s;
}

enum err store_open(const struct store_options *options, struct store **ret)
{
    if (options->create && mkdir(options->folder, 0700) != 0 && errno != EEXIST)
        return errno == ENOSPC ? ERR_STORE_FULL : ERR_IO;
    struct store *s = store_new(options);
    enum err e = take_lock(s);
    if (e == OK)
        e = open_database(s, options->create);
    if (e == OK)
        e = store_writer_start(s);
    if (e != OK) {
        store_close(&s);
        return e;
    }
    *ret = s;
    return OK;
}

void store_close(struct store **handle)
{
    struct store *s = *handle;
    if (!s)
        return;
    *handle = NULL;
    store_writer_stop(s);
    store_readers_close(s);
    db_close(&s->writer);
    io_close(&s->lock_fd);
    pthread_cond_destroy(&s->wake);
    pthread_mutex_destroy(&s->lock);
    pthread_cond_destroy(&s->read_change);
    pthread_mutex_destroy(&s->read_lock);
    free(s->folder);
    free(s->path);
    free(s);
}

uint64_t store_auth_generation(const struct store *s)
{
    return atomic_load_explicit(&s->auth_generation, memory_order_acquire);
}

uint64_t store_secrets_generation(const struct store *s)
{
    return atomic_load_explicit(&s->secrets_generation, memory_order_acquire);
}

uint64_t store_uses_generation(const struct store *s)
{
    return atomic_load_explicit(&s->uses_generation, memory_order_acquire);
}

struct store_health store_health(struct store *s)
{
    return (struct store_health){.writable = atomic_load(&s->writable),
                                 .commits = atomic_load(&s->commits),
                                 .operations = atomic_load(&s->operations)};
}

enum err store_column_ulid(struct db_stmt *q, struct ulid *ret)
{
    return ulid_from(db_column_bytes(q), ret) == OK ? OK : ERR_TAMPERED;
}

enum err store_column_32(struct db_stmt *q, uint8_t ret[static 32])
{
    struct str bytes = db_column_bytes(q);
    if (bytes.len != 32)
        return ERR_TAMPERED;
    memcpy(ret, bytes.ptr, 32);
    return OK;
}

struct str store_column_str(struct db_stmt *q, struct arena *a)
{
    return arena_str(a, db_column_bytes(q));
}

void *store_list_grow(struct arena *a, void *list, size_t count, size_t *capacity, size_t size)
{
    if (count < *capacity)
        return list;
    size_t more = *capacity ? *capacity * 2 : 8;
    void *bigger = arena_array(a, more, size);
    if (count)
        memcpy(bigger, list, count * size);
    *capacity = more;
    return bigger;
}

enum err store_rows_read(struct db_stmt *q, struct arena *a, size_t size, store_read_row *read,
                         struct store_rows *ret)
{
    struct store_rows rows = {NULL, 0};
    size_t capacity = 0;
    for (bool row;;) {
        TRY(db_step(q, &row));
        if (!row)
            break;
        rows.list = store_list_grow(a, rows.list, rows.count, &capacity, size);
        TRY(read(q, a, (char *)rows.list + rows.count * size));
        rows.count++;
    }
    *ret = rows;
    return OK;
}
