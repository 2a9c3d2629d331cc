/* Answers from descriptors, files with ranges and pipes, and from what is made as it is taken. A
 * pipe that has nothing yet suspends its connection; the pump thread waits for it and resumes, so
 * nobody polls. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "alloc.h"
#include "http_internal.h"
#include "io.h"

enum { PIPE_PIECE_BYTES = 64 * 1024 };

struct pipe_answer {
    struct http_request *request; /* only while it is being sent */
    struct http_pump *pump;
    struct MHD_Connection *mhd;
    int fd;
    int verdict;  /* -1: none, or it stands in fd's place now that the data has ended */
    int64_t left; /* -1: until it ends */
    bool judged;  /* fd is the verdict */
    bool watched; /* fd is known to the pump's epoll */
};

/* --- who wants to know that bytes go out --- */

void http_answer_watch(struct http_request *r, const struct http_watch *watch)
{
    ASSERT(!r->watch.done);
    r->watch = *watch;
}

static void moved(const struct http_request *r)
{
    if (r->watch.moved)
        r->watch.moved(r->watch.ctx);
}

/* --- pump --- */

static void *pump_main(void *ctx)
{
    struct http_pump *pump = ctx;
    for (;;) {
        struct epoll_event events[64];
        int n = epoll_wait(pump->epoll_fd, events, ARRAY_LEN(events), -1);
        if (n < 0 && errno != EINTR)
            return NULL;
        for (int i = 0; i < n; i++) {
            struct pipe_answer *p = events[i].data.ptr;
            if (!p)
                return NULL;
            MHD_resume_connection(p->mhd); /* p may be gone from here on */
        }
    }
}

enum err http_pump_start(struct http_pump *pump)
{
    pump->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    pump->stop_fd = eventfd(0, EFD_CLOEXEC);
    struct epoll_event stop = {.events = EPOLLIN, .data.ptr = NULL};
    if (pump->epoll_fd < 0 || pump->stop_fd < 0 ||
        epoll_ctl(pump->epoll_fd, EPOLL_CTL_ADD, pump->stop_fd, &stop) != 0)
        return ERR_LIMIT;
    pump->running = pthread_create(&pump->thread, NULL, pump_main, pump) == 0;
    return pump->running ? OK : ERR_LIMIT;
}

void http_pump_stop(struct http_pump *pump)
{
    if (pump->running) {
        uint64_t one = 1;
        ASSERT(write(pump->stop_fd, &one, sizeof one) == sizeof one);
        pthread_join(pump->thread, NULL);
        pump->running = false;
    }
    io_close(&pump->epoll_fd);
    io_close(&pump->stop_fd);
}

/* --- a pipe --- */

static void pipe_close(struct pipe_answer *p)
{
    if (p->watched)
        (void)epoll_ctl(p->pump->epoll_fd, EPOLL_CTL_DEL, p->fd, NULL);
    p->watched = false;
    io_close(&p->fd);
}

static void pipe_free(void *cls)
{
    struct pipe_answer *p = cls;
    pipe_close(p);
    io_close(&p->verdict);
    free(p);
}

/* The connection is suspended before the pump hears of it, so it cannot be resumed too early. */
static ssize_t pipe_wait(struct pipe_answer *p)
{
    struct epoll_event event = {.events = EPOLLIN | EPOLLRDHUP | EPOLLONESHOT, .data.ptr = p};
    MHD_suspend_connection(p->mhd);
    int how = p->watched ? EPOLL_CTL_MOD : EPOLL_CTL_ADD;
    p->watched = true;
    if (epoll_ctl(p->pump->epoll_fd, how, p->fd, &event) != 0)
        MHD_resume_connection(p->mhd); /* the kernel is out of memory: try again */
    return 0;
}

static ssize_t read_again(int fd, char *ret, size_t max)
{
    ssize_t n;
    do
        n = read(fd, ret, max);
    while (n < 0 && errno == EINTR);
    return n;
}

static ssize_t pipe_end(bool whole)
{
    return whole ? MHD_CONTENT_READER_END_OF_STREAM : MHD_CONTENT_READER_END_WITH_ERROR;
}

