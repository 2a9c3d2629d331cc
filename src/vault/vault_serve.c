#include "vault_serve.h"

#include <errno.h>
#include <poll.h>

#include "io.h"
#include "ipc.h"
#include "log.h"
#include "recovery.h"
#include "vault_handle.h"

_Static_assert(VAULT_ROOT_KEY_BYTES == (size_t)AEAD_KEY_BYTES, "a root key is a key");

enum { CLIENTS_MAX = 16, SUPERVISOR = CLIENTS_MAX };

/* Entry SUPERVISOR of polls is the supervisor's socket; -1 is a free entry. */
struct loop {
    struct vault_state state;
    struct pollfd polls[CLIENTS_MAX + 1];
    bool courier[CLIENTS_MAX]; /* may ask for what a courier needs, and no more */
    struct buf request, answer;
};

static void loop_auto(struct loop *l)
{
    for (size_t i = 0; i < ARRAY_LEN(l->polls); i++)
        io_close(&l->polls[i].fd);
    buf_auto(&l->request);
    buf_auto(&l->answer);
    vault_state_auto(&l->state);
}

static enum err add_client(struct loop *l, int socket, bool courier)
{
    for (size_t i = 0; i < CLIENTS_MAX; i++) {
        if (l->polls[i].fd < 0) {
            l->polls[i] = (struct pollfd){.fd = socket, .events = POLLIN};
            l->courier[i] = courier;
            return OK;
        }
    }
    return ERR_LIMIT;
}

/* The key is read to the end, so a file that is longer is not taken for one that begins right. */
static enum err read_root(int fd, struct buf *out)
{
    enum err e = io_read_all(fd, out);
    io_close(&fd);
    return e == ERR_TOO_LARGE ? ERR_INVALID : e;
}

/* It may be replaced while the server runs; one that is no such file changes nothing. */
static enum err take_recovery(struct vault_state *s, int fd)
{
    AUTO(buf) struct buf file = buf_make(RECOVERY_FILE_BYTES);
    TRY(read_root(fd, &file));
    return vault_state_set_recovery(s, buf_str(&file));
}

static enum err read_roots(struct vault_state *s, const struct vault_serve *options)
{
    AUTO(buf) struct buf root = buf_make(VAULT_ROOT_KEY_BYTES);
    AUTO(buf) struct buf pending = buf_make(VAULT_ROOT_KEY_BYTES);
    TRY(read_root(options->root_key, &root));
    TRY(vault_state_set_root(s, buf_str(&root)));
    if (options->pending_root_key < 0)
        return OK;
    TRY(read_root(options->pending_root_key, &pending));
    enum err e = vault_state_set_pending_root(s, buf_str(&pending));
    return e == ERR_CONFLICT ? OK : e; /* the rotation ended; only its file was left behind */
}

static enum err take_pending_root(struct loop *l, int fd)
{
    AUTO(buf) struct buf root = buf_make(VAULT_ROOT_KEY_BYTES);
    TRY(read_root(fd, &root));
    return vault_state_set_pending_root(&l->state, buf_str(&root));
}

/* 'R' + descriptor: a pending root, 'P' + descriptor: the recovery key's public half; answered with
 * 'k' or 'e'. 'C' + descriptor: a courier, not answered. Anything else: 'e'. */
static void serve_supervisor(struct loop *l)
{
    struct pollfd *p = &l->polls[SUPERVISOR];
    AUTO(fd) int fd = -1;
    enum err e = ipc_receive(p->fd, &l->request, &fd, 1);
    if (e == ERR_NOT_FOUND || e == ERR_IO) {
        io_close(&p->fd);
        return;
    }
    struct str message = buf_str(&l->request);
    if (e == OK && fd >= 0 && str_is(message, "C")) {
        if (add_client(l, fd, true) == OK)
            fd = -1;
        return;
    }
    bool root = e == OK && fd >= 0 && str_is(message, "R");
    bool recovery = e == OK && fd >= 0 && str_is(message, "P");
    e = root ? take_pending_root(l, fd) : recovery ? take_recovery(&l->state, fd) : ERR_INVALID;
    if (root || recovery)
        fd = -1;
    if (ipc_send(p->fd, e == OK ? STR("k") : STR("e"), NULL, 0) != OK)
        io_close(&p->fd);
}

