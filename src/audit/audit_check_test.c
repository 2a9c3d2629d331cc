#include "audit_check.h"

#include "aead.h"
#include "audit_line.h"
#include "test.h"

enum { RECORDS = 9 };
#define TEAM STR("01JDF0000000000000000000T0")

static struct buf lines[RECORDS];
static struct audit_checkpoint whole, first_five;

static struct audit_fields record(size_t i, struct str name)
{
    return (struct audit_fields){.sequence = (int64_t)i + 1,
                                 .at_ms = 1795478400000 + (int64_t)i,
                                 .team_id = TEAM,
                                 .event = STR("secret.created"),
                                 .name = name};
}

static void put(const struct audit_fields *f, struct buf *line, uint8_t ret_leaf[static HASH_BYTES],
                uint8_t ret_mac[static HASH_BYTES])
{
    AUTO(buf) struct buf bytes = buf_make(AUDIT_BYTES_MAX);
    *line = buf_make(AUDIT_LINE_MAX_BYTES);
    memset(ret_mac, (int)f->sequence, HASH_BYTES);
    CHECK_OK(audit_bytes_put(f, &bytes));
    CHECK_OK(audit_line_put(f, buf_str(&bytes), ret_mac, line));
    buf_truncate(line, line->len - 1);
    audit_tree_leaf(buf_str(&bytes), ret_mac, ret_leaf);
}

static void make(void)
{
    struct audit_tree tree = {.size = 0};
    for (size_t i = 0; i < RECORDS; i++) {
        uint8_t leaf[HASH_BYTES], mac[HASH_BYTES];
        struct audit_fields f = record(i, STR("KEY"));
        put(&f, &lines[i], leaf, mac);
        audit_tree_add(&tree, leaf);
        struct audit_checkpoint *c = i == 4 ? &first_five : &whole;
        c->size = tree.size;
        audit_tree_root(&tree, c->root);
        memcpy(c->head, mac, sizeof mac);
    }
}

/* The lines of these records, one after the other; -1 ends. */
static struct audit_check check(const struct audit_checkpoint *checkpoint, const int *order)
{
    struct audit_check c;
    audit_check_begin(&c, checkpoint, NULL);
    for (; *order >= 0; order++)
        (void)audit_check_line(&c, buf_str(&lines[*order]));
    (void)audit_check_end(&c);
    return c;
}

#define FAULT(checkpoint, want, want_bad, ...)                                                     \
    do {                                                                                           \
        const int order_[] = {__VA_ARGS__, -1};                                                    \
        struct audit_check c_ = check(checkpoint, order_);                                         \
        CHECK_EQ(c_.fault, want);                                                                  \
        CHECK_EQ(c_.bad, want_bad);                                                                \
    } while (0)

static void test_what_is_whole_is_good(void)
{
    FAULT(NULL, AUDIT_FAULT_NONE, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8);
    FAULT(&whole, AUDIT_FAULT_NONE, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8);
    FAULT(&first_five, AUDIT_FAULT_NONE, 0, 0, 1, 2, 3, 4);
    FAULT(&first_five, AUDIT_FAULT_NONE, 0, 0, 1, 2, 3, 4, 5, 6);
    FAULT(NULL, AUDIT_FAULT_NONE, 0, 0);
}

static void test_abuse_093_removed_moved_and_cut(void)
{
    FAULT(NULL, AUDIT_FAULT_MISSING, 1, 1, 2, 3);
    FAULT(NULL, AUDIT_FAULT_MISSING, 3, 0, 1, 3, 4);
    FAULT(NULL, AUDIT_FAULT_MISSING, 3, 0, 1, 3, 2, 4);
    FAULT(NULL, AUDIT_FAULT_ORDER, 2, 0, 1, 0);
    FAULT(NULL, AUDIT_FAULT_ORDER, 2, 0, 1, 1, 2);
    FAULT(&whole, AUDIT_FAULT_CUT, 9, 0, 1, 2, 3, 4, 5, 6, 7);
    FAULT(&first_five, AUDIT_FAULT_CUT, 5, 0, 1, 2, 3);
}

