/* Rotation of the root and of the master key, with a vault process that is ended and started again
 * at every step: what a crash leaves behind must open. */
#include "vault_fixture.h"

static struct buf before = {.max = 4096}, both = {.max = 4096}, after = {.max = 4096};

static enum err opens_with(struct str root, struct str pending, struct str keyring)
{
    struct fixture f = fixture_start(root, pending);
    enum err e = vault_unlock(f.vault, INSTANCE, keyring);
    CHECK_EQ(fixture_stop(&f), 0);
    return e;
}

static struct str offer_root(struct fixture *f, struct str root, struct buf *answer)
{
    AUTO(fd) int fd = fixture_memfd(root);
    CHECK_OK(ipc_send(f->supervisor, STR("R"), &fd, 1));
    CHECK_OK(ipc_receive(f->supervisor, answer, NULL, 0));
    return buf_str(answer);
}

static void test_root_keys_of_a_wrong_length_are_refused(void)
{
    static const char bytes[40] = "too long for a root key of this program";
    static const size_t lengths[] = {0, 1, 31, 33, 40};
    for (size_t i = 0; i < ARRAY_LEN(lengths); i++) {
        struct fixture f = fixture_start(str_bytes(bytes, lengths[i]), NO_ROOT);
        struct vault_status status;
        CHECK_ERR(vault_status(f.vault, &status), ERR_VAULT_DOWN);
        CHECK_EQ(fixture_stop(&f), 3);
    }
    struct fixture f = fixture_start(ROOT_A, str_bytes(bytes, 31));
    CHECK_EQ(fixture_stop(&f), 3);
}

static void test_root_rotation(void)
{
    struct vault_status status;
    AUTO(buf) struct buf answer = buf_make(IPC_MESSAGE_MAX_BYTES), out = buf_make(4096);
    struct fixture f = fixture_start(ROOT_A, NO_ROOT);
    CHECK_OK(vault_keyring_create(f.vault, INSTANCE, &before));
    CHECK_OK(vault_unlock(f.vault, INSTANCE, buf_str(&before)));
    CHECK_ERR(vault_root_commit(f.vault, &out), ERR_CONFLICT);
    CHECK_STR(offer_root(&f, STR("short"), &answer), "e");
    CHECK_STR(offer_root(&f, ROOT_A, &answer), "e");
    CHECK_OK(ipc_send(f.supervisor, STR("R"), NULL, 0));
    CHECK_OK(ipc_receive(f.supervisor, &answer, NULL, 0));
    CHECK_STR(buf_str(&answer), "e");
    CHECK_STR(offer_root(&f, ROOT_B, &answer), "k");
    CHECK_OK(vault_status(f.vault, &status));
    CHECK(status.pending_root);
    CHECK_OK(vault_keyring_rewrap(f.vault, &both));
    CHECK_OK(vault_root_commit(f.vault, &after));
    CHECK_ERR(vault_root_commit(f.vault, &out), ERR_CONFLICT);
    CHECK_OK(vault_status(f.vault, &status));
    CHECK(status.unlocked && !status.pending_root);
    CHECK_EQ(fixture_stop(&f), 0);
}

/* Which blob opens with which roots at hand, for a crash at every step. */
static void test_what_a_crash_leaves_opens(void)
{
    const struct {
        struct str root, pending;
        enum err before, both, after;
    } cases[] = {
        {ROOT_A, NO_ROOT, OK, OK, ERR_TAMPERED},
        {ROOT_A, ROOT_B, OK, OK, OK},
        {ROOT_B, ROOT_A, OK, OK, OK},
        {ROOT_B, NO_ROOT, ERR_TAMPERED, OK, OK},
        {ROOT_A, ROOT_A, OK, OK, ERR_TAMPERED},
        {STR("root key C, opens none of these."), NO_ROOT, ERR_TAMPERED, ERR_TAMPERED,
         ERR_TAMPERED},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        CHECK_ERR(opens_with(cases[i].root, cases[i].pending, buf_str(&before)), cases[i].before);
        CHECK_ERR(opens_with(cases[i].root, cases[i].pending, buf_str(&both)), cases[i].both);
        CHECK_ERR(opens_with(cases[i].root, cases[i].pending, buf_str(&after)), cases[i].after);
    }
}