/* The data has ended: was that all of it? */
static ssize_t pipe_judge(struct pipe_answer *p)
{
    char byte;
    ssize_t n = read_again(p->fd, &byte, 1);
    return n < 0 && errno == EAGAIN ? pipe_wait(p) : pipe_end(n == 1);
}

static ssize_t pipe_read(void *cls, uint64_t pos, char *ret, size_t max)
{
    struct pipe_answer *p = cls;
    (void)pos;
    if (p->judged)
        return pipe_judge(p);
    if (p->left >= 0 && (uint64_t)p->left < max)
        max = (size_t)p->left;
    ssize_t n = read_again(p->fd, ret, max);
    if (n > 0) {
        p->left -= p->left >= 0 ? n : 0;
        moved(p->request);
        p->request->answer_bytes += (uint64_t)n;
        return n;
    }
    if (n < 0 && errno == EAGAIN)
        return pipe_wait(p);
    bool whole = n == 0 && p->left <= 0;
    if (!whole || p->verdict < 0)
        return pipe_end(whole);
    pipe_close(p);
    p->fd = p->verdict;
    p->verdict = -1;
    p->judged = true;
    return pipe_judge(p);
}

static bool unblock(int fd)
{
    int flags = fd < 0 ? 0 : fcntl(fd, F_GETFL);
    return fd < 0 || (flags >= 0 && fcntl(fd, F_SETFL, flags | O_NONBLOCK) == 0);
}

void http_reply_pipe(struct http_request *r, int status, const char *content_type, int fd,
                     int64_t length, int verdict)
{
    if (!unblock(fd) || !unblock(verdict)) {
        io_close(&fd);
        io_close(&verdict);
        http_fail(r, ERR_IO);
        return;
    }
    struct pipe_answer *p = xcalloc(1, sizeof *p);
    *p = (struct pipe_answer){.request = r,
                              .pump = &r->server->pump,
                              .mhd = r->mhd,
                              .fd = fd,
                              .verdict = verdict,
                              .left = length};
    struct MHD_Response *response =
        MHD_create_response_from_callback(length < 0 ? MHD_SIZE_UNKNOWN : (uint64_t)length,
                                          PIPE_PIECE_BYTES, pipe_read, p, pipe_free);
    ASSERT(response);
    r->answer_bytes = 0;
    http_answer(r, status, content_type, response);
}

/* --- made piece by piece --- */

struct source_answer {
    struct http_source source;
    struct buf piece;
    size_t taken; /* of the piece */
};

static ssize_t source_read(void *cls, uint64_t pos, char *ret, size_t max)
{
    struct source_answer *s = cls;
    (void)pos;
    if (s->taken == s->piece.len) {
        buf_reset(&s->piece);
        s->taken = 0;
        if (s->source.next(s->source.ctx, &s->piece) != OK)
            return MHD_CONTENT_READER_END_WITH_ERROR;
        if (s->piece.len == 0)
            return MHD_CONTENT_READER_END_OF_STREAM;
    }
    struct str rest = str_slice(buf_str(&s->piece), s->taken, s->piece.len);
    rest = str_slice(rest, 0, max);
    memcpy(ret, rest.ptr, rest.len);
    s->taken += rest.len;
    return (ssize_t)rest.len;
}

static void source_free(void *cls)
{
    struct source_answer *s = cls;
    s->source.end(s->source.ctx);
    buf_auto(&s->piece);
    free(s);
}

void http_reply_source(struct http_request *r, int status, const char *content_type,
                       const struct http_source *source)
{
    struct source_answer *s = xcalloc(1, sizeof *s);
    *s = (struct source_answer){.source = *source, .piece = buf_make(source->piece_max_bytes)};
    struct MHD_Response *response = MHD_create_response_from_callback(
        MHD_SIZE_UNKNOWN, PIPE_PIECE_BYTES, source_read, s, source_free);
    ASSERT(response);
    http_answer(r, status, content_type, response);
}

/* --- a file --- */

struct range {
    uint64_t first, len;
};

enum range_kind { RANGE_NONE, RANGE_FITS, RANGE_BEYOND };

