/* Compiler attributes and the three idioms every file uses: TRY, AUTO, TAKE.
 * Any thread. */
#ifndef BASE_ATTR_H
#define BASE_ATTR_H

#define MUST_USE               __attribute__((warn_unused_result))
#define PRINTF_LIKE(fmt, args) __attribute__((format(printf, fmt, args)))
#define NO_RETURN              __attribute__((noreturn))

/* Returns from the calling function when `call` yields anything but OK. */
#define TRY(call)                                                                                  \
    do {                                                                                           \
        enum err try_err_ = (call);                                                                \
        if (try_err_ != OK)                                                                        \
            return try_err_;                                                                       \
    } while (0)

/* AUTO(buf) struct buf b = ...; runs buf_auto(&b) on every path out of the scope. A type takes
 * part by declaring `void NAME_auto(struct NAME *)` (storage of the caller) or, for pointers,
 * `void NAME_autop(struct NAME **)`. Destructors accept NULL and half-built objects. */
#define AUTO(name)  __attribute__((cleanup(name##_auto)))
#define AUTOP(name) __attribute__((cleanup(name##_autop)))

/* Moves ownership out of a pointer variable and leaves NULL behind. */
#define TAKE(p)                                                                                    \
    __extension__({                                                                                \
        __typeof__(p) take_tmp_ = (p);                                                             \
        (p) = NULL;                                                                                \
        take_tmp_;                                                                                 \
    })

#define ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))

/* For our own mistakes only. Always compiled in; prints file, line and expression, never values. */
#define ASSERT(expr) ((expr) ? (void)0 : assert_failed(__FILE__, __LINE__, #expr))
NO_RETURN void assert_failed(const char *file, int line, const char *expr);

#endif
