/* Flipped bits in a database: it opens or not, but no value comes out as another one, the audit
 * log's chain holds only over what was written, and nothing crashes. */
#include <sys/stat.h>

#include "alloc.h"
#include "chain.h"
#include "clock.h"
#include "policy.h"
#include "store_audit.h"
#include "store_secret.h"
#include "store_team.h"
#include "store_token.h"
#include "vault_fixture.h"

enum {
    SECRETS = 3,
    STRIDE_BITS = 131,
    EMPTY_STRIDE_BITS = 1531, /* most of a small database is the empty end of its pages */
    WRITE_EVERY = 64,         /* a write costs a sync */
    IMAGE_MAX_BYTES = 4 * 1024 * 1024
};

static struct fixture f;
static char folder[] = "/tmp/safelight-damage-XXXXXX";
static char database[64];
static struct buf image;
static struct ulid team_id;
static uint8_t token_hash[32];
static struct buf team_key, keyring;
static const char *const names[SECRETS] = {"AWS_KEY", "prod/token", "x"};
static const char *const values[SECRETS] = {"the first value", "the second value", "v3"};
static struct audit_row *records; /* as they were written */
static size_t record_count;
static struct arena kept;

static const char *in_folder(const char *name)
{
    static char path[96];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    return path;
}

static struct seal_context context_of(struct str name, const struct sealed_row *row)
{
    return (struct seal_context){.team_id = ulid_str(&team_id),
                                 .secret_id = ulid_str(&row->id),
                                 .name = name,
                                 .version = row->version,
                                 .epoch = row->epoch,
                                 .created_at_ms = row->created_at_ms,
                                 .policy = row->policy};
}

static enum err put_secret(struct store_tx *tx, size_t i)
{
    AUTO(buf) struct buf sealed = buf_make(8192);
    struct sealed_row row = {.id = ulid_new(),
                             .team_id = team_id,
                             .name = str_from(names[i]),
                             .version = 1,
                             .epoch = 1,
                             .created_at_ms = clock_unix_ms(),
                             .key_version = 1};
    AUTOP(secret) struct secret *value = NULL;
    struct seal_context context = context_of(row.name, &row);
    TRY(secret_new(str_from(values[i]), &value));
    TRY(vault_seal(f.vault, &context, buf_str(&team_key), value, &sealed));
    row.sealed = buf_str(&sealed);
    TRY(store_secret_insert(tx, &row));
    return store_audit(tx, &(struct audit_record){.type = AUDIT_SECRET_CREATED,
                                                  .team_id = ulid_str(&team_id),
                                                  .name = row.name,
                                                  .subject = ulid_str(&row.id)});
}

static enum err fill_op(struct store_tx *tx, void *ctx)
{
    (void)ctx;
    struct team team = {.id = team_id,
                        .name = STR("studio"),
                        .key_version = 1,
                        .team_key = buf_str(&team_key),
                        .created_at_ms = clock_unix_ms()};
    struct token token = {.id = STR("0123456789abcd"),
                          .team_id = team_id,
                          .role = ROLE_ADMIN,
                          .names = STR("*"),
                          .created_by = STR("operator")};
    memcpy(token.hash, token_hash, sizeof token_hash);
    TRY(store_instance_put(tx, INSTANCE));
    TRY(store_keyring_put(tx, buf_str(&keyring)));
    TRY(store_team_insert(tx, &team));
    TRY(store_token_insert(tx, &token));
    for (size_t i = 0; i < SECRETS; i++)
        TRY(put_secret(tx, i));
    return OK;
}

static enum err extra_op(struct store_tx *tx, void *ctx)
{
    (void)ctx;
    return store_audit(
        tx, &(struct audit_record){.type = AUDIT_SECRET_DELETED, .team_id = ulid_str(&team_id)});
}

static void test_a_small_store(void)
{
    struct store *s;
    struct store_tx *tx;
    team_key = buf_make(8192);
    keyring = buf_make(8192);
    team_id = ulid_new();
    kept = arena_make();
    CHECK_OK(vault_keyring_create(f.vault, INSTANCE, &keyring));
    CHECK_OK(vault_unlock(f.vault, INSTANCE, buf_str(&keyring)));
    CHECK_OK(vault_team_key_create(f.vault, ulid_str(&team_id), 1, &team_key));
    CHECK_OK(vault_hash_token(f.vault, STR("a token"), token_hash));
    struct store_options options = {.folder = folder, .create = true};
    CHECK_OK(store_open(&options, &s));
    chain_connect(s, f.vault);
    CHECK_OK(store_write_wait(s, fill_op, NULL));
    CHECK_OK(store_read_begin(s, &tx));
    CHECK_OK(store_audit_list(tx, ulid_str(&team_id), 0, 100, &kept, &records, &record_count));
    CHECK_EQ(record_count, SECRETS);
    store_read_end(s, &tx);
    store_close(&s);
    image = buf_make(IMAGE_MAX_BYTES);
    CHECK_OK(io_read_file(database, &image));
    CHECK(image.len > 0);
}

