#include "serve_recovery.h"

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

static bool is_in_place(const char *data, struct str file)
{
    AUTO(buf) struct buf there = buf_make(RECOVERY_FILE_BYTES);
    AUTO(fd) int fd = datadir_open_recovery(data, false);
    return fd >= 0 && (read_key(fd, &there) != OK || str_equal(buf_str(&there), file));
}

/* ERR_TIMEOUT: it cannot be, so at the next start it would be the one in use. */
static enum err put_back(const char *data, struct str file, struct str before)
{
    if (!is_in_place(data, file))
        return OK;
    enum err e = before.len ? datadir_put_recovery(data, false, before)
                            : datadir_remove_recovery(data, false);
    if (e == OK || !is_in_place(data, file))
        return OK;
    log_error("recovery_key_not_put_back", kv("error", err_code(e)));
    return ERR_TIMEOUT;
}

static enum err change(const char *data, struct str id, int vault_control)
{
    AUTO(fd) int next = datadir_open_recovery(data, true);
    AUTO(fd) int present = datadir_open_recovery(data, false);
    AUTO(buf) struct buf file = buf_make(RECOVERY_FILE_BYTES);
    AUTO(buf) struct buf before = buf_make(RECOVERY_FILE_BYTES);
    if (next < 0)
        return ERR_NOT_FOUND;
    TRY(read_key(next, &file));
    TRY(must_be(buf_str(&file), id));
    if (present >= 0 && read_key(present, &before) != OK)
        buf_reset(&before); /* too long for one: nothing that could be put back */
    /* Its bytes, not the file: what was looked at is what counts from here on. */
    enum err e = datadir_put_recovery(data, false, buf_str(&file));
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
