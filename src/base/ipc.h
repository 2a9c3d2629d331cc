/* Messages between our own processes: one SOCK_SEQPACKET message each way, at most
 * IPC_MESSAGE_MAX_BYTES, with up to IPC_FDS_MAX descriptors. A message that is cut, too long or
 * carries more descriptors than expected is ERR_FRAMING and its descriptors are closed.
 * Any thread, but one reader and one writer at a time. */
#ifndef BASE_IPC_H
#define BASE_IPC_H

#include "buf.h"
#include "limit.h"

enum err ipc_pair(int ret_fds[2]) MUST_USE; /* close-on-exec, buffers sized for a full message */

/* ERR_IO when the other side is gone. Blocks. fds stay the caller's. */
enum err ipc_send(int socket, struct str bytes, const int *fds, size_t fd_count) MUST_USE;

/* Replaces out's contents. fds received beyond fd_max are an error; unused entries become -1.
 * ERR_NOT_FOUND: the other side closed. Blocks until a message comes. */
enum err ipc_receive(int socket, struct buf *out, int *ret_fds, size_t fd_max) MUST_USE;

#endif