/* Whether an answer could be sent without waiting. A client that does not read its answers waits
 * until it does, and the others do not wait with it. */
static bool has_room(const struct pollfd *client)
{
    struct pollfd p = {.fd = client->fd, .events = POLLOUT};
    return poll(&p, 1, 0) == 1 && (p.revents & POLLOUT);
}

/* Leaves one whole answer in l->answer. */
static void answer_client(struct loop *l, struct str message, bool courier)
{
    uint8_t number = message.len ? (uint8_t)message.ptr[0] : 0;
    if (courier && vault_request_known(number) && !vault_request_for_courier(number))
        ASSERT(vault_answer_begin(number, ERR_FORBIDDEN, &l->answer) == OK);
    else
        vault_handle(&l->state, message, &l->answer);
}

static void serve_client(struct loop *l, struct pollfd *p)
{
    if (!has_room(p)) {
        p->events = POLLOUT;
        return;
    }
    p->events = POLLIN;
    enum err e = ipc_receive(p->fd, &l->request, NULL, 0);
    if (e == ERR_NOT_FOUND || e == ERR_IO) {
        io_close(&p->fd);
        return;
    }
    /* A message that was cut is answered as what it is: unreadable. */
    answer_client(l, e == OK ? buf_str(&l->request) : STR_EMPTY, l->courier[p - l->polls]);
    e = ipc_send(p->fd, buf_str(&l->answer), NULL, 0);
    buf_reset(&l->request);
    buf_reset(&l->answer);
    if (e != OK)
        io_close(&p->fd);
}

static bool any_client(const struct loop *l)
{
    for (size_t i = 0; i < CLIENTS_MAX; i++) {
        if (l->polls[i].fd >= 0)
            return true;
    }
    return false;
}

static enum err run(struct loop *l)
{
    while (any_client(l)) {
        if (poll(l->polls, ARRAY_LEN(l->polls), -1) < 0) {
            if (errno == EINTR)
                continue;
            return ERR_IO;
        }
        if (l->polls[SUPERVISOR].revents) {
            serve_supervisor(l);
            buf_reset(&l->request);
        }
        for (size_t i = 0; i < CLIENTS_MAX; i++) {
            struct pollfd *p = &l->polls[i];
            if (p->fd < 0 || !p->revents)
                continue;
            if (p->revents & (POLLIN | POLLHUP) && p->events == POLLIN)
                serve_client(l, p);
            else if (p->revents & POLLOUT)
                p->events = POLLIN;
            else
                io_close(&p->fd);
        }
    }
    return OK;
}

enum err vault_serve(const struct vault_serve *options)
{
    AUTO(loop) struct loop l;
    memset(&l, 0, sizeof l);
    for (size_t i = 0; i < ARRAY_LEN(l.polls); i++)
        l.polls[i] = (struct pollfd){.fd = -1};
    l.request = buf_make(IPC_MESSAGE_MAX_BYTES);
    l.answer = buf_make(IPC_MESSAGE_MAX_BYTES);
    for (size_t i = 0; i < options->client_count; i++)
        TRY(add_client(&l, options->clients[i], false));
    l.polls[SUPERVISOR] = (struct pollfd){.fd = options->supervisor, .events = POLLIN};
    /* Now, not under load: after this nothing of this size is asked of the system any more. */
    TRY(buf_reserve(&l.request, IPC_MESSAGE_MAX_BYTES));
    TRY(buf_reserve(&l.answer, IPC_MESSAGE_MAX_BYTES));
    l.state.memory_locked = secret_arena_open(SECRET_ARENA_BYTES).locked;
    TRY(crypto_open());
    TRY(read_roots(&l.state, options));
    if (options->recovery >= 0 && take_recovery(&l.state, options->recovery) != OK)
        log_warn("recovery_key_unusable",
                 kv("remedy", "make a new one: safelight recovery-key create"));
    if (options->confine)
        l.state.sandboxed = options->confine();
    return run(&l);
}
