#include "redact_step.h"

#include "encode.h"

static const char hex_digits[2][17] = {"0123456789abcdef", "0123456789ABCDEF"};

static enum err put_hex_byte(struct buf *out, uint8_t byte, bool upper)
{
    TRY(buf_put_byte(out, (uint8_t)hex_digits[upper][byte >> 4]));
    return buf_put_byte(out, (uint8_t)hex_digits[upper][byte & 15]);
}

/* With leading zeros up to so many digits. */
static enum err put_number(struct buf *out, uint32_t n, unsigned base, unsigned digits, bool upper)
{
    char text[16];
    size_t at = sizeof text;
    do {
        text[--at] = hex_digits[upper][n % base];
        n /= base;
        digits -= digits > 0;
    } while (at > 0 && (n || digits));
    return buf_put(out, str_bytes(text + at, sizeof text - at));
}

static bool alphanumeric(uint32_t c)
{
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

static bool among(const char *chars, uint32_t c)
{
    return chars && c && c < 0x80 && strchr(chars, (int)c);
}

/* Length of the UTF-8 sequence at s and its code point; 1 and the byte itself when it is none. */
static size_t code_point(struct str s, uint32_t *ret)
{
    uint8_t lead = (uint8_t)s.ptr[0];
    size_t len = lead < 0xc2 ? 1 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : lead < 0xf5 ? 4 : 1;
    *ret = lead;
    if (len == 1 || s.len < len)
        return 1;
    uint32_t v = lead & (0x7fu >> len);
    for (size_t i = 1; i < len; i++) {
        if (((uint8_t)s.ptr[i] & 0xc0) != 0x80)
            return 1;
        v = v << 6 | ((uint8_t)s.ptr[i] & 0x3fu);
    }
    *ret = v;
    return len;
}

/* Takes the next character off `rest`; *ret_raw is how it stands there. */
static bool next_char(struct str *rest, struct str *ret_raw, uint32_t *ret_c)
{
    if (rest->len == 0)
        return false;
    size_t len = code_point(*rest, ret_c);
    *ret_raw = str_slice(*rest, 0, len);
    *rest = str_slice(*rest, len, rest->len);
    return true;
}

/* The 16-bit units of a code point; returns how many. */
static unsigned units_of(uint32_t c, uint32_t ret[static 2])
{
    ret[0] = c < 0x10000 ? c : 0xd800 + ((c - 0x10000) >> 10);
    ret[1] = 0xdc00 + ((c - 0x10000) & 0x3ff);
    return c < 0x10000 ? 1 : 2;
}

enum err redact_step_raw(const struct redact_step *s, struct str in, struct buf *out,
                         uint8_t *ret_edges)
{
    (void)s;
    (void)ret_edges;
    return buf_put(out, in);
}

static enum err put_units(struct buf *out, uint32_t c, bool upper)
{
    uint32_t unit[2];
    for (unsigned i = 0, n = units_of(c, unit); i < n; i++) {
        TRY(buf_put(out, STR("\\u")));
        TRY(put_hex_byte(out, (uint8_t)(unit[i] >> 8), upper));
        TRY(put_hex_byte(out, (uint8_t)unit[i], upper));
    }
    return OK;
}

static enum err put_json_char(const struct redact_step *s, struct str raw, uint32_t c,
                              struct buf *out)
{
    static const char plain[] = "\\\"\b\f\n\r\t/", escaped[] = "\\\"bfnrt/";
    bool special = among(s->chars, c) && c != '/';
    bool separator = s->chars[0] && (c == 0x2028 || c == 0x2029);
    bool upper = s->options & STEP_UPPER || (s->options & STEP_HEX && special);
    if (s->options & STEP_ALL || special || separator || (s->options & STEP_ASCII && raw.len > 1))
        return put_units(out, c, upper);
    const char *at = c && c < 0x80 ? strchr(plain, (int)c) : NULL;
    if (at && (c != '/' || among(s->chars, '/'))) {
        TRY(buf_put_byte(out, '\\'));
        return buf_put_byte(out, (uint8_t)escaped[at - plain]);
    }
    return c < 0x20 ? put_units(out, c, upper) : buf_put(out, raw);
}

enum err redact_step_json(const struct redact_step *s, struct str in, struct buf *out,
                          uint8_t *ret_edges)
{
    struct str raw;
    uint32_t c;
    (void)ret_edges;
    while (next_char(&in, &raw, &c))
        TRY(put_json_char(s, raw, c, out));
    return OK;
}

enum err redact_step_percent(const struct redact_step *s, struct str in, struct buf *out,
                             uint8_t *ret_edges)
{
    (void)ret_edges;
    for (size_t i = 0; i < in.len; i++) {
        uint8_t c = (uint8_t)in.ptr[i];
        if (!(s->options & STEP_ALL) && (alphanumeric(c) || among(s->chars, c))) {
            TRY(buf_put_byte(out, c));
        } else if (c == ' ' && s->options & STEP_PLUS) {
            TRY(buf_put_byte(out, '+'));
        } else {
            TRY(buf_put_byte(out, '%'));
            TRY(put_hex_byte(out, c, s->options & STEP_UPPER));
        }
    }
    return OK;
}

/* Word n, from 0, of a list with blanks between. */
static struct str word_of(const char *list, size_t n)
{
    struct str rest = str_from(list), word;
    do {
        rest = str_split(rest, ' ', &word);
    } while (n-- > 0);
    return word;
}

enum err redact_step_map(const struct redact_step *s, struct str in, struct buf *out,
                         uint8_t *ret_edges)
{
    struct str raw;
    uint32_t c;
    (void)ret_edges;
    while (next_char(&in, &raw, &c)) {
        if (among(s->chars, c))
            TRY(buf_put(out, word_of(s->before, (size_t)(strchr(s->chars, (int)c) - s->chars))));
        else if (s->after && raw.len > 1 && c >= 0xa0 && c <= 0xff)
            TRY(buf_put(out, word_of(s->after, c - 0xa0)));
        else if (s->options & STEP_ASCII && raw.len > 1)
            TRY(buf_printf(out, "&#%u;", c));
        else
            TRY(buf_put(out, raw));
    }
    return OK;
}

enum err redact_step_number(const struct redact_step *s, struct str in, struct buf *out,
                            uint8_t *ret_edges)
{
    struct str raw, x = str_from(s->before);
    uint32_t c;
    unsigned base = s->options & STEP_HEX ? 16 : 10;
    (void)ret_edges;
    while (next_char(&in, &raw, &c)) {
        if (!(s->options & STEP_ALL) && alphanumeric(c)) {
            TRY(buf_put(out, raw));
            continue;
        }
        TRY(buf_put(out, STR("&#")));
        TRY(buf_put(out, x));
        TRY(put_number(out, c, base, s->number, s->options & STEP_UPPER));
        TRY(buf_put_byte(out, ';'));
    }
    return OK;
}

static enum err put_quoted_char(const struct redact_step *s, uint8_t c, bool special,
                                struct buf *out)
{
    static const char plain[] = "\a\b\t\n\v\f\r", letter[] = "abtnvfr";
    const char *at = c && c < 0x20 ? strchr(plain, c) : NULL;
    if (s->options & STEP_CONTROL && at) {
        TRY(buf_put(out, str_from(s->before)));
        return buf_put_byte(out, (uint8_t)letter[at - plain]);
    }
    if (c == 0x1b && special) {
        TRY(buf_put(out, str_from(s->before)));
        return buf_put_byte(out, 'E');
    }
    bool number = c < 0x20 || c == 0x7f || (c >= 0x80 && s->options & STEP_ASCII);
    if (number && s->options & STEP_OCTAL)
        TRY(buf_put_byte(out, '\\'));
    if (number && s->options & STEP_OCTAL)
        return put_number(out, c, 8, 3, false);
    if (number && s->options & STEP_HEX) {
        TRY(buf_put(out, STR("\\x")));
        return put_hex_byte(out, c, s->options & STEP_UPPER);
    }
    if (special)
        TRY(buf_put(out, str_from(s->before)));
    return buf_put_byte(out, c);
}

/* What bash quotes only where it would mean something. */
static bool special_here(const struct redact_step *s, struct str in, size_t i)
{
    char c = in.ptr[i];
    if (i == 0)
        return s->options & STEP_FIRST && (c == '#' || c == '~');
    return s->options & STEP_TILDE && c == '~' && (in.ptr[i - 1] == '=' || in.ptr[i - 1] == ':');
}

enum err redact_step_quote(const struct redact_step *s, struct str in, struct buf *out,
                           uint8_t *ret_edges)
{
    (void)ret_edges;
    for (size_t i = 0; i < in.len; i++) {
        uint8_t c = (uint8_t)in.ptr[i];
        bool all = s->options & STEP_ALL && c < 0x80 && !alphanumeric(c) && c != '_';
        TRY(put_quoted_char(s, c, all || special_here(s, in, i) || among(s->chars, c), out));
    }
    return OK;
}

enum err redact_step_hex(const struct redact_step *s, struct str in, struct buf *out,
                         uint8_t *ret_edges)
{
    struct str before = str_from(s->before), after = str_from(s->after);
    (void)ret_edges;
    for (size_t i = 0; i < in.len; i++) {
        TRY(buf_put(out, i ? after : STR_EMPTY));
        TRY(buf_put(out, before));
        TRY(put_hex_byte(out, (uint8_t)in.ptr[i], s->options & STEP_UPPER));
    }
    return OK;
}

enum err redact_step_decimal(const struct redact_step *s, struct str in, struct buf *out,
                             uint8_t *ret_edges)
{
    struct str after = str_from(s->after);
    (void)ret_edges;
    for (size_t i = 0; i < in.len; i++) {
        TRY(buf_put(out, i ? after : STR_EMPTY));
        TRY(put_number(out, (uint8_t)in.ptr[i], 10, 1, false));
    }
    return OK;
}

/* The characters made of the value's bits alone; those that share bits with the neighbours are the
 * pattern's edges. */
enum err redact_step_base64(const struct redact_step *s, struct str in, struct buf *out,
                            uint8_t *ret_edges)
{
    AUTO(buf) struct buf shifted = buf_make(in.len + 2), text = buf_make(in.len * 2 + 8);
    for (unsigned i = 0; i < s->number; i++)
        TRY(buf_put_byte(&shifted, 0));
    TRY(buf_put(&shifted, in));
    TRY(encode_base64(&text, buf_str(&shifted), s->options & STEP_URL ? BASE64_URL : BASE64_STD));
    size_t bits = shifted.len * 8;
    *ret_edges = (uint8_t)((s->number ? REDACT_LEFT : 0) | (bits % 6 ? REDACT_RIGHT : 0));
    return buf_put(out, str_slice(buf_str(&text), (s->number * 8 + 5) / 6, bits / 6));
}

enum err redact_step_utf16(const struct redact_step *s, struct str in, struct buf *out,
                           uint8_t *ret_edges)
{
    struct str raw;
    uint32_t c, unit[2];
    AUTO(buf) struct buf text = buf_make(in.len * 2);
    (void)ret_edges;
    while (next_char(&in, &raw, &c)) {
        if (raw.len == 1 && c >= 0x80)
            return OK; /* no text */
        for (unsigned i = 0, n = units_of(c, unit); i < n; i++) {
            uint32_t v = unit[i];
            TRY(buf_put_u16(&text, (uint16_t)(s->options & STEP_BIG ? v << 8 | v >> 8 : v)));
        }
    }
    size_t from = 0, to = text.len;
    while (from < to && text.ptr[from] == 0)
        from++;
    while (to > from && text.ptr[to - 1] == 0)
        to--;
    return buf_put(out, str_slice(buf_str(&text), from, to));
}

enum err redact_step_latin1(const struct redact_step *s, struct str in, struct buf *out,
                            uint8_t *ret_edges)
{
    struct str raw;
    uint32_t c;
    size_t start = out->len;
    (void)s;
    (void)ret_edges;
    while (next_char(&in, &raw, &c)) {
        if (c > 0xff) {
            buf_truncate(out, start);
            return OK;
        }
        TRY(buf_put_byte(out, (uint8_t)c));
    }
    return OK;
}

enum err redact_step_reverse(const struct redact_step *s, struct str in, struct buf *out,
                             uint8_t *ret_edges)
{
    (void)s;
    (void)ret_edges;
    for (size_t i = in.len; i > 0; i--)
        TRY(buf_put_byte(out, (uint8_t)in.ptr[i - 1]));
    return OK;
}

bool redact_step_keeps(const struct redact_step *s)
{
    bool some = s->put == redact_step_json || s->put == redact_step_percent ||
                s->put == redact_step_map || s->put == redact_step_number;
    return s->put == redact_step_raw || s->put == redact_step_quote ||
           s->put == redact_step_latin1 || (some && !(s->options & STEP_ALL));
}
