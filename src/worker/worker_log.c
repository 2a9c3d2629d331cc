#include "worker_log.h"

#include "clock.h"
#include "limit.h"

enum { SEND_EVERY_MS = 1000, FINAL_TRIES = 20, FINAL_PAUSE_MS = 250 };

struct worker_log worker_log_make(void)
{
    return (struct worker_log){.waiting = buf_make(JOB_LOG_MAX_BYTES + 256)};
}

void worker_log_auto(struct worker_log *w)
{
    buf_auto(&w->waiting);
}

void worker_log_put(struct worker_log *w, struct str bytes)
{
    if (w->full)
        return;
    if (w->offset + w->waiting.len + bytes.len <= JOB_LOG_MAX_BYTES &&
        buf_put(&w->waiting, bytes) == OK)
        return;
    w->full = true;
    /* Half a value would not be known for one: the cut is at the end of a line. */
    size_t keep = w->waiting.len;
    while (keep > 0 && w->waiting.ptr[keep - 1] != '\n')
        keep--;
    buf_truncate(&w->waiting, keep);
    enum err e =
        buf_put(&w->waiting, STR("\n[the log is longer than 16 MiB; the rest is left out]\n"));
    ASSERT(e == OK);
}

static void drop_accepted(struct worker_log *w, uint64_t accepted)
{
    if (accepted <= w->offset)
        return;
    uint64_t n = accepted - w->offset;
    if (n > w->waiting.len)
        n = w->waiting.len;
    memmove(w->waiting.ptr, w->waiting.ptr + n, w->waiting.len - n);
    buf_truncate(&w->waiting, w->waiting.len - n);
    w->offset += n;
}

/* One piece; true when it brought us further. */
static bool send_piece(struct worker_log *w, struct lease *l, bool final)
{
    uint64_t accepted, before = w->offset;
    bool last = w->waiting.len <= LOG_CHUNK_MAX_BYTES;
    struct str piece = str_slice(buf_str(&w->waiting), 0, LOG_CHUNK_MAX_BYTES);
    if (lease_log(l, w->offset, piece, final && last, &accepted) != OK)
        return false;
    drop_accepted(w, accepted);
    return w->offset > before;
}

void worker_log_send(struct worker_log *w, struct lease *l, bool final)
{
    if (!final && (w->waiting.len == 0 || clock_monotonic_ms() < w->send_at_ms))
        return;
    w->send_at_ms = clock_monotonic_ms() + SEND_EVERY_MS;
    if (!final) {
        send_piece(w, l, false);
        return;
    }
    for (int failed = 0; failed < FINAL_TRIES && w->waiting.len && !lease_over(l);) {
        if (send_piece(w, l, true))
            continue;
        failed++;
        lease_pause(l, FINAL_PAUSE_MS);
    }
}
