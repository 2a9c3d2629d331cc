#include "envelope.h"

#include "test.h"

#define INSTANCE STR("01JDF0000000000000000000A0")
#define TEAM     STR("01JDF0000000000000000000T0")

static struct secret *key_one, *key_two;

static struct seal_context sample_context(void)
{
    return (struct seal_context){.team_id = TEAM,
                                 .secret_id = STR("01JDF0000000000000000000S0"),
                                 .name = STR("NAME"),
                                 .version = 1,
                                 .epoch = 2,
                                 .created_at_ms = 3,
                                 .policy = STR("p")};
}

static struct envelope_kek kek(const struct secret *key, uint32_t version)
{
    return (struct envelope_kek){.key = key, .version = version};
}

static enum err opens(struct str instance, const struct seal_context *c,
                      const struct secret *team_key, uint32_t version, struct str sealed)
{
    AUTOP(secret) struct secret *value = NULL;
    struct envelope_kek k = kek(team_key, version);
    enum err e = envelope_open(instance, c, &k, sealed, &value);
    CHECK((value != NULL) == (e == OK));
    return e;
}

static void seal_sample(struct buf *out)
{
    struct seal_context c = sample_context();
    struct envelope_kek k = kek(key_one, 4);
    CHECK_OK(envelope_seal(INSTANCE, &c, &k, STR("value"), out));
    CHECK_EQ(out->len, SEALED_OVERHEAD_BYTES + 5);
}

static void test_record_opens_for_its_place_only(void)
{
    struct seal_context c = sample_context();
    AUTO(buf) struct buf sealed = buf_make(4096);
    seal_sample(&sealed);
    CHECK_ERR(opens(INSTANCE, &c, key_one, 4, buf_str(&sealed)), OK);
    CHECK_ERR(opens(STR("01JDF0000000000000000000A1"), &c, key_one, 4, buf_str(&sealed)),
              ERR_TAMPERED);
    CHECK_ERR(opens(INSTANCE, &c, key_two, 4, buf_str(&sealed)), ERR_TAMPERED);
    CHECK_ERR(opens(INSTANCE, &c, key_one, 3, buf_str(&sealed)), ERR_TAMPERED);
}

/* Bytes that move from one field into its neighbour make another context. */
static void test_fields_do_not_run_into_each_other(void)
{
    AUTO(buf) struct buf sealed = buf_make(4096);
    struct envelope_kek k = kek(key_one, 1);
    const struct {
        const char *team, *secret, *name, *policy;
    } cases[] = {
        {"ab", "cd", "ef", ""},  {"a", "bcd", "ef", ""},  {"abc", "d", "ef", ""},
        {"ab", "c", "def", ""},  {"ab", "cde", "f", ""},  {"", "abcd", "ef", ""},
        {"ab", "cd", "", "ef"},  {"ab", "cd", "e", "f"},  {"ab\0", "cd", "ef", ""},
        {"", "", "abcdef", ""},  {"abcdef", "", "", ""},  {"ab|cd", "", "ef", ""},
        {"ab", "cd|ef", "", ""}, {"ab", "cd", "ef|", ""},
    };
    struct seal_context contexts[ARRAY_LEN(cases)];
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        contexts[i] = (struct seal_context){.team_id = str_from(cases[i].team),
                                            .secret_id = str_from(cases[i].secret),
                                            .name = str_from(cases[i].name),
                                            .version = 1,
                                            .policy = str_from(cases[i].policy)};
    contexts[8].team_id = STR("ab\0");
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        buf_reset(&sealed);
        CHECK_OK(envelope_seal(INSTANCE, &contexts[i], &k, STR("v"), &sealed));
        for (size_t j = 0; j < ARRAY_LEN(cases); j++)
            CHECK_ERR(opens(INSTANCE, &contexts[j], key_one, 1, buf_str(&sealed)),
                      i == j ? OK : ERR_TAMPERED);
    }
}

static void test_every_flip_and_cut_of_a_record_is_refused(void)
{
    struct seal_context c = sample_context();
    AUTO(buf) struct buf sealed = buf_make(4096);
    seal_sample(&sealed);
    for (size_t bit = 0; bit < sealed.len * 8; bit++) {
        sealed.ptr[bit / 8] = (char)(sealed.ptr[bit / 8] ^ (1 << bit % 8));
        CHECK_ERR(opens(INSTANCE, &c, key_one, 4, buf_str(&sealed)), ERR_TAMPERED);
        sealed.ptr[bit / 8] = (char)(sealed.ptr[bit / 8] ^ (1 << bit % 8));
    }
    for (size_t len = 0; len < sealed.len; len++)
        CHECK_ERR(opens(INSTANCE, &c, key_one, 4, str_slice(buf_str(&sealed), 0, len)),
                  ERR_TAMPERED);
    CHECK_OK(buf_put_byte(&sealed, 0));
    CHECK_ERR(opens(INSTANCE, &c, key_one, 4, buf_str(&sealed)), ERR_TAMPERED);
}

