/* The one error type. Everything that can fail returns it; it must be used. The list, with HTTP
 * status, public code and public text, is err.def. Any thread. */
#ifndef BASE_ERR_H
#define BASE_ERR_H

#include "attr.h"

enum err {
#define ERR(name, status, code, text) name,
#include "err.def"
#undef ERR
    ERR_COUNT
};

/* gcc and clang apply must-use to functions, not to enums in C: every declaration of ours that
 * returns enum err says MUST_USE; tools/lint checks it. */

int err_status(enum err e);       /* HTTP status */
const char *err_code(enum err e); /* stable, public: "SECRET_ALREADY_EXISTS" */
const char *err_text(enum err e); /* a sentence for a person; holds no request data */

#endif
