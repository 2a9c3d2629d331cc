#include <stdio.h>

#include "cli.h"
#include "cli_commands.h"
#include "cli_resource.h"
#include "cli_transfer.h"
#include "encode.h"
#include "io.h"
#include "limit.h"
#include "random.h"

enum { ANSWER_MAX_BYTES = 16 * 1024 * 1024, FORM_MORE_BYTES = 4096, BOUNDARY_BYTES = 24 };

static const struct cli_column columns[] = {
    CLI_WHOLE("ID", "id", 0), CLI_TEXT("FAMILY", "familyName", 2), CLI_TEXT("FILE", "fileName", 1),
    CLI_TEXT("CREATED", "createdAt", 3)};
static const struct cli_resource fonts = {
    .what = "font",
    .path = "/fonts",
    .member = "fileName",
    .more = " and its file; jobs that name it will fail",
    .columns = columns,
    .count = ARRAY_LEN(columns),
};

/* multipart/form-data (RFC 7578): the family's name if it was given, then the file. */
static enum err put_form(struct buf *form, const char *boundary, const char *name,
                         const char *family, const struct cli_file *file)
{
    if (family)
        TRY(buf_printf(form,
                       "--%s\r\nContent-Disposition: form-data; name=\"familyName\"\r\n\r\n%s\r\n",
                       boundary, family));
    TRY(buf_printf(form,
                   "--%s\r\nContent-Disposition: form-data; name=\"font\"; filename=\"%s\"\r\n"
                   "Content-Type: font/ttf\r\n\r\n",
                   boundary, name));
    TRY(io_read_all(file->fd, form));
    return buf_printf(form, "\r\n--%s--\r\n", boundary);
}

static int send_font(struct cli_client *c, const struct cli_args *args, const char *name,
                     const struct cli_file *file)
{
    AUTO(buf) struct buf form = buf_make(FONT_MAX_BYTES + FORM_MORE_BYTES);
    AUTO(buf) struct buf answer = buf_make(ANSWER_MAX_BYTES);
    AUTO(buf) struct buf boundary = buf_make(2 * BOUNDARY_BYTES + 1);
    uint8_t random[BOUNDARY_BYTES];
    random_bytes(random, sizeof random);
    if (encode_hex(&boundary, str_bytes(random, sizeof random)) != OK ||
        buf_put_byte(&boundary, 0) != OK ||
        put_form(&form, boundary.ptr, name, cli_flag_value(args, "family"), file) != OK) {
        fputs("safelight: the file could not be read\n", stderr);
        return EXIT_CODE_FAILED;
    }
    struct str type = arena_printf(&c->arena, "multipart/form-data; boundary=%s", boundary.ptr);
    int code = cli_request_typed(c, "POST", "/fonts", type.ptr, buf_str(&form), &answer);
    if (code == 0)
        cli_put_one(args, buf_str(&answer), columns, ARRAY_LEN(columns), &c->arena);
    return code;
}

static bool is_plain(const char *text)
{
    for (; *text; text++)
        if ((unsigned char)*text < ' ' || *text == 0x7f)
            return false;
    return true;
}

int cli_font_upload(const struct cli_args *args)
{
    struct cli_client c __attribute__((cleanup(cli_client_auto))) = {0};
    struct cli_file file __attribute__((cleanup(cli_file_auto))) = {-1, 0};
    const char *name = NULL, *family = cli_flag_value(args, "family");
    int code = cli_file_name(args->positional[0], &name);
    if (code == 0 && family && !is_plain(family)) {
        fputs("safelight: the family's name holds control characters\n", stderr);
        code = EXIT_CODE_INVALID;
    }
    if (code == 0)
        code = cli_client_open(&c);
    if (code == 0)
        code = cli_file_open(args->positional[0], FONT_MAX_BYTES, &file);
    return code == 0 ? send_font(&c, args, name, &file) : code;
}

int cli_font_list(const struct cli_args *args)
{
    return cli_resource_list(args, &fonts);
}

int cli_font_delete(const struct cli_args *args)
{
    return cli_resource_delete(args, &fonts);
}