/* The two halves of a record belong together, even when each is genuine. */
static void test_halves_cannot_be_mixed(void)
{
    struct seal_context c = sample_context();
    AUTO(buf) struct buf a = buf_make(4096), b = buf_make(4096), mixed = buf_make(4096);
    seal_sample(&a);
    seal_sample(&b);
    CHECK_OK(buf_put(&mixed, str_slice(buf_str(&a), 0, SEALED_AT_VALUE)));
    CHECK_OK(buf_put(&mixed, str_slice(buf_str(&b), SEALED_AT_VALUE, b.len)));
    CHECK_ERR(opens(INSTANCE, &c, key_one, 4, buf_str(&mixed)), ERR_TAMPERED);
}

static enum err unwraps(const struct secret *master, uint32_t version, struct str instance,
                        struct str team, struct str wrapped)
{
    AUTOP(secret) struct secret *key = NULL;
    struct envelope_kek k = kek(master, version);
    enum err e = envelope_team_key_unwrap(&k, instance, team, wrapped, &key);
    CHECK(e != OK || secret_equal(key, key_two));
    return e;
}

static void test_team_key(void)
{
    AUTO(buf) struct buf wrapped = buf_make(4096);
    struct envelope_kek master = kek(key_one, 7), team_key = kek(key_two, 2);
    CHECK_OK(envelope_team_key_wrap(&master, INSTANCE, TEAM, &team_key, &wrapped));
    CHECK_EQ(wrapped.len, TEAM_KEY_BYTES);
    struct str whole = buf_str(&wrapped);
    CHECK_ERR(unwraps(key_one, 7, INSTANCE, TEAM, whole), OK);
    CHECK_ERR(unwraps(key_two, 7, INSTANCE, TEAM, whole), ERR_TAMPERED);
    CHECK_ERR(unwraps(key_one, 6, INSTANCE, TEAM, whole), ERR_TAMPERED);
    CHECK_ERR(unwraps(key_one, 7, TEAM, TEAM, whole), ERR_TAMPERED);
    CHECK_ERR(unwraps(key_one, 7, INSTANCE, INSTANCE, whole), ERR_TAMPERED);
    for (size_t bit = 0; bit < wrapped.len * 8; bit++) {
        wrapped.ptr[bit / 8] = (char)(wrapped.ptr[bit / 8] ^ (1 << bit % 8));
        CHECK_ERR(unwraps(key_one, 7, INSTANCE, TEAM, buf_str(&wrapped)), ERR_TAMPERED);
        wrapped.ptr[bit / 8] = (char)(wrapped.ptr[bit / 8] ^ (1 << bit % 8));
    }
    for (size_t len = 0; len < wrapped.len; len++)
        CHECK_ERR(unwraps(key_one, 7, INSTANCE, TEAM, str_slice(whole, 0, len)), ERR_TAMPERED);
}

static void test_failed_seal_leaves_the_buffer_alone(void)
{
    struct seal_context c = sample_context();
    struct envelope_kek k = kek(key_one, 1);
    AUTO(buf) struct buf small = buf_make(SEALED_OVERHEAD_BYTES + 4);
    CHECK_OK(buf_put(&small, STR("abc")));
    CHECK_ERR(envelope_seal(INSTANCE, &c, &k, STR("value"), &small), ERR_TOO_LARGE);
    CHECK_STR(buf_str(&small), "abc");
}

static void test_no_secret_is_left(void)
{
    secret_free(&key_one);
    secret_free(&key_two);
    CHECK_EQ(secret_arena_used(), 0);
}

int main(void)
{
    CHECK_OK(crypto_open());
    CHECK_OK(envelope_key_new(&key_one));
    CHECK_OK(envelope_key_new(&key_two));
    RUN(test_record_opens_for_its_place_only);
    RUN(test_fields_do_not_run_into_each_other);
    RUN(test_every_flip_and_cut_of_a_record_is_refused);
    RUN(test_halves_cannot_be_mixed);
    RUN(test_team_key);
    RUN(test_failed_seal_leaves_the_buffer_alone);
    RUN(test_no_secret_is_left);
    return test_done();
}
