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

void assert_failed(const char *file, int line, const char *expr)
{
    fprintf(stderr, "safelight: %s:%d: this should never happen: %s\n", file, line, expr);
    abort();
}
