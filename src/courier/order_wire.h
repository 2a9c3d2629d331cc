/* How orders travel: a short message with the order's id, and with it a sealed memfd that holds the
 * order, then the descriptor it works on, if any. The memfd is read in place: sealed, it cannot
 * change under the reader. Any thread; one sender at a time. */
#ifndef COURIER_ORDER_WIRE_H
#define COURIER_ORDER_WIRE_H

#include "order.h"

enum { ORDER_WIRE_FDS = 2 };

/* ERR_IO: the other side is gone. data_fd -1: none. */
enum err order_wire_send(int socket, const struct order *o, int data_fd) MUST_USE;

/* An id with no order: its answer says that the order could not be read, and so that somebody is
 * there. */
enum err order_wire_ask(int socket, uint64_t id) MUST_USE;

/* The id alone; ERR_INVALID. */
enum err order_wire_id(struct str message, uint64_t *ret_id) MUST_USE;

struct order_mapped {
    const char *ptr;
    size_t len;
};
/* ERR_INVALID: not sealed, empty or larger than COURIER_ORDER_MAX_BYTES. */
enum err order_wire_map(int memfd, struct order_mapped *ret) MUST_USE;
void order_mapped_auto(struct order_mapped *m);

#endif
