/* The settings that vault, courier and api look up each time they use them: in a page that the
 * supervisor writes and the others can only read, so that none has to be told, nor can tell
 * another.
 */
#ifndef SERVER_SERVE_LIVE_H
#define SERVER_SERVE_LIVE_H

#include "config.h"
#include "guard.h"

/* In the supervisor, before the first child. ERR_LIMIT. */
enum err serve_live_open(const struct config *c) MUST_USE;
void serve_live_change(const struct config *c);

/* In a child, right after fork: from here on the page is only read, and the log follows it. Does
 * nothing when there is no page. */
void serve_live_enter(void);

/* In a child. */
void serve_live_outbound(struct guard_policy *ret_guard, uint64_t *ret_part_bytes);

#endif
