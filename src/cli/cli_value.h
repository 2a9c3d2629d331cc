/* Where values come from: a file, standard input, or a prompt that does not echo. Owner thread. */
#ifndef CLI_VALUE_H
#define CLI_VALUE_H

#include "buf.h"
#include "secret.h"

/* file NULL: stdin when it is not a terminal (byte-exact), else a prompt. Says what is wrong on
 * stderr and returns an exit code, or 0. Warns about a trailing newline, which most credentials do
 * not have. */
int cli_value_read(const char *file, struct secret **ret);

/* A whole text file or stdin (file NULL or "-"). */
int cli_text_read(const char *file, struct buf *ret);

#endif
