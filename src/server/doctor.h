/* What `safelight doctor` finds out with the server's own eyes: settings, kernel, root key,
 * database, certificate. It changes nothing and works whether the server runs or not. Main thread.
 */
#ifndef SERVER_DOCTOR_H
#define SERVER_DOCTOR_H

enum doctor_verdict { DOCTOR_GOOD, DOCTOR_WARN, DOCTOR_BAD };

/* One finding: what was looked at, and how to mend it when it is not good (else NULL). */
typedef void doctor_found(void *ctx, enum doctor_verdict verdict, const char *what,
                          const char *remedy);

/* config: a file of settings, NULL: DIR/safelight.conf if it is there. */
void doctor_examine(const char *data, const char *config, doctor_found *found, void *ctx);

#endif
