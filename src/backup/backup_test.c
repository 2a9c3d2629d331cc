/* The stream: what is written is read, and nothing else is. */
#include "aead.h"
#include "backup_out.h"
#include "backup_read.h"
#include "limit.h"
#include "test.h"

static const uint8_t seed[BOX_SEED_BYTES] = {3}, other[BOX_SEED_BYTES] = {4};
static uint8_t public_key[BOX_PUBLIC_BYTES];

struct memory {
    struct buf bytes;
    size_t at, at_a_time; /* how much a read gives */
};

static enum err to_memory(void *ctx, struct str bytes)
{
    return buf_put(&((struct memory *)ctx)->bytes, bytes);
}

static enum err from_memory(void *ctx, char *ret, size_t max, size_t *ret_len)
{
    struct memory *m = ctx;
    size_t left = m->bytes.len - m->at;
    size_t len = left < max ? left : max;
    if (m->at_a_time && len > m->at_a_time)
        len = m->at_a_time;
    memcpy(ret, m->bytes.ptr + m->at, len);
    m->at += len;
    *ret_len = len;
    return OK;
}

/* --- a small backup, record by record --- */

struct sample {
    enum backup_record type;
    const char *body; /* NULL: a whole one of its kind */
};

static void put(struct backup_out *o, const struct sample *s)
{
    static const struct str names[] = {{"name", 4}, {"value", 5}};
    static const struct store_value row[] = {{STORE_TEXT, 0, {"a", 1}}, {STORE_INT, 7, {"", 0}}};
    AUTO(buf) struct buf body = buf_make(4096);
    if (s->body) {
        CHECK_OK(buf_put(&body, str_from(s->body)));
    } else if (s->type == BACKUP_BEGIN) {
        const struct backup_begin b = {
            .schema_version = 1, .instance_id = STR("i"), .program = STR("p"), .export = STR("e")};
        CHECK_OK(backup_begin_encode(&b, &body));
    } else if (s->type == BACKUP_TABLE) {
        CHECK_OK(backup_table_encode(&(const struct store_table){STR("t"), names, 2}, &body));
    } else if (s->type == BACKUP_ROW) {
        CHECK_OK(backup_row_encode(row, 2, &body));
    } else if (s->type == BACKUP_FILE) {
        CHECK_OK(backup_file_encode(&(const struct backup_file){STR("f"), 4}, &body));
    } else if (s->type == BACKUP_DATA) {
        CHECK_OK(buf_put(&body, STR("data")));
    } else if (s->type == BACKUP_STAMP) {
        CHECK_OK(buf_put(&body, STR("stamp of the vault, of 32 bytes.")));
    }
    CHECK_OK(backup_out_record(o, s->type, buf_str(&body)));
}

static void write_all(const struct sample *list, size_t count, struct memory *m)
{
    AUTOP(backup_out) struct backup_out *o = NULL;
    m->bytes = buf_make(1024 * 1024);
    m->at = 0;
    CHECK_OK(backup_out_open(public_key, to_memory, m, &o));
    for (size_t i = 0; i < count; i++)
        put(o, &list[i]);
    CHECK_OK(backup_out_end(o));
    CHECK_EQ(backup_out_bytes(o), m->bytes.len);
}

static enum err on_begin(void *ctx, const struct backup_begin *b)
{
    (void)ctx;
    CHECK_STR(b->export, "e");
    return OK;
}
static enum err on_table(void *ctx, const struct store_table *t)
{
    (void)ctx;
    CHECK_EQ(t->column_count, 2);
    return OK;
}
static enum err on_row(void *ctx, const struct store_value *values, size_t count)
{
    (void)ctx;
    CHECK(count == 2 && values[1].number == 7);
    return OK;
}
static enum err on_nothing(void *ctx)
{
    (void)ctx;
    return OK;
}
static enum err on_file(void *ctx, const struct backup_file *f)
{
    (void)ctx;
    CHECK_STR(f->name, "f");
    return OK;
}
static enum err on_data(void *ctx, struct str bytes)
{
    (void)ctx;
    CHECK_STR(bytes, "data");
    return OK;
}
static const struct backup_target target = {.begin = on_begin,
                                            .table = on_table,
                                            .row = on_row,
                                            .rows_end = on_nothing,
                                            .file = on_file,
                                            .data = on_data,
                                            .file_end = on_nothing};

static enum err read_it(struct memory *m, const uint8_t *with, struct backup_read *ret)
{
    AUTOP(backup_in) struct backup_in *in = NULL;
    m->at = 0;
    TRY(backup_in_open(from_memory, m, with, &in));
    return backup_read(in, &target, ret);
}

static const struct sample whole[] = {
    {BACKUP_BEGIN, NULL}, {BACKUP_TABLE, NULL},     {BACKUP_ROW, NULL},
    {BACKUP_ROW, NULL},   {BACKUP_ROWS_END, NULL},  {BACKUP_FILE, NULL},
    {BACKUP_DATA, NULL},  {BACKUP_FILES_END, NULL}, {BACKUP_STAMP, NULL}};

