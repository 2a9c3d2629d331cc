/* A change of the recovery key that the vault never hears of, on a disk that fails at each of its
 * syncs: it is called refused only where a restart finds the key of before. */
#include "serve_recovery.h"

#include <stdlib.h>
#include <unistd.h>

#include "box.h"
#include "datadir.h"
#include "io.h"
#include "ipc.h"
#include "recovery.h"
#include "sync_fixture.h"
#include "test.h"

/* Of a file and its folder, when it is put there and when the one of before is put back. */
enum { SYNC_PUT = 1, SYNC_PUT_FOLDER, SYNC_BACK, SYNC_BACK_FOLDER, SYNC_NONE };

static char folder[] = "/tmp/safelight-recovery-XXXXXX";

struct changing {
    struct str id;
    int vault;
    enum err result;
};

static void change(void *ctx)
{
    struct changing *c = ctx;
    c->result = serve_recovery_change(folder, c->id, c->vault);
}

static void put_key(bool next, uint8_t ret_id[static RECOVERY_ID_BYTES])
{
    uint8_t seed[BOX_SEED_BYTES] = {next}, public_key[BOX_PUBLIC_BYTES];
    AUTO(buf) struct buf file = buf_make(RECOVERY_FILE_BYTES);
    box_public(seed, public_key);
    recovery_id(public_key, ret_id);
    CHECK_OK(recovery_file_encode(public_key, &file));
    CHECK_OK(datadir_put_recovery(folder, next, buf_str(&file)));
}

static bool holds(bool next, struct str id)
{
    uint8_t public_key[BOX_PUBLIC_BYTES], its[RECOVERY_ID_BYTES];
    AUTO(buf) struct buf file = buf_make(RECOVERY_FILE_BYTES);
    AUTO(fd) int fd = datadir_open_recovery(folder, next);
    CHECK_OK(io_read_all(fd, &file));
    CHECK_OK(recovery_file_decode(buf_str(&file), public_key));
    recovery_id(public_key, its);
    return str_equal(id, str_bytes(its, sizeof its));
}

static void run_change(int failing, int syncs, enum err result, bool back)
{
    uint8_t before[RECOVERY_ID_BYTES], id[RECOVERY_ID_BYTES];
    int vault[2];
    put_key(false, before);
    put_key(true, id);
    CHECK_OK(ipc_pair(vault));
    io_close(&vault[1]); /* it is gone */
    struct changing c = {.id = str_bytes(id, sizeof id), .vault = vault[0]};
    CHECK_EQ(syncs_run(change, &c, failing), syncs);
    io_close(&vault[0]);
    CHECK_ERR(c.result, result);
    CHECK(holds(false, back ? str_bytes(before, sizeof before) : c.id));
}

static void test_a_change_is_refused_only_when_the_key_of_before_lasts(void)
{
    run_change(SYNC_NONE, SYNC_BACK_FOLDER, ERR_IO, true);
    run_change(SYNC_PUT, SYNC_PUT, ERR_IO, true);
    run_change(SYNC_PUT_FOLDER, SYNC_BACK_FOLDER, ERR_IO, true);
    run_change(SYNC_BACK, SYNC_BACK, ERR_TIMEOUT, false);
    run_change(SYNC_BACK_FOLDER, SYNC_BACK_FOLDER, ERR_TIMEOUT, true);
}

int main(void)
{
    if (!mkdtemp(folder))
        return 1;
    RUN(test_a_change_is_refused_only_when_the_key_of_before_lasts);
    CHECK_OK(datadir_remove_recovery(folder, true));
    CHECK_OK(datadir_remove_recovery(folder, false));
    CHECK_EQ(rmdir(folder), 0);
    return test_done();
}
