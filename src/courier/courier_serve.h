/* The courier process: the only one with outbound sockets. One thread an order, at most
 * COURIER_THREADS_MAX at a time. Called in the child after fork. */
#ifndef COURIER_SERVE_H
#define COURIER_SERVE_H

#include "guard.h"

struct courier_serve {
    int api;   /* orders in, answers out */
    int vault; /* the vault's client socket */
    struct guard_policy guard;
    const char *ca_file;
    bool (*confine)(void); /* after libraries are loaded, before the first order; NULL in tests */
};
enum err courier_serve(const struct courier_serve *options) MUST_USE; /* returns when api is gone */

#endif