static void test_a_whole_one_is_read(void)
{
    struct memory m = {.at_a_time = 0};
    struct backup_read r;
    uint8_t digest[HASH_BYTES];
    write_all(whole, ARRAY_LEN(whole), &m);
    CHECK_OK(read_it(&m, seed, &r));
    CHECK(r.tables == 1 && r.rows == 2 && r.files == 1);
    CHECK_STR(str_bytes(r.stamp, 32), "stamp of the vault, of 32 bytes.");
    memcpy(digest, r.digest, sizeof digest);
    m.at_a_time = 1; /* as a slow pipe gives it */
    CHECK_OK(read_it(&m, seed, &r));
    CHECK(memcmp(digest, r.digest, sizeof digest) == 0);
    CHECK_ERR(read_it(&m, other, &r), ERR_UNAUTHORIZED);
    buf_auto(&m.bytes);
}

static void test_every_flip_cut_and_added_byte_is_noticed(void)
{
    struct memory m = {.at_a_time = 0};
    struct backup_read r;
    write_all(whole, ARRAY_LEN(whole), &m);
    size_t len = m.bytes.len;
    for (size_t bit = 0; bit < len * 8; bit++) {
        m.bytes.ptr[bit / 8] = (char)(m.bytes.ptr[bit / 8] ^ (1 << bit % 8));
        CHECK(read_it(&m, seed, &r) != OK);
        m.bytes.ptr[bit / 8] = (char)(m.bytes.ptr[bit / 8] ^ (1 << bit % 8));
    }
    for (size_t cut = 0; cut < len; cut++) {
        m.bytes.len = cut;
        CHECK(read_it(&m, seed, &r) != OK);
    }
    m.bytes.len = len;
    CHECK_OK(read_it(&m, seed, &r));
    CHECK_OK(buf_put_byte(&m.bytes, 0));
    CHECK_ERR(read_it(&m, seed, &r), ERR_TAMPERED);
    buf_auto(&m.bytes);
}

static void test_what_is_wrong_is_told_apart(void)
{
    struct memory m = {.at_a_time = 0};
    struct backup_read r;
    uint8_t id[RECOVERY_ID_BYTES];
    write_all(whole, ARRAY_LEN(whole), &m);
    m.bytes.ptr[0] = 'X';
    CHECK_ERR(read_it(&m, seed, &r), ERR_INVALID);
    m.bytes.ptr[0] = 'S';
    m.bytes.ptr[4] = 2;
    CHECK_ERR(read_it(&m, seed, &r), ERR_CONFLICT);
    m.bytes.ptr[4] = 1;
    m.bytes.ptr[BACKUP_AT_KEY_ID] ^= 1;
    CHECK_ERR(read_it(&m, seed, &r), ERR_UNAUTHORIZED);
    m.bytes.ptr[BACKUP_AT_KEY_ID] ^= 1;
    m.bytes.ptr[BACKUP_AT_FILE_KEY] ^= 1;
    CHECK_ERR(read_it(&m, seed, &r), ERR_TAMPERED);
    CHECK_ERR(backup_in_key_id(STR("SLBK\1\1\0\0short"), id), ERR_INVALID);
    CHECK_ERR(backup_in_key_id(STR(""), id), ERR_INVALID);
    buf_auto(&m.bytes);
}

static void test_pieces_of_two_backups_do_not_mix(void)
{
    struct memory a = {.at_a_time = 0}, b = {.at_a_time = 0};
    struct backup_read r;
    write_all(whole, ARRAY_LEN(whole), &a);
    write_all(whole, ARRAY_LEN(whole), &b);
    CHECK_EQ(a.bytes.len, b.bytes.len);
    memcpy(a.bytes.ptr + BACKUP_HEADER_BYTES, b.bytes.ptr + BACKUP_HEADER_BYTES,
           b.bytes.len - BACKUP_HEADER_BYTES);
    CHECK_ERR(read_it(&a, seed, &r), ERR_TAMPERED);
    memcpy(a.bytes.ptr + BACKUP_AT_STREAM, b.bytes.ptr + BACKUP_AT_STREAM, STREAM_HEADER_BYTES);
    CHECK_ERR(read_it(&a, seed, &r), ERR_TAMPERED);
    buf_auto(&a.bytes);
    buf_auto(&b.bytes);
}

