#include "serve_recovery.h"

#include <errno.h>
#include <unistd.h>

#include "control.h"
#include "datadir.h"
#include "io.h"
#include "log.h"
#include "recovery.h"

static enum err read_key(int fd, struct buf *ret)
{
    TRY(io_read_all(fd, ret));
    return lseek(fd, 0, SEEK_SET) == 0 ? OK : ERR_IO;
}

static enum err must_be(struct str file, struct str id)
{
    uint8_t public_key[BOX_PUBLIC_BYTES], its[RECOVERY_ID_BYTES];
    TRY(recovery_file_decode(file, public_key));
    recovery_id(public_key, its);
    return str_equal(id, str_bytes(its, sizeof its)) ? OK : ERR_CONFLICT;
}

static enum err tell_vault(int vault_control, int fd)
{
    AUTO(buf) struct buf answer = buf_make(IPC_MESSAGE_MAX_BYTES);
    TRY(control_send(vault_control, CONTROL_VAULT_RECOVERY, fd));
    TRY(ipc_receive(vault_control, &answer, NULL, 0));
    return str_is(buf_str(&answer), "k") ? OK : ERR_INVALID;
}

/* ERR_TIMEOUT: it cannot be, or not so that it lasts: at the next start the other one may be in
 * use. */
static enum err put_back(const char *data, struct str file, struct str before)
{
    if (!datadir_recovery_may_be(data, file))
        return OK;
    enum err e = before.len ? datadir_put_recovery(data, false, before)
                            : datadir_remove_recovery(data, false);
    if (e == OK)
        return OK;
    log_error("recovery_key_not_put_back", kv("error", err_code(e)));
    return ERR_TIMEOUT;
}

static enum err change(const char *data, struct str id, int vault_control)
{
    AUTO(fd) int next = datadir_open_recovery(data, true);
    AUTO(fd) int present = datadir_open_recovery(data, false);
    bool none = present < 0 && (errno == ENOENT || errno == ELOOP);
    AUTO(buf) struct buf file = buf_make(RECOVERY_FILE_BYTES);
    AUTO(buf) struct buf before = buf_make(RECOVERY_FILE_BYTES);
    if (next < 0)
        return ERR_NOT_FOUND;
    TRY(read_key(next, &file));
    TRY(must_be(buf_str(&file), id));
    if (present < 0 && !none)
        return ERR_IO; /* it may be good, and could not be put back */
    enum err e = none ? OK : read_key(present, &before);
    if (e == ERR_TOO_LARGE)
        buf_reset(&before); /* for a key: nothing that could be put back */
    else if (e != OK)
        return e;
    /* Its bytes, not the file: what was looked at is what counts from here on. */
    e = datadir_put_recovery(data, false, buf_str(&file));
    if (e == OK)
        e = tell_vault(vault_control, next);
    if (e != OK)
        TRY(put_back(data, buf_str(&file), buf_str(&before)));
    return e == ERR_TIMEOUT ? ERR_IO : e;
}

enum err serve_recovery_change(const char *data, struct str id, int vault_control)
{
    enum err e = change(data, id, vault_control);
    if (e != OK)
        log_warn("recovery_key_not_changed", kv("error", err_code(e)));
    return e;
}
