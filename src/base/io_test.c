#include "io.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "test.h"

static char folder[] = "/tmp/safelight-io-XXXXXX";

static const char *in_folder(const char *name)
{
    static char path[256];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    return path;
}

static int mode_of(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 ? (int)(st.st_mode & 07777) : -1;
}

static void test_replace_writes_and_replaces_whole(void)
{
    const char *path = in_folder("key");
    mode_t old = umask(0);
    for (size_t len = 0; len < 300000; len = len * 3 + 1) {
        AUTO(buf) struct buf text = buf_make(400000), back = buf_make(400000);
        for (size_t i = 0; i < len; i++)
            CHECK_OK(buf_put_byte(&text, (uint8_t)(i * 7)));
        CHECK_OK(io_replace_file(path, buf_str(&text), 0600));
        CHECK_EQ(mode_of(path), 0600);
        CHECK_OK(io_read_file(path, &back));
        CHECK(str_equal(buf_str(&text), buf_str(&back)));
    }
    umask(old);
    CHECK(access(in_folder("key.new"), F_OK) != 0);
}

static void test_failed_replace_leaves_the_old(void)
{
    CHECK_OK(io_replace_file(in_folder("old"), STR("old"), 0600));
    CHECK(mkdir(in_folder("old.new"), 0700) == 0);
    CHECK_ERR(io_replace_file(in_folder("old"), STR("fresh"), 0600), ERR_IO);
    AUTO(buf) struct buf back = buf_make(16);
    CHECK_OK(io_read_file(in_folder("old"), &back));
    CHECK_STR(buf_str(&back), "old");
    CHECK(rmdir(in_folder("old.new")) == 0);
    CHECK_ERR(io_replace_file(in_folder("none/x"), STR("x"), 0600), ERR_NOT_FOUND);
    char longer[5000];
    memset(longer, 'x', sizeof longer - 1);
    longer[sizeof longer - 1] = 0;
    CHECK_ERR(io_replace_file(longer, STR("x"), 0600), ERR_INVALID);
}

static void test_replace_does_not_write_through_a_link(void)
{
    CHECK_OK(io_replace_file(in_folder("victim"), STR("intact"), 0600));
    char target[256];
    snprintf(target, sizeof target, "%s", in_folder("victim"));
    CHECK(symlink(target, in_folder("link.new")) == 0);
    CHECK(io_replace_file(in_folder("link"), STR("x"), 0600) != OK);
    AUTO(buf) struct buf back = buf_make(16);
    CHECK_OK(io_read_file(target, &back));
    CHECK_STR(buf_str(&back), "intact");
}

static void test_read_stops_at_the_maximum(void)
{
    CHECK_OK(io_replace_file(in_folder("ten"), STR("0123456789"), 0600));
    AUTO(buf) struct buf ten = buf_make(10), nine = buf_make(9), more = buf_make(11);
    CHECK_OK(io_read_file(in_folder("ten"), &ten));
    CHECK_OK(io_read_file(in_folder("ten"), &more));
    CHECK_ERR(io_read_file(in_folder("ten"), &nine), ERR_TOO_LARGE);
    CHECK_ERR(io_read_file(in_folder("absent"), &more), ERR_NOT_FOUND);
    CHECK_ERR(io_read_file(folder, &more), ERR_IO);
}

static void test_write_errors(void)
{
    AUTO(fd) int full = open("/dev/full", O_WRONLY | O_CLOEXEC);
    CHECK(full >= 0);
    CHECK_ERR(io_write_all(full, STR("x")), ERR_STORE_FULL);
    CHECK_OK(io_write_all(full, STR("")));
    AUTO(fd) int reader = open("/dev/zero", O_RDONLY | O_CLOEXEC);
    CHECK_ERR(io_write_all(reader, STR("x")), ERR_IO);
    CHECK_ERR(io_write_all(-1, STR("x")), ERR_IO);
}

static void test_sync_folder(void)
{
    CHECK_OK(io_sync_folder(folder));
    CHECK_ERR(io_sync_folder(in_folder("absent")), ERR_NOT_FOUND);
    CHECK_ERR(io_sync_folder(in_folder("ten")), ERR_IO);
}

