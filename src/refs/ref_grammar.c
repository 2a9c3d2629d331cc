#include "ref_grammar.h"

#include "limit.h"
#include "ref_scan.h"

static bool is_name_byte(char c)
{
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '-' || c == '.' || c == '/';
}

bool ref_name_valid(struct str name)
{
    for (size_t i = 0; i < name.len; i++)
        if (!is_name_byte(name.ptr[i]))
            return false;
    return name.len >= 1 && name.len <= SECRET_NAME_MAX_BYTES;
}

static size_t skip_spaces(struct str s, size_t at)
{
    while (at < s.len && s.ptr[at] == ' ')
        at++;
    return at;
}

/* Is s[at..], behind "${", someone's attempt at a reference? */
static bool is_candidate(struct str s, size_t at)
{
    for (const char *want = "secret"; *want; want++) {
        at = skip_spaces(s, at);
        if (at == s.len || (s.ptr[at] | 0x20) != *want)
            return false;
        at++;
    }
    at = skip_spaces(s, at);
    if (at < s.len && (s.ptr[at] | 0x20) == 's')
        at = skip_spaces(s, at + 1);
    return at < s.len && s.ptr[at] == '.';
}

/* "@3": digits without a leading zero. */
static size_t read_version(struct str s, size_t at, struct ref_match *m)
{
    size_t from = at + 1, to = from;
    uint64_t version = 0;
    while (to < s.len && s.ptr[to] >= '0' && s.ptr[to] <= '9')
        to++;
    struct str digits = str_slice(s, from, to);
    if (to == from || digits.ptr[0] == '0' || str_to_u64(digits, UINT32_MAX, &version) != OK)
        m->why = "malformed secret reference: a version is a whole number from 1 up";
    m->version = (uint32_t)version;
    return to;
}

/* `at` is behind "${". Fills name, version and end, or why. */
static void read_reference(struct str s, size_t at, struct ref_match *m)
{
    struct str rest = str_slice(s, at, s.len);
    if (str_starts(rest, STR("secret.")))
        at += sizeof "secret." - 1;
    else if (str_starts(rest, STR("secrets.")))
        at += sizeof "secrets." - 1;
    else {
        m->why = "malformed secret reference: write it ${secret.NAME}, in lower case, no blanks";
        return;
    }
    size_t from = at;
    while (at < s.len && is_name_byte(s.ptr[at]))
        at++;
    m->name = str_slice(s, from, at);
    if (at < s.len && s.ptr[at] == '@')
        at = read_version(s, at, m);
    if (m->why)
        return;
    if (at == s.len)
        m->why = "malformed secret reference: the closing brace is missing";
    else if (s.ptr[at] != '}')
        m->why = "malformed secret reference: a name is made of A-Z a-z 0-9 _ - . /";
    else if (m->name.len == 0)
        m->why = "malformed secret reference: the name is missing";
    else if (m->name.len > SECRET_NAME_MAX_BYTES)
        m->why = "malformed secret reference: the name is longer than 128 bytes";
    m->end = at + 1;
}

bool ref_grammar_next(struct str raw, size_t from, struct ref_match *ret)
{
    for (size_t at = from;; at += 2) {
        at = str_search(raw, STR("${"), at);
        if (at == raw.len)
            return false;
        if (!is_candidate(raw, at + 2))
            continue;
        bool doubled = at > from && raw.ptr[at - 1] == '$';
        struct ref_match m = {.form = doubled ? REF_FORM_LITERAL : REF_FORM_PLAIN,
                              .begin = at - doubled};
        read_reference(raw, at + 2, &m);
        if (m.why) {
            m.form = REF_FORM_MALFORMED;
            m.end = at + 2;
        }
        *ret = m;
        return true;
    }
}
