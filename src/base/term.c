#include "term.h"

#include <locale.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include <wchar.h>

static bool is_set(const char *variable)
{
    const char *value = getenv(variable);
    return value && value[0];
}

bool term_rich(int fd)
{
    return isatty(fd) == 1 && is_set("TERM") && strcmp(getenv("TERM"), "dumb") != 0;
}

bool term_colour(int fd)
{
    return term_rich(fd) && !is_set("NO_COLOR");
}

size_t term_width(int fd)
{
    struct winsize size = {.ws_col = 0};
    uint64_t width;
    if (!is_set("COLUMNS") || str_to_u64(str_from(getenv("COLUMNS")), 1u << 20, &width) != OK ||
        width == 0)
        width = ioctl(fd, TIOCGWINSZ, &size) == 0 && size.ws_col ? size.ws_col : TERM_WIDTH_DEFAULT;
    return width < TERM_WIDTH_LEAST  ? TERM_WIDTH_LEAST
           : width > TERM_WIDTH_MOST ? TERM_WIDTH_MOST
                                     : (size_t)width;
}

/* --- characters --- */

static locale_t utf8;
static pthread_once_t utf8_once = PTHREAD_ONCE_INIT;

static void open_utf8(void)
{
    utf8 = newlocale(LC_CTYPE_MASK, "C.UTF-8", (locale_t)0);
}

/* The C library knows the widths; without its locale every character counts as one cell. */
static unsigned cells_of(uint32_t code)
{
    if (code < 0x300)
        return 1;
    pthread_once(&utf8_once, open_utf8);
    if (!utf8)
        return 1;
    locale_t before = uselocale(utf8);
    int cells = wcwidth((wchar_t)code);
    uselocale(before);
    return cells == 0 ? 0 : cells == 2 ? 2 : 1;
}

static bool obeyed(uint32_t code)
{
    static const struct {
        uint32_t from, to;
    } ranges[] = {
        {0x00, 0x1f},     {0x7f, 0x9f},     {0x061c, 0x061c}, {0x200b, 0x200b}, {0x200e, 0x200f},
        {0x2028, 0x202e}, {0x2060, 0x206f}, {0xfeff, 0xfeff}, {0xfff9, 0xfffb}, {0xe0000, 0xe0fff},
    };
    for (size_t i = 0; i < ARRAY_LEN(ranges); i++) {
        if (code >= ranges[i].from && code <= ranges[i].to)
            return true;
    }
    return false;
}

/* Length of the sequence at the front and its code point; 0: no valid one. */
static size_t decode(struct str s, uint32_t *ret)
{
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    const unsigned char *u = (const unsigned char *)s.ptr;
    size_t len = u[0] < 0x80 ? 1 : u[0] < 0xc2 ? 0 : u[0] < 0xe0 ? 2 : u[0] < 0xf0 ? 3 : 4;
    if (len == 0 || len > s.len || u[0] > 0xf4)
        return 0;
    uint32_t code = len == 1 ? u[0] : u[0] & (0xffu >> (len + 1));
    for (size_t i = 1; i < len; i++) {
        if ((u[i] & 0xc0) != 0x80)
            return 0;
        code = code << 6 | (u[i] & 0x3fu);
    }
    if (code < least[len] || code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff))
        return 0;
    *ret = code;
    return len;
}

bool term_next(struct str *rest, struct term_char *ret)
{
    if (rest->len == 0)
        return false;
    uint32_t code = 0;
    size_t len = decode(*rest, &code);
    bool safe = len > 0 && !obeyed(code);
    len = len ? len : 1;
    *ret = (struct term_char){str_slice(*rest, 0, len), safe ? cells_of(code) : 1, safe};
    *rest = str_slice(*rest, len, rest->len);
    return true;
}

size_t term_cells(struct str s)
{
    struct term_char c;
    size_t cells = 0;
    while (term_next(&s, &c))
        cells += c.cells;
    return cells;
}

size_t term_fit(struct str s, size_t cells)
{
    struct term_char c;
    size_t bytes = 0, used = 0;
    while (term_next(&s, &c) && used + c.cells <= cells) {
        used += c.cells;
        bytes += c.bytes.len;
    }
    return bytes;
}

void term_put(struct str s, const char *kept, FILE *to)
{
    struct term_char c;
    while (term_next(&s, &c)) {
        if (c.safe || (c.bytes.ptr[0] && strchr(kept, c.bytes.ptr[0])))
            fwrite(c.bytes.ptr, 1, c.bytes.len, to);
        else
            fputc('?', to);
    }
}
