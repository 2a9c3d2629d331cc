/* Questions to the person at the terminal (/dev/tty), whatever stdout is. Owner thread. */
#ifndef BASE_PROMPT_H
#define BASE_PROMPT_H

#include "buf.h"

/* One line that is not shown, of any length the buffer takes. ERR_IO: there is no terminal;
 * ERR_TOO_LARGE; ERR_USAGE: ended by Ctrl-D on an empty line. A signal that ends or stops the
 * program first gives the terminal its echo back. */
enum err prompt_hidden(const char *question, struct buf *ret) MUST_USE;

/* Is there somebody to ask? */
bool prompt_possible(void);
/* Behind what was said on stderr: "Go on? [y/N]". */
bool prompt_yes(void);

#endif
