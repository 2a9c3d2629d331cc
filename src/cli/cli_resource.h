/* What people do alike with each kind of thing that a team has: list, show, delete. Owner thread.
 */
#ifndef CLI_RESOURCE_H
#define CLI_RESOURCE_H

#include "cli_client.h"
#include "cli_output.h"

struct cli_resource {
    const char *what;   /* "template" */
    const char *path;   /* "/templates"; one of them: /templates/ID */
    const char *member; /* what people call it: "displayName" */
    const char *more;   /* what goes with it when it is deleted */
    const struct cli_column *columns;
    size_t count;
};

/* The commands `list`, `show ID` and `delete ID [--yes]`. */
int cli_resource_list(const struct cli_args *args, const struct cli_resource *r);
int cli_resource_show(const struct cli_args *args, const struct cli_resource *r);
int cli_resource_delete(const struct cli_args *args, const struct cli_resource *r);

/* The answer to GET of one; 0, or the exit code of what was said. */
int cli_resource_get(struct cli_client *c, const struct cli_resource *r, const char *id,
                     struct buf *ret);
/* Its path and `tail` ("/download"), in the arena. From now on an answer that there is no such
 * thing says so of this kind. */
const char *cli_resource_path(struct cli_client *c, const struct cli_resource *r, const char *id,
                              const char *tail);

/* GET of `path` as a list, as JSON with --json. */
int cli_list_from(struct cli_client *c, const struct cli_args *args, const char *path,
                  const struct cli_column *columns, size_t count);

#endif
