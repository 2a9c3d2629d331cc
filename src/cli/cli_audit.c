#include "cli_audit.h"

#include <stdio.h>
#include <unistd.h>

#include "cli.h"
#include "cli_commands.h"
#include "cli_resource.h"
#include "cli_team.h"
#include "cli_transfer.h"
#include "encode.h"
#include "io.h"

enum { NOTE_MAX_BYTES = 64 * 1024, QUERY_MAX_BYTES = 8 * 1024 };

int cli_audit_open(struct cli_client *c, const struct cli_args *args, struct str *ret_path)
{
    const char *base;
    int code = cli_team_open(c, args, true, &base);
    if (code == 0)
        *ret_path = arena_printf(&c->arena, "%s/audit", base);
    return code;
}

static const char *below(struct cli_client *c, struct str path, const char *what)
{
    return arena_printf(&c->arena, "%.*s%s", (int)path.len, path.ptr, what).ptr;
}

/* --- list --- */

static bool add_query(struct buf *query, const char *name, const char *value)
{
    return !value || (buf_printf(query, "%c%s=", query->len ? '&' : '?', name) == OK &&
                      encode_percent(query, str_from(value), false) == OK);
}

int cli_audit_list(const struct cli_args *args)
{
    static const char *const filters[] = {"event", "name",  "actor", "job",
                                          "since", "until", "limit"};
    static const struct cli_column columns[] = {
        CLI_WHOLE("SEQUENCE", "sequence", 3), CLI_TEXT("AT", "at", 1),
        CLI_WHOLE("EVENT", "event", 0),       CLI_WHOLE("ACTOR", "actor", 1),
        CLI_TEXT("NAME", "name", 1),          CLI_WHOLE("VERSION", "version", 5),
        CLI_WHOLE("JOB", "job", 2),           CLI_WHOLE("ADDRESS", "address", 4),
        CLI_WHOLE("SUBJECT", "subject", 6),
    };
    struct cli_client c __attribute__((cleanup(cli_client_auto))) = {0};
    AUTO(buf) struct buf query = buf_make(QUERY_MAX_BYTES);
    struct str path;
    int code = cli_audit_open(&c, args, &path);
    bool fits = add_query(&query, "sort", "newest_first");
    for (size_t i = 0; i < ARRAY_LEN(filters); i++)
        fits = fits && add_query(&query, filters[i], cli_flag_value(args, filters[i]));
    if (code == 0 && !fits) {
        fputs("safelight: a filter is too long\n", stderr);
        code = EXIT_CODE_INVALID;
    }
    if (code != 0 || buf_put_byte(&query, 0) != OK)
        return code;
    return cli_list_from(&c, args, below(&c, path, query.ptr), columns, ARRAY_LEN(columns));
}

/* --- export, checkpoint, key --- */

int cli_audit_export(const struct cli_args *args)
{
    struct cli_client c __attribute__((cleanup(cli_client_auto))) = {0};
    const char *after = cli_flag_value(args, "after");
    AUTO(buf) struct buf query = buf_make(QUERY_MAX_BYTES);
    struct str path;
    int code = cli_audit_open(&c, args, &path);
    if (code != 0)
        return code;
    if (!add_query(&query, "after", after) || buf_put_byte(&query, 0) != OK) {
        fputs("safelight: --after is a record's number\n", stderr);
        return EXIT_CODE_INVALID;
    }
    const char *address = below(&c, path, arena_printf(&c.arena, "/export%s", query.ptr).ptr);
    const struct cli_download wanted = {address, "audit.ndjson", "application/x-ndjson", NULL};
    return cli_download(&c, args, &wanted);
}

/* Byte for byte: a signature covers all of it. */
static int write_note(void *ctx, int fd)
{
    const struct buf *note = ctx;
    if (io_write_all(fd, buf_str(note)) == OK)
        return 0;
    fputs("safelight: the checkpoint cannot be written there\n", stderr);
    return EXIT_CODE_FAILED;
}

int cli_audit_checkpoint(const struct cli_args *args)
{
    struct cli_client c __attribute__((cleanup(cli_client_auto))) = {0};
    AUTO(buf) struct buf note = buf_make(NOTE_MAX_BYTES);
    const char *file = cli_flag_value(args, "file");
    struct str path;
    int code = cli_audit_open(&c, args, &path);
    c.only_asks = true;
    if (code == 0)
        code = cli_request(&c, "POST", below(&c, path, "/checkpoint"), STR_EMPTY, &note);
    if (code != 0)
        return code;
    return file && strcmp(file, "-") != 0 ? cli_file_write(args, file, write_note, &note)
                                          : write_note(&note, STDOUT_FILENO);
}

int cli_audit_key(const struct cli_args *args)
{
    struct cli_client c __attribute__((cleanup(cli_client_auto))) = {0};
    AUTO(buf) struct buf answer = buf_make(NOTE_MAX_BYTES);
    struct str path;
    int code = cli_audit_open(&c, args, &path);
    if (code == 0)
        code = cli_request(&c, "GET", below(&c, path, "/key"), STR_EMPTY, &answer);
    if (code != 0)
        return code;
    if (cli_flag(args, "json"))
        cli_print_json(buf_str(&answer));
    else
        cli_print_json(cli_member(buf_str(&answer), "key", &c.arena));
    return 0;
}
