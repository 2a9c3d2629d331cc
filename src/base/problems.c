#include "problems.h"

#include <stdarg.h>
#include <stdio.h>

enum err problems_add(struct problems *p, struct str field, const char *message)
{
    if (p->count < PROBLEMS_MAX) {
        p->list[p->count].field = arena_str(p->arena, field);
        p->list[p->count].message = arena_str(p->arena, str_from(message));
        p->count++;
    }
    return ERR_INVALID;
}

enum err problems_addf(struct problems *p, struct str field, const char *format, ...)
{
    char text[256];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    return problems_add(p, field, text);
}