/* One range, RFC 9110 14.1.2. What is malformed or several ranges is no range: all is sent. */
static enum range_kind range_parse(struct str header, uint64_t size, struct range *ret)
{
    struct str unit = STR("bytes="), from, to;
    if (!str_starts(header, unit) || str_find(header, ',') != header.len)
        return RANGE_NONE;
    to = str_split(str_slice(header, unit.len, header.len), '-', &from);
    if (!to.ptr)
        return RANGE_NONE;
    uint64_t first = 0, last = 0;
    bool has_first = str_to_u64(from, INT64_MAX, &first) == OK;
    bool has_last = str_to_u64(to, INT64_MAX, &last) == OK;
    if ((from.len && !has_first) || (to.len && !has_last) || (!has_first && !has_last))
        return RANGE_NONE;
    if (!has_first) {
        if (last == 0 || size == 0)
            return RANGE_BEYOND;
        ret->len = last < size ? last : size;
        ret->first = size - ret->len;
        return RANGE_FITS;
    }
    if (has_last && last < first)
        return RANGE_NONE;
    if (first >= size)
        return RANGE_BEYOND;
    ret->first = first;
    ret->len = (has_last && last < size ? last : size - 1) - first + 1;
    return RANGE_FITS;
}

void http_answer_tag(struct http_request *r, const char *tag)
{
    r->tag = arena_text(&r->arena, str_from(tag));
    http_answer_header(r, "ETag", tag);
}

struct file_answer {
    const struct http_request *request; /* only while it is being sent */
    int fd;
    uint64_t offset;
};

static void file_free(void *cls)
{
    struct file_answer *f = cls;
    io_close(&f->fd);
    free(f);
}

static ssize_t file_read(void *cls, uint64_t pos, char *ret, size_t max)
{
    struct file_answer *f = cls;
    ssize_t n;
    do
        n = pread(f->fd, ret, max, (off_t)(f->offset + pos));
    while (n < 0 && errno == EINTR);
    if (n <= 0) /* shorter than it was */
        return MHD_CONTENT_READER_END_WITH_ERROR;
    moved(f->request);
    return n;
}

/* Takes the descriptor. The kernel sends a file that nobody watches by itself. */
static struct MHD_Response *file_response(struct http_request *r, int fd, uint64_t offset,
                                          uint64_t len)
{
    if (!r->watch.done) {
        struct MHD_Response *response = MHD_create_response_from_fd_at_offset64(len, fd, offset);
        if (!response)
            io_close(&fd);
        return response;
    }
    struct file_answer *f = xcalloc(1, sizeof *f);
    *f = (struct file_answer){.request = r, .fd = fd, .offset = offset};
    struct MHD_Response *response =
        MHD_create_response_from_callback(len, PIPE_PIECE_BYTES, file_read, f, file_free);
    ASSERT(response);
    return response;
}

/* A range is only right if the client's other parts are of the same file. */
static bool same_file(const struct http_request *r)
{
    struct str known = http_header(r, "If-Range");
    return known.len == 0 || (r->tag && str_is(known, r->tag));
}

void http_reply_file(struct http_request *r, int status, const char *content_type, int fd,
                     uint64_t offset, uint64_t len)
{
    struct range part = {0, len};
    struct str wanted = http_header(r, "Range");
    bool may_range = status == 200 && r->method == ROUTER_GET && wanted.len && same_file(r);
    if (status == 200 && http_client_has(r)) {
        io_close(&fd);
        http_reply_empty(r, 304);
        return;
    }
    enum range_kind kind = may_range ? range_parse(wanted, len, &part) : RANGE_NONE;
    if (kind == RANGE_BEYOND) {
        io_close(&fd);
        http_answer_header(r, "Content-Range",
                           arena_printf(&r->arena, "bytes */%llu", (unsigned long long)len).ptr);
        http_fail_as(r, 416, "RANGE_NOT_SATISFIABLE", "The range lies beyond the end");
        return;
    }
    if (kind == RANGE_FITS) {
        status = 206;
        http_answer_header(
            r, "Content-Range",
            arena_printf(&r->arena, "bytes %llu-%llu/%llu", (unsigned long long)part.first,
                         (unsigned long long)(part.first + part.len - 1), (unsigned long long)len)
                .ptr);
    }
    http_answer_header(r, "Accept-Ranges", "bytes");
    struct MHD_Response *response = file_response(r, fd, offset + part.first, part.len);
    if (!response) {
        http_fail(r, ERR_IO);
        return;
    }
    r->answer_bytes = part.len;
    http_answer(r, status, content_type, response);
}
