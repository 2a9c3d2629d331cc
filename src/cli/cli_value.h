/* Where values come from: a file, standard input, or a prompt that does not echo. Owner thread. */
#ifndef CLI_VALUE_H
#define CLI_VALUE_H

#include "buf.h"
#include "secret.h"

/* file NULL: stdin when it is not a terminal (byte-exact), else a prompt. Says what is wrong on
 * stderr and returns an exit code, or 0. Warns about newlines at the end, which most credentials do
 * not have, or leaves them out (trim). */
int cli_value_read(const char *file, bool trim, struct secret **ret);

/* An API token from stdin or a prompt, without the blanks around it; the same in both, each
 * freed by the caller. Says what is wrong and returns an exit code, or 0. */
int cli_token_read(struct secret **ret, struct secret **ret_too);

/* A whole text file or stdin (file NULL or "-"). */
int cli_text_read(const char *file, struct buf *ret);

#endif
