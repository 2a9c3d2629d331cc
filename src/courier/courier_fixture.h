/* For the courier's tests: sealed records from a real vault process, bundles made from JSON with
 * references, and the values that must never be seen. */
#ifndef COURIER_FIXTURE_H
#define COURIER_FIXTURE_H

#include "errand.h"
#include "test_http.h"
#include "vault_fixture.h"

#define JOB STR("01JDF0000000000000000000J0")

/* URL_PART and its like are what a value looks like inside an address. */
static const struct {
    const char *name, *value;
} known[] = {
    {"KEY_ID", "AKIAIOSFODNN7EXAMPLE"},     {"KEY", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"},
    {"TOKEN", "tok3f9c5e77d2aa41"},         {"SPLIT", "first-line\r\nEvil: yes"},
    {"QUOTE", "va\"lue\\with\nmarks-81c2"},
};
enum { KNOWN = 5 };

static struct {
    struct fixture vault;
    struct buf team_key, sealed[KNOWN];
} place;

static inline struct seal_context context_of(size_t i)
{
    return (struct seal_context){.team_id = TEAM,
                                 .secret_id = SECRET_ID,
                                 .name = str_from(known[i].name),
                                 .version = 1,
                                 .epoch = 1,
                                 .created_at_ms = 1};
}

static inline void place_seal_all(void)
{
    AUTO(buf) struct buf keyring = buf_make(65536);
    place.team_key = buf_make(4096);
    CHECK_OK(vault_keyring_create(place.vault.vault, INSTANCE, &keyring));
    CHECK_OK(vault_unlock(place.vault.vault, INSTANCE, buf_str(&keyring)));
    CHECK_OK(vault_team_key_create(place.vault.vault, TEAM, 1, &place.team_key));
    for (size_t i = 0; i < KNOWN; i++) {
        AUTOP(secret) struct secret *value = NULL;
        struct seal_context context = context_of(i);
        place.sealed[i] = buf_make(65536);
        CHECK_OK(secret_new(str_from(known[i].value), &value));
        CHECK_OK(vault_seal(place.vault.vault, &context, buf_str(&place.team_key), value,
                            &place.sealed[i]));
    }
}

static inline void place_done(void)
{
    buf_auto(&place.team_key);
    for (size_t i = 0; i < KNOWN; i++)
        buf_auto(&place.sealed[i]);
    CHECK_EQ(fixture_stop(&place.vault), 0);
}

/* Every "${secret.NAME}" of the fragment, with the record of that name. */
static inline struct ref_bundle bundle_of(const char *fragment, struct arena *a)
{
    struct ref_bundle b = {.fragment = str_from(fragment), .team_key = buf_str(&place.team_key)};
    b.records = arena_array(a, KNOWN, sizeof *b.records);
    b.uses = arena_array(a, 16, sizeof *b.uses);
    uint32_t index[KNOWN] = {0};
    for (size_t at = 0; (at = str_search(b.fragment, STR("${secret."), at)) < b.fragment.len;) {
        struct str name, rest = str_slice(b.fragment, at + 9, b.fragment.len);
        (void)str_split(rest, '}', &name);
        size_t k = 0;
        while (k < KNOWN && !str_is(name, known[k].name))
            k++;
        ASSERT(k < KNOWN);
        if (index[k] == 0) {
            b.records[b.record_count] =
                (struct ref_record){context_of(k), buf_str(&place.sealed[k])};
            index[k] = (uint32_t)++b.record_count;
        }
        size_t end = at + 9 + name.len + 1;
        b.uses[b.use_count++] =
            (struct ref_use){.begin = at, .end = end, .record = index[k] - 1, .pointer = STR("/x")};
        at = end;
    }
    return b;
}

/* No value, nor the longest clear piece of one, stands in what others may see. */
static inline void check_clean(struct str text)
{
    static const char *const pieces[] = {"AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI", "bPxRfiCYEXAMPLE",
                                         "tok3f9c5e77d2aa41",    "first-line",    "marks-81c2"};
    for (size_t i = 0; i < ARRAY_LEN(pieces); i++)
        CHECK(str_search(text, str_from(pieces[i]), 0) == text.len);
}

static inline int memfd_with(struct str bytes)
{
    int fd = memfd_create("data", MFD_CLOEXEC);
    CHECK(fd >= 0);
    CHECK_OK(io_write_all(fd, bytes));
    return fd;
}

static inline void read_memfd(int fd, struct buf *out)
{
    CHECK_EQ(lseek(fd, 0, SEEK_SET), 0);
    CHECK_OK(io_read_all(fd, out));
}

#endif
