/* For tests of what a failing disk leaves: work on a thread whose syncs the main thread answers, in
 * the kernel's place. */
#ifndef SYNC_FIXTURE_H
#define SYNC_FIXTURE_H

#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <pthread.h>
#include <stddef.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "io.h"
#include "test.h"

enum { SYNC_LOOK_MS = 20 };

typedef void sync_work(void *ctx);

struct syncs {
    sync_work *work;
    void *ctx;
    pthread_mutex_t lock;
    pthread_cond_t ready;
    bool started, ended;
    int listener; /* once started; -1: refused */
};

static int syncs_listen(void)
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

static void *syncs_thread(void *ctx)
{
    struct syncs *s = ctx;
    pthread_mutex_lock(&s->lock);
    s->listener = syncs_listen();
    s->started = true;
    pthread_cond_signal(&s->ready);
    pthread_mutex_unlock(&s->lock);
    s->work(s->ctx);
    pthread_mutex_lock(&s->lock);
    s->ended = true;
    pthread_mutex_unlock(&s->lock);
    return NULL;
}

static bool syncs_ended(struct syncs *s)
{
    pthread_mutex_lock(&s->lock);
    bool ended = s->ended;
    pthread_mutex_unlock(&s->lock);
    return ended;
}

/* Until the work ends, however many there are: a test that waits for one that never comes says
 * nothing. */
static int syncs_answer(struct syncs *s, int failing)
{
    int count = 0;
    while (!syncs_ended(s)) {
        struct pollfd ready = {.fd = s->listener, .events = POLLIN};
        struct seccomp_notif asked = {.id = 0};
        if (poll(&ready, 1, SYNC_LOOK_MS) <= 0 || !(ready.revents & POLLIN))
            continue;
        if (ioctl(s->listener, SECCOMP_IOCTL_NOTIF_RECV, &asked) != 0)
            continue;
        count++;
        struct seccomp_notif_resp answer = {.id = asked.id, .error = count == failing ? -EIO : 0};
        CHECK_EQ(ioctl(s->listener, SECCOMP_IOCTL_NOTIF_SEND, &answer), 0);
    }
    return count;
}

/* How many there were; the one of that number (from 1) fails. */
static int syncs_run(sync_work *work, void *ctx, int failing)
{
    pthread_t thread;
    struct syncs s = {.work = work,
                      .ctx = ctx,
                      .lock = PTHREAD_MUTEX_INITIALIZER,
                      .ready = PTHREAD_COND_INITIALIZER};
    CHECK_EQ(pthread_create(&thread, NULL, syncs_thread, &s), 0);
    pthread_mutex_lock(&s.lock);
    while (!s.started)
        pthread_cond_wait(&s.ready, &s.lock);
    pthread_mutex_unlock(&s.lock);
    CHECK(s.listener >= 0); /* else none is heard */
    int count = syncs_answer(&s, failing);
    CHECK_EQ(pthread_join(thread, NULL), 0);
    io_close(&s.listener);
    return count;
}

#endif