/* Authentic, but not what this program writes: whoever has the public key can make such a thing. */
static void test_records_out_of_order_are_refused(void)
{
    static const struct {
        size_t count;
        struct sample list[8];
    } cases[] = {
        {0, {{BACKUP_BEGIN, NULL}}},
        {1, {{BACKUP_BEGIN, NULL}}},
        {1, {{BACKUP_STAMP, NULL}}},
        {2, {{BACKUP_BEGIN, NULL}, {BACKUP_BEGIN, NULL}}},
        {2, {{BACKUP_BEGIN, NULL}, {BACKUP_ROW, NULL}}},
        {2, {{BACKUP_BEGIN, NULL}, {BACKUP_FILE, NULL}}},
        {2, {{BACKUP_BEGIN, NULL}, {BACKUP_FILES_END, NULL}}},
        {2, {{BACKUP_BEGIN, NULL}, {BACKUP_ROWS_END, "x"}}},
        {3, {{BACKUP_BEGIN, NULL}, {BACKUP_ROWS_END, NULL}, {BACKUP_TABLE, NULL}}},
        {3, {{BACKUP_BEGIN, NULL}, {BACKUP_ROWS_END, NULL}, {BACKUP_DATA, NULL}}},
        {3, {{BACKUP_BEGIN, NULL}, {BACKUP_ROWS_END, NULL}, {BACKUP_STAMP, NULL}}},
        {4,
         {{BACKUP_BEGIN, NULL}, {BACKUP_ROWS_END, NULL}, {BACKUP_FILE, NULL}, {BACKUP_FILE, NULL}}},
        {4,
         {{BACKUP_BEGIN, NULL},
          {BACKUP_ROWS_END, NULL},
          {BACKUP_FILE, NULL},
          {BACKUP_FILES_END, NULL}}},
        {4,
         {{BACKUP_BEGIN, NULL},
          {BACKUP_ROWS_END, NULL},
          {BACKUP_FILE, NULL},
          {BACKUP_DATA, "too much"}}},
        {4,
         {{BACKUP_BEGIN, NULL}, {BACKUP_ROWS_END, NULL}, {BACKUP_FILE, NULL}, {BACKUP_DATA, ""}}},
        {4,
         {{BACKUP_BEGIN, NULL},
          {BACKUP_ROWS_END, NULL},
          {BACKUP_FILES_END, NULL},
          {BACKUP_STAMP, "short"}}},
        {5,
         {{BACKUP_BEGIN, NULL},
          {BACKUP_ROWS_END, NULL},
          {BACKUP_FILES_END, NULL},
          {BACKUP_STAMP, NULL},
          {BACKUP_STAMP, NULL}}},
        {1, {{(enum backup_record)0, NULL}}},
        {1, {{(enum backup_record)9, NULL}}},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct memory m = {.at_a_time = 0};
        struct backup_read r;
        write_all(cases[i].list, cases[i].count, &m);
        CHECK_ERR(read_it(&m, seed, &r), ERR_TAMPERED);
        buf_auto(&m.bytes);
    }
}

/* Pieces of 64 KiB: records at and around their borders. */
static void test_records_of_every_size_around_a_piece(void)
{
    static char filler[BACKUP_PIECE_BYTES + 8];
    for (size_t len = BACKUP_PIECE_BYTES - 8; len <= BACKUP_PIECE_BYTES + 8; len++) {
        struct memory m = {.bytes = buf_make(1024 * 1024)};
        AUTOP(backup_out) struct backup_out *o = NULL;
        AUTOP(backup_in) struct backup_in *in = NULL;
        enum backup_record type;
        struct str body;
        CHECK_OK(backup_out_open(public_key, to_memory, &m, &o));
        CHECK_OK(backup_out_record(o, BACKUP_DATA, str_bytes(filler, len)));
        CHECK_OK(backup_out_end(o));
        size_t pieces =
            (len + BACKUP_RECORD_HEAD_BYTES + BACKUP_PIECE_BYTES - 1) / BACKUP_PIECE_BYTES;
        CHECK_EQ(m.bytes.len, BACKUP_HEADER_BYTES + BACKUP_RECORD_HEAD_BYTES + len +
                                  pieces * STREAM_OVERHEAD_BYTES);
        CHECK_OK(backup_in_open(from_memory, &m, seed, &in));
        CHECK_OK(backup_in_next(in, &type, &body));
        CHECK(type == BACKUP_DATA && body.len == len);
        CHECK_ERR(backup_in_next(in, &type, &body), ERR_NOT_FOUND);
        buf_auto(&m.bytes);
    }
}

static enum err to_nowhere(void *ctx, struct str bytes)
{
    (void)ctx;
    (void)bytes;
    return OK;
}

static void test_the_longest_record(void)
{
    AUTOP(backup_out) struct backup_out *o = NULL;
    char *huge = calloc(1, BACKUP_RECORD_MAX_BYTES + 1);
    CHECK_OK(backup_out_open(public_key, to_nowhere, NULL, &o));
    CHECK_OK(backup_out_record(o, BACKUP_ROW, str_bytes(huge, BACKUP_RECORD_MAX_BYTES)));
    CHECK_ERR(backup_out_record(o, BACKUP_ROW, str_bytes(huge, BACKUP_RECORD_MAX_BYTES + 1)),
              ERR_TOO_LARGE);
    free(huge);
}

int main(void)
{
    CHECK_OK(crypto_open());
    box_public(seed, public_key);
    RUN(test_a_whole_one_is_read);
    RUN(test_every_flip_cut_and_added_byte_is_noticed);
    RUN(test_what_is_wrong_is_told_apart);
    RUN(test_pieces_of_two_backups_do_not_mix);
    RUN(test_records_out_of_order_are_refused);
    RUN(test_records_of_every_size_around_a_piece);
    RUN(test_the_longest_record);
    return test_done();
}
