#include "datadir.h"

#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "io.h"
#include "test.h"

static char folder[] = "/tmp/safelight-datadir-XXXXXX";

static const char *recovery_path(void)
{
    static char path[128];
    snprintf(path, sizeof path, "%s/recovery.pub", folder);
    return path;
}

static void test_a_recovery_key_that_is_not_there_is_another_one(void)
{
    CHECK(!datadir_recovery_may_be(folder, STR("its bytes")));
    static const char *const others[] = {"", "its", "its other", "its bytes and more"};
    for (size_t i = 0; i < ARRAY_LEN(others); i++) {
        CHECK_OK(datadir_put_recovery(folder, false, str_from(others[i])));
        CHECK(!datadir_recovery_may_be(folder, STR("its bytes")));
    }
    CHECK_OK(datadir_remove_recovery(folder, false));
    CHECK_EQ(symlink("/dev/null", recovery_path()), 0);
    CHECK(!datadir_recovery_may_be(folder, STR("its bytes")));
    CHECK_OK(datadir_remove_recovery(folder, false));
    CHECK_EQ(mkdir(recovery_path(), 0700), 0);
    CHECK(!datadir_recovery_may_be(folder, STR("its bytes")));
    CHECK_EQ(rmdir(recovery_path()), 0);
}

static void test_a_recovery_key_that_cannot_be_looked_at_may_be_the_one(void)
{
    struct rlimit before, none = {0, 0};
    CHECK_OK(datadir_put_recovery(folder, false, STR("its bytes")));
    CHECK(datadir_recovery_may_be(folder, STR("its bytes")));
    CHECK_EQ(getrlimit(RLIMIT_NOFILE, &before), 0);
    none.rlim_max = before.rlim_max;
    CHECK_EQ(setrlimit(RLIMIT_NOFILE, &none), 0);
    CHECK(datadir_recovery_may_be(folder, STR("its bytes")));
    CHECK(datadir_recovery_may_be(folder, STR("others"))); /* nobody knows */
    CHECK_EQ(setrlimit(RLIMIT_NOFILE, &before), 0);
    CHECK(!datadir_recovery_may_be(folder, STR("others")));
    CHECK_OK(datadir_remove_recovery(folder, false));
}

/* A remedy is there to be copied: also that for the longest path is whole. */
static void test_what_mends_an_open_folder_is_said_whole(void)
{
    static char path[DATADIR_PATH_MAX_BYTES], wanted[DATADIR_WHY_BYTES], why[DATADIR_WHY_BYTES];
    size_t len = strlen(folder);
    memcpy(path, folder, len);
    while (len + 201 < sizeof path) {
        memset(path + len, 'x', 200);
        path[len] = '/';
        len += 200;
        path[len] = 0;
        CHECK_EQ(mkdir(path, 0700), 0);
    }
    CHECK_EQ(chmod(path, 0755), 0);
    CHECK_ERR(datadir_check_folders(path, why), ERR_FORBIDDEN);
    snprintf(wanted, sizeof wanted, "chmod 700 %s", path);
    CHECK(str_ends(str_from(why), str_from(wanted)));
    for (; len > strlen(folder); len -= 200) {
        path[len] = 0;
        CHECK_EQ(rmdir(path), 0);
    }
}

int main(void)
{
    if (!mkdtemp(folder))
        return 1;
    RUN(test_a_recovery_key_that_is_not_there_is_another_one);
    RUN(test_a_recovery_key_that_cannot_be_looked_at_may_be_the_one);
    RUN(test_what_mends_an_open_folder_is_said_whole);
    CHECK_EQ(rmdir(folder), 0);
    return test_done();
}
