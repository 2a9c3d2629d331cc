#include "job_source.h"

#include "job_ticket.h"
#include "store_font.h"

static enum err issue(struct store_tx *tx, const struct job_lease *l, enum ticket_kind kind,
                      struct str pointer, struct str extension, struct str *ret_url)
{
    struct job_ticket t = {.job = &l->job,
                           .kind = kind,
                           .base_url = l->base_url,
                           .pointer = pointer,
                           .extension = extension};
    return job_ticket_issue(tx, &t, l->arena, ret_url);
}

/* ".png", from its dot on; a file name of ours or one that was checked when it came. */
static struct str extension_of(struct str file_name)
{
    size_t dot = file_name.len;
    while (dot > 0 && file_name.ptr[dot - 1] != '.')
        dot--;
    return dot ? str_slice(file_name, dot - 1, file_name.len) : STR_EMPTY;
}

static enum err find_template(struct store_tx *tx, const struct job_lease *l,
                              struct job_sources *ret, struct str *ret_error)
{
    enum err e = store_template_get(tx, ulid_str(&l->job.team_id), l->job.template_id, l->arena,
                                    &ret->template);
    if (e == ERR_NOT_FOUND) /* an engine that does without may get any id */
        return OK;
    TRY(e);
    ret->stored = true;
    if (ret->template.src.len) {
        ret->template_url = ret->template.src;
        return OK;
    }
    if (ret->template.status != TEMPLATE_UPLOADED) {
        *ret_error = STR("needs a template that has no file");
        return OK;
    }
    struct str extension = arena_printf(l->arena, ".%s", template_type_name(ret->template.type));
    return issue(tx, l, TICKET_TEMPLATE_GET, l->job.template_id, extension, &ret->template_url);
}

/* One that is not there was said at submit (missingFonts); the job runs without it. */
static enum err find_fonts(struct store_tx *tx, const struct job_lease *l,
                           const struct job_source_wish *wish, struct job_sources *ret)
{
    ret->fonts = arena_array(l->arena, wish->font_count + 1, sizeof *ret->fonts);
    for (size_t i = 0; i < wish->font_count; i++) {
        struct font_row row;
        struct job_source_font *font = &ret->fonts[ret->font_count];
        enum err e =
            store_font_by_name(tx, ulid_str(&l->job.team_id), wish->fonts[i], l->arena, &row);
        if (e == ERR_NOT_FOUND)
            continue;
        TRY(e);
        struct str id = arena_str(l->arena, ulid_str(&row.id));
        TRY(issue(tx, l, TICKET_FONT_GET, id, extension_of(row.file_name), &font->url));
        font->name = row.file_name;
        ret->font_count++;
    }
    return OK;
}

static enum err find_children(struct store_tx *tx, const struct job_lease *l,
                              struct job_sources *ret, struct str *ret_error)
{
    struct job *children;
    size_t count;
    TRY(store_job_children(tx, ulid_str(&l->job.id), l->arena, &children, &count));
    ret->children = arena_array(l->arena, count + 1, sizeof *ret->children);
    for (size_t i = 0; i < count; i++) {
        const struct job *child = &children[i];
        struct job_source_child *c = &ret->children[ret->child_count++];
        struct str extension = extension_of(child->output_name);
        if (child->state != JOB_FINISHED || child->output_bytes < 0) {
            *ret_error = STR("needs the output of a nested job that has none");
            return OK;
        }
        c->asset = (size_t)child->parent_asset;
        c->image = str_is(extension, ".png") || str_is(extension, ".jpg");
        c->file_name = child->output_name;
        TRY(issue(tx, l, TICKET_OUTPUT_GET, arena_str(l->arena, ulid_str(&child->id)), extension,
                  &c->url));
    }
    return OK;
}

enum err job_sources_find(struct store_tx *tx, const struct job_lease *l,
                          const struct job_source_wish *wish, struct job_sources *ret,
                          struct str *ret_error)
{
    struct job_sources found = {.template_url = STR_EMPTY};
    *ret_error = STR_EMPTY;
    if (wish->by_id && l->job.template_id.len)
        TRY(find_template(tx, l, &found, ret_error));
    TRY(find_fonts(tx, l, wish, &found));
    TRY(find_children(tx, l, &found, ret_error));
    *ret = found;
    return OK;
}
