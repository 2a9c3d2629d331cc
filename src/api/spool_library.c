#include "spool_library.h"

#include <stdlib.h>
#include <unistd.h>

#include "store_font.h"
#include "store_team.h"
#include "store_template.h"

void spool_library_remove(const char *folder, struct str name)
{
    AUTO(arena) struct arena a = arena_make();
    if (name.len > 0)
        (void)!unlink(arena_printf(&a, "%s/%.*s", folder, (int)name.len, name.ptr).ptr);
}

void spool_library_undo(struct store *store, const char *folder, struct str name)
{
    if (spool_library_orphan(store, name, false))
        spool_library_remove(folder, name);
}

static bool template_orphan(struct store_tx *tx, struct str id, struct str file, bool requests_run)
{
    AUTO(arena) struct arena a = arena_make();
    struct template_row row;
    enum err e = store_template_any(tx, id, &a, &row);
    return e == ERR_NOT_FOUND || (e == OK && !requests_run && !str_equal(row.file, file));
}

static bool font_orphan(struct store_tx *tx, struct str team_id, struct str id, bool requests_run)
{
    AUTO(arena) struct arena a = arena_make();
    struct font_row font;
    struct team team;
    enum err e = requests_run ? store_team_get(tx, team_id, &a, &team)
                              : store_font_get(tx, team_id, id, &a, &font);
    return e == ERR_NOT_FOUND;
}

bool spool_library_orphan(struct store *store, struct str name, bool requests_run)
{
    struct store_tx *tx;
    struct str kind, first, second = str_split(str_split(name, '.', &kind), '.', &first);
    bool of_template = str_is(kind, "template"), of_font = str_is(kind, "font");
    if ((!of_template && !of_font) || !ulid_valid(first) || !ulid_valid(second) ||
        store_read_begin(store, &tx) != OK)
        return false;
    bool orphan = of_template ? template_orphan(tx, first, second, requests_run)
                              : font_orphan(tx, first, second, requests_run);
    store_read_end(store, &tx);
    return orphan;
}
