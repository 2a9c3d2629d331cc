/* Questions to the person at the terminal (/dev/tty), whatever stdin and stdout are. Owner thread.
 */
#ifndef CLI_PROMPT_H
#define CLI_PROMPT_H

#include "buf.h"
#include "cli_args.h"

/* One line that is not shown, of any length the buffer takes. ERR_IO: there is no terminal;
 * ERR_TOO_LARGE; ERR_USAGE: ended by Ctrl-D on an empty line. A signal that ends or stops the
 * program first gives the terminal its echo back. */
enum err cli_prompt_hidden(const char *question, struct buf *ret) MUST_USE;

/* Before something is destroyed, early: 0 when --yes is given or there is somebody to ask, else
 * says so and returns EXIT_CODE_USAGE. */
int cli_confirm_possible(const struct cli_args *args);
/* Then: asks, unless --yes is given, naming what will be destroyed ("the secret", its name, "and
 * all its versions"). 0: go on; else an exit code, and it was said that nothing was changed. */
int cli_confirm(const struct cli_args *args, const char *what, struct str name, const char *more);

#endif
