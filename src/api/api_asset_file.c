#include "api_asset_file.h"

#include <fcntl.h>
#include <sys/stat.h>

#include "io.h"
#include "jobs.h"
#include "store_font.h"
#include "store_template.h"

static enum err find(struct store_tx *tx, const struct ticket *t, struct arena *a, struct str *ret)
{
    struct str team = ulid_str(&t->team_id);
    struct template_row template;
    struct font_row font;
    switch (t->kind) {
    case TICKET_OUTPUT_GET:
        *ret = job_spool_name(t->pointer, a);
        return OK;
    case TICKET_TEMPLATE_GET:
        TRY(store_template_get(tx, team, t->pointer, a, &template));
        *ret = store_template_file(&template, a);
        return OK;
    case TICKET_FONT_GET:
        TRY(store_font_get(tx, team, t->pointer, a, &font));
        *ret = store_font_file(&font, a);
        return OK;
    default:
        return ERR_INTERNAL;
    }
}

enum err asset_file_name(struct store_tx *tx, const struct ticket *t, struct arena *a,
                         struct str *ret)
{
    enum err e = find(tx, t, a, ret);
    return e == ERR_NOT_FOUND || (e == OK && ret->len == 0) ? ERR_GONE : e;
}

void asset_file_reply(struct http_request *r, struct str name)
{
    struct stat file;
    struct str path =
        arena_printf(http_arena(r), "%s/%.*s", api_of(r)->spool_folder, (int)name.len, name.ptr);
    int fd = open(path.ptr, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd >= 0 && fstat(fd, &file) == 0 && S_ISREG(file.st_mode)) {
        http_reply_file(r, 200, "application/octet-stream", fd, 0, (uint64_t)file.st_size);
        return;
    }
    io_close(&fd);
    http_fail(r, ERR_GONE);
}
