/* What to tell somebody who stores a value that cannot be masked, or not without harm. Any thread.
 */
#ifndef REDACT_ADVICE_H
#define REDACT_ADVICE_H

#include "secret.h"

/* One sentence, or NULL when nothing is to be said. It quotes nothing of the value. */
const char *redact_advice(const struct secret *value);

#endif
