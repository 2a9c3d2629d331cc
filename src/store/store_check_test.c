#include "store_check.h"

#include <fcntl.h>

#include "store_kit.h"

static void test_a_sound_database(void)
{
    struct kit k;
    struct store_check c;
    kit_open(&k);
    CHECK_OK(store_check(k.folder, &c));
    CHECK(c.sound);
    CHECK_EQ(c.version, c.newest);
    CHECK_EQ(c.last_record_ms, 0);
    kit_close(&k);
}

static void test_nothing_there(void)
{
    struct store_check c;
    CHECK_ERR(store_check("/nonexistent", &c), ERR_NOT_FOUND);
}

/* Overwritten pages are found, or the file does not even open: never taken for sound. */
static void test_a_damaged_one(void)
{
    struct kit k;
    struct store_check c = {.sound = false};
    static char junk[64 * 1024];
    kit_open(&k);
    db_rollback(k.db); /* a checkpoint is not within a transaction */
    CHECK_OK(db_checkpoint(k.db, true));
    memset(junk, 0x5a, sizeof junk);
    int fd = open(k.path, O_WRONLY);
    CHECK(fd >= 0 && pwrite(fd, junk, sizeof junk, 4096) == (ssize_t)sizeof junk);
    close(fd);
    enum err e = store_check(k.folder, &c);
    CHECK(e != OK || !c.sound);
    kit_close(&k);
}

int main(void)
{
    RUN(test_a_sound_database);
    RUN(test_nothing_there);
    RUN(test_a_damaged_one);
    return test_done();
}
