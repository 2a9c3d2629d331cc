#include "ipc.h"

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

union control {
    struct cmsghdr align;
    char bytes[CMSG_SPACE(sizeof(int) * IPC_FDS_MAX)];
};

enum err ipc_pair(int ret_fds[2])
{
    int fds[2], size = 4 * IPC_MESSAGE_MAX_BYTES;
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds) != 0)
        return ERR_IO;
    for (int i = 0; i < 2; i++) {
        if (setsockopt(fds[i], SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof size) != 0)
            (void)setsockopt(fds[i], SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
        ret_fds[i] = fds[i];
    }
    return OK;
}

enum err ipc_send(int socket, struct str bytes, const int *fds, size_t fd_count)
{
    ASSERT(bytes.len <= IPC_MESSAGE_MAX_BYTES && fd_count <= IPC_FDS_MAX);
    union control control;
    /* UNSAFE: sendmsg does not write through iov_base. */
    struct iovec part = {.iov_base = (void *)(uintptr_t)bytes.ptr, .iov_len = bytes.len};
    struct msghdr m = {.msg_iov = &part, .msg_iovlen = 1};
    if (fd_count) {
        memset(&control, 0, sizeof control);
        m.msg_control = control.bytes;
        m.msg_controllen = CMSG_SPACE(sizeof(int) * fd_count);
        struct cmsghdr *c = CMSG_FIRSTHDR(&m);
        c->cmsg_level = SOL_SOCKET;
        c->cmsg_type = SCM_RIGHTS;
        c->cmsg_len = CMSG_LEN(sizeof(int) * fd_count);
        memcpy(CMSG_DATA(c), fds, sizeof(int) * fd_count);
    }
    for (;;) {
        ssize_t n = sendmsg(socket, &m, MSG_NOSIGNAL);
        if (n >= 0)
            return (size_t)n == bytes.len ? OK : ERR_IO;
        if (errno != EINTR)
            return ERR_IO;
    }
}

static size_t take_fds(struct msghdr *m, int *fds)
{
    size_t count = 0;
    for (struct cmsghdr *c = CMSG_FIRSTHDR(m); c; c = CMSG_NXTHDR(m, c)) {
        if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
            continue;
        size_t n = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        memcpy(fds + count, CMSG_DATA(c), n * sizeof(int));
        count += n;
    }
    return count;
}

enum err ipc_receive(int socket, struct buf *out, int *ret_fds, size_t fd_max)
{
    ASSERT(fd_max <= IPC_FDS_MAX && out->max >= IPC_MESSAGE_MAX_BYTES);
    union control control;
    int fds[IPC_FDS_MAX];
    buf_reset(out);
    TRY(buf_reserve(out, IPC_MESSAGE_MAX_BYTES));
    struct iovec part = {.iov_base = out->ptr, .iov_len = IPC_MESSAGE_MAX_BYTES};
    struct msghdr m = {.msg_iov = &part,
                       .msg_iovlen = 1,
                       .msg_control = control.bytes,
                       .msg_controllen = sizeof control.bytes};
    ssize_t n;
    do {
        n = recvmsg(socket, &m, MSG_CMSG_CLOEXEC);
    } while (n < 0 && errno == EINTR);
    if (n < 0)
        return ERR_IO;
    size_t count = take_fds(&m, fds);
    bool cut = (m.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) != 0;
    if (cut || count > fd_max) {
        for (size_t i = 0; i < count; i++)
            close(fds[i]);
        out->len = (size_t)n;
        buf_reset(out);
        return ERR_FRAMING;
    }
    if (n == 0 && count == 0)
        return ERR_NOT_FOUND;
    out->len = (size_t)n;
    for (size_t i = 0; i < fd_max; i++)
        ret_fds[i] = i < count ? fds[i] : -1;
    return OK;
}