static void test_moves_only_to_where_nothing_is(void)
{
    char from[256];
    snprintf(from, sizeof from, "%s", in_folder("from"));
    CHECK_OK(io_replace_file(from, STR("mine"), 0600));
    CHECK_OK(io_replace_file(in_folder("taken"), STR("theirs"), 0600));
    CHECK_ERR(io_move_new(from, in_folder("taken")), ERR_CONFLICT);
    AUTO(buf) struct buf back = buf_make(100);
    CHECK_OK(io_read_file(in_folder("taken"), &back));
    CHECK_STR(buf_str(&back), "theirs");
    CHECK_OK(io_move_new(from, in_folder("moved")));
    CHECK(access(from, F_OK) != 0 && access(in_folder("moved"), F_OK) == 0);
    CHECK_ERR(io_move_new(from, in_folder("elsewhere")), ERR_NOT_FOUND);
    unlink(in_folder("moved"));
    unlink(in_folder("taken"));
}

/* The kernel itself answers that call with an error. */
static void lose_call(unsigned nr, unsigned error)
{
    struct sock_filter filter[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, nr, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | error),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog program = {.len = ARRAY_LEN(filter), .filter = filter};
    CHECK_EQ(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 0);
    CHECK_EQ(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program), 0);
}

static void moves_without(bool links_too)
{
    int status = -1;
    pid_t child = fork();
    if (child == 0) {
        lose_call(SYS_renameat2, EINVAL); /* as on NFS */
        if (links_too) {                  /* as before a store of objects */
            lose_call(SYS_linkat, EPERM);
#ifdef SYS_link
            lose_call(SYS_link, EPERM);
#endif
        }
        test_moves_only_to_where_nothing_is();
        _exit(test_done());
    }
    CHECK(waitpid(child, &status, 0) == child);
    CHECK_EQ(status, 0);
}

static void test_moves_where_a_rename_knows_no_flags(void)
{
    moves_without(false);
}

static void test_moves_where_a_file_has_one_name_only(void)
{
    moves_without(true);
}

/* In a child whose standard output is that. */
static enum err told(int out)
{
    int status = -1;
    pid_t child = fork();
    if (child == 0) {
        dup2(out, STDOUT_FILENO);
        _exit((int)io_tell(STR("once")));
    }
    CHECK(waitpid(child, &status, 0) == child && WIFEXITED(status));
    return (enum err)WEXITSTATUS(status);
}

static void test_what_is_shown_once_is_shown_or_it_is_an_error(void)
{
    int ends[2];
    AUTO(fd) int full = open("/dev/full", O_WRONLY | O_CLOEXEC);
    AUTO(fd) int file = open(in_folder("ten"), O_WRONLY | O_CLOEXEC);
    CHECK(full >= 0 && file >= 0 && pipe2(ends, O_CLOEXEC) == 0);
    CHECK_ERR(told(full), ERR_STORE_FULL);
    CHECK_OK(told(file));
    CHECK_OK(told(ends[1]));
    io_close(&ends[0]);
    CHECK_ERR(told(ends[1]), ERR_IO);
    io_close(&ends[1]);
}

static void test_close_sets_minus_one(void)
{
    int fd = open("/dev/null", O_RDONLY | O_CLOEXEC), copy = fd;
    io_close(&fd);
    CHECK_EQ(fd, -1);
    CHECK(fcntl(copy, F_GETFD) < 0);
    io_close(&fd);
}

int main(void)
{
    if (!mkdtemp(folder))
        return 1;
    RUN(test_replace_writes_and_replaces_whole);
    RUN(test_failed_replace_leaves_the_old);
    RUN(test_replace_does_not_write_through_a_link);
    RUN(test_read_stops_at_the_maximum);
    RUN(test_write_errors);
    RUN(test_sync_folder);
    RUN(test_moves_only_to_where_nothing_is);
    RUN(test_moves_where_a_rename_knows_no_flags);
    RUN(test_moves_where_a_file_has_one_name_only);
    RUN(test_what_is_shown_once_is_shown_or_it_is_an_error);
    RUN(test_close_sets_minus_one);
    static const char *const names[] = {"key", "old", "victim", "link.new", "ten"};
    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        unlink(in_folder(names[i]));
    rmdir(folder);
    return test_done();
}
