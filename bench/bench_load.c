#include "bench_load.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "alloc.h"

enum {
    CONNECTIONS_MAX = 1024,
    REQUEST_MAX_BYTES = 4096,
    ANSWER_MAX_BYTES = 64 * 1024,
    TIMES_MAX = 1 << 20,
    EVENTS = 64
};

struct conn {
    int fd;
    size_t len;
    double sent_at;
    char answer[ANSWER_MAX_BYTES];
};

static struct {
    const struct load *load;
    uint64_t sent, answered, refused;
    double until;
    float *times_us;
} at;

static double now_s(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

_Noreturn void load_die(const char *what)
{
    (void)fprintf(stderr, "bench_%s: %s\n", at.load ? at.load->name : "load", what);
    exit(1);
}

uint64_t load_number(const char *text)
{
    uint64_t n;
    if (str_to_u64(str_from(text), 1000000000, &n) != OK)
        load_die("a number was expected");
    return n;
}

/* --- one connection --- */

static void send_next(struct conn *c)
{
    char request[REQUEST_MAX_BYTES];
    size_t len = at.load->request(at.sent, request, sizeof request);
    c->len = 0;
    c->sent_at = now_s();
    at.sent++;
    /* It always fits into an idle connection's send buffer. */
    if (len >= sizeof request || send(c->fd, request, len, MSG_NOSIGNAL) != (ssize_t)len)
        load_die("the server takes no request");
}

/* The length of a whole answer, 0 while some is missing. */
static size_t whole(const struct conn *c)
{
    struct str all = str_bytes(c->answer, c->len);
    size_t head = str_search(all, STR("\r\n\r\n"), 0);
    if (head == all.len)
        return 0;
    size_t field = str_search(all, STR("Content-Length: "), 0);
    if (field > head)
        load_die("an answer without a length");
    field += strlen("Content-Length: ");
    uint64_t body;
    struct str digits = str_slice(all, field, str_search(all, STR("\r\n"), field));
    if (str_to_u64(digits, ANSWER_MAX_BYTES, &body) != OK)
        load_die("an answer with an odd length");
    size_t total = head + 4 + (size_t)body;
    return c->len >= total ? total : 0;
}

static void receive(struct conn *c)
{
    ssize_t n = recv(c->fd, c->answer + c->len, sizeof c->answer - c->len, MSG_DONTWAIT);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (n <= 0)
        load_die("the server ended a connection");
    c->len += (size_t)n;
    if (!whole(c))
        return;
    if (at.answered < TIMES_MAX)
        at.times_us[at.answered] = (float)((now_s() - c->sent_at) * 1e6);
    at.answered++;
    if (!at.load->good(str_bytes(c->answer, c->len)) && at.refused++ == 0)
        (void)fprintf(stderr, "bench_%s: %.*s\n", at.load->name, (int)c->len, c->answer);
    if (at.sent < at.load->most && now_s() < at.until)
        send_next(c);
}

static int connect_to(uint16_t port)
{
    struct sockaddr_in to = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1;
    if (fd < 0 || connect(fd, (const struct sockaddr *)&to, sizeof to) != 0 ||
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) != 0)
        load_die("cannot connect");
    return fd;
}

/* --- all of them --- */

static void run_all(void)
{
    size_t count = at.load->connections;
    struct conn *conns = xcalloc(count, sizeof *conns);
    int epoll = epoll_create1(EPOLL_CLOEXEC);
    for (size_t i = 0; i < count; i++) {
        conns[i].fd = connect_to(at.load->port);
        struct epoll_event e = {.events = EPOLLIN, .data.ptr = &conns[i]};
        if (epoll < 0 || epoll_ctl(epoll, EPOLL_CTL_ADD, conns[i].fd, &e) != 0)
            load_die("epoll");
    }
    for (size_t i = 0; i < count && at.sent < at.load->most; i++)
        send_next(&conns[i]);
    while (at.answered < at.sent) {
        struct epoll_event events[EVENTS];
        int n = epoll_wait(epoll, events, EVENTS, 60000);
        if (n == 0)
            load_die("no answer for a minute");
        for (int i = 0; i < n; i++)
            receive(events[i].data.ptr);
    }
    for (size_t i = 0; i < count; i++)
        close(conns[i].fd);
    close(epoll);
    free(conns);
}

static int by_value(const void *a, const void *b)
{
    float x = *(const float *)a, y = *(const float *)b;
    return (x > y) - (x < y);
}

uint64_t load_run(const struct load *load)
{
    at.load = load;
    if (load->connections == 0 || load->connections > CONNECTIONS_MAX)
        load_die("1 to 1024 connections");
    at.times_us = xcalloc(TIMES_MAX, sizeof *at.times_us);
    double start = now_s();
    at.until = start + load->seconds;
    run_all();
    double took = now_s() - start;
    size_t times = at.answered < TIMES_MAX ? at.answered : TIMES_MAX;
    qsort(at.times_us, times, sizeof *at.times_us, by_value);
    printf(
        "{\"requests\": %llu, \"seconds\": %.3f, \"refused\": %llu, \"p50_us\": %.0f, \"p99_us\": "
        "%.0f}\n",
        (unsigned long long)at.answered, took, (unsigned long long)at.refused,
        (double)at.times_us[times / 2], (double)at.times_us[times * 99 / 100]);
    free(at.times_us);
    return at.refused;
}
