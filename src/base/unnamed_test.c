#include "unnamed.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "interrupt.h"
#include "io.h"
#include "test.h"

static char folder[] = "/tmp/safelight-unnamed-XXXXXX";

static const char *in_folder(const char *name)
{
    static char path[PATH_MAX];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    return path;
}

static int files_there(void)
{
    DIR *d = opendir(folder);
    int count = 0;
    for (struct dirent *e; (e = readdir(d));)
        count += e->d_name[0] != '.';
    closedir(d);
    return count;
}

static bool holds(const char *path, const char *text)
{
    AUTO(buf) struct buf b = buf_make(100);
    return io_read_file(path, &b) == OK && str_is(buf_str(&b), text);
}

static void clear(void)
{
    static const char *const names[] = {"a", "b", "link"};
    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        (void)unlink(in_folder(names[i]));
    CHECK_EQ(files_there(), 0);
}

static enum err put(const char *name, const char *text, bool replace, mode_t mode)
{
    AUTO(unnamed) struct unnamed f;
    char path[PATH_MAX];
    snprintf(path, sizeof path, "%s", in_folder(name));
    TRY(unnamed_open(path, mode, &f));
    TRY(io_write_all(f.fd, str_from(text)));
    return unnamed_keep(&f, replace);
}

static void test_it_is_there_whole_with_its_mode_and_alone(void)
{
    struct stat st;
    umask(027);
    CHECK_OK(put("a", "text", false, 0666));
    CHECK(holds(in_folder("a"), "text"));
    CHECK(stat(in_folder("a"), &st) == 0 && (st.st_mode & 07777) == 0640 && st.st_nlink == 1);
    CHECK_EQ(files_there(), 1);
    clear();
}

static void test_what_stands_there_is_replaced_only_when_that_is_wanted(void)
{
    CHECK_OK(put("a", "old", false, 0600));
    CHECK_ERR(put("a", "new", false, 0600), ERR_CONFLICT);
    CHECK(holds(in_folder("a"), "old"));
    CHECK_OK(put("a", "new", true, 0600));
    CHECK(holds(in_folder("a"), "new"));
    CHECK_OK(put("b", "first", true, 0600)); /* nothing stood there */
    CHECK(holds(in_folder("b"), "first"));
    CHECK_EQ(files_there(), 2);
    clear();
}

/* A link gives way itself; what it leads to stays as it is. */
static void test_a_link_is_not_followed(void)
{
    CHECK_OK(put("a", "intact", false, 0600));
    CHECK_EQ(symlink("a", in_folder("link")), 0);
    CHECK_ERR(put("link", "new", false, 0600), ERR_CONFLICT);
    CHECK_OK(put("link", "new", true, 0600));
    CHECK(holds(in_folder("a"), "intact") && holds(in_folder("link"), "new"));
    clear();
}

static void test_names_that_no_file_can_have(void)
{
    char longer[PATH_MAX + 10];
    struct unnamed f;
    memset(longer, 'x', sizeof longer);
    longer[sizeof longer - 1] = 0;
    const struct {
        const char *path;
        enum err e;
    } cases[] = {{"", ERR_INVALID},       {"x/", ERR_INVALID},
                 {longer, ERR_INVALID},   {longer + PATH_MAX - 300, ERR_INVALID},
                 {"/dev/null/x", ERR_IO}, {"/nonexistent/x", ERR_IO},
                 {"/proc/x", ERR_IO}};
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        CHECK_ERR(unnamed_open(cases[i].path, 0600, &f), cases[i].e);
    CHECK_EQ(files_there(), 0);
}

static void test_what_was_not_kept_is_gone(void)
{
    struct unnamed f;
    char path[PATH_MAX];
    snprintf(path, sizeof path, "%s", in_folder("a"));
    CHECK_OK(unnamed_open(path, 0600, &f));
    CHECK_EQ(files_there(), f.named ? 1 : 0);
    unnamed_auto(&f);
    unnamed_auto(&f);
    CHECK_EQ(files_there(), 0);
}

