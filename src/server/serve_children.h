/* Starting the three processes: fork, close what is not theirs, confine, run. Single-threaded
 * caller (the supervisor). Descriptors handed in stay the caller's. */
#ifndef SERVER_SERVE_CHILDREN_H
#define SERVER_SERVE_CHILDREN_H

#include <sys/types.h>

#include "sandbox.h"
#include "serve_api.h"

enum err serve_child_vault(const struct config *config, int client, int supervisor, int root,
                           int next_root, pid_t *ret) MUST_USE;
enum err serve_child_courier(const struct config *config, int api, int vault, pid_t *ret) MUST_USE;
enum err serve_child_api(const struct serve_api *options, pid_t *ret) MUST_USE;

#endif
