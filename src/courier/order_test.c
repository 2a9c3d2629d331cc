#include "order.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "alloc.h"
#include "io.h"
#include "ipc.h"
#include "limit.h"
#include "order_wire.h"
#include "test.h"

#define ULID_A STR("01JDF0000000000000000000J0")

static struct ref_record record = {.context = {.team_id = {"01JDF0000000000000000000T0", 26},
                                               .secret_id = {"01JDF0000000000000000000S0", 26},
                                               .name = {"A", 1},
                                               .version = 3,
                                               .epoch = 4,
                                               .created_at_ms = 5,
                                               .policy = {"", 0}},
                                   .sealed = {"sealed bytes", 12}};
static struct ref_use use = {.begin = 8, .end = 19, .pointer = {"/upload/x", 9}};

static struct order sample(void)
{
    return (struct order){.id = 0x1122334455667788,
                          .kind = ORDER_UPLOAD,
                          .job_id = ULID_A,
                          .bundle = {.fragment = STR("{\"x\":\"a ${secret.A}\"}"),
                                     .team_key = STR("wrapped"),
                                     .records = &record,
                                     .record_count = 1,
                                     .uses = &use,
                                     .use_count = 1},
                          .body = STR("{\"id\":1}"),
                          .object_name = STR("J.mp4"),
                          .content_type = STR("video/mp4"),
                          .size_bytes = 12345};
}

static enum err encode(const struct order *o, struct buf *out)
{
    *out = buf_make(COURIER_ORDER_MAX_BYTES);
    return order_encode(o, out);
}

static enum err decode(struct str bytes)
{
    AUTO(arena) struct arena a = arena_make();
    struct order o;
    return order_decode(bytes, &a, &o);
}

static void test_order_comes_back_as_it_was(void)
{
    AUTO(buf) struct buf bytes;
    AUTO(arena) struct arena a = arena_make();
    struct order o = sample(), got = {0};
    CHECK_OK(encode(&o, &bytes));
    CHECK_OK(order_decode(buf_str(&bytes), &a, &got));
    CHECK(got.id == o.id && got.kind == o.kind && got.size_bytes == o.size_bytes && !got.final);
    CHECK(str_equal(got.job_id, o.job_id));
    CHECK_STR(got.body, "{\"id\":1}");
    CHECK_STR(got.object_name, "J.mp4");
    CHECK_STR(got.content_type, "video/mp4");
    CHECK(str_equal(got.bundle.fragment, o.bundle.fragment));
    CHECK_EQ(got.bundle.record_count, 1);
    CHECK_EQ(got.bundle.use_count, 1);
    CHECK_STR(got.bundle.records[0].sealed, "sealed bytes");
}

static struct ref_use signing_use = {
    .begin = 0, .end = 11, .sink = REF_HEADER, .pointer = {"/webhookSigningSecret", 21}};

static struct order signed_sample(void)
{
    struct order o = sample();
    o.kind = ORDER_WEBHOOK;
    o.object_name = STR_EMPTY;
    o.delivery_id = STR("01JDF0000000000000000000D0");
    o.signing = (struct ref_bundle){.fragment = STR("${secret.A}"),
                                    .team_key = STR("wrapped"),
                                    .records = &record,
                                    .record_count = 1,
                                    .uses = &signing_use,
                                    .use_count = 1};
    return o;
}

static void test_signing_record_comes_back(void)
{
    AUTO(buf) struct buf bytes;
    AUTO(arena) struct arena a = arena_make();
    struct order o = signed_sample(), got = {0};
    CHECK_OK(encode(&o, &bytes));
    CHECK_OK(order_decode(buf_str(&bytes), &a, &got));
    CHECK(str_equal(got.delivery_id, o.delivery_id));
    CHECK_EQ(got.signing.record_count, 1);
    CHECK_STR(got.signing.records[0].sealed, "sealed bytes");
    for (size_t len = 0; len < bytes.len; len++)
        CHECK(decode(str_slice(buf_str(&bytes), 0, len)) != OK);
}

static void test_signing_that_makes_no_sense_is_refused(void)
{
    for (int how = 0; how < 4; how++) {
        AUTO(buf) struct buf bytes;
        struct order o = signed_sample();
        if (how == 0)
            o.delivery_id = STR("no id");
        else if (how == 1)
            o.kind = ORDER_DOWNLOAD;
        else if (how == 2)
            o.signing = (struct ref_bundle){.fragment = STR("${x}"), .team_key = STR_EMPTY};
        CHECK_OK(encode(&o, &bytes));
        CHECK_ERR(decode(buf_str(&bytes)), how < 3 ? ERR_INVALID : OK);
    }
}

