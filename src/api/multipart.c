#include "multipart.h"

static const char BLANKS[] = " \t";

/* --- parameters: `; name=value; other="quoted"` --- */

struct parameter {
    struct str name, value; /* value: with its backslashes */
};

static bool is_token_char(char c)
{
    return c > ' ' && c < 0x7f && !strchr("()<>@,;:\\\"/[]?={}", c);
}

static struct str skip_blanks(struct str s)
{
    size_t n = 0;
    while (n < s.len && s.ptr[n] != '\0' && strchr(BLANKS, s.ptr[n]))
        n++;
    return str_slice(s, n, s.len);
}

static size_t token_len(struct str s)
{
    size_t n = 0;
    while (n < s.len && is_token_char(s.ptr[n]))
        n++;
    return n;
}

/* Of a quoted string, without the first quote: up to the one that ends it; s.len: none does. */
static size_t quoted_len(struct str s)
{
    for (size_t i = 0; i < s.len; i++) {
        if (s.ptr[i] == '"')
            return i;
        if (s.ptr[i] == '\\' && i + 1 < s.len && (s.ptr[i + 1] == '"' || s.ptr[i + 1] == '\\'))
            i++;
    }
    return s.len;
}

/* Takes one parameter off *rest. False at the end; *ret_bad: it is malformed. */
static bool next_parameter(struct str *rest, struct parameter *ret, bool *ret_bad)
{
    struct str s = skip_blanks(*rest);
    *ret_bad = false;
    if (s.len == 0)
        return false;
    *ret_bad = true;
    if (s.ptr[0] != ';')
        return false;
    s = skip_blanks(str_slice(s, 1, s.len));
    size_t n = token_len(s);
    if (n == 0 || n == s.len || s.ptr[n] != '=')
        return false;
    ret->name = str_slice(s, 0, n);
    s = str_slice(s, n + 1, s.len);
    bool quoted = s.len > 0 && s.ptr[0] == '"';
    if (quoted)
        s = str_slice(s, 1, s.len);
    n = quoted ? quoted_len(s) : token_len(s);
    if (quoted ? n == s.len : n == 0)
        return false;
    ret->value = str_slice(s, 0, n);
    *rest = str_slice(s, n + quoted, s.len);
    *ret_bad = false;
    return true;
}

/* --- the boundary --- */

static bool is_boundary(struct str b)
{
    if (b.len == 0 || b.len > MULTIPART_BOUNDARY_MAX || b.ptr[b.len - 1] == ' ')
        return false;
    for (size_t i = 0; i < b.len; i++) {
        char c = b.ptr[i];
        bool word = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
        if (!word && (c == '\0' || !strchr("'()+_,-./:=? ", c)))
            return false;
    }
    return true;
}

bool multipart_boundary(struct str content_type, struct str *ret)
{
    struct str essence, rest = content_type;
    str_split(content_type, ';', &essence);
    rest = str_slice(rest, essence.len, rest.len);
    if (!str_equal_nocase(str_trim(essence), STR("multipart/form-data")))
        return false;
    struct parameter p;
    struct str found = {NULL, 0};
    bool bad;
    while (next_parameter(&rest, &p, &bad)) {
        if (!str_equal_nocase(p.name, STR("boundary")))
            continue;
        if (found.ptr || !is_boundary(p.value))
            return false;
        found = p.value;
    }
    if (bad || !found.ptr)
        return false;
    *ret = found;
    return true;
}

/* --- a part's head --- */

static enum err malformed(struct multipart *m, const char *why)
{
    m->why = why;
    return ERR_INVALID;
}

/* Backslashes before '"' and '\' go, in place: the text gets shorter. */
static struct str unescape(char *text, size_t len)
{
    size_t out = 0;
    for (size_t i = 0; i < len; i++) {
        if (text[i] == '\\' && i + 1 < len && (text[i + 1] == '"' || text[i + 1] == '\\'))
            i++;
        text[out++] = text[i];
    }
    return str_bytes(text, out);
}

static struct str unescaped(struct multipart *m, struct str value)
{
    return unescape(m->head + (value.ptr - m->head), value.len);
}

static enum err disposition(struct multipart *m, struct str value, struct multipart_part *part)
{
    static const char bad_text[] = "a part's Content-Disposition is malformed";
    struct str kind;
    struct parameter p;
    bool bad;
    size_t n = token_len(value);
    kind = str_slice(value, 0, n);
    if (!str_equal_nocase(kind, STR("form-data")) || part->name.ptr)
        return malformed(m, bad_text);
    value = str_slice(value, n, value.len);
    while (next_parameter(&value, &p, &bad)) {
        struct str *at = str_equal_nocase(p.name, STR("name"))       ? &part->name
                         : str_equal_nocase(p.name, STR("filename")) ? &part->file_name
                                                                     : NULL;
        if (at && at->ptr)
            return malformed(m, bad_text);
        if (at)
            *at = unescaped(m, p.value);
    }
    return bad || !part->name.ptr ? malformed(m, bad_text) : OK;
}

