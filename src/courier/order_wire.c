#include "order_wire.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "io.h"
#include "ipc.h"
#include "limit.h"

enum { SEALS = F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE };

static enum err put_in_memfd(const struct order *o, int *ret)
{
    AUTO(buf) struct buf bytes = buf_make(COURIER_ORDER_MAX_BYTES);
    TRY(order_encode(o, &bytes));
    AUTO(fd) int fd = memfd_create("order", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (fd < 0)
        return ERR_LIMIT;
    TRY(io_write_all(fd, buf_str(&bytes)));
    if (fcntl(fd, F_ADD_SEALS, SEALS) != 0)
        return ERR_IO;
    *ret = fd;
    fd = -1;
    return OK;
}

enum err order_wire_send(int socket, const struct order *o, int data_fd)
{
    AUTO(fd) int memfd = -1;
    AUTO(buf) struct buf message = buf_make(sizeof o->id);
    TRY(put_in_memfd(o, &memfd));
    TRY(buf_put_u64(&message, o->id));
    const int fds[ORDER_WIRE_FDS] = {memfd, data_fd};
    return ipc_send(socket, buf_str(&message), fds, data_fd < 0 ? 1 : 2);
}

enum err order_wire_ask(int socket, uint64_t id)
{
    AUTO(buf) struct buf message = buf_make(sizeof id);
    TRY(buf_put_u64(&message, id));
    return ipc_send(socket, buf_str(&message), NULL, 0);
}

enum err order_wire_id(struct str message, uint64_t *ret_id)
{
    struct reader r = {message};
    TRY(reader_u64(&r, ret_id));
    return reader_end(&r);
}

enum err order_wire_map(int memfd, struct order_mapped *ret)
{
    struct stat st;
    int seals = memfd < 0 ? -1 : fcntl(memfd, F_GET_SEALS);
    if (seals < 0 || (seals & SEALS) != SEALS || fstat(memfd, &st) != 0 || st.st_size <= 0 ||
        st.st_size > COURIER_ORDER_MAX_BYTES)
        return ERR_INVALID;
    void *at = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, memfd, 0);
    if (at == MAP_FAILED)
        return ERR_LIMIT;
    *ret = (struct order_mapped){at, (size_t)st.st_size};
    return OK;
}

void order_mapped_auto(struct order_mapped *m)
{
    /* UNSAFE: munmap takes a pointer to what it does not write. */
    if (m->ptr)
        munmap((void *)(uintptr_t)m->ptr, m->len);
    *m = (struct order_mapped){NULL, 0};
}
