#include "backup_place.h"

#include <errno.h>
#include <fcntl.h>
#include <seccomp.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "io.h"
#include "test.h"

static char folder[] = "/tmp/safelight-place-XXXXXX";
static char file[64], part[80];

static bool there(const char *path)
{
    return access(path, F_OK) == 0;
}

static enum err open_place(struct backup_place *p, const char **why)
{
    *p = (struct backup_place){.path = file, .fd = -1};
    return backup_place_open(p, why);
}

/* What each of those that race says at its end; OK: it was this one's backup that was kept. */
static enum err one_backup(char mark)
{
    AUTO(backup_place) struct backup_place p;
    const char *why = "";
    char bytes[4096];
    memset(bytes, mark, sizeof bytes);
    memcpy(bytes, BACKUP_MAGIC, sizeof BACKUP_MAGIC - 1);
    TRY(open_place(&p, &why));
    TRY(backup_place_put(&p, str_bytes(bytes, sizeof bytes)));
    return backup_place_keep(&p, &why);
}

static bool is_whole_one_of(char mark)
{
    AUTO(buf) struct buf b = buf_make(8192);
    if (io_read_file(file, &b) != OK || b.len != 4096)
        return false;
    for (size_t i = sizeof BACKUP_MAGIC - 1; i < b.len; i++) {
        if (b.ptr[i] != mark)
            return false;
    }
    return true;
}

/* All begin the moment the pipe is closed. */
static void race(size_t count)
{
    pid_t pids[8];
    int start[2], winner = -1;
    CHECK_EQ(pipe2(start, O_CLOEXEC), 0);
    for (size_t i = 0; i < count; i++) {
        pids[i] = fork();
        if (pids[i] != 0)
            continue;
        char none;
        io_close(&start[1]);
        if (read(start[0], &none, 1) != 0)
            _exit(255);
        _exit((int)one_backup((char)('a' + i)));
    }
    io_close(&start[0]);
    io_close(&start[1]);
    for (size_t i = 0; i < count; i++) {
        int status = -1;
        CHECK(waitpid(pids[i], &status, 0) == pids[i] && WIFEXITED(status));
        if (WEXITSTATUS(status) == OK) {
            CHECK_EQ(winner, -1);
            winner = (int)i;
        } else {
            CHECK_ERR(WEXITSTATUS(status), ERR_CONFLICT);
        }
    }
    CHECK(winner >= 0 && is_whole_one_of((char)('a' + winner)));
    CHECK(!there(part));
    unlink(file);
}

/* Whoever comes later finds the file, its lock, or the name taken. */
static void test_of_many_backups_to_one_name_one_is_kept_whole(void)
{
    for (int round = 0; round < 20; round++)
        race(2 + (size_t)round % 7);
}

/* One that was killed left its part; of those that find it, one takes it over. */
static void test_of_many_that_find_a_part_one_takes_it_over(void)
{
    for (int round = 0; round < 20; round++) {
        CHECK_OK(
            io_replace_file(part, STR(BACKUP_MAGIC "and more than a new one will have"), 0644));
        race(2 + (size_t)round % 7);
    }
}

static void test_the_second_is_told_of_the_first(void)
{
    struct backup_place first, second;
    const char *why = "";
    CHECK_OK(open_place(&first, &why));
    CHECK_ERR(open_place(&second, &why), ERR_CONFLICT);
    CHECK(strstr(why, "another backup"));
    backup_place_auto(&second);
    CHECK(there(part));
    backup_place_auto(&first);
    CHECK(!there(part) && !there(file));
}

/* In a child to whom the kernel refuses locks, as NFS without lockd does. */
static void without_locks(void (*run)(void))
{
    int status = -1;
    pid_t child = fork();
    if (child == 0) {
        scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);
        CHECK(seccomp_rule_add(filter, SCMP_ACT_ERRNO(ENOLCK), SCMP_SYS(flock), 0) == 0);
        CHECK(seccomp_load(filter) == 0);
        seccomp_release(filter);
        run();
        fflush(stdout); /* what failed */
        _exit(test_failures_here_ ? 1 : 0);
    }
    CHECK(waitpid(child, &status, 0) == child);
    CHECK_EQ(status, 0);
}

static void new_file_without_locks(void)
{
    CHECK_OK(one_backup('x'));
    CHECK(is_whole_one_of('x') && !there(part));
    CHECK_ERR(one_backup('y'), ERR_CONFLICT);
    CHECK(is_whole_one_of('x'));
    unlink(file);
}

/* Nobody knows whether another one is at it. */
static void old_part_without_locks(void)
{
    struct backup_place p;
    const char *why = "";
    struct stat before, after;
    CHECK_OK(io_replace_file(part, STR(BACKUP_MAGIC "of one that may be under way"), 0600));
    CHECK_EQ(stat(part, &before), 0);
    CHECK_ERR(open_place(&p, &why), ERR_CONFLICT);
    CHECK(strstr(why, "remove it"));
    backup_place_auto(&p);
    CHECK(stat(part, &after) == 0 && after.st_size == before.st_size &&
          after.st_ino == before.st_ino);
    unlink(part);
    CHECK_OK(one_backup('z'));
    CHECK(is_whole_one_of('z'));
    unlink(file);
}

static void race_without_locks(void)
{
    for (int round = 0; round < 10; round++)
        race(4);
}

static void test_without_locks_a_new_name_will_do(void)
{
    without_locks(new_file_without_locks);
}

static void test_without_locks_a_part_that_is_there_is_left_alone(void)
{
    without_locks(old_part_without_locks);
}

static void test_without_locks_one_of_many_is_kept(void)
{
    without_locks(race_without_locks);
}

int main(void)
{
    ASSERT(mkdtemp(folder));
    snprintf(file, sizeof file, "%s/b", folder);
    snprintf(part, sizeof part, "%s.partial", file);
    RUN(test_of_many_backups_to_one_name_one_is_kept_whole);
    RUN(test_of_many_that_find_a_part_one_takes_it_over);
    RUN(test_the_second_is_told_of_the_first);
    RUN(test_without_locks_a_new_name_will_do);
    RUN(test_without_locks_a_part_that_is_there_is_left_alone);
    RUN(test_without_locks_one_of_many_is_kept);
    rmdir(folder);
    return test_done();
}
