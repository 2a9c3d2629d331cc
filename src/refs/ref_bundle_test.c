#include "ref_bundle.h"

#include "alloc.h"
#include "limit.h"
#include "policy.h"
#include "test.h"

#define TEAM_ID   "01JCV5Q2M8XYZABCDEFGHJKMNP"
#define SECRET_ID "01JCV5Q2M8XYZABCDEFGHJKMNQ"

/* Stands in for the vault's client: "opens" a record by taking off its first byte. */
static size_t opened, fail_at;
static struct str fields_seen[8];
static unsigned sinks_seen[8];

enum err vault_open_for_use(struct vault *v, const struct seal_context *context,
                            struct str team_key, struct str sealed, const struct vault_use *use,
                            struct secret **ret)
{
    (void)v;
    CHECK_STR(context->team_id, TEAM_ID);
    CHECK_STR(team_key, "wrapped key");
    CHECK_STR(use->host, "s3.example.com");
    fields_seen[opened] = use->field;
    sinks_seen[opened] = use->sinks;
    if (opened++ == fail_at)
        return ERR_TAMPERED;
    return secret_new(str_slice(sealed, 1, sealed.len), ret);
}

#define FRAGMENT                                                                                   \
    "{\"a\":\"${secret.A}\",\"b\":\"x${secrets.B@2} $${secret.C}\",\"c\":\"${secret.A}\"}"

static struct ref_record record(const char *name, uint32_t version, const char *sealed)
{
    return (struct ref_record){.context = {.team_id = STR(TEAM_ID),
                                           .secret_id = STR(SECRET_ID),
                                           .name = str_from(name),
                                           .version = version,
                                           .epoch = 0x1122334455667788u,
                                           .created_at_ms = 1700000000000,
                                           .policy = STR("p")},
                               .sealed = str_from(sealed)};
}

struct sample {
    struct ref_bundle bundle;
    struct ref_record records[3];
    struct ref_use uses[4];
};

static struct ref_use use_of(const char *text, size_t from, uint32_t at, enum ref_sink sink,
                             const char *pointer)
{
    struct str whole = STR(FRAGMENT);
    size_t begin = str_search(whole, str_from(text), from);
    return (struct ref_use){.begin = begin,
                            .end = begin + strlen(text),
                            .literal = text[1] == '$',
                            .sink = text[1] == '$' ? (enum ref_sink)0 : sink,
                            .record = at,
                            .pointer = str_from(pointer)};
}

static void sample_make(struct sample *s)
{
    s->records[0] = record("A", 5, "#value \"a\"");
    s->records[1] = record("B", 2, "#b");
    s->records[2] = record("A", 4, "#older a");
    s->uses[0] = use_of("${secret.A}", 0, 0, REF_CREDENTIAL, "/upload/a");
    s->uses[1] = use_of("${secrets.B@2}", 0, 1, REF_BODY, "/upload/b");
    s->uses[2] = use_of("$${secret.C}", 0, 0, REF_BODY, "/upload/b");
    s->uses[3] = use_of("${secret.A}", s->uses[0].end, 0, REF_SCRIPT, "/upload/c");
    s->bundle = (struct ref_bundle){STR(FRAGMENT), STR("wrapped key"), s->records, 3, s->uses, 4};
}

static enum err decode(struct str bytes)
{
    AUTO(arena) struct arena arena = arena_make();
    struct ref_bundle b;
    return ref_bundle_decode(bytes, &arena, &b);
}

static void test_round_trip(void)
{
    struct sample s;
    struct ref_bundle b;
    AUTO(arena) struct arena arena = arena_make();
    AUTO(buf) struct buf first = buf_make(4096), second = buf_make(4096);
    sample_make(&s);
    CHECK_OK(ref_bundle_encode(&s.bundle, &first));
    CHECK_OK(ref_bundle_decode(buf_str(&first), &arena, &b));
    CHECK_STR(b.fragment, FRAGMENT);
    CHECK_EQ(b.record_count, 3);
    CHECK_EQ(b.records[0].context.epoch, 0x1122334455667788u);
    CHECK_EQ(b.records[0].context.created_at_ms, 1700000000000);
    CHECK_EQ(b.records[1].context.version, 2);
    CHECK_STR(b.records[2].sealed, "#older a");
    CHECK_EQ(b.use_count, 4);
    CHECK(b.uses[2].literal);
    CHECK_STR(b.uses[3].pointer, "/upload/c");
    CHECK_OK(ref_bundle_encode(&b, &second));
    CHECK(str_equal(buf_str(&first), buf_str(&second)));
}

