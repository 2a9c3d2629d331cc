/* Starting the three processes: fork, close what is not theirs, confine, run. Single-threaded
 * caller (the supervisor). Descriptors handed in stay the caller's. */
#ifndef SERVER_SERVE_CHILDREN_H
#define SERVER_SERVE_CHILDREN_H

#include <sys/types.h>

#include "sandbox.h"
#include "serve_api.h"

/* What the vault reads at its start; -1: there is none. */
struct serve_keys {
    int root, next_root, recovery;
};
enum err serve_child_vault(const struct config *config, int client, int supervisor,
                           const struct serve_keys *keys, pid_t *ret) MUST_USE;
enum err serve_child_courier(const struct config *config, int api, int vault, pid_t *ret) MUST_USE;
enum err serve_child_api(const struct serve_api *options, pid_t *ret) MUST_USE;

#endif
