/* A database that was copied by somebody else is not said to be damaged. As root in a child that is
 * somebody else; as anybody else with files that are closed to their owner. */
#include "store_wrong.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "io.h"
#include "test.h"

enum { SOMEBODY = 65534 };

static char folder[] = "/tmp/safelight-wrong-XXXXXX";
static char *why; /* what the child says */

static const char *in_folder(const char *name)
{
    static char path[128];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    return path;
}

static bool is_told(void)
{
    why[0] = '\0';
    pid_t child = fork();
    if (child == 0) {
        bool can = geteuid() != 0 || setuid(SOMEBODY) == 0;
        _exit(can && store_wrong(folder, ERR_UNAVAILABLE, why) ? 0 : 1);
    }
    int status = -1;
    CHECK_EQ(waitpid(child, &status, 0), child);
    return status == 0;
}

static void test_what_is_closed_is_not_damaged(void)
{
    static const char *const names[] = {"db", "db/safelight.db", "db/safelight.db-wal"};
    bool root = geteuid() == 0;
    mode_t open_to_all = root ? 0777 : 0700;
    CHECK_EQ(chmod(folder, open_to_all), 0);
    CHECK_EQ(mkdir(in_folder("db"), open_to_all), 0);
    CHECK_EQ(chmod(in_folder("db"), open_to_all), 0);
    for (size_t i = 1; i < ARRAY_LEN(names); i++)
        CHECK_OK(io_replace_file(in_folder(names[i]), STR("no database"), (int)open_to_all));
    CHECK(is_told());
    CHECK(strstr(why, "is damaged") != NULL);
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        CHECK_EQ(chmod(in_folder(names[i]), root ? 0700 : 0), 0);
        CHECK(is_told());
        CHECK(strncmp(why, in_folder(names[i]), strlen(in_folder(names[i]))) == 0);
        CHECK(strstr(why, root ? "belongs to user 0, with mode 0700" : "has mode 0000") != NULL);
        CHECK(strstr(why, root ? "chown -R 65534 /tmp/" : "chmod ") != NULL);
        CHECK(strstr(why, "damaged") == NULL && strstr(why, "restore") == NULL);
        CHECK_EQ(chmod(in_folder(names[i]), open_to_all), 0);
    }
    for (size_t i = ARRAY_LEN(names) - 1; i > 0; i--)
        CHECK_EQ(unlink(in_folder(names[i])), 0);
    unlink(in_folder("db/safelight.db-shm"));
    CHECK_EQ(rmdir(in_folder("db")), 0);
}

int main(void)
{
    why = mmap(NULL, DATADIR_WHY_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (why == MAP_FAILED || !mkdtemp(folder))
        return 1;
    RUN(test_what_is_closed_is_not_damaged);
    CHECK_EQ(rmdir(folder), 0);
    munmap(why, DATADIR_WHY_BYTES);
    return test_done();
}
