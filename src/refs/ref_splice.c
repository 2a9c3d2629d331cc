#include "ref_splice.h"

#include "alloc.h"
#include "encode.h"
#include "json_encode.h"

enum { PERCENT_TIMES = 3 }; /* as long, at most */

/* At most. */
static size_t edit_len(const struct ref_edit *edit)
{
    if (!edit->value)
        return edit->text.len;
    struct str value = secret_reveal(edit->value);
    return edit->in_address ? PERCENT_TIMES * value.len : json_escaped_len(value);
}

static enum err put_value(const struct ref_edit *edit, struct buf *out)
{
    struct str value = secret_reveal(edit->value);
    return edit->in_address ? encode_percent(out, value, false) : json_escape(out, value);
}

enum err ref_splice(struct str input, const struct ref_edit *edits, size_t count, struct buf *out)
{
    size_t total = input.len, at = 0;
    for (size_t i = 0; i < count; i++) {
        ASSERT(edits[i].begin >= at && edits[i].begin <= edits[i].end && edits[i].end <= input.len);
        at = edits[i].end;
        total -= edits[i].end - edits[i].begin;
        if (!CHECKED_ADD(total, edit_len(&edits[i]), &total))
            return ERR_TOO_LARGE;
    }
    TRY(buf_reserve(out, total));
    at = 0;
    for (size_t i = 0; i < count; i++) {
        TRY(buf_put(out, str_slice(input, at, edits[i].begin)));
        if (edits[i].value)
            TRY(put_value(&edits[i], out));
        else
            TRY(buf_put(out, edits[i].text));
        at = edits[i].end;
    }
    return buf_put(out, str_slice(input, at, input.len));
}
