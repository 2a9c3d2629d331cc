#include "store_kit.h"

static struct kit k;

static enum err add(struct ulid team, enum audit_event_type type)
{
    return store_audit(&k.tx, &(struct audit_record){.type = type,
                                                     .team_id = ulid_str(&team),
                                                     .actor = STR("tokentokento"),
                                                     .address = STR("::1"),
                                                     .request_id = STR("r1"),
                                                     .subject = STR("s1"),
                                                     .name = STR("AWS_KEY"),
                                                     .version = 3,
                                                     .job_id = STR("j1"),
                                                     .field = STR("/assets/0"),
                                                     .host = STR("example.com")});
}

/* mac[0..7] = sum of all record bytes so far: enough to see what was chained onto what. */
static enum err sum_chain(void *ctx, const uint8_t previous[32], const struct str *records,
                          size_t count, uint8_t (*ret_macs)[32])
{
    unsigned *calls = ctx;
    (*calls)++;
    uint64_t sum;
    memcpy(&sum, previous, 8);
    for (size_t i = 0; i < count; i++) {
        for (size_t j = 0; j < records[i].len; j++)
            sum += (uint8_t)records[i].ptr[j];
        memset(ret_macs[i], 0, 32);
        memcpy(ret_macs[i], &sum, 8);
    }
    return OK;
}

static void chain(unsigned calls_wanted)
{
    unsigned calls = 0;
    CHECK_OK(store_audit_chain(&k.tx, sum_chain, &calls));
    CHECK_EQ(calls, calls_wanted);
    arena_auto(&k.audit.arena);
    k.audit = (struct audit_pending){.arena = arena_make()};
}

static void test_every_event_has_a_code(void)
{
    for (unsigned i = 0; i < AUDIT_EVENT_COUNT; i++) {
        CHECK(strchr(audit_event_code((enum audit_event_type)i), '.') != NULL);
        for (unsigned j = 0; j < i; j++)
            CHECK(strcmp(audit_event_code((enum audit_event_type)i),
                         audit_event_code((enum audit_event_type)j)) != 0);
    }
}

static void test_record_comes_back(void)
{
    CHECK_OK(add(k.team, AUDIT_SECRET_USED));
    chain(1);
    struct audit_row *rows;
    size_t count;
    CHECK_OK(store_audit_list(&k.tx, ulid_str(&k.team), 0, 10, &k.a, &rows, &count));
    CHECK_EQ(count, 1);
    CHECK_EQ(rows[0].sequence, 1);
    CHECK(rows[0].at_ms > 0);
    const struct audit_record *f = &rows[0].fields;
    CHECK_EQ(f->type, AUDIT_SECRET_USED);
    CHECK(str_equal(f->team_id, ulid_str(&k.team)));
    CHECK_STR(f->actor, "tokentokento");
    CHECK_STR(f->address, "::1");
    CHECK_STR(f->request_id, "r1");
    CHECK_STR(f->subject, "s1");
    CHECK_STR(f->name, "AWS_KEY");
    CHECK_EQ(f->version, 3);
    CHECK_STR(f->job_id, "j1");
    CHECK_STR(f->field, "/assets/0");
    CHECK_STR(f->host, "example.com");
}

static void test_each_team_counts_for_itself(void)
{
    for (int i = 0; i < 5; i++) {
        CHECK_OK(add(k.team, AUDIT_SECRET_CREATED));
        CHECK_OK(add(k.other, AUDIT_SECRET_DELETED));
    }
    CHECK_OK(store_audit(&k.tx, &(struct audit_record){.type = AUDIT_KEY_ROTATED}));
    chain(3);
    CHECK_OK(add(k.other, AUDIT_SECRET_ROTATED));
    chain(1);
    struct audit_row *rows;
    size_t count;
    CHECK_OK(store_audit_list(&k.tx, ulid_str(&k.team), 0, 100, &k.a, &rows, &count));
    CHECK_EQ(count, 6);
    CHECK_OK(store_audit_list(&k.tx, ulid_str(&k.other), 0, 100, &k.a, &rows, &count));
    CHECK_EQ(count, 6);
    uint64_t sum = 0, mac;
    for (size_t i = 0; i < count; i++) {
        CHECK_EQ(rows[i].sequence, (int64_t)i + 1);
        CHECK_EQ(rows[i].fields.type, i < 5 ? AUDIT_SECRET_DELETED : AUDIT_SECRET_ROTATED);
        for (size_t j = 0; j < rows[i].record.len; j++)
            sum += (uint8_t)rows[i].record.ptr[j];
        memcpy(&mac, rows[i].mac, 8);
        CHECK(mac == sum);
    }
    CHECK_OK(store_audit_list(&k.tx, STR_EMPTY, 0, 100, &k.a, &rows, &count));
    CHECK_EQ(count, 1);
}

