#include "cli_output.h"

#include <unistd.h>

#include "buf.h"
#include "cli_global.h"
#include "cli_table_print.h"
#include "json_decode.h"
#include "json_encode.h"
#include "term.h"

enum { CELL_MAX_BYTES = 64 * 1024 };

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

/* As it stands in the object; null and absent are empty. */
static struct str raw_value(struct str object, const char *member)
{
    struct str name, rest = str_split(str_from(member), '.', &name);
    struct str value = raw_member(object, name);
    if (rest.ptr && value.len)
        value = raw_member(value, rest);
    return str_is(value, "null") ? STR_EMPTY : value;
}

static struct str text_of(struct str value, struct arena *a)
{
    if (value.len == 0 || value.ptr[0] != '"')
        return value;
    AUTO(buf) struct buf text = buf_make(CELL_MAX_BYTES);
    if (json_unescape(str_slice(value, 1, value.len - 1), &text) != OK)
        return STR_EMPTY;
    return arena_str(a, buf_str(&text));
}

struct str cli_member(struct str object, const char *member, struct arena *a)
{
    return text_of(raw_value(object, member), a);
}

struct str cli_cell(struct str object, const struct cli_column *column, struct arena *a)
{
    struct str value = column->of ? column->of(object, a) : raw_value(object, column->member);
    if (column->of || value.len == 0 || value.ptr[0] != '[')
        return column->of ? value : text_of(value, a);
    AUTO(buf) struct buf text = buf_make(CELL_MAX_BYTES);
    struct json_elements all;
    struct str element;
    json_elements_init(&all, value);
    while (json_elements_next(&all, &element)) {
        struct str one = text_of(element, a);
        if ((text.len && buf_put(&text, STR(", ")) != OK) || buf_put(&text, one) != OK)
            break;
    }
    return arena_str(a, buf_str(&text));
}

/* The column that says which object it is, by --quiet's rule: its name or id, whichever is shown
 * first; `count`: none. */
static size_t key_column(const struct cli_column *columns, size_t count)
{
    for (size_t c = 0; c < count; c++) {
        if (strcmp(columns[c].member, "name") == 0 || strcmp(columns[c].member, "id") == 0)
            return c;
    }
    return count;
}

static void print_keys(struct str array, const char *member, struct arena *a)
{
    struct json_elements all;
    struct str element;
    json_elements_init(&all, array);
    while (json_elements_next(&all, &element)) {
        term_put(cli_member(element, member, a), "", stdout);
        putchar('\n');
    }
}

void cli_print_table(struct str array, const struct cli_column *columns, size_t count,
                     struct arena *a)
{
    size_t key = key_column(columns, count);
    if (cli_quiet() && key < count)
        print_keys(array, columns[key].member, a);
    else
        cli_table_print(array, columns, count, a);
}

void cli_print_object(struct str object, const struct cli_column *columns, size_t count,
                      struct arena *a)
{
    size_t width = 0, key = key_column(columns, count);
    if (cli_quiet() && key < count) {
        term_put(cli_member(object, columns[key].member, a), "", stdout);
        putchar('\n');
        return;
    }
    for (size_t c = 0; c < count; c++)
        width = strlen(columns[c].title) > width ? strlen(columns[c].title) : width;
    for (size_t c = 0; c < count; c++) {
        struct str value = cli_cell(object, &columns[c], a);
        if (value.len == 0)
            continue;
        printf("%-*s", (int)width + 2, columns[c].title);
        cli_cell_put(value, columns[c].member, value.len, false);
        putchar('\n');
    }
}

void cli_put_list(const struct cli_args *args, struct str array, const struct cli_column *columns,
                  size_t count, struct arena *a)
{
    if (cli_flag(args, "json"))
        cli_print_json(array);
    else
        cli_print_table(array, columns, count, a);
}

void cli_put_one(const struct cli_args *args, struct str object, const struct cli_column *columns,
                 size_t count, struct arena *a)
{
    if (cli_flag(args, "json"))
        cli_print_json(object);
    else
        cli_print_object(object, columns, count, a);
}

/* JSON holds no control characters but blanks; a program that reads it wants every other byte as
 * it is. */
static void put_controlless(struct str s)
{
    for (size_t i = 0; i < s.len; i++) {
        unsigned char c = (unsigned char)s.ptr[i];
        bool c1 = c == 0xc2 && i + 1 < s.len && ((unsigned char)s.ptr[i + 1] & 0xe0) == 0x80;
        i += c1;
        bool control = c1 || c == 0x7f || (c < 0x20 && !strchr("\n\r\t", c)) || c == 0;
        putchar(control ? '?' : c);
    }
}

void cli_print_json(struct str json)
{
    if (isatty(STDOUT_FILENO) == 1)
        term_put(json, "\n\t", stdout);
    else
        put_controlless(json);
    putchar('\n');
}

void cli_done(const struct cli_args *args, const char *member, const char *what)
{
    AUTO(buf) struct buf text = buf_make(CELL_MAX_BYTES);
    struct json_out o = json_out_make(&text);
    if (!cli_flag(args, "json"))
        return;
    json_out_open(&o, '{');
    json_out_member_str(&o, member, str_from(what));
    json_out_close(&o, '}');
    if (json_out_end(&o) == OK)
        cli_print_json(buf_str(&text));
}
