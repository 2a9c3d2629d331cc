#include "restore_dir.h"

#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "io.h"
#include "test.h"

/* The folder is synced before the parts after the first one, once with the last, and once more when
 * it is tidy. */
enum { SYNCS_BEFORE_THE_ROOT_KEY = 3, SYNCS = 5 };

static char folder[] = "/tmp/safelight-restore-XXXXXX";

static const char *in_folder(const char *name)
{
    static char path[128];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    return path;
}

/* One commit on a thread whose syncs this file's main thread answers. */
struct committing {
    struct restore_dir dir;
    char data[128];
    pthread_mutex_t lock;
    pthread_cond_t ready;
    int listener; /* -1: not yet */
    enum err result;
    bool synced;
    char why[DATADIR_WHY_BYTES];
};

static int listen_to_syncs(void)
{
    struct sock_filter filter[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_fsync, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_USER_NOTIF),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog program = {.len = ARRAY_LEN(filter), .filter = filter};
    CHECK_EQ(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 0);
    return (int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_NEW_LISTENER,
                        &program);
}

static void *commit(void *ctx)
{
    struct committing *c = ctx;
    pthread_mutex_lock(&c->lock);
    c->listener = listen_to_syncs();
    pthread_cond_signal(&c->ready);
    pthread_mutex_unlock(&c->lock);
    c->result = restore_dir_commit(&c->dir, &c->synced, c->why);
    return NULL;
}

/* As by the kernel on a disk that is failing: the n-th sync (from 1) gets no further. */
static void answer_syncs(int listener, int count, int failing)
{
    for (int i = 1; i <= count; i++) {
        struct seccomp_notif asked = {.id = 0};
        CHECK_EQ(ioctl(listener, SECCOMP_IOCTL_NOTIF_RECV, &asked), 0);
        struct seccomp_notif_resp answer = {.id = asked.id, .error = i == failing ? -EIO : 0};
        CHECK_EQ(ioctl(listener, SECCOMP_IOCTL_NOTIF_SEND, &answer), 0);
    }
}

static void run_commit(struct committing *c, int count, int failing)
{
    pthread_t thread;
    pthread_mutex_init(&c->lock, NULL);
    pthread_cond_init(&c->ready, NULL);
    c->listener = -1;
    snprintf(c->data, sizeof c->data, "%s", in_folder("data"));
    CHECK_OK(restore_dir_begin(c->data, &c->dir, c->why));
    CHECK_OK(io_replace_file(in_folder("data/.restoring/recovery.pub"), STR("its"), 0600));
    CHECK_EQ(pthread_create(&thread, NULL, commit, c), 0);
    pthread_mutex_lock(&c->lock);
    while (c->listener < 0)
        pthread_cond_wait(&c->ready, &c->lock);
    pthread_mutex_unlock(&c->lock);
    answer_syncs(c->listener, count, failing);
    CHECK_EQ(pthread_join(thread, NULL), 0);
    io_close(&c->listener);
    restore_dir_auto(&c->dir);
}

static void remove_restored(void)
{
    static const char *const files[] = {"data/recovery.pub", "data/root.key"};
    for (size_t i = 0; i < ARRAY_LEN(files); i++)
        CHECK_EQ(unlink(in_folder(files[i])), 0);
    static const char *const folders[] = {"data/db", "data/spool", "data"};
    for (size_t i = 0; i < ARRAY_LEN(folders); i++)
        CHECK_EQ(rmdir(in_folder(folders[i])), 0);
}

static void test_a_failing_sync_before_the_root_key_leaves_nothing(void)
{
    for (int n = 1; n <= SYNCS_BEFORE_THE_ROOT_KEY; n++) {
        struct committing c = {.synced = true};
        run_commit(&c, n, n);
        CHECK_ERR(c.result, ERR_IO);
        CHECK(access(in_folder("data"), F_OK) != 0);
    }
}

static void test_with_the_root_key_in_its_place_it_is_no_error_any_more(void)
{
    for (int n = SYNCS_BEFORE_THE_ROOT_KEY + 1; n <= SYNCS + 1; n++) {
        struct committing c = {.synced = n <= SYNCS};
        run_commit(&c, SYNCS, n); /* at last none fails */
        CHECK_OK(c.result);
        CHECK_EQ(c.synced, n > SYNCS);
        CHECK(access(in_folder("data/root.key"), F_OK) == 0);
        CHECK(access(in_folder("data/.restoring"), F_OK) != 0);
        remove_restored();
    }
}

int main(void)
{
    if (!mkdtemp(folder))
        return 1;
    RUN(test_a_failing_sync_before_the_root_key_leaves_nothing);
    RUN(test_with_the_root_key_in_its_place_it_is_no_error_any_more);
    CHECK_EQ(rmdir(folder), 0);
    return test_done();
}
