/* The steps of which forms are made: each appends `in`, written in some way, to out. Any thread. */
#ifndef REDACT_STEP_H
#define REDACT_STEP_H

#include "redact_form.h"

enum {
    STEP_UPPER = 1,    /* digits A-F rather than a-f */
    STEP_ALL = 2,      /* every character, also letters and digits */
    STEP_ASCII = 4,    /* non-ASCII too */
    STEP_PLUS = 8,     /* a blank is + */
    STEP_CONTROL = 16, /* control characters as \n, \t ... */
    STEP_OCTAL = 32,   /* those without a letter as \033 */
    STEP_HEX = 64,     /* the same as \x1b; number: hex; json: A-F in what need not be escaped */
    STEP_URL = 128,    /* base64url */
    STEP_BIG = 256,    /* UTF-16BE */
    STEP_TILDE = 512,  /* a tilde behind = and : is special */
    STEP_FIRST = 1024, /* and one at the beginning, or a # there */
};

struct redact_step {
    enum err (*put)(const struct redact_step *s, struct str in, struct buf *out,
                    uint8_t *ret_edges);
    unsigned options;
    unsigned number;    /* base64: bytes before the value, modulo 3; html: least digits */
    const char *chars;  /* what is special (json, map, quote), or is not (percent) */
    const char *before; /* map: what stands for each of chars, with blanks between; else a prefix */
    const char *after;  /* hex, decimal: between two bytes; map: words for U+00A0 to U+00FF */
};

#define STEP(name)                                                                                 \
    enum err redact_step_##name(const struct redact_step *s, struct str in, struct buf *out,       \
                                uint8_t *ret_edges) MUST_USE
/* Does the step leave letters and digits as they are? */
bool redact_step_keeps(const struct redact_step *s);

STEP(raw);
STEP(json);    /* chars: what becomes \uXXXX although it need not; '/' there becomes \/ */
STEP(percent); /* chars: what stays beside letters and digits */
STEP(map);     /* each of chars as the word of `before` in its place */
STEP(number);  /* HTML: all but letters and digits as &#60; or &#x3c; */
STEP(quote);   /* `before` before each of chars */
STEP(hex);     /* each byte in two digits, `before` it a prefix, `after` it a separator */
STEP(decimal); /* the same in decimal */
STEP(base64);
STEP(utf16); /* without the zero bytes at its ends: then ASCII is the same in both orders */
STEP(latin1);
STEP(reverse);

#endif
