/* Files to and from one-time addresses, streamed, with progress on a terminal. Owner thread. */
#ifndef CLI_TRANSFER_H
#define CLI_TRANSFER_H

#include "cli_client.h"

struct cli_file {
    int fd;
    uint64_t size;
};
void cli_file_auto(struct cli_file *f);
/* A file with something in it, at most max bytes; else says why and returns an exit code. */
int cli_file_open(const char *path, uint64_t max, struct cli_file *ret);
/* The last part of its path, for a server: what stands there is no control character or quote; else
 * says so and returns an exit code. */
int cli_file_name(const char *path, const char **ret);

/* PUT of the whole file to the address, without a token. 0, or the exit code of what was said. */
int cli_upload(struct cli_client *c, const char *address, const struct cli_file *f);

/* A result to `path`, whole or not at all, also when it is killed meanwhile. What stands there
 * already is refused (EXIT_CODE_CONFLICT) unless --force is given. `write` returns 0 or the exit
 * code of what it said. */
typedef int cli_file_writer(void *ctx, int fd);
int cli_file_write(const struct cli_args *args, const char *path, cli_file_writer *write,
                   void *ctx);

struct cli_download {
    const char *address;
    const char *name; /* without --file, in the present folder */
    const char *type; /* NULL: of any kind, from wherever */
    const char *id;   /* of the job or template whose file our server keeps there; else NULL */
};
/* GET of the address, without a token, to the file named by --file ("-" is stdout), else to
 * `name`; prints its name. What is not of `type` is none of ours and leaves no file; with an id
 * neither do pages and JSON, nor a file of another size than the server's tag says. */
int cli_download(struct cli_client *c, const struct cli_args *args, const struct cli_download *d);

#endif
