/* Arbitrary bytes as an exported log, as a checkpoint and as a key. A line that is taken says the
 * same when it is written again; a checkpoint never opens, since nobody signed it. */
#include "aead.h"
#include "alloc.h"
#include "audit_check.h"
#include "audit_line.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void fuzz_line(struct str text)
{
    AUTO(arena) struct arena a = arena_make();
    AUTO(buf) struct buf record = buf_make(AUDIT_BYTES_MAX), line = buf_make(AUDIT_LINE_MAX_BYTES);
    struct audit_line one, again;
    struct audit_fields same;
    if (audit_line_read(text, &a, &one) != OK)
        return;
    ASSERT(audit_bytes_put(&one.fields, &record) == OK);
    ASSERT(audit_bytes_read(buf_str(&record), &same) == OK);
    ASSERT(audit_line_put(&one.fields, buf_str(&record), one.mac, &line) == OK);
    if (one.fields.at_ms <= 0) /* 0 is written as null; before 1970 there was no log */
        return;
    ASSERT(audit_line_read(str_slice(buf_str(&line), 0, line.len - 1), &a, &again) == OK);
    ASSERT(equal_constant_time(again.leaf, one.made, sizeof again.leaf));
    ASSERT(equal_constant_time(again.made, one.made, sizeof again.made));
}

static void fuzz_log(struct str text)
{
    struct audit_checkpoint checkpoint = {.size = 2};
    struct audit_check c;
    struct str line;
    audit_check_begin(&c, &checkpoint, NULL);
    while (text.len) {
        text = str_split(text, '\n', &line);
        fuzz_line(line);
        if (!audit_check_line(&c, line))
            break;
    }
    ASSERT(!audit_check_end(&c));
}

static void fuzz_note(struct str text)
{
    struct audit_key key = {.origin = "safelight/audit/A/T", .id = {1, 2, 3, 4}};
    struct audit_checkpoint c;
    ASSERT(audit_note_open(text, &key, &c) != OK);
    (void)!audit_key_read(text, &key);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static bool ready;
    if (!ready)
        ASSERT(crypto_open() == OK);
    ready = true;
    fuzz_log(str_bytes(data, size));
    fuzz_note(str_bytes(data, size));
    return 0;
}
