/* The courier process: the only one with outbound sockets. One thread an order, at most
 * COURIER_THREADS_MAX at a time, of which downloads take at most COURIER_DOWNLOADS_MAX, so that
 * slow ones leave room for deliveries (what is beyond is answered with RETRY, ERR_BUSY), and beside
 * them COURIER_MASKS_MAX for masks, which are short and are waited for. Called in the child after
 * fork. */
#ifndef COURIER_SERVE_H
#define COURIER_SERVE_H

#include "guard.h"

enum { COURIER_THREADS_MAX = 64, COURIER_DOWNLOADS_MAX = 32, COURIER_MASKS_MAX = 8 };
/* Masks that wait for their turn, each on its thread: the next one is told to come back. */
enum { COURIER_MASKS_WAITING_MAX = 128 };

struct courier_serve {
    int api;   /* orders in, answers out */
    int vault; /* the vault's client socket */
    struct guard_policy guard;
    const char *ca_file;
    uint64_t upload_part_bytes; /* outputs larger than this go in parts of it; 0: never */
    /* Both of these as they are now, asked for each order; NULL: they stay as they are. */
    void (*settings)(struct guard_policy *ret_guard, uint64_t *ret_part_bytes);
    void (*confine)(void); /* after libraries are loaded, before the first order; NULL in tests */
};

/* Returns when api is gone, after waiting up to COURIER_DRAIN_MS for what is under way; what is
 * still running then ends with the process. ERR_INTERNAL: libcurl could not start, or the sandbox
 * does not hold. */
enum { COURIER_DRAIN_MS = 5000 };
enum err courier_serve(const struct courier_serve *options) MUST_USE;

#endif
