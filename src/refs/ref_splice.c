#include "ref_splice.h"

#include "alloc.h"
#include "json_encode.h"

static size_t edit_len(const struct ref_edit *edit)
{
    return edit->value ? json_escaped_len(secret_reveal(edit->value)) : edit->text.len;
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
            TRY(json_escape(out, secret_reveal(edits[i].value)));
        else
            TRY(buf_put(out, edits[i].text));
        at = edits[i].end;
    }
    return buf_put(out, str_slice(input, at, input.len));
}