/* How many of the values came out. */
static unsigned look_at_secrets(struct store_tx *tx, struct arena *a)
{
    static const struct vault_use use = {
        .purpose = VAULT_FOR_PICKUP, .sinks = POLICY_TEXT, .job_id = {"j", 1}, .field = {"/a", 2}};
    struct team team;
    unsigned opened = 0;
    if (store_team_get(tx, ulid_str(&team_id), a, &team) != OK)
        return 0;
    for (size_t i = 0; i < SECRETS; i++) {
        AUTOP(secret) struct secret *value = NULL, *want = NULL;
        struct sealed_row row;
        if (store_secret_sealed(tx, ulid_str(&team_id), str_from(names[i]), 0, a, &row) != OK)
            continue;
        struct seal_context context = context_of(str_from(names[i]), &row);
        if (vault_open_for_use(f.vault, &context, team.team_key, row.sealed, &use, &value) != OK)
            continue;
        CHECK_OK(secret_new(str_from(values[i]), &want));
        CHECK(secret_equal(value, want));
        opened++;
    }
    return opened;
}

static void look_at_the_audit(struct store_tx *tx, struct arena *a)
{
    struct audit_row *rows;
    uint8_t macs[SECRETS][32];
    struct str list[SECRETS];
    size_t count;
    static const uint8_t start[32] = {0};
    if (store_audit_list(tx, ulid_str(&team_id), 0, SECRETS, a, &rows, &count) != OK)
        return;
    for (size_t i = 0; i < count; i++)
        list[i] = rows[i].record;
    if (count == 0 || vault_chain_audit(f.vault, start, list, count, macs) != OK)
        return;
    for (size_t i = 0; i < count; i++) {
        bool holds = equal_constant_time(macs[i], rows[i].mac, 32);
        CHECK(!holds || str_equal(rows[i].record, records[i].record));
    }
}

static void look_at_the_rest(struct store_tx *tx, struct arena *a)
{
    struct str blob;
    struct token token, *tokens;
    struct team *teams;
    struct secret_row *secrets;
    size_t count;
    if (store_keyring_get(tx, a, &blob) == OK && vault_unlock(f.vault, INSTANCE, blob) == OK)
        CHECK(str_equal(blob, buf_str(&keyring)));
    /* Whatever they answer: they answer. */
    (void)!store_token_get(tx, STR("0123456789abcd"), a, &token);
    (void)!store_token_list(tx, ulid_str(&team_id), a, &tokens, &count);
    (void)!store_team_list(tx, a, &teams, &count);
    (void)!store_secret_list(tx, ulid_str(&team_id), a, &secrets, &count);
}

static unsigned look(bool also_write)
{
    AUTO(arena) struct arena a = arena_make();
    struct store_options options = {.folder = folder};
    struct store *s;
    struct store_tx *tx;
    unsigned opened = 0;
    if (store_open(&options, &s) != OK)
        return 0;
    chain_connect(s, f.vault);
    if (store_read_begin(s, &tx) == OK) {
        opened = look_at_secrets(tx, &a);
        look_at_the_audit(tx, &a);
        look_at_the_rest(tx, &a);
        store_read_end(s, &tx);
    }
    if (also_write)
        (void)!store_write_wait(s, extra_op, NULL);
    store_close(&s);
    return opened;
}

static void put_back(size_t bit, bool flip)
{
    unlink(in_folder("safelight.db-wal"));
    unlink(in_folder("safelight.db-shm"));
    AUTO(fd) int fd = open(database, O_WRONLY | O_TRUNC | O_CLOEXEC);
    if (flip)
        image.ptr[bit / 8] = (char)(image.ptr[bit / 8] ^ (1 << bit % 8));
    CHECK_OK(io_write_all(fd, buf_str(&image)));
    if (flip)
        image.ptr[bit / 8] = (char)(image.ptr[bit / 8] ^ (1 << bit % 8));
}

static void test_abuse_082_no_flipped_bit_gives_wrong_data(void)
{
    unsigned tries = 0, whole = 0;
    put_back(0, false);
    CHECK_EQ(look(false), SECRETS);
    size_t stride;
    for (size_t bit = 0; bit < image.len * 8; bit += stride, tries++) {
        stride = image.ptr[bit / 8] ? STRIDE_BITS : EMPTY_STRIDE_BITS;
        put_back(bit, true);
        int before = test_failures_here_;
        whole += look(tries % WRITE_EVERY == 0) == SECRETS;
        if (test_failures_here_ != before)
            printf("# at bit %zu\n", bit);
    }
    printf("# %u flips, %u of them without effect on the values\n", tries, whole);
    CHECK(tries > 1000 && whole < tries);
    put_back(0, false);
    CHECK_EQ(look(true), SECRETS);
}

int main(int argc, char **argv)
{
    fixture_begin(argc, argv);
    if (!mkdtemp(folder))
        return 1;
    snprintf(database, sizeof database, "%s/safelight.db", folder);
    f = fixture_start(ROOT_A, NO_ROOT);
    RUN(test_a_small_store);
    RUN(test_abuse_082_no_flipped_bit_gives_wrong_data);
    CHECK_EQ(fixture_stop(&f), 0);
    static const char *const files[] = {"safelight.db", "safelight.db-wal", "safelight.db-shm",
                                        "lock"};
    for (size_t i = 0; i < ARRAY_LEN(files); i++)
        unlink(in_folder(files[i]));
    rmdir(folder);
    buf_auto(&image);
    buf_auto(&team_key);
    buf_auto(&keyring);
    arena_auto(&kept);
    return test_done();
}
