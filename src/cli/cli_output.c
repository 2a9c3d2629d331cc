#include "cli_output.h"

#include <stdio.h>

#include "buf.h"
#include "json_decode.h"

enum { COLUMNS_MAX = 10, CELL_MAX_BYTES = 64 * 1024 };

static struct str raw_member(struct str object, struct str name)
{
    struct json_members all;
    struct str key, value;
    json_members_init(&all, object);
    while (json_members_next(&all, &key, &value)) {
        if (str_equal(key, name))
            return value;
    }
    return STR_EMPTY;
}

struct str cli_member(struct str object, const char *member, struct arena *a)
{
    struct str name, rest = str_split(str_from(member), '.', &name);
    struct str value = raw_member(object, name);
    if (rest.ptr && value.len)
        value = raw_member(value, rest);
    if (value.len == 0 || str_is(value, "null"))
        return STR_EMPTY;
    if (value.ptr[0] != '"')
        return value;
    AUTO(buf) struct buf text = buf_make(CELL_MAX_BYTES);
    if (json_unescape(str_slice(value, 1, value.len - 1), &text) != OK)
        return STR_EMPTY;
    return arena_str(a, buf_str(&text));
}

void cli_put_printable(struct str s, const char *kept, FILE *to)
{
    for (size_t i = 0; i < s.len; i++) {
        unsigned char c = (unsigned char)s.ptr[i];
        unsigned char next = i + 1 < s.len ? (unsigned char)s.ptr[i + 1] : 0;
        bool c1 = c == 0xc2 && next >= 0x80 && next < 0xa0;
        i += c1;
        if (c1 || c == 0x7f || (c < 0x20 && (c == 0 || !strchr(kept, c))))
            fputc('?', to);
        else
            fputc(c, to);
    }
}

static void put_cell(struct str s, size_t width)
{
    cli_put_printable(s, "", stdout);
    for (size_t i = s.len; i < width; i++)
        putchar(' ');
}

void cli_print_table(struct str array, const struct cli_column *columns, size_t count,
                     struct arena *a)
{
    size_t widths[COLUMNS_MAX];
    struct json_elements all;
    struct str element;
    ASSERT(count <= COLUMNS_MAX);
    for (size_t c = 0; c < count; c++)
        widths[c] = strlen(columns[c].title);
    json_elements_init(&all, array);
    while (json_elements_next(&all, &element)) {
        for (size_t c = 0; c < count; c++) {
            size_t len = cli_member(element, columns[c].member, a).len;
            widths[c] = len > widths[c] ? len : widths[c];
        }
    }
    for (size_t c = 0; c < count; c++)
        put_cell(str_from(columns[c].title), c + 1 < count ? widths[c] + 2 : 0);
    putchar('\n');
    json_elements_init(&all, array);
    while (json_elements_next(&all, &element)) {
        for (size_t c = 0; c < count; c++)
            put_cell(cli_member(element, columns[c].member, a), c + 1 < count ? widths[c] + 2 : 0);
        putchar('\n');
    }
}

void cli_print_object(struct str object, const struct cli_column *columns, size_t count,
                      struct arena *a)
{
    size_t width = 0;
    for (size_t c = 0; c < count; c++)
        width = strlen(columns[c].title) > width ? strlen(columns[c].title) : width;
    for (size_t c = 0; c < count; c++) {
        struct str value = cli_member(object, columns[c].member, a);
        if (value.len == 0)
            continue;
        put_cell(str_from(columns[c].title), width + 2);
        put_cell(value, 0);
        putchar('\n');
    }
}

void cli_print_json(struct str json)
{
    cli_put_printable(json, "\n\r\t", stdout);
    putchar('\n');
}