static void test_empty_bundle(void)
{
    AUTO(buf) struct buf b = buf_make(64);
    struct ref_bundle empty = {.fragment = STR(""), .team_key = STR("")};
    CHECK_OK(ref_bundle_encode(&empty, &b));
    CHECK_OK(decode(buf_str(&b)));
}

/* A cut is always refused. A changed byte is refused, or it is in a field that has no rule of its
 * own and encodes back to the same bytes. */
static void test_flips_and_truncations(void)
{
    struct sample s;
    AUTO(buf) struct buf good = buf_make(4096);
    sample_make(&s);
    CHECK_OK(ref_bundle_encode(&s.bundle, &good));
    for (size_t len = 0; len < good.len; len++) {
        AUTO(mem) char *copy = xmalloc(len + 1);
        memcpy(copy, good.ptr, len);
        CHECK_ERR(decode(str_bytes(copy, len)), ERR_INVALID);
    }
    for (size_t at = 0; at < good.len; at++) {
        for (int bit = 0; bit < 8; bit++) {
            AUTO(arena) struct arena arena = arena_make();
            AUTO(mem) char *copy = xmalloc(good.len);
            AUTO(buf) struct buf again = buf_make(4096);
            struct ref_bundle b;
            memcpy(copy, good.ptr, good.len);
            copy[at] = (char)(copy[at] ^ (1 << bit));
            if (ref_bundle_decode(str_bytes(copy, good.len), &arena, &b) != OK)
                continue;
            CHECK_OK(ref_bundle_encode(&b, &again));
            CHECK(str_equal(buf_str(&again), str_bytes(copy, good.len)));
        }
    }
    CHECK_OK(buf_put_byte(&good, 0));
    CHECK_ERR(decode(buf_str(&good)), ERR_INVALID);
}

static void spoil_record(struct sample *s, int how)
{
    switch (how) {
    case 12:
        s->records[0].context.team_id = STR("not an id");
        break;
    case 13:
        s->records[0].context.secret_id = STR("");
        break;
    case 14:
        s->records[0].context.version = 0;
        break;
    case 15:
        s->records[2].context.name = STR("bad name");
        break;
    case 16:
        s->records[2].context.created_at_ms = -1;
        break;
    case 17: /* a literal has no record */
        s->uses[2].record = 1;
        break;
    case 18: /* a literal goes nowhere */
        s->uses[2].sink = REF_HEADER;
        break;
    case 19: /* no such sink */
        s->uses[0].sink = (enum ref_sink)(REF_SCRIPT + 1);
        break;
    case 20:
        s->bundle.use_count = REFS_PER_PAYLOAD_MAX + 1;
        break;
    default:
        s->bundle.record_count = REF_BUNDLE_RECORDS_MAX + 1;
    }
}

static void spoil(struct sample *s, int how)
{
    struct ref_use swap = s->uses[0];
    switch (how) {
    case 0: /* out of order */
        s->uses[0] = s->uses[1];
        s->uses[1] = swap;
        break;
    case 1: /* overlapping */
        s->uses[1] = s->uses[0];
        break;
    case 2: /* past the fragment */
        s->uses[3].end = s->bundle.fragment.len + 1;
        break;
    case 3: /* empty */
        s->uses[0].end = s->uses[0].begin;
        break;
    case 4: /* not a reference */
        s->uses[0].begin++;
        break;
    case 5: /* more than the reference */
        s->uses[0].end++;
        break;
    case 6: /* another secret's record */
        s->uses[0].record = 1;
        break;
    case 7: /* no such record */
        s->uses[0].record = 3;
        break;
    case 8: /* another version than the one asked for */
        s->records[1].context.version = 3;
        break;
    case 9: /* a literal as a reference */
        s->uses[2].literal = false;
        break;
    case 10: /* a reference as a literal */
        s->uses[0].literal = true;
        break;
    case 11: /* the second half of a literal */
        s->records[0].context.name = STR("C");
        s->uses[0] = s->uses[2];
        s->uses[0].literal = false;
        s->uses[0].begin++;
        s->bundle.use_count = 1;
        break;
    default:
        spoil_record(s, how);
    }
}

