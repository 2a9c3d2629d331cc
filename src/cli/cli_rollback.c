/* safelight secret rollback. */
#include <stdio.h>

#include "cli.h"
#include "cli_commands.h"
#include "cli_output.h"
#include "cli_secret.h"

enum { BODY_MAX_BYTES = 64 * 1024 };

/* 0: not given. */
static int wanted_version(const struct cli_args *args, uint64_t *ret)
{
    const char *text = cli_flag_value(args, "version");
    *ret = 0;
    if (!text || (str_to_u64(str_from(text), UINT32_MAX, ret) == OK && *ret > 0))
        return 0;
    fputs("safelight: --version is a version's number, from 1 on\n", stderr);
    return EXIT_CODE_INVALID;
}

/* "The one before" is said together with the version that it is before: of two people who roll back
 * at once the second is refused, instead of bringing the bad value back. */
static int write_body(uint64_t version, uint64_t current, struct buf *out)
{
    struct json_out o = json_out_make(out);
    json_out_open(&o, '{');
    json_out_member_int(&o, version ? "version" : "current",
                        (int64_t)(version ? version : current));
    json_out_close(&o, '}');
    return json_out_end(&o) == OK ? 0 : EXIT_CODE_FAILED;
}

int cli_secret_rollback(const struct cli_args *args)
{
    static const struct cli_column columns[] = {
        CLI_TEXT("NAME", "name", 0), CLI_TEXT("VERSION", "version", 0),
        CLI_TEXT("UPDATED", "updatedAt", 0), CLI_TEXT("ID", "id", 0)};
    struct cli_client c __attribute__((cleanup(cli_client_auto))) = {0};
    AUTO(buf) struct buf body = buf_make(BODY_MAX_BYTES), answer = buf_make(BODY_MAX_BYTES);
    struct str row = STR_EMPTY;
    uint64_t version;
    int code = wanted_version(args, &version);
    if (code == 0)
        code = cli_client_open(&c);
    if (code == 0)
        code = cli_secret_find(&c, args->positional[0], &row);
    if (code != 0)
        return code;
    uint64_t current = 0;
    if (str_to_u64(cli_member(row, "version", &c.arena), UINT32_MAX, &current) != OK)
        current = 0; /* a server of another kind; it is none that ours has */
    if (!version && current == 1) {
        fputs("safelight: the secret has one version only; there is no older one to go back to\n",
              stderr);
        return EXIT_CODE_NOT_FOUND;
    }
    struct str id = cli_member(row, "id", &c.arena);
    struct str path = arena_printf(&c.arena, "/secrets/%.*s/rollback", (int)id.len, id.ptr);
    code = write_body(version, current, &body);
    if (code != 0)
        return code;
    c.absence_is_fine = true; /* the secret is there: it is the version that is not */
    code = cli_request(&c, "POST", path.ptr, buf_str(&body), &answer);
    if (code == EXIT_CODE_NOT_FOUND)
        fputs("safelight: the secret has no such version\n", stderr);
    if (code == 0)
        cli_put_one(args, buf_str(&answer), columns, ARRAY_LEN(columns), &c.arena);
    return code;
}
