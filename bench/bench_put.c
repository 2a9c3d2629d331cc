/* PUT /api/v2/secrets over keep-alive connections, one request in flight on each, every name new.
 * One thread and epoll, so that the load takes little of the machine it measures. Prints one line
 * of JSON. Exit 1 when anything but 201 came back.
 *
 *     SAFELIGHT_TOKEN=... bench_put PORT CONNECTIONS SECONDS REQUESTS PREFIX
 *
 * It ends after SECONDS, or when REQUESTS have been answered, whichever is first.
 */
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
#include "str.h"

enum { CONNECTIONS_MAX = 1024, ANSWER_MAX_BYTES = 4096, TIMES_MAX = 1 << 20, EVENTS = 64 };

struct conn {
    int fd;
    size_t len;
    double sent_at;
    char answer[ANSWER_MAX_BYTES];
};

static struct load {
    const char *token, *prefix;
    uint64_t sent, answered, refused, most;
    double until;
    float *times_us;
    char head[512];
} load;

static double now_s(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

_Noreturn static void die(const char *what)
{
    (void)fprintf(stderr, "bench_put: %s\n", what);
    exit(1);
}

static uint64_t number(const char *text)
{
    uint64_t n;
    if (str_to_u64(str_from(text), 1000000000, &n) != OK)
        die("a number was expected");
    return n;
}

/* --- one connection --- */

static void send_next(struct conn *c)
{
    char request[1024], body[200];
    int body_len =
        snprintf(body, sizeof body,
                 "{\"name\":\"%s/secret-%08llu\",\"value\":"
                 "\"wJalrXUtnFEMI/K7MDENG/bPxRfiCY%08llu\"}",
                 load.prefix, (unsigned long long)load.sent, (unsigned long long)load.sent);
    int len = snprintf(request, sizeof request, "%sContent-Length: %d\r\n\r\n%s", load.head,
                       body_len, body);
    c->len = 0;
    c->sent_at = now_s();
    load.sent++;
    /* It always fits into an idle connection's send buffer. */
    if (len >= (int)sizeof request || send(c->fd, request, (size_t)len, MSG_NOSIGNAL) != len)
        die("the server takes no request");
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
        die("an answer without a length");
    field += strlen("Content-Length: ");
    uint64_t body;
    struct str digits = str_slice(all, field, str_search(all, STR("\r\n"), field));
    if (str_to_u64(digits, ANSWER_MAX_BYTES, &body) != OK)
        die("an answer with an odd length");
    size_t total = head + 4 + (size_t)body;
    return c->len >= total ? total : 0;
}

static void receive(struct conn *c)
{
    ssize_t n = recv(c->fd, c->answer + c->len, sizeof c->answer - c->len, MSG_DONTWAIT);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (n <= 0)
        die("the server ended a connection");
    c->len += (size_t)n;
    if (!whole(c))
        return;
    if (load.answered < TIMES_MAX)
        load.times_us[load.answered] = (float)((now_s() - c->sent_at) * 1e6);
    load.answered++;
    if (!str_starts(str_bytes(c->answer, c->len), STR("HTTP/1.1 201 ")) && load.refused++ == 0)
        (void)fprintf(stderr, "bench_put: %.*s\n", (int)c->len, c->answer);
    if (load.sent < load.most && now_s() < load.until)
        send_next(c);
}

static int connect_to(uint16_t port)
{
    struct sockaddr_in to = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1;
    if (fd < 0 || connect(fd, (const struct sockaddr *)&to, sizeof to) != 0 ||
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) != 0)
        die("cannot connect");
    return fd;
}

/* --- all of them --- */

static void run(uint16_t port, size_t connections)
{
    struct conn *conns = xcalloc(connections, sizeof *conns);
    int epoll = epoll_create1(EPOLL_CLOEXEC);
    for (size_t i = 0; i < connections; i++) {
        conns[i].fd = connect_to(port);
        struct epoll_event e = {.events = EPOLLIN, .data.ptr = &conns[i]};
        if (epoll < 0 || epoll_ctl(epoll, EPOLL_CTL_ADD, conns[i].fd, &e) != 0)
            die("epoll");
    }
    for (size_t i = 0; i < connections && load.sent < load.most; i++)
        send_next(&conns[i]);
    while (load.answered < load.sent) {
        struct epoll_event events[EVENTS];
        int n = epoll_wait(epoll, events, EVENTS, 10000);
        if (n == 0)
            die("no answer for 10 s");
        for (int i = 0; i < n; i++)
            receive(events[i].data.ptr);
    }
    for (size_t i = 0; i < connections; i++)
        close(conns[i].fd);
    close(epoll);
    free(conns);
}

static int by_value(const void *a, const void *b)
{
    float x = *(const float *)a, y = *(const float *)b;
    return (x > y) - (x < y);
}

int main(int argc, char **argv)
{
    load.token = getenv("SAFELIGHT_TOKEN");
    if (argc != 6 || !load.token)
        die("SAFELIGHT_TOKEN=... bench_put PORT CONNECTIONS SECONDS REQUESTS PREFIX");
    uint16_t port = (uint16_t)number(argv[1]);
    size_t connections = number(argv[2]);
    if (connections == 0 || connections > CONNECTIONS_MAX)
        die("1 to 1024 connections");
    load.most = number(argv[4]);
    load.prefix = argv[5];
    load.times_us = xcalloc(TIMES_MAX, sizeof *load.times_us);
    int len =
        snprintf(load.head, sizeof load.head,
                 "PUT /api/v2/secrets HTTP/1.1\r\nHost: 127.0.0.1:%u\r\nAuthorization: Bearer "
                 "%s\r\nContent-Type: application/json\r\n",
                 port, load.token);
    if (len >= (int)sizeof load.head)
        die("the token is too long");
    double start = now_s();
    load.until = start + (double)number(argv[3]);
    run(port, connections);
    double took = now_s() - start;
    size_t times = load.answered < TIMES_MAX ? load.answered : TIMES_MAX;
    qsort(load.times_us, times, sizeof *load.times_us, by_value);
    printf(
        "{\"requests\": %llu, \"seconds\": %.3f, \"refused\": %llu, \"p50_us\": %.0f, \"p99_us\": "
        "%.0f}\n",
        (unsigned long long)load.answered, took, (unsigned long long)load.refused,
        (double)load.times_us[times / 2], (double)load.times_us[times * 99 / 100]);
    wipe(load.head, sizeof load.head);
    free(load.times_us);
    return load.refused ? 1 : 0;
}