static void test_inconsistent_bundles_are_refused(void)
{
    for (int how = 0; how < 22; how++) {
        struct sample s;
        AUTO(buf) struct buf b = buf_make(4096);
        sample_make(&s);
        spoil(&s, how);
        enum err e = ref_bundle_encode(&s.bundle, &b);
        if (e != ERR_INVALID)
            printf("# spoiled %d\n", how);
        CHECK_ERR(e, ERR_INVALID);
        CHECK_EQ(b.len, 0);
    }
}

/* A count that its bytes cannot hold asks for no memory. */
static void test_large_counts_are_refused_before_allocation(void)
{
    static const char huge[] = "\x01\0\0\0\0\0\0\0\0\x20\x4e\0\0\0\0\0\0";
    AUTO(arena) struct arena arena = arena_make();
    struct ref_bundle b;
    CHECK_ERR(ref_bundle_decode(str_bytes(huge, sizeof huge - 1), &arena, &b), ERR_INVALID);
    CHECK_EQ(arena.used_bytes, 0);
}

static void test_open_and_splice(void)
{
    struct sample s;
    struct vault_use use = {.purpose = VAULT_FOR_DELIVERY, .host = STR("s3.example.com")};
    AUTO(buf) struct buf out = buf_make(4096);
    sample_make(&s);
    opened = 0;
    fail_at = 99;
    AUTO(ref_values) struct ref_values values = {0};
    struct str name;
    CHECK_OK(ref_bundle_open(&s.bundle, NULL, &use, &values, &name));
    CHECK_STR(name, "");
    CHECK_EQ(values.count, 3);
    CHECK_STR(fields_seen[0], "/upload/a");
    CHECK_STR(fields_seen[1], "/upload/b");
    CHECK_STR(fields_seen[2], "/upload/a"); /* no use of its own: that of the same secret */
    CHECK_EQ(sinks_seen[0], POLICY_CREDENTIAL | POLICY_SCRIPT);
    CHECK_EQ(sinks_seen[1], POLICY_BODY);
    CHECK_EQ(sinks_seen[2], 0); /* for masks alone */
    CHECK_OK(ref_bundle_splice(&s.bundle, &values, &out));
    CHECK_STR(buf_str(&out), "{\"a\":\"value \\\"a\\\"\",\"b\":\"xb ${secret.C}\","
                             "\"c\":\"value \\\"a\\\"\"}");
    AUTO(buf) struct buf small = buf_make(20);
    CHECK_ERR(ref_bundle_splice(&s.bundle, &values, &small), ERR_TOO_LARGE);
}

/* Whatever a worker is handed is text to it, wherever in the payload it stands. */
static void test_sinks_at_pickup_and_the_callers_own(void)
{
    struct sample s;
    struct vault_use use = {
        .purpose = VAULT_FOR_PICKUP, .sinks = POLICY_HEADER, .host = STR("s3.example.com")};
    AUTO(ref_values) struct ref_values values = {0};
    struct str name;
    sample_make(&s);
    opened = 0;
    fail_at = 99;
    CHECK_OK(ref_bundle_open(&s.bundle, NULL, &use, &values, &name));
    CHECK_EQ(sinks_seen[0], POLICY_HEADER | POLICY_TEXT | POLICY_SCRIPT);
    CHECK_EQ(sinks_seen[1], POLICY_HEADER | POLICY_TEXT);
    CHECK_EQ(sinks_seen[2], POLICY_HEADER);
}

static void test_failed_open_leaves_nothing(void)
{
    size_t before = secret_arena_used();
    for (size_t n = 0; n < 3; n++) {
        struct sample s;
        struct vault_use use = {.purpose = VAULT_FOR_PICKUP, .host = STR("s3.example.com")};
        struct ref_values values = {0};
        struct str name;
        sample_make(&s);
        opened = 0;
        fail_at = n;
        CHECK_ERR(ref_bundle_open(&s.bundle, NULL, &use, &values, &name), ERR_TAMPERED);
        CHECK_STR(name, n == 1 ? "B" : "A");
        CHECK(values.values == NULL);
        CHECK_EQ(secret_arena_used(), before);
    }
}

int main(void)
{
    RUN(test_round_trip);
    RUN(test_empty_bundle);
    RUN(test_flips_and_truncations);
    RUN(test_inconsistent_bundles_are_refused);
    RUN(test_large_counts_are_refused_before_allocation);
    RUN(test_open_and_splice);
    RUN(test_sinks_at_pickup_and_the_callers_own);
    RUN(test_failed_open_leaves_nothing);
    return test_done();
}
