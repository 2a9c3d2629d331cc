#include "restore_dir.h"

#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "io.h"
#include "sync_fixture.h"
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

struct committing {
    struct restore_dir dir;
    char data[128];
    enum err result;
    bool synced;
    char why[DATADIR_WHY_BYTES];
};

static void commit(void *ctx)
{
    struct committing *c = ctx;
    c->result = restore_dir_commit(&c->dir, &c->synced, c->why);
}

static void run_commit(struct committing *c, int count, int failing)
{
    snprintf(c->data, sizeof c->data, "%s", in_folder("data"));
    CHECK_OK(restore_dir_begin(c->data, &c->dir, c->why));
    CHECK_OK(io_replace_file(in_folder("data/.restoring/recovery.pub"), STR("its"), 0600));
    CHECK_EQ(syncs_run(commit, c, failing), count);
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