/* In a process of its own, which `number` then ends: is anything left? */
static void ends_by(int number, int left)
{
    int status = 0;
    pid_t child = fork();
    if (child == 0) {
        struct unnamed f;
        char path[PATH_MAX];
        snprintf(path, sizeof path, "%s", in_folder("a"));
        interrupt_catch();
        if (unnamed_open(path, 0600, &f) != OK || io_write_all(f.fd, STR("half")) != OK)
            _exit(1);
        raise(number);
        _exit(2);
    }
    CHECK(waitpid(child, &status, 0) == child);
    CHECK(WIFSIGNALED(status) && WTERMSIG(status) == number);
    CHECK_EQ(files_there(), left);
}

static void test_a_signal_leaves_nothing(void)
{
    ends_by(SIGINT, 0);
    ends_by(SIGTERM, 0);
    ends_by(SIGHUP, 0);
}

/* Where the file system of this folder can do it: that of some containers cannot. */
static void test_even_one_that_is_killed_leaves_nothing(void)
{
    struct unnamed f;
    CHECK_OK(unnamed_open(in_folder("a"), 0600, &f));
    bool named = f.named;
    unnamed_auto(&f);
    if (!named)
        ends_by(SIGKILL, 0);
}

static void test_a_signal_that_was_ignored_stays_so(void)
{
    int status = -1;
    pid_t child = fork();
    if (child == 0) {
        signal(SIGHUP, SIG_IGN);
        interrupt_catch();
        raise(SIGHUP);
        _exit(0);
    }
    CHECK(waitpid(child, &status, 0) == child && status == 0);
}

static void test_all(void)
{
    test_it_is_there_whole_with_its_mode_and_alone();
    test_what_stands_there_is_replaced_only_when_that_is_wanted();
    test_a_link_is_not_followed();
    test_names_that_no_file_can_have();
    test_what_was_not_kept_is_gone();
    test_a_signal_leaves_nothing();
}

/* The kernel itself refuses files without a name, as on NFS. */
static void lose_unnamed_files(void)
{
    enum { FLAGS_AT = offsetof(struct seccomp_data, args) + 2 * sizeof(uint64_t) };
    const unsigned only_this = (unsigned)(O_TMPFILE & ~O_DIRECTORY);
    struct sock_filter filter[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_openat, 0, 3),
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, FLAGS_AT),
        BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, only_this, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EOPNOTSUPP),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog program = {.len = ARRAY_LEN(filter), .filter = filter};
    struct unnamed f;
    CHECK_EQ(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 0);
    CHECK_EQ(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program), 0);
    CHECK_OK(unnamed_open(in_folder("a"), 0600, &f));
    CHECK(f.named && strstr(f.part, "/a.part-"));
    unnamed_auto(&f);
}

static void test_the_same_where_every_file_has_a_name(void)
{
    int status = -1;
    pid_t child = fork();
    if (child == 0) {
        lose_unnamed_files();
        test_all();
        fflush(stdout); /* what failed */
        _exit(test_failures_here_);
    }
    CHECK(waitpid(child, &status, 0) == child);
    CHECK_EQ(status, 0);
}

int main(void)
{
    ASSERT(mkdtemp(folder));
    RUN(test_it_is_there_whole_with_its_mode_and_alone);
    RUN(test_what_stands_there_is_replaced_only_when_that_is_wanted);
    RUN(test_a_link_is_not_followed);
    RUN(test_names_that_no_file_can_have);
    RUN(test_what_was_not_kept_is_gone);
    RUN(test_a_signal_leaves_nothing);
    RUN(test_even_one_that_is_killed_leaves_nothing);
    RUN(test_a_signal_that_was_ignored_stays_so);
    RUN(test_the_same_where_every_file_has_a_name);
    rmdir(folder);
    return test_done();
}
