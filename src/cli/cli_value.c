#include "cli_value.h"

#include <stdio.h>
#include <unistd.h>

#include "cli.h"
#include "io.h"
#include "json_chars.h"
#include "limit.h"
#include "prompt.h"

enum { TOKEN_MAX_BYTES = 2048 };

/* What JSON can carry unchanged; anything else would arrive as another value. */
static bool is_text(struct str s)
{
    const char *at = s.ptr, *end = s.ptr + s.len;
    unsigned len = 1;
    for (; at < end && *at && len; at += len)
        len = json_utf8_len(at, end);
    return at == end;
}

static const struct {
    enum err err;
    const char *text;
    int code;
} failures[] = {
    {ERR_TOO_LARGE, "the value is longer than 64 KiB", EXIT_CODE_INVALID},
    {ERR_INVALID, "the value is empty", EXIT_CODE_INVALID},
    {ERR_MEDIA_TYPE, "the value is not text (UTF-8 without NUL); store it encoded, as base64 say",
     EXIT_CODE_INVALID},
    {ERR_NOT_FOUND, "there is no such file as --file names", EXIT_CODE_INVALID},
    {ERR_USAGE, "nothing was entered; nothing was changed", EXIT_CODE_INVALID},
};

static int value_failed(enum err e)
{
    for (size_t i = 0; i < ARRAY_LEN(failures); i++) {
        if (failures[i].err == e) {
            fprintf(stderr, "safelight: %s\n", failures[i].text);
            return failures[i].code;
        }
    }
    fputs("safelight: the value could not be read\n", stderr);
    return EXIT_CODE_INVALID;
}

static size_t newlines_at_end(const struct buf *b)
{
    size_t count = 0;
    while (count < b->len &&
           (b->ptr[b->len - 1 - count] == '\n' || b->ptr[b->len - 1 - count] == '\r'))
        count++;
    return count;
}

int cli_value_read(const char *file, bool trim, struct secret **ret)
{
    /* Room for what trim will leave out. */
    AUTO(buf) struct buf value = buf_make(SECRET_VALUE_MAX_BYTES + (trim ? 2 : 0));
    bool from_prompt = !file && isatty(STDIN_FILENO) == 1;
    enum err e = file          ? io_read_file(file, &value)
                 : from_prompt ? prompt_hidden("Value (not shown): ", &value)
                               : io_read_all(STDIN_FILENO, &value);
    size_t newlines = e == OK ? newlines_at_end(&value) : 0;
    if (e == OK && trim)
        buf_truncate(&value, value.len - newlines);
    if (e == OK && value.len == 0)
        e = ERR_INVALID;
    if (e == OK && value.len > SECRET_VALUE_MAX_BYTES)
        e = ERR_TOO_LARGE;
    if (e == OK && !is_text(buf_str(&value)))
        e = ERR_MEDIA_TYPE;
    if (e == OK)
        e = secret_new(buf_str(&value), ret);
    if (e != OK)
        return value_failed(e);
    if (newlines && !trim)
        fputs("safelight: warning: the value ends in a newline, and that is stored too; most "
              "credentials have none: store it again with --trim if it should not be there\n",
              stderr);
    return 0;
}

int cli_token_read(struct secret **ret, struct secret **ret_too)
{
    AUTO(buf) struct buf text = buf_make(TOKEN_MAX_BYTES);
    enum err e = isatty(STDIN_FILENO) == 1 ? prompt_hidden("API token (not shown): ", &text)
                                           : io_read_all(STDIN_FILENO, &text);
    struct str token = str_trim(buf_str(&text));
    if (e == OK && token.len == 0)
        e = ERR_INVALID;
    if (e == ERR_USAGE || e == ERR_IO)
        return value_failed(e);
    if (e != OK) {
        fputs(e == ERR_INVALID ? "safelight: no token came; give one on standard input\n"
                               : "safelight: that is no API token: it is one line of plain "
                                 "letters, slt_...\n",
              stderr);
        return EXIT_CODE_INVALID;
    }
    e = secret_new(token, ret);
    if (e == OK)
        e = secret_new(token, ret_too);
    return e == OK ? 0 : value_failed(e);
}

int cli_text_read(const char *file, struct buf *ret)
{
    bool from_stdin = !file || str_is(str_from(file), "-");
    enum err e = from_stdin ? io_read_all(STDIN_FILENO, ret) : io_read_file(file, ret);
    if (e == OK)
        return 0;
    fprintf(stderr, "safelight: %s\n",
            e == ERR_NOT_FOUND   ? "there is no such file as FILE names"
            : e == ERR_TOO_LARGE ? "the file is larger than the limit"
                                 : "the file could not be read");
    return EXIT_CODE_INVALID;
}
