/* Messages between the supervisor and the api process: one byte, and what stands behind it. The
 * supervisor is the only one that touches the root key's file and the only one that starts
 * processes.
 *
 *     api -> supervisor   'P' port (u16)   ready, listening on this port
 *                         'O'              hand the vault a new root key (root.key.next)
 *                         'C'              that key is in use: put it in root.key's place
 *                         'L' settings (u8), tls (u8), why      the end of H: what was taken;
 *                                          of a refused certificate a sentence
 *                         'a' well (u8)    answer to A; 1: vault and courier answer as well
 *                         'V' id (8 bytes) put recovery.pub.next in its place and hand it to the
 *                                          vault, if it is the key of this id
 *     supervisor -> api   'k', 'e' or 'u'  answer to O, C and V, in their order: done, not done, or
 *                                          not known
 *                         'K' + descriptor a new courier was started; this is its socket
 *                         'H' taken (u8), settings      those that hold now (struct config: both
 *                                          are one program; 0: the new ones were refused); the
 *                                          certificate is to be read again
 *                         'A'              is anybody there?
 *                         'S'              stop: finish what is open, then exit
 *     supervisor -> vault 'R' + descriptor pending root key;   'C' + descriptor: a courier;
 *                         'P' + descriptor recovery key's public half */
#ifndef SERVER_CONTROL_H
#define SERVER_CONTROL_H

#include "ipc.h"

enum control {
    CONTROL_READY = 'P',
    CONTROL_OFFER_ROOT = 'O',
    CONTROL_COMMIT_ROOT = 'C',
    CONTROL_OFFER_RECOVERY = 'V',
    CONTROL_DONE = 'k',
    CONTROL_REFUSED = 'e',
    CONTROL_UNKNOWN = 'u',
    CONTROL_COURIER = 'K',
    CONTROL_RELOAD = 'H',
    CONTROL_RELOADED = 'L',
    CONTROL_ASK = 'A',
    CONTROL_ALIVE = 'a',
    CONTROL_STOP = 'S',
    CONTROL_VAULT_ROOT = 'R',
    CONTROL_VAULT_RECOVERY = 'P',
    CONTROL_VAULT_CLIENT = 'C',
};

enum { CONTROL_WHY_MAX_BYTES = 160 };

/* One byte with an optional descriptor (-1: none). */
enum err control_send(int socket, enum control what, int fd) MUST_USE;
/* One byte with one behind it. */
enum err control_send_bit(int socket, enum control what, bool bit) MUST_USE;

#endif
