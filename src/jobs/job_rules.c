#include "job_rules.h"

#include "fetch.h"
#include "url.h"

#include "json_scan.h"

struct str job_rules_at(const struct job_rules *r, const char *pointer)
{
    if (!r->at.len)
        return str_from(pointer);
    return arena_printf(r->arena, "%.*s%s", (int)r->at.len, r->at.ptr, pointer);
}

enum err job_rules_add(const struct job_rules *r, const char *pointer, const char *message)
{
    return problems_add(r->problems, job_rules_at(r, pointer), message);
}

bool job_rules_one_of(struct str v, const char *const *words)
{
    for (; *words; words++) {
        if (str_is(v, *words))
            return true;
    }
    return false;
}

static bool small_or_digit(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

bool job_rules_word(struct str v, const char *extra)
{
    if (v.len < 1 || v.len > JOB_WORD_MAX_BYTES)
        return false;
    for (size_t i = 0; i < v.len; i++) {
        char c = v.ptr[i];
        if (!small_or_digit(c) && c != '-' && (c == '\0' || !strchr(extra, c)))
            return false;
    }
    return true;
}

static bool starts_nocase(struct str v, struct str prefix)
{
    return v.len > prefix.len && str_equal_nocase(str_slice(v, 0, prefix.len), prefix);
}

bool job_rules_refers(struct str text)
{
    return str_search(text, STR("${secret."), 0) < text.len ||
           str_search(text, STR("${secrets."), 0) < text.len;
}

/* Is a user or password in it? "${secret.HOST@2}" is none. */
static bool has_user(struct str url)
{
    size_t at = str_search(url, STR("://"), 0) + sizeof "://" - 1;
    bool reference = false;
    for (; at < url.len; at++) {
        char c = url.ptr[at];
        if (c == '$' && at + 1 < url.len && url.ptr[at + 1] == '{')
            reference = true;
        if (c == '}')
            reference = false;
        if (!reference && c == '@')
            return true;
        if (!reference && (c == '/' || c == '?' || c == '#'))
            return false;
    }
    return false;
}

bool job_rules_url(struct str v)
{
    AUTO(url) struct url url = {.https = false};
    if (v.len > JOB_URL_MAX_BYTES)
        return false;
    for (size_t i = 0; i < v.len; i++) {
        unsigned char c = (unsigned char)v.ptr[i];
        if (c <= ' ' || c == 0x7f || c == '\\')
            return false;
    }
    bool http = starts_nocase(v, STR("https://")) || starts_nocase(v, STR("http://"));
    if (!job_rules_refers(v))
        return http && url_parse(v, &url) == OK;
    return (http || str_starts(v, STR("${secret"))) && !has_user(v);
}

bool job_rules_string(struct job_rules *r, struct str raw, size_t max, struct str *ret)
{
    if (raw.len < 2 || raw.ptr[0] != '"')
        return false;
    AUTO(buf) struct buf text = buf_make(max);
    if (json_unescape(str_slice(raw, 1, raw.len - 1), &text) != OK)
        return false;
    *ret = arena_str(r->arena, buf_str(&text));
    return true;
}

/* Keys come raw; one that is longer than any of ours is none of ours. */
static bool key_text(struct job_rules *r, struct str raw, struct str *ret)
{
    AUTO(buf) struct buf text = buf_make(JOB_TEXT_MAX_BYTES);
    if (json_unescape(raw, &text) != OK)
        return false;
    *ret = arena_str(r->arena, buf_str(&text));
    return true;
}

enum err job_rules_only(struct job_rules *r, struct str object, struct str pointer,
                        const char *const *known)
{
    struct json_members m;
    struct str key, value, text;
    json_members_init(&m, object);
    while (json_members_next(&m, &key, &value)) {
        if (key_text(r, key, &text) && job_rules_one_of(text, known))
            continue;
        AUTO(buf) struct buf names = buf_make(JOB_TEXT_MAX_BYTES);
        for (const char *const *k = known; *k; k++)
            TRY(buf_printf(&names, "%s%s", k == known ? "" : ", ", *k));
        struct str list = buf_str(&names);
        return problems_addf(r->problems, pointer,
                             "has a member that is not known; it may have: %.*s", (int)list.len,
                             list.ptr);
    }
    return OK;
}

_Static_assert(JOB_URL_MAX_BYTES == 8192, "header_problem says so");

static bool is_header_name(struct str name)
{
    if (name.len < 1 || name.len > 256)
        return false;
    for (size_t i = 0; i < name.len; i++) {
        char c = name.ptr[i];
        bool letter = (c >= 'A' && c <= 'Z') || small_or_digit(c);
        if (!letter && (c == '\0' || !strchr("!#$%&'*+-.^_`|~", c)))
            return false;
    }
    return true;
}

/* A line break in a secret is found out when it is sent. */
static bool is_header_value(struct str text)
{
    for (size_t i = 0; i < text.len; i++) {
        if (((unsigned char)text.ptr[i] < ' ' && text.ptr[i] != '\t') || text.ptr[i] == 0x7f)
            return false;
    }
    return true;
}

static const char *header_problem(struct job_rules *r, struct str raw_name, struct str value,
                                  struct str *ret_name)
{
    struct str text;
    if (!key_text(r, raw_name, ret_name) || !is_header_name(*ret_name))
        return "has a name that no header can have";
    if (!fetch_header_is_free(*ret_name))
        return "has a header that is not the job's to set (Host, Content-Length, Connection and "
               "others that frame or route a request)";
    if (!job_rules_string(r, value, JOB_URL_MAX_BYTES, &text))
        return "must hold strings only, each of at most 8192 bytes";
    bool judged = !job_rules_refers(text); /* a reference is judged with the others */
    return !judged || is_header_value(text) ? NULL
                                            : "has a value with a line break or control character";
}

enum err job_rules_headers(struct job_rules *r, struct str object, struct str pointer)
{
    struct json_members m;
    struct str key, value, names[JOB_HEADERS_MAX];
    size_t count = 0;
    json_members_init(&m, object);
    while (json_members_next(&m, &key, &value)) {
        if (count == JOB_HEADERS_MAX)
            return problems_addf(r->problems, pointer, "may have at most %d members",
                                 JOB_HEADERS_MAX);
        const char *why = header_problem(r, key, value, &names[count]);
        for (size_t i = 0; i < count && !why; i++) {
            if (str_equal_nocase(names[i], names[count]))
                why = "has one header twice (case does not tell names apart)";
        }
        if (why)
            return problems_add(r->problems, pointer, why);
        count++;
    }
    return OK;
}

static bool tag_list(struct str v, bool commas)
{
    bool within = false; /* a tag has begun */
    for (size_t i = 0; i < v.len; i++) {
        char c = v.ptr[i];
        if (c == ',' && commas && within) {
            within = false;
            continue;
        }
        if (!small_or_digit(c) && !(c >= 'A' && c <= 'Z') && c != '-' && c != '_')
            return false;
        within = true;
    }
    return within;
}

enum err job_rules_tags(struct job_rules *r, struct str raw, struct str *ret)
{
    static const char why[] = "must be tags of A-Z a-z 0-9 - _, as an array or separated by commas";
    struct str text;
    if (raw.len && raw.ptr[0] == '[') {
        AUTO(buf) struct buf all = buf_make(JOB_TAGS_MAX_BYTES);
        struct json_elements e;
        struct str element;
        json_elements_init(&e, raw);
        while (json_elements_next(&e, &element)) {
            if (!job_rules_string(r, element, JOB_TAGS_MAX_BYTES, &text) || !tag_list(text, false))
                return job_rules_add(r, "/tags", why);
            if ((e.index && buf_put(&all, STR(",")) != OK) || buf_put(&all, text) != OK)
                return problems_addf(r->problems, job_rules_at(r, "/tags"),
                                     "must be at most %d bytes in all", JOB_TAGS_MAX_BYTES);
        }
        *ret = arena_str(r->arena, buf_str(&all));
        return OK;
    }
    if (!job_rules_string(r, raw, JOB_TAGS_MAX_BYTES, &text) || (text.len && !tag_list(text, true)))
        return job_rules_add(r, "/tags", why);
    *ret = text;
    return OK;
}