static void test_list_goes_on_after_a_sequence(void)
{
    struct audit_row *rows;
    size_t count;
    CHECK_OK(store_audit_list(&k.tx, ulid_str(&k.team), 2, 3, &k.a, &rows, &count));
    CHECK_EQ(count, 3);
    CHECK_EQ(rows[0].sequence, 3);
    CHECK_OK(store_audit_list(&k.tx, ulid_str(&k.team), 6, 3, &k.a, &rows, &count));
    CHECK_EQ(count, 0);
    CHECK_OK(store_audit_list(&k.tx, ulid_str(&k.team), 0, 0, &k.a, &rows, &count));
    CHECK_EQ(count, 0);
    CHECK_OK(store_audit_list(&k.tx, STR("nobody"), 0, 9, &k.a, &rows, &count));
    CHECK_EQ(count, 0);
}

static enum err list_of(struct str record, int64_t sequence)
{
    static const char sql[] = "UPDATE audit SET record = ? WHERE team_id = ? AND sequence = ?";
    {
        AUTOP(db_stmt) struct db_stmt *q = NULL;
        CHECK_OK(db_prepare(k.db, sql, &q));
        db_bind_blob(q, record);
        db_bind_text(q, ulid_str(&k.team));
        db_bind_int(q, sequence);
        CHECK_OK(db_run(q));
    }
    AUTO(arena) struct arena a = arena_make();
    struct audit_row *rows;
    size_t count;
    return store_audit_list(&k.tx, ulid_str(&k.team), sequence - 1, 1, &a, &rows, &count);
}

static void test_cut_or_flipped_records_do_not_decode_wrongly(void)
{
    struct audit_row *rows;
    size_t count;
    CHECK_OK(store_audit_list(&k.tx, ulid_str(&k.team), 1, 1, &k.a, &rows, &count));
    struct str good = rows[0].record;
    for (size_t len = 0; len < good.len; len++)
        CHECK_ERR(list_of(str_slice(good, 0, len), 2), ERR_TAMPERED);
    char *bytes = arena_text(&k.a, good);
    /* Format, sequence, time and the first length: a flip there is never a record. */
    for (size_t i = 0; i < 21; i++) {
        for (unsigned bit = 0; bit < 8; bit++) {
            bytes[i] = (char)(bytes[i] ^ (1 << bit));
            CHECK_ERR(list_of(str_bytes(bytes, good.len), 2), ERR_TAMPERED);
            bytes[i] = (char)(bytes[i] ^ (1 << bit));
        }
    }
    /* Elsewhere it may be one (the MAC tells); it must not crash. */
    for (size_t i = 21; i < good.len; i++) {
        bytes[i] = (char)(bytes[i] ^ 0x10);
        (void)!list_of(str_bytes(bytes, good.len), 2);
        bytes[i] = (char)(bytes[i] ^ 0x10);
    }
    CHECK_OK(list_of(good, 2));
}

static void test_record_too_long_is_refused(void)
{
    static char huge[70000];
    size_t before = k.audit.count;
    struct audit_record r = {.type = AUDIT_SECRET_USED, .field = str_bytes(huge, sizeof huge)};
    CHECK_ERR(store_audit(&k.tx, &r), ERR_TOO_LARGE);
    CHECK_EQ(k.audit.count, before);
}

int main(void)
{
    kit_open(&k);
    RUN(test_every_event_has_a_code);
    RUN(test_record_comes_back);
    RUN(test_each_team_counts_for_itself);
    RUN(test_list_goes_on_after_a_sequence);
    RUN(test_cut_or_flipped_records_do_not_decode_wrongly);
    RUN(test_record_too_long_is_refused);
    kit_close(&k);
    return test_done();
}
