#include "ipc.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "io.h"
#include "test.h"

static int open_fds(void)
{
    int count = 0;
    for (int fd = 0; fd < 256; fd++)
        count += fcntl(fd, F_GETFD) >= 0;
    return count;
}

static void test_message_arrives_whole_up_to_the_maximum(void)
{
    int pair[2];
    CHECK_OK(ipc_pair(pair));
    CHECK(fcntl(pair[0], F_GETFD) & FD_CLOEXEC);
    static char bytes[IPC_MESSAGE_MAX_BYTES];
    AUTO(buf) struct buf got = buf_make(IPC_MESSAGE_MAX_BYTES);
    static const size_t lengths[] = {1, 100, IPC_MESSAGE_MAX_BYTES - 1, IPC_MESSAGE_MAX_BYTES, 2};
    for (size_t i = 0; i < ARRAY_LEN(lengths); i++) {
        memset(bytes, (int)i + 1, lengths[i]);
        CHECK_OK(ipc_send(pair[0], str_bytes(bytes, lengths[i]), NULL, 0));
        CHECK_OK(ipc_receive(pair[1], &got, NULL, 0));
        CHECK(str_equal(buf_str(&got), str_bytes(bytes, lengths[i])));
    }
    io_close(&pair[0]);
    CHECK_ERR(ipc_receive(pair[1], &got, NULL, 0), ERR_NOT_FOUND);
    CHECK_ERR(ipc_send(pair[1], STR("x"), NULL, 0), ERR_IO);
    io_close(&pair[1]);
    CHECK_ERR(ipc_receive(-1, &got, NULL, 0), ERR_IO);
}

static void test_descriptors_pass(void)
{
    int pair[2], files[2], got_fds[IPC_FDS_MAX], before;
    CHECK_OK(ipc_pair(pair));
    CHECK(pipe2(files, O_CLOEXEC) == 0);
    AUTO(buf) struct buf got = buf_make(IPC_MESSAGE_MAX_BYTES);
    CHECK_OK(ipc_send(pair[0], STR("two"), files, 2));
    before = open_fds();
    CHECK_OK(ipc_receive(pair[1], &got, got_fds, IPC_FDS_MAX));
    CHECK_STR(buf_str(&got), "two");
    CHECK_EQ(open_fds(), before + 2);
    CHECK_EQ(got_fds[2], -1);
    CHECK_EQ(got_fds[3], -1);
    CHECK(fcntl(got_fds[0], F_GETFD) & FD_CLOEXEC);
    CHECK_OK(io_write_all(got_fds[1], STR("!")));
    char c = 0;
    CHECK_EQ(read(files[0], &c, 1), 1);
    CHECK_EQ(c, '!');
    for (int i = 0; i < 2; i++) {
        io_close(&pair[i]);
        io_close(&files[i]);
        io_close(&got_fds[i]);
    }
}

static void test_more_descriptors_than_expected_are_refused_and_closed(void)
{
    int pair[2], four[IPC_FDS_MAX], got_fds[IPC_FDS_MAX];
    CHECK_OK(ipc_pair(pair));
    for (int i = 0; i < IPC_FDS_MAX; i++)
        four[i] = open("/dev/null", O_RDONLY | O_CLOEXEC);
    AUTO(buf) struct buf got = buf_make(IPC_MESSAGE_MAX_BYTES);
    int before = open_fds();
    for (size_t fd_max = 0; fd_max < IPC_FDS_MAX; fd_max++) {
        CHECK_OK(ipc_send(pair[0], STR("hidden"), four, IPC_FDS_MAX));
        CHECK_ERR(ipc_receive(pair[1], &got, got_fds, fd_max), ERR_FRAMING);
        CHECK_EQ(got.len, 0);
        CHECK_EQ(open_fds(), before);
    }
    for (int i = 0; i < IPC_FDS_MAX; i++)
        io_close(&four[i]);
    io_close(&pair[0]);
    io_close(&pair[1]);
}

/* What our own ipc_send would not send. */
static void send_raw(int socket, size_t len, size_t fd_count)
{
    static char bytes[2 * IPC_MESSAGE_MAX_BYTES];
    union {
        struct cmsghdr align;
        char bytes[CMSG_SPACE(sizeof(int) * 16)];
    } control = {0};
    struct iovec part = {.iov_base = bytes, .iov_len = len};
    struct msghdr m = {.msg_iov = &part, .msg_iovlen = 1};
    if (fd_count) {
        m.msg_control = control.bytes;
        m.msg_controllen = CMSG_SPACE(sizeof(int) * fd_count);
        struct cmsghdr *c = CMSG_FIRSTHDR(&m);
        *c = (struct cmsghdr){CMSG_LEN(sizeof(int) * fd_count), SOL_SOCKET, SCM_RIGHTS};
        memset(CMSG_DATA(c), 0, sizeof(int) * fd_count); /* all of them stdin */
    }
    CHECK_EQ(sendmsg(socket, &m, MSG_NOSIGNAL), len);
}

static void test_message_too_long_is_refused(void)
{
    int pair[2], got_fds[IPC_FDS_MAX];
    CHECK_OK(ipc_pair(pair));
    AUTO(buf) struct buf got = buf_make(IPC_MESSAGE_MAX_BYTES);
    int before = open_fds();
    send_raw(pair[0], IPC_MESSAGE_MAX_BYTES + 1, 0);
    CHECK_ERR(ipc_receive(pair[1], &got, got_fds, IPC_FDS_MAX), ERR_FRAMING);
    CHECK_EQ(got.len, 0);
    send_raw(pair[0], IPC_MESSAGE_MAX_BYTES + 1, 2);
    CHECK_ERR(ipc_receive(pair[1], &got, got_fds, IPC_FDS_MAX), ERR_FRAMING);
    for (size_t n = IPC_FDS_MAX + 1; n <= 16; n++) {
        send_raw(pair[0], 10, n);
        CHECK_ERR(ipc_receive(pair[1], &got, got_fds, IPC_FDS_MAX), ERR_FRAMING);
        CHECK_EQ(open_fds(), before);
    }
    CHECK_OK(ipc_send(pair[0], STR("next"), NULL, 0)); /* the socket still works */
    CHECK_OK(ipc_receive(pair[1], &got, got_fds, IPC_FDS_MAX));
    CHECK_STR(buf_str(&got), "next");
    io_close(&pair[0]);
    io_close(&pair[1]);
}

int main(void)
{
    RUN(test_message_arrives_whole_up_to_the_maximum);
    RUN(test_descriptors_pass);
    RUN(test_more_descriptors_than_expected_are_refused_and_closed);
    RUN(test_message_too_long_is_refused);
    return test_done();
}
