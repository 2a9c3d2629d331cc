/* Ctrl-C, SIGTERM and SIGHUP end a command at once: first they take away the line that is drawn
 * over and over and the file that is not whole, then the process dies by the signal, as shells and
 * service managers expect. Owner thread. */
#ifndef BASE_INTERRUPT_H
#define BASE_INTERRUPT_H

#include <stdbool.h>

/* Once, in commands that have nothing else to bring to an end; a signal that was ignored (nohup)
 * stays so. Without it nothing of this happens. */
void interrupt_catch(void);

void interrupt_line(bool drawn);       /* on standard error */
void interrupt_file(const char *path); /* borrowed until the next call; NULL: there is none */

/* Dies by the signal; for commands that clean up in their own time. Async-signal-safe. */
void interrupt_die(int number);

#endif
