#include "config_files.h"

#include "listener.h"
#include "tls_check.h"

static const char *unreadable(enum err e, const char *otherwise)
{
    return e == ERR_NOT_FOUND   ? "there is no such file"
           : e == ERR_TOO_LARGE ? "the file is too large"
           : e == ERR_IO ? "the file cannot be read; who runs the server needs to be allowed to"
                         : otherwise;
}

/* A pair that does not fit is told at the key. */
static const char *tls_wrong(const struct config *c, enum config_id id)
{
    struct tls_check ignored;
    bool key = id == CONFIG_tls_key;
    if (!c->tls_cert[0] || !c->tls_key[0])
        return NULL; /* config_wrong says it */
    enum err e = tls_check_readable(key ? c->tls_key : c->tls_cert);
    if (e != OK || !key || tls_check_readable(c->tls_cert) != OK)
        return e == OK ? NULL : unreadable(e, "the file is not PEM");
    e = tls_check(c->tls_cert, c->tls_key, &ignored);
    return e == OK ? NULL
                   : "certificate and key do not belong together, or one of them is not whole PEM";
}

const char *config_file_wrong(const struct config *c, enum config_id id)
{
    enum err e;
    switch (id) {
    case CONFIG_tls_cert:
    case CONFIG_tls_key:
        return tls_wrong(c, id);
    case CONFIG_ca_file:
        e = c->ca_file[0] ? tls_check_ca(c->ca_file) : OK;
        return e == OK ? NULL : unreadable(e, "the file holds no certificate in PEM");
    case CONFIG_listen_group:
        return !c->listen_group[0] || listener_group_exists(c->listen_group)
                   ? NULL
                   : "there is no such group";
    default:
        return NULL;
    }
}

enum err config_files(const struct config_inputs *in, const struct config *c,
                      const struct config_source from[static CONFIG_COUNT], struct buf *problems)
{
    enum err e = OK;
    for (enum config_id id = 0; id < CONFIG_COUNT; id++) {
        const char *why = config_file_wrong(c, id);
        if (!why)
            continue;
        config_problem(in, id, from[id], why, problems);
        e = ERR_INVALID;
    }
    return e;
}
