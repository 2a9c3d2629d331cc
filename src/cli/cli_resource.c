#include "cli_resource.h"

#include "cli.h"
#include "cli_prompt.h"

enum { ANSWER_MAX_BYTES = 64 * 1024 * 1024 };

int cli_list_from(struct cli_client *c, const struct cli_args *args, const char *path,
                  const struct cli_column *columns, size_t count)
{
    AUTO(buf) struct buf answer = buf_make(ANSWER_MAX_BYTES);
    int code = cli_request(c, "GET", path, STR_EMPTY, &answer);
    if (code == 0)
        cli_put_list(args, buf_str(&answer), columns, count, &c->arena);
    return code;
}

int cli_resource_list(const struct cli_args *args, const struct cli_resource *r)
{
    struct cli_client c __attribute__((cleanup(cli_client_auto))) = {0};
    int code = cli_client_open(&c);
    return code == 0 ? cli_list_from(&c, args, r->path, r->columns, r->count) : code;
}

const char *cli_resource_path(struct cli_client *c, const struct cli_resource *r, const char *id,
                              const char *tail)
{
    cli_about(c, arena_printf(&c->arena, "%s of this id", r->what).ptr,
              arena_printf(&c->arena, "%s list", r->what).ptr);
    return arena_printf(&c->arena, "%s/%s%s", r->path, cli_escaped(c, id).ptr, tail).ptr;
}

int cli_resource_get(struct cli_client *c, const struct cli_resource *r, const char *id,
                     struct buf *ret)
{
    buf_reset(ret);
    return cli_request(c, "GET", cli_resource_path(c, r, id, ""), STR_EMPTY, ret);
}

int cli_resource_show(const struct cli_args *args, const struct cli_resource *r)
{
    struct cli_client c __attribute__((cleanup(cli_client_auto))) = {0};
    AUTO(buf) struct buf one = buf_make(ANSWER_MAX_BYTES);
    int code = cli_client_open(&c);
    if (code == 0)
        code = cli_resource_get(&c, r, args->positional[0], &one);
    if (code == 0)
        cli_put_one(args, buf_str(&one), r->columns, r->count, &c.arena);
    return code;
}

int cli_resource_delete(const struct cli_args *args, const struct cli_resource *r)
{
    struct cli_client c __attribute__((cleanup(cli_client_auto))) = {0};
    AUTO(buf) struct buf one = buf_make(ANSWER_MAX_BYTES);
    const char *id = args->positional[0];
    int code = cli_confirm_possible(args);
    if (code == 0)
        code = cli_client_open(&c);
    if (code == 0 && !cli_flag(args, "yes")) { /* its name, for the question */
        code = cli_resource_get(&c, r, id, &one);
        if (code == 0)
            code = cli_confirm(args, arena_printf(&c.arena, "the %s", r->what).ptr,
                               cli_member(buf_str(&one), r->member, &c.arena), r->more);
    }
    if (code == 0)
        code = cli_request(&c, "DELETE", cli_resource_path(&c, r, id, ""), STR_EMPTY, NULL);
    if (code == 0)
        cli_done(args, "deleted", id);
    return code;
}
