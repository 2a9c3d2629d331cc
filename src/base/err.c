#include "err.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct {
    int status;
    const char *code, *text;
} table[] = {
#define ERR(name, status, code, text) {status, code, text},
#include "err.def"
#undef ERR
};

int err_status(enum err e)
{
    ASSERT((unsigned)e < ERR_COUNT);
    return table[e].status;
}

const char *err_code(enum err e)
{
    ASSERT((unsigned)e < ERR_COUNT);
    return table[e].code;
}

const char *err_text(enum err e)
{
    ASSERT((unsigned)e < ERR_COUNT);
    return table[e].text;
}

enum err err_from_code(const char *code)
{
    for (unsigned i = 0; i < ERR_COUNT; i++) {
        if (strcmp(table[i].code, code) == 0)
            return (enum err)i;
    }
    return ERR_INTERNAL;
}

void assert_failed(const char *file, int line, const char *expr)
{
    fprintf(stderr, "safelight: %s:%d: this should never happen: %s\n", file, line, expr);
    abort();
}