static void test_truncated_or_longer_orders_are_refused(void)
{
    AUTO(buf) struct buf bytes;
    struct order o = sample();
    CHECK_OK(encode(&o, &bytes));
    for (size_t len = 0; len < bytes.len; len++)
        CHECK(decode(str_slice(buf_str(&bytes), 0, len)) != OK);
    CHECK_OK(buf_put_byte(&bytes, 0));
    CHECK_ERR(decode(buf_str(&bytes)), ERR_INVALID);
}

/* A flip in a text gives another text; anywhere else it is refused or gives another number. What
 * counts is that nothing is read that is not there. */
static void test_flipped_orders_are_refused_or_whole(void)
{
    AUTO(buf) struct buf bytes;
    struct order o = sample();
    CHECK_OK(encode(&o, &bytes));
    for (size_t i = 0; i < bytes.len; i++)
        for (int bit = 0; bit < 8; bit++) {
            bytes.ptr[i] = (char)(bytes.ptr[i] ^ (1 << bit));
            enum err e = decode(buf_str(&bytes));
            CHECK(e == OK || e == ERR_INVALID);
            CHECK(i >= 4 || e == ERR_INVALID);
            bytes.ptr[i] = (char)(bytes.ptr[i] ^ (1 << bit));
        }
    CHECK_OK(decode(buf_str(&bytes)));
}

static void test_orders_that_make_no_sense_are_refused(void)
{
    struct order bad[14];
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        bad[i] = sample();
    bad[0].kind = 0;
    bad[1].kind = 5;
    bad[2].job_id = STR("01JDF");
    bad[3].job_id = STR_EMPTY;
    bad[4].object_name = STR_EMPTY;
    bad[5].object_name = STR("a/b");
    bad[6].object_name = STR("..");
    bad[7].object_name = STR("a\nb");
    bad[8].object_name = STR("\xc3\xbc");
    bad[9].content_type = STR("a/b\r\nX: y");
    bad[10].size_bytes = (uint64_t)OUTPUT_MAX_BYTES + 1;
    bad[11].kind = ORDER_WEBHOOK; /* with an object's name */
    bad[12].content_type = (struct str){record.sealed.ptr, 0};
    bad[12].object_name = STR(".hidden");
    AUTO(buf) struct buf name = buf_make(300);
    while (name.len < 256)
        CHECK_OK(buf_put_byte(&name, 'n'));
    bad[13].object_name = buf_str(&name);
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        AUTO(buf) struct buf bytes;
        CHECK_OK(encode(&bad[i], &bytes));
        CHECK_ERR(decode(buf_str(&bytes)), ERR_INVALID);
    }
    struct order last = sample();
    last.size_bytes = (uint64_t)OUTPUT_MAX_BYTES;
    last.object_name = str_slice(buf_str(&name), 0, 255);
    AUTO(buf) struct buf bytes;
    CHECK_OK(encode(&last, &bytes));
    CHECK_OK(decode(buf_str(&bytes)));
}

static struct answer done(void)
{
    return (struct answer){.id = 9,
                           .kind = ANSWER_DONE,
                           .outcome = OUTCOME_RETRY,
                           .err = ERR_UPSTREAM,
                           .status = 503,
                           .content_length = -1,
                           .content_type = STR("a/b"),
                           .message = STR("upload: 503")};
}

static enum err answer_round(const struct answer *a)
{
    AUTO(buf) struct buf bytes = buf_make(8192);
    struct answer got;
    TRY(answer_encode(a, &bytes));
    return answer_decode(buf_str(&bytes), &got);
}

