#!/bin/sh
# What the types forbid must not compile. Each case is tried beside its allowed twin, which must,
# so that a case does not fail for a wrong reason. With each compiler that is there.
set -eu
root=$(cd "$(dirname "$0")/.." && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
failed=0 tried=0

compiles() { # body of a function with `struct secret *s`
    cat >"$work/case.c" <<END
#include <stdio.h>
#include "log.h"
#include "secret.h"
#include "buf.h"
void try_it(struct secret *s, struct buf *b);
void try_it(struct secret *s, struct buf *b)
{
    (void)s;
    (void)b;
    $1
}
END
    "$cc" -std=gnu17 -D_GNU_SOURCE -O1 -Wall -Wextra -Wformat=2 -Werror -I"$root/src/base" -c -o /dev/null \
        "$work/case.c" 2>"$work/why"
}

check() { # name, forbidden, allowed
    tried=$((tried + 1))
    if compiles "$2"; then
        echo "$cc: compiles but must not: $1" && failed=1
    fi
    if ! compiles "$3"; then
        echo "$cc: the allowed twin does not compile: $1" && cat "$work/why" && failed=1
    fi
}

for cc in gcc clang-14; do
    command -v "$cc" >/dev/null || continue
    check "printf of a secret" 'printf("%s", s);' 'printf("%zu", secret_len(s));'
    check "fprintf of a secret" 'fprintf(stderr, "%s\n", s);' 'fprintf(stderr, "%s\n", "s");'
    check "buf_printf of a secret" 'if (buf_printf(b, "%s", s) != OK) return;' \
        'if (buf_printf(b, "%d", 1) != OK) return;'
    check "a secret in the log" 'log_info("event", kv("value", s));' \
        'log_info("event", kv("len", secret_len(s)));'
    check "a const secret in the log" 'const struct secret *c = s; log_info("event", kv("value", c));' \
        'const struct secret *c = s; log_info("event", kv("len", secret_len(c)));'
    check "a buffer in the log" 'log_info("event", kv("value", b));' \
        'log_info("event", kv("len", b->len));'
    check "strlen of a secret" 'printf("%zu", strlen(s));' 'printf("%zu", secret_len(s));'
    check "a look inside a secret" 'printf("%zu", s->len);' 'printf("%zu", secret_len(s));'
    check "a copy of a secret" 'struct secret copy = *s; (void)copy;' 'struct secret *same = s; (void)same;'
    check "the size of a secret" 'printf("%zu", sizeof *s);' 'printf("%zu", secret_len(s));'
    check "a secret as text" 'if (buf_put(b, str_from(s)) != OK) return;' \
        'if (buf_put(b, secret_reveal(s)) != OK) return;'
    check "an ignored error" 'buf_put(b, STR("x"));' 'if (buf_put(b, STR("x")) != OK) return;'
    check "STR of a pointer" 'const char *p = "x"; if (buf_put(b, STR(p)) != OK) return;' \
        'if (buf_put(b, str_from("x")) != OK) return;'
done
echo "compile_fail: $tried cases, $([ $failed = 0 ] && echo all refused || echo FAILED)"
[ $tried -gt 0 ] && exit $failed
