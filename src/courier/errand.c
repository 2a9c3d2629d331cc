#include "errand.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include "policy.h"

enum { READER_PATIENCE_MS = 60 * 1000, MESSAGE_DRAFT_BYTES = 4096 };

void errand_end_auto(struct errand_end *e)
{
    buf_auto(&e->message);
}

void errand_run(const struct errand *e, struct errand_end *ret)
{
    *ret = (struct errand_end){.outcome = OUTCOME_FAILED,
                               .err = ERR_INTERNAL,
                               .message = buf_make(ANSWER_MESSAGE_MAX_BYTES)};
    switch (e->order->kind) {
    case ORDER_UPLOAD:
        upload_run(e, ret);
        break;
    case ORDER_WEBHOOK:
        webhook_run(e, ret);
        break;
    case ORDER_DOWNLOAD:
        download_run(e, ret);
        break;
    case ORDER_MASK:
        mask_run(e, ret);
        break;
    }
}

enum outcome errand_outcome(enum err err)
{
    switch (err) {
    case OK:
        return OUTCOME_DONE;
    case ERR_UNREACHABLE:
    case ERR_TIMEOUT:
    case ERR_IO:
    case ERR_LIMIT:
    case ERR_BUSY:
    case ERR_VAULT_DOWN:
    case ERR_UNAVAILABLE:
        return OUTCOME_RETRY;
    default:
        return OUTCOME_FAILED;
    }
}

const char *errand_why(enum err err)
{
    switch (err) {
    case ERR_INVALID:
    case ERR_JSON:
        return "a secret in it holds what cannot stand there, such as a blank in a bucket's name "
               "or "
               "a line break in a header: check what was stored";
    case ERR_TAMPERED:
        return "its record does not open as what it was stored for";
    case ERR_POLICY_EXPIRED:
        return "its policy has expired";
    case ERR_POLICY_SINK:
        return "its policy does not allow this use";
    case ERR_POLICY_HOST:
        return "its policy does not allow the host that would be connected to";
    case ERR_ADDRESS_REFUSED:
        return "https is required where a secret is used";
    case ERR_VAULT_DOWN:
        return "the key process does not answer";
    case ERR_LIMIT:
        return "too many secrets are open at this moment";
    case ERR_TOO_LARGE:
        return "it is larger than the limit";
    default:
        return err_text(err);
    }
}

/* A message that does not fit is left empty: the outcome says what matters. */
static void set_message(struct errand_end *e, const struct redact_set *set, struct str draft)
{
    enum err err = set ? redact_text(set, draft, &e->message) : buf_put(&e->message, draft);
    if (err != OK)
        buf_reset(&e->message);
}

void errand_refuse(struct errand_end *e, const char *what, struct str secret, enum err err)
{
    AUTO(buf) struct buf draft = buf_make(MESSAGE_DRAFT_BYTES);
    bool named = secret.len && (policy_refused(err) || err == ERR_TAMPERED);
    e->outcome = errand_outcome(err);
    e->err = err;
    if (buf_printf(&draft, "%s%s%.*s: %s", what, named ? " with the secret " : "",
                   named ? (int)secret.len : 0, secret.ptr, errand_why(err)) == OK)
        set_message(e, NULL, buf_str(&draft));
}

/* Statuses after which the same request may work later. */
static bool worth_another_try(int status)
{
    return status == 408 || status == 429 || status >= 500;
}

void errand_conclude(struct errand_end *e, const struct redact_set *set, struct str what,
                     enum err err, const struct fetch_result *result, struct str reason)
{
    AUTO(buf) struct buf draft = buf_make(MESSAGE_DRAFT_BYTES);
    int status = result->status;
    bool accepted = status >= 200 && status < 300;
    enum err put = buf_put(&draft, what);
    e->status = status;
    if (status == 0) { /* no answer */
        e->outcome = errand_outcome(err);
        e->err = err;
        if (put == OK)
            put = buf_printf(&draft, ": %s", result->why);
    } else {
        e->outcome = accepted                    ? OUTCOME_DONE
                     : worth_another_try(status) ? OUTCOME_RETRY
                                                 : OUTCOME_FAILED;
        e->err = accepted ? OK : ERR_UPSTREAM;
        if (put == OK)
            put = buf_printf(&draft, ": %d%s%.*s", status, reason.len ? " " : "", (int)reason.len,
                             reason.ptr);
    }
    if (put == OK)
        set_message(e, set, buf_str(&draft));
}

enum err errand_write(int fd, struct str bytes)
{
    while (bytes.len) {
        ssize_t n = write(fd, bytes.ptr, bytes.len);
        if (n > 0) {
            bytes = str_slice(bytes, (size_t)n, bytes.len);
            continue;
        }
        if (n < 0 && errno == EINTR)
            continue;
        if (n == 0 || errno != EAGAIN)
            return ERR_IO;
        struct pollfd wait = {.fd = fd, .events = POLLOUT};
        if (poll(&wait, 1, READER_PATIENCE_MS) == 0)
            return ERR_TIMEOUT;
    }
    return OK;
}
