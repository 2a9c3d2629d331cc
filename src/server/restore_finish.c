#include "restore_finish.h"

#include <unistd.h>

#include "alloc.h"
#include "clock.h"
#include "key_rotation.h"
#include "store_audit.h"
#include "store_team.h"
#include "token_text.h"

#define HELD                                                                                       \
    "It was open when the backup was made that this installation was restored from; it may have "  \
    "ended since. Look before you submit or deliver it again."

static const int64_t DAY_MS = 24 * 3600 * 1000LL;

void restore_finish_auto(struct restore_finish *f)
{
    if (f->first)
        wipe(f->first, f->first_count * sizeof *f->first);
    arena_auto(&f->arena);
}

static enum err read_teams(struct restore_finish *f)
{
    struct store_tx *tx;
    TRY(store_read_begin(f->store, &tx));
    enum err e = store_team_list(tx, &f->arena, &f->teams, &f->team_count);
    store_read_end(f->store, &tx);
    return e;
}

static enum err issue_tokens(struct restore_finish *f)
{
    if (f->known)
        return OK;
    f->first = arena_array(&f->arena, f->team_count, sizeof *f->first);
    f->first_rows = arena_array(&f->arena, f->team_count, sizeof *f->first_rows);
    f->first_count = f->team_count;
    for (size_t i = 0; i < f->team_count; i++) {
        f->first[i].team = f->teams[i].name;
        f->first_rows[i] =
            (struct token){.team_id = f->teams[i].id,
                           .name = STR("restored"),
                           .role = ROLE_ADMIN,
                           .names = STR("*"),
                           .created_at_ms = f->now_ms,
                           .expires_at_ms = f->now_ms + TOKEN_EXPIRY_DEFAULT_DAYS * DAY_MS,
                           .created_by = STR("operator")};
        TRY(token_text_issue(f->vault, &f->arena, &f->first_rows[i], f->first[i].text));
    }
    return OK;
}

static enum err audit(struct store_tx *tx, enum audit_event_type type, struct str team_id,
                      struct str subject, struct str name)
{
    const struct audit_record record = {.type = type,
                                        .team_id = team_id,
                                        .actor = STR("operator"),
                                        .subject = subject,
                                        .name = name};
    return store_audit(tx, &record);
}

static bool has_file(void *ctx, struct str name)
{
    const struct restore_finish *f = ctx;
    AUTO(arena) struct arena a = arena_make();
    return access(arena_printf(&a, "%s/spool/%.*s", f->folder, (int)name.len, name.ptr).ptr,
                  F_OK) == 0;
}

static enum err write_tokens(struct store_tx *tx, struct restore_finish *f)
{
    f->report->revoked = f->report->suspended = 0;
    if (f->known)
        return store_restore_apply_tokens(tx, f->known, f->now_ms, &f->report->revoked,
                                          &f->report->suspended);
    TRY(store_restore_suspend_tokens(tx, f->now_ms));
    for (size_t i = 0; i < f->first_count; i++) {
        const struct token *row = &f->first_rows[i];
        TRY(store_token_insert(tx, row));
        TRY(audit(tx, AUDIT_TOKEN_CREATED, ulid_str(&row->team_id), row->id, row->name));
    }
    return OK;
}

static enum err write_op(struct store_tx *tx, void *ctx)
{
    struct restore_finish *f = ctx;
    struct store_restore_jobs jobs = {
        .go_on = f->resume_jobs, .now_ms = f->now_ms, .error = STR(HELD)};
    struct store_restore_files files = {.has = has_file, .ctx = f, .now_ms = f->now_ms};
    TRY(store_keyring_put(tx, f->keyring));
    TRY(audit(tx, AUDIT_INSTANCE_RESTORED, STR(KEY_ROTATION_INSTANCE), f->instance_id,
              f->created_at));
    for (size_t i = 0; i < f->team_count; i++)
        TRY(audit(tx, AUDIT_INSTANCE_RESTORED, ulid_str(&f->teams[i].id), f->instance_id,
                  f->created_at));
    TRY(write_tokens(tx, f));
    TRY(store_restore_jobs(tx, &jobs));
    TRY(store_restore_files(tx, &f->arena, &files));
    f->report->jobs = jobs.ret_jobs;
    f->report->deliveries = jobs.ret_deliveries;
    f->report->lost_templates = files.ret_templates;
    f->report->lost_fonts = files.ret_fonts;
    return OK;
}

enum err restore_finish_write(struct restore_finish *f)
{
    f->arena = arena_make();
    f->now_ms = clock_unix_ms();
    TRY(read_teams(f));
    TRY(issue_tokens(f));
    return store_write_wait(f->store, write_op, f);
}