static void test_answer_comes_back_as_it_was(void)
{
    AUTO(buf) struct buf bytes = buf_make(8192);
    struct answer a = done(), got;
    CHECK_OK(answer_encode(&a, &bytes));
    CHECK_OK(answer_decode(buf_str(&bytes), &got));
    CHECK(got.id == 9 && got.kind == ANSWER_DONE && got.outcome == OUTCOME_RETRY);
    CHECK(got.err == ERR_UPSTREAM && got.status == 503 && got.content_length == -1);
    CHECK_STR(got.content_type, "a/b");
    CHECK_STR(got.message, "upload: 503");
    for (size_t len = 0; len < bytes.len; len++)
        CHECK_ERR(answer_decode(str_slice(buf_str(&bytes), 0, len), &got), ERR_INVALID);
    for (size_t i = 0; i < bytes.len; i++) {
        bytes.ptr[i] = (char)~bytes.ptr[i];
        enum err e = answer_decode(buf_str(&bytes), &got);
        CHECK(e == OK || e == ERR_INVALID);
        bytes.ptr[i] = (char)~bytes.ptr[i];
    }
    CHECK_OK(buf_put_byte(&bytes, 0));
    CHECK_ERR(answer_decode(buf_str(&bytes), &got), ERR_INVALID);
}

static void test_answers_that_make_no_sense_are_refused(void)
{
    struct answer bad[9];
    AUTO(buf) struct buf text = buf_make(2 * ANSWER_MESSAGE_MAX_BYTES);
    while (text.len < ANSWER_MESSAGE_MAX_BYTES + 1)
        CHECK_OK(buf_put_byte(&text, 'm'));
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        bad[i] = done();
    bad[0].kind = 0;
    bad[1].kind = 3;
    bad[2].outcome = 0;
    bad[3].outcome = 4;
    bad[4].err = ERR_COUNT;
    bad[5].status = 1000;
    bad[6].content_length = -2;
    bad[7].message = buf_str(&text);
    bad[8].kind = ANSWER_HEAD; /* with an outcome */
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        CHECK_ERR(answer_round(&bad[i]), ERR_INVALID);
    struct answer last = done();
    last.message = str_slice(buf_str(&text), 0, ANSWER_MESSAGE_MAX_BYTES);
    CHECK_OK(answer_round(&last));
}

static void test_order_travels_sealed(void)
{
    int pair[2], fds[2] = {-1, -1};
    uint64_t id = 0;
    AUTO(buf) struct buf message = buf_make(IPC_MESSAGE_MAX_BYTES);
    AUTO(order_mapped) struct order_mapped mapped = {0};
    struct order o = sample();
    CHECK_OK(ipc_pair(pair));
    CHECK_OK(order_wire_send(pair[0], &o, STDOUT_FILENO));
    CHECK_OK(ipc_receive(pair[1], &message, fds, ORDER_WIRE_FDS));
    CHECK_OK(order_wire_id(buf_str(&message), &id));
    CHECK(id == o.id && fds[0] >= 0 && fds[1] >= 0);
    CHECK_OK(order_wire_map(fds[0], &mapped));
    CHECK_OK(decode(str_bytes(mapped.ptr, mapped.len)));
    CHECK(write(fds[0], "x", 1) < 0 && ftruncate(fds[0], 1) < 0);
    for (int i = 0; i < 2; i++) {
        io_close(&fds[i]);
        io_close(&pair[i]);
    }
    CHECK_ERR(order_wire_id(STR("1234567"), &id), ERR_INVALID);
    CHECK_ERR(order_wire_id(STR("123456789"), &id), ERR_INVALID);
}

static void test_what_is_not_sealed_is_not_read(void)
{
    AUTO(fd) int open_fd = memfd_create("o", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    AUTO(fd) int empty = memfd_create("o", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    AUTO(fd) int file = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
    int pipes[2];
    struct order_mapped mapped = {0};
    CHECK_OK(io_write_all(open_fd, STR("SLO1")));
    CHECK_EQ(pipe(pipes), 0);
    CHECK_EQ(fcntl(empty, F_ADD_SEALS, F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE),
             0);
    const int bad[] = {-1, open_fd, empty, file, pipes[0]};
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        CHECK_ERR(order_wire_map(bad[i], &mapped), ERR_INVALID);
    io_close(&pipes[0]);
    io_close(&pipes[1]);
}

int main(void)
{
    RUN(test_order_comes_back_as_it_was);
    RUN(test_signing_record_comes_back);
    RUN(test_signing_that_makes_no_sense_is_refused);
    RUN(test_truncated_or_longer_orders_are_refused);
    RUN(test_flipped_orders_are_refused_or_whole);
    RUN(test_orders_that_make_no_sense_are_refused);
    RUN(test_answer_comes_back_as_it_was);
    RUN(test_answers_that_make_no_sense_are_refused);
    RUN(test_order_travels_sealed);
    RUN(test_what_is_not_sealed_is_not_read);
    return test_done();
}
