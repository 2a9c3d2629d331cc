/* Files and descriptors: whole reads and writes, durable replacement. Every descriptor is
 * close-on-exec. Any thread. */
#ifndef BASE_IO_H
#define BASE_IO_H

#include "buf.h"

enum err io_write_all(int fd, struct str bytes) MUST_USE; /* ERR_IO; ERR_STORE_FULL on ENOSPC */
enum err io_read_all(int fd, struct buf *out) MUST_USE;   /* to the end; ERR_TOO_LARGE, ERR_IO */
enum err io_read_file(const char *path, struct buf *out) MUST_USE; /* ERR_NOT_FOUND, ERR_IO */
/* Writes beside the path, syncs, renames, syncs the folder: after a crash old or new, whole. */
enum err io_replace_file(const char *path, struct str bytes, int mode) MUST_USE;
enum err io_sync_folder(const char *path) MUST_USE;
/* Renames, never over what is there: ERR_CONFLICT then; ERR_NOT_FOUND, ERR_STORE_FULL, ERR_IO. Does
 * not sync the folder. Where a file system has no way to do that in one step, whoever writes to the
 * same name in between loses. */
enum err io_move_new(const char *from, const char *to) MUST_USE;
/* All of it on standard output, and on disk when that is a file; nobody reading it any more is an
 * error (ERR_IO) and no signal. For what is shown only once. */
enum err io_tell(struct str bytes) MUST_USE;

/* First thing in main: those of descriptors 0 to 2 that the caller left closed become /dev/null, so
 * that no file or socket opened later is taken for one of them. ERR_IO. */
enum err io_open_standard(void) MUST_USE;

void io_close(int *fd); /* sets -1; accepts -1 */
void fd_auto(int *fd);  /* AUTO(fd) int f = open(...); */

#endif