static void test_abuse_093_changed(void)
{
    struct audit_check c;
    AUTO(buf) struct buf line = buf_make(AUDIT_LINE_MAX_BYTES);
    audit_check_begin(&c, NULL, NULL);
    CHECK(audit_check_line(&c, buf_str(&lines[0])));
    CHECK_OK(buf_put(&line, buf_str(&lines[1])));
    line.ptr[str_search(buf_str(&line), STR("KEY"), 0)] = 'k';
    CHECK(!audit_check_line(&c, buf_str(&line)));
    CHECK_EQ(c.fault, AUDIT_FAULT_CHANGED);
    CHECK_EQ(c.bad, 2);
    /* It stays so, whatever comes. */
    CHECK(!audit_check_line(&c, buf_str(&lines[1])));
    CHECK(!audit_check_end(&c));
    CHECK_EQ(c.bad, 2);
}

/* With its hash made again only the signature tells. */
static void test_abuse_093_changed_with_its_hash(void)
{
    for (int last = 5; last <= RECORDS; last++) {
        struct audit_check c;
        struct buf forged;
        uint8_t leaf[HASH_BYTES], mac[HASH_BYTES];
        struct audit_fields f = record(1, STR("OTHER"));
        put(&f, &forged, leaf, mac);
        audit_check_begin(&c, &first_five, NULL);
        for (int i = 0; i < last; i++)
            (void)audit_check_line(&c, i == 1 ? buf_str(&forged) : buf_str(&lines[i]));
        CHECK(!audit_check_end(&c));
        CHECK_EQ(c.fault, AUDIT_FAULT_SIGNED);
        CHECK_EQ(c.bad, 5);
        buf_auto(&forged);
    }
}

static void test_abuse_096_another_teams_log_is_no_log_of_this_key(void)
{
    struct audit_check c;
    struct audit_key key = {.origin = "safelight/audit/A/01JDF0000000000000000000T1"};
    audit_check_begin(&c, NULL, &key);
    CHECK(!audit_check_line(&c, buf_str(&lines[0])));
    CHECK_EQ(c.fault, AUDIT_FAULT_OTHER);
    CHECK_EQ(c.bad, 1);
}

static void test_what_is_no_record(void)
{
    struct audit_check c;
    audit_check_begin(&c, NULL, NULL);
    CHECK(audit_check_line(&c, buf_str(&lines[0])));
    CHECK(!audit_check_line(&c, STR("")));
    CHECK_EQ(c.fault, AUDIT_FAULT_LINE);
    CHECK_EQ(c.bad, 2);
    for (int f = AUDIT_FAULT_NONE; f <= AUDIT_FAULT_CUT; f++)
        CHECK(strlen(audit_fault_text((enum audit_fault)f)) > 0);
}

static void test_an_empty_log(void)
{
    struct audit_check c;
    struct audit_tree empty = {.size = 0};
    struct audit_checkpoint nothing = {.size = 0}, wrong = {.size = 0};
    audit_tree_root(&empty, nothing.root);
    audit_check_begin(&c, &nothing, NULL);
    CHECK(audit_check_end(&c));
    audit_check_begin(&c, &wrong, NULL);
    CHECK(!audit_check_end(&c));
    audit_check_begin(&c, &whole, NULL);
    CHECK(!audit_check_end(&c));
    CHECK_EQ(c.fault, AUDIT_FAULT_CUT);
    CHECK_EQ(c.bad, 1);
}

int main(void)
{
    CHECK_OK(crypto_open());
    make();
    RUN(test_what_is_whole_is_good);
    RUN(test_abuse_093_removed_moved_and_cut);
    RUN(test_abuse_093_changed);
    RUN(test_abuse_093_changed_with_its_hash);
    RUN(test_abuse_096_another_teams_log_is_no_log_of_this_key);
    RUN(test_what_is_no_record);
    RUN(test_an_empty_log);
    for (size_t i = 0; i < RECORDS; i++)
        buf_auto(&lines[i]);
    return test_done();
}