static enum err header(struct multipart *m, struct str line, struct multipart_part *part)
{
    struct str name, value = str_split(line, ':', &name);
    if (!value.ptr || token_len(name) != name.len || name.len == 0)
        return malformed(m, "a part's head has a malformed line");
    value = str_trim(value);
    if (str_equal_nocase(name, STR("Content-Disposition")))
        return disposition(m, value, part);
    if (str_equal_nocase(name, STR("Content-Transfer-Encoding")) &&
        !str_equal_nocase(value, STR("binary")) && !str_equal_nocase(value, STR("8bit")) &&
        !str_equal_nocase(value, STR("7bit")))
        return malformed(m, "a part is encoded; send its bytes as they are");
    return OK;
}

/* m->head holds the lines, each with its end, and the empty one. */
static enum err begin_part(struct multipart *m)
{
    struct multipart_part part = {{NULL, 0}, {NULL, 0}};
    struct str rest = str_bytes(m->head, m->head_len - 2);
    while (rest.len > 0) {
        size_t n = str_search(rest, STR("\r\n"), 0);
        TRY(header(m, str_slice(rest, 0, n), &part));
        rest = str_slice(rest, n + 2, rest.len);
    }
    if (!part.name.ptr)
        return malformed(m, "a part has no Content-Disposition");
    return m->sink.part(m->sink.ctx, &part);
}

/* --- the stream --- */

void multipart_init(struct multipart *m, struct str boundary, const struct multipart_sink *sink)
{
    ASSERT(is_boundary(boundary));
    *m = (struct multipart){.sink = *sink, .state = MULTIPART_DATA};
    memcpy(m->delimiter, "\r\n--", 4);
    memcpy(m->delimiter + 4, boundary.ptr, boundary.len);
    m->delimiter_len = boundary.len + 4;
    m->matched = 2; /* as if the line before the body had ended */
}

static enum err hand_on(struct multipart *m, struct str bytes)
{
    if (bytes.len == 0)
        return OK;
    if (m->parts == 0)
        return malformed(m, "the body does not begin with its boundary");
    return m->sink.data(m->sink.ctx, bytes);
}

/* A CR stands only at the front of the delimiter, so a match that fails begins anew at the byte
 * that broke it, never within what was matched. */
static enum err feed_data(struct multipart *m, struct str *bytes)
{
    if (m->matched == 0) {
        size_t n = str_find(*bytes, '\r');
        TRY(hand_on(m, str_slice(*bytes, 0, n)));
        m->matched = n < bytes->len;
        *bytes = str_slice(*bytes, n + m->matched, bytes->len);
        return OK;
    }
    if (bytes->ptr[0] != m->delimiter[m->matched]) {
        size_t held = m->matched;
        m->matched = 0;
        return hand_on(m, str_bytes(m->delimiter, held));
    }
    *bytes = str_slice(*bytes, 1, bytes->len);
    if (++m->matched == m->delimiter_len) {
        m->matched = 0;
        m->head_len = 0;
        m->state = MULTIPART_AFTER;
    }
    return OK;
}

/* The two bytes behind a boundary. */
static enum err feed_after(struct multipart *m, struct str *bytes)
{
    m->head[m->head_len++] = bytes->ptr[0];
    *bytes = str_slice(*bytes, 1, bytes->len);
    if (m->head_len < 2)
        return OK;
    struct str two = str_bytes(m->head, 2);
    m->head_len = 0;
    if (str_is(two, "--")) {
        m->state = MULTIPART_TAIL;
        return m->parts > 0 ? OK : malformed(m, "the body has no parts");
    }
    if (!str_is(two, "\r\n"))
        return malformed(m, "a boundary is not followed by a line end");
    if (++m->parts > MULTIPART_PARTS_MAX)
        return malformed(m, "the body has too many parts");
    m->state = MULTIPART_HEAD;
    return OK;
}

static enum err feed_head(struct multipart *m, struct str *bytes)
{
    if (m->head_len == sizeof m->head)
        return malformed(m, "a part's head is too long");
    m->head[m->head_len++] = bytes->ptr[0];
    *bytes = str_slice(*bytes, 1, bytes->len);
    struct str head = str_bytes(m->head, m->head_len);
    if (!str_is(head, "\r\n") && !str_ends(head, STR("\r\n\r\n")))
        return OK;
    m->state = MULTIPART_DATA;
    return begin_part(m);
}

/* One line end may follow the last boundary. */
static enum err feed_tail(struct multipart *m, struct str *bytes)
{
    if (m->head_len == 2 || bytes->ptr[0] != "\r\n"[m->head_len])
        return malformed(m, "the body goes on after its last boundary");
    m->head_len++;
    *bytes = str_slice(*bytes, 1, bytes->len);
    return OK;
}

enum err multipart_feed(struct multipart *m, struct str bytes)
{
    while (bytes.len > 0) {
        switch (m->state) {
        case MULTIPART_DATA:
            TRY(feed_data(m, &bytes));
            break;
        case MULTIPART_AFTER:
            TRY(feed_after(m, &bytes));
            break;
        case MULTIPART_HEAD:
            TRY(feed_head(m, &bytes));
            break;
        case MULTIPART_TAIL:
            TRY(feed_tail(m, &bytes));
            break;
        }
    }
    return OK;
}

enum err multipart_end(struct multipart *m)
{
    return m->state == MULTIPART_TAIL ? OK : malformed(m, "the body ends before its last boundary");
}