static void test_interrupted_root_rotation_is_finished(void)
{
    AUTO(buf) struct buf done = buf_make(4096), again = buf_make(4096);
    const struct buf *stored[] = {&before, &both, &after};
    for (size_t i = 0; i < ARRAY_LEN(stored); i++) {
        struct fixture f = fixture_start(ROOT_A, ROOT_B);
        CHECK_OK(vault_unlock(f.vault, INSTANCE, buf_str(stored[i])));
        CHECK_OK(vault_keyring_rewrap(f.vault, &again));
        CHECK_OK(vault_root_commit(f.vault, &done));
        CHECK_EQ(fixture_stop(&f), 0);
        CHECK_ERR(opens_with(ROOT_A, NO_ROOT, buf_str(&again)), OK);
        CHECK_ERR(opens_with(ROOT_B, NO_ROOT, buf_str(&again)), OK);
        CHECK_ERR(opens_with(ROOT_B, NO_ROOT, buf_str(&done)), OK);
        CHECK_ERR(opens_with(ROOT_A, NO_ROOT, buf_str(&done)), ERR_TAMPERED);
    }
}

static void test_master_rotation(void)
{
    AUTO(buf)
    struct buf old_key = buf_make(4096), new_key = buf_make(4096), ring = buf_make(4096),
               kept = buf_make(4096);
    uint32_t version, master;
    struct vault_status status;
    struct fixture f = fixture_start(ROOT_B, NO_ROOT);
    CHECK_OK(vault_unlock(f.vault, INSTANCE, buf_str(&after)));
    CHECK_OK(vault_team_key_create(f.vault, TEAM, 1, &old_key));
    CHECK_ERR(vault_master_retire(f.vault, 2, &kept), ERR_CONFLICT);
    CHECK_OK(vault_master_rotate(f.vault, &ring));
    CHECK_OK(vault_status(f.vault, &status));
    CHECK(status.master_version == 2 && status.master_versions == 2);
    CHECK_OK(vault_team_key_rewrap(f.vault, TEAM, buf_str(&old_key), &new_key));
    CHECK_OK(vault_team_key_versions(buf_str(&new_key), &version, &master));
    CHECK(version == 1 && master == 2);
    CHECK_ERR(vault_master_retire(f.vault, 0, &kept), ERR_INVALID);
    CHECK_ERR(vault_master_retire(f.vault, 3, &kept), ERR_CONFLICT);
    CHECK_OK(vault_master_retire(f.vault, 2, &kept));
    CHECK_OK(vault_master_retire(f.vault, 2, &kept));
    CHECK_ERR(vault_team_key_rewrap(f.vault, TEAM, buf_str(&old_key), &ring), ERR_TAMPERED);
    CHECK_EQ(fixture_stop(&f), 0);

    f = fixture_start(ROOT_B, NO_ROOT);
    CHECK_OK(vault_unlock(f.vault, INSTANCE, buf_str(&kept)));
    CHECK_OK(vault_team_key_rewrap(f.vault, TEAM, buf_str(&new_key), &ring));
    CHECK_OK(vault_status(f.vault, &status));
    CHECK(status.master_version == 2 && status.master_versions == 1);
    CHECK_EQ(fixture_stop(&f), 0);
}

/* A rotated keyring that could not be stored is taken back by unlocking with the stored one. */
static void test_rotation_that_was_not_stored_is_taken_back(void)
{
    AUTO(buf) struct buf lost = buf_make(4096);
    struct vault_status status;
    struct fixture f = fixture_start(ROOT_B, NO_ROOT);
    CHECK_OK(vault_unlock(f.vault, INSTANCE, buf_str(&after)));
    CHECK_OK(vault_master_rotate(f.vault, &lost));
    CHECK_OK(vault_unlock(f.vault, INSTANCE, buf_str(&after)));
    CHECK_OK(vault_status(f.vault, &status));
    CHECK(status.master_version == 1 && status.master_versions == 1);
    CHECK_EQ(fixture_stop(&f), 0);
}

static void test_end(void)
{
    buf_auto(&before);
    buf_auto(&both);
    buf_auto(&after);
}

int main(int argc, char **argv)
{
    fixture_begin(argc, argv);
    RUN(test_root_keys_of_a_wrong_length_are_refused);
    RUN(test_root_rotation);
    RUN(test_what_a_crash_leaves_opens);
    RUN(test_interrupted_root_rotation_is_finished);
    RUN(test_master_rotation);
    RUN(test_rotation_that_was_not_stored_is_taken_back);
    RUN(test_end);
    return test_done();
}
