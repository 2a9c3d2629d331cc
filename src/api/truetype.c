#include "truetype.h"

enum {
    HEAD_BYTES = 12,       /* of the table of tables, and each of its entries after it: */
    ENTRY_BYTES = 16,      /* tag, checksum, offset, length */
    NAME_HEAD_BYTES = 6,   /* of the table `name`: format, count, offset of the texts */
    NAME_ENTRY_BYTES = 12, /* platform, encoding, language, name, length, offset */
    NAME_FAMILY = 1,       /* at most four styles share it */
    NAME_FAMILY_TYPO = 16, /* what a person calls the family, when it differs */
    PLATFORM_UNICODE = 0,  /* UTF-16 */
    PLATFORM_MAC = 1,      /* encoding 0: Roman */
    PLATFORM_WINDOWS = 3,  /* UTF-16 */
    ENGLISH_US = 0x409,
};

static unsigned u16_at(struct str s, size_t at)
{
    const unsigned char *p = (const unsigned char *)s.ptr + at;
    return (unsigned)p[0] << 8 | p[1];
}

static uint32_t u32_at(struct str s, size_t at)
{
    return (uint32_t)u16_at(s, at) << 16 | u16_at(s, at + 2);
}

static bool find_table(struct str file, const char *tag, struct str *ret)
{
    for (size_t i = 0, count = u16_at(file, 4); i < count; i++) {
        size_t entry = HEAD_BYTES + i * ENTRY_BYTES;
        if (!str_is(str_slice(file, entry, entry + 4), tag))
            continue;
        size_t from = u32_at(file, entry + 8);
        *ret = str_slice(file, from, from + u32_at(file, entry + 12));
        return true;
    }
    return false;
}

static bool tables_are_whole(struct str file)
{
    size_t count = u16_at(file, 4);
    if (count == 0 || HEAD_BYTES + count * ENTRY_BYTES > file.len)
        return false;
    for (size_t i = 0; i < count; i++) {
        size_t entry = HEAD_BYTES + i * ENTRY_BYTES;
        uint64_t end = (uint64_t)u32_at(file, entry + 8) + u32_at(file, entry + 12);
        if (end > file.len)
            return false;
    }
    return true;
}

static const char *wrong_kind(struct str file)
{
    struct str tag = str_slice(file, 0, 4);
    if (str_equal(tag, str_bytes("\0\1\0\0", 4)) || str_is(tag, "true"))
        return NULL;
    if (str_is(tag, "OTTO"))
        return "is an OpenType font with PostScript outlines; only TrueType fonts are taken";
    if (str_is(tag, "ttcf"))
        return "is a collection of fonts; upload its fonts one by one as .ttf files";
    if (str_is(tag, "wOFF") || str_is(tag, "wOF2"))
        return "is a web font; only TrueType fonts are taken";
    return "is not a TrueType font";
}

const char *truetype_problem(struct str file)
{
    struct str table;
    if (file.len == 0)
        return "is empty";
    const char *wrong = wrong_kind(file);
    if (wrong)
        return wrong;
    if (file.len < HEAD_BYTES || !tables_are_whole(file))
        return "is a TrueType font that is cut off or damaged";
    if (!find_table(file, "head", &table) || !find_table(file, "name", &table) ||
        !find_table(file, "glyf", &table))
        return "is not a TrueType font: one of the tables head, name and glyf is missing";
    return NULL;
}

/* --- text --- */

static enum err put_code_point(struct buf *out, uint32_t c)
{
    /* Controls, and what would be none in UTF-8. */
    if (c < 0x20 || (c >= 0x7f && c < 0xa0) || (c >= 0xd800 && c < 0xe000) || c == 0xfffe ||
        c == 0xffff)
        return ERR_INVALID;
    if (c < 0x80)
        return buf_put_byte(out, (uint8_t)c);
    unsigned more = c < 0x800 ? 1 : c < 0x10000 ? 2 : 3;
    static const uint8_t first[] = {0, 0xc0, 0xe0, 0xf0};
    TRY(buf_put_byte(out, (uint8_t)(first[more] | c >> (6 * more))));
    while (more--)
        TRY(buf_put_byte(out, (uint8_t)(0x80 | (c >> (6 * more) & 0x3f))));
    return OK;
}

static enum err put_utf16(struct buf *out, struct str text)
{
    if (text.len % 2 != 0)
        return ERR_INVALID;
    for (size_t i = 0; i < text.len; i += 2) {
        uint32_t c = u16_at(text, i);
        if (c >= 0xd800 && c < 0xdc00 && i + 4 <= text.len) {
            uint32_t low = u16_at(text, i + 2);
            if (low < 0xdc00 || low >= 0xe000)
                return ERR_INVALID;
            c = 0x10000 + ((c - 0xd800) << 10 | (low - 0xdc00));
            i += 2;
        }
        TRY(put_code_point(out, c));
    }
    return OK;
}

/* Roman is ASCII below 0x80; family names beyond that have a UTF-16 record as well. */
static enum err put_roman(struct buf *out, struct str text)
{
    for (size_t i = 0; i < text.len; i++) {
        if ((unsigned char)text.ptr[i] >= 0x80)
            return ERR_INVALID;
        TRY(put_code_point(out, (unsigned char)text.ptr[i]));
    }
    return OK;
}

/* --- the table `name` --- */

/* How much this record is wanted; 0: not at all. */
static unsigned rank(struct str table, size_t entry)
{
    unsigned platform = u16_at(table, entry), encoding = u16_at(table, entry + 2);
    unsigned name = u16_at(table, entry + 6), points;
    if (name != NAME_FAMILY && name != NAME_FAMILY_TYPO)
        return 0;
    if (platform == PLATFORM_WINDOWS)
        points = u16_at(table, entry + 4) == ENGLISH_US ? 4 : 3;
    else if (platform == PLATFORM_UNICODE)
        points = 2;
    else if (platform == PLATFORM_MAC && encoding == 0)
        points = 1;
    else
        return 0;
    return points + (name == NAME_FAMILY_TYPO ? 4 : 0);
}

static enum err put_record(struct buf *out, struct str table, size_t entry)
{
    size_t from = u16_at(table, 4) + (size_t)u16_at(table, entry + 10);
    size_t len = u16_at(table, entry + 8);
    struct str text = str_slice(table, from, from + len);
    if (len == 0 || text.len != len)
        return ERR_INVALID;
    return u16_at(table, entry) == PLATFORM_MAC ? put_roman(out, text) : put_utf16(out, text);
}

enum err truetype_family(struct str file, struct buf *out)
{
    struct str table;
    unsigned best = 0;
    if (!find_table(file, "name", &table) || table.len < NAME_HEAD_BYTES)
        return ERR_NOT_FOUND;
    size_t count = u16_at(table, 2), room = (table.len - NAME_HEAD_BYTES) / NAME_ENTRY_BYTES;
    for (size_t i = 0; i < count && i < room; i++) {
        size_t entry = NAME_HEAD_BYTES + i * NAME_ENTRY_BYTES;
        unsigned points = rank(table, entry);
        AUTO(buf) struct buf text = buf_make(out->max);
        /* A record that is damaged or too long gives way to the next. */
        if (points <= best || put_record(&text, table, entry) != OK)
            continue;
        best = points;
        buf_reset(out);
        TRY(buf_put(out, buf_str(&text)));
    }
    return best > 0 ? OK : ERR_NOT_FOUND;
}
