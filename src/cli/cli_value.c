#include "cli_value.h"

#include <fcntl.h>
#include <stdio.h>
#include <termios.h>
#include <unistd.h>

#include "cli.h"
#include "io.h"
#include "json_chars.h"
#include "limit.h"

static enum err prompt(struct buf *out)
{
    struct termios before, quiet;
    AUTO(fd) int tty = open("/dev/tty", O_RDWR | O_CLOEXEC);
    if (tty < 0 || tcgetattr(tty, &before) != 0)
        return ERR_IO;
    quiet = before;
    quiet.c_lflag &= ~(tcflag_t)ECHO;
    TRY(io_write_all(tty, STR("Value (not shown): ")));
    tcsetattr(tty, TCSAFLUSH, &quiet);
    enum err e = OK;
    char byte;
    while (e == OK && read(tty, &byte, 1) == 1 && byte != '\n')
        e = buf_put_byte(out, (uint8_t)byte);
    byte = 0;
    tcsetattr(tty, TCSAFLUSH, &before);
    enum err newline = io_write_all(tty, STR("\n"));
    return e != OK ? e : newline;
}

/* What JSON can carry unchanged; anything else would arrive as another value. */
static bool is_text(struct str s)
{
    const char *at = s.ptr, *end = s.ptr + s.len;
    unsigned len = 1;
    for (; at < end && *at && len; at += len)
        len = json_utf8_len(at, end);
    return at == end;
}

int cli_value_read(const char *file, struct secret **ret)
{
    AUTO(buf) struct buf value = buf_make(SECRET_VALUE_MAX_BYTES);
    bool from_prompt = !file && isatty(STDIN_FILENO);
    enum err e = file          ? io_read_file(file, &value)
                 : from_prompt ? prompt(&value)
                               : io_read_all(STDIN_FILENO, &value);
    if (e == OK && value.len == 0)
        e = ERR_INVALID;
    if (e == OK && !is_text(buf_str(&value)))
        e = ERR_MEDIA_TYPE;
    if (e == OK)
        e = secret_new(buf_str(&value), ret);
    if (e != OK) {
        fprintf(stderr, "safelight: %s\n",
                e == ERR_TOO_LARGE ? "the value is longer than 64 KiB"
                : e == ERR_INVALID ? "the value is empty"
                : e == ERR_MEDIA_TYPE
                    ? "the value is not text (UTF-8 without NUL); store it encoded, as base64 say"
                : e == ERR_NOT_FOUND ? "there is no such file"
                                     : "the value could not be read");
        return e == ERR_NOT_FOUND || e == ERR_IO ? EXIT_CODE_FAILED : EXIT_CODE_INVALID;
    }
    if (value.ptr[value.len - 1] == '\n')
        fputs("safelight: note: the value ends in a newline, and that is stored too; "
              "use printf %s or head -c -1 if it should not be\n",
              stderr);
    return 0;
}

int cli_text_read(const char *file, struct buf *ret)
{
    bool from_stdin = !file || str_is(str_from(file), "-");
    enum err e = from_stdin ? io_read_all(STDIN_FILENO, ret) : io_read_file(file, ret);
    if (e == OK)
        return 0;
    fprintf(stderr, "safelight: %s\n",
            e == ERR_NOT_FOUND   ? "there is no such file"
            : e == ERR_TOO_LARGE ? "the file is larger than the limit"
                                 : "the file could not be read");
    return e == ERR_TOO_LARGE ? EXIT_CODE_INVALID : EXIT_CODE_FAILED;
}
