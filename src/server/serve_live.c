#include "serve_live.h"

#include <fcntl.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <unistd.h>

#include "io.h"

#ifndef F_SEAL_FUTURE_WRITE /* Linux 5.1 */
#define F_SEAL_FUTURE_WRITE 0x0010
#endif

enum { ALLOW_LOOPBACK = 1, ALLOW_PRIVATE = 2, ALLOW_HTTP = 4 };

struct live {
    atomic_uint log, allow;
    _Atomic uint64_t part_bytes;
};

static struct {
    int fd;
    struct live *page;
} live = {.fd = -1};

enum err serve_live_open(const struct config *c)
{
    AUTO(fd) int fd = memfd_create("settings", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (fd < 0 || ftruncate(fd, sizeof *live.page) != 0)
        return ERR_LIMIT;
    void *page = mmap(NULL, sizeof *live.page, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (page == MAP_FAILED)
        return ERR_LIMIT;
    /* What is mapped after this cannot be made writable. An older kernel does not know it; then the
     * children's mapping is read-only all the same, by their own will. */
    (void)!fcntl(fd, F_ADD_SEALS, F_SEAL_FUTURE_WRITE | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL);
    live.page = page;
    live.fd = fd;
    fd = -1;
    serve_live_change(c);
    log_follow(&live.page->log);
    return OK;
}

void serve_live_change(const struct config *c)
{
    unsigned allow = (c->allow_loopback ? ALLOW_LOOPBACK : 0u) |
                     (c->allow_private ? ALLOW_PRIVATE : 0u) | (c->allow_http ? ALLOW_HTTP : 0u);
    atomic_store(&live.page->log, LOG_WORD(config_log_level(c), config_log_format(c)));
    atomic_store(&live.page->allow, allow);
    atomic_store(&live.page->part_bytes, (uint64_t)c->upload_part_bytes);
}

void serve_live_enter(void)
{
    if (!live.page)
        return;
    void *page = mmap(NULL, sizeof *live.page, PROT_READ, MAP_SHARED, live.fd, 0);
    ASSERT(page != MAP_FAILED);
    struct live *writable = live.page;
    live.page = page;
    log_follow(&live.page->log);
    munmap(writable, sizeof *writable);
    io_close(&live.fd);
}

void serve_live_outbound(struct guard_policy *ret_guard, uint64_t *ret_part_bytes)
{
    unsigned allow = atomic_load(&live.page->allow);
    *ret_guard = (struct guard_policy){.allow_loopback = (allow & ALLOW_LOOPBACK) != 0,
                                       .allow_private = (allow & ALLOW_PRIVATE) != 0,
                                       .allow_http = (allow & ALLOW_HTTP) != 0};
    *ret_part_bytes = atomic_load(&live.page->part_bytes);
}
