/* The template of a document of protocol v1, with the settings (job_stock.def). */
#include "job_payload.h"
#include "job_stock_doc.h"

/* Writes nothing when it has nothing to say for this job. */
typedef enum err put_fn(struct job_stock_doc *d, const char *key);

static enum err put_text(struct job_stock_doc *d, const char *key, struct str text)
{
    json_out_member_str(&d->out, key, text);
    return OK;
}

static enum err put_name(struct job_stock_doc *d, const char *key)
{
    const char *type = template_type_name(d->read->template.type);
    return put_text(d, key, arena_printf(d->lease->arena, "template.%s", type));
}

static enum err put_mogrt(struct job_stock_doc *d, const char *key)
{
    if (d->read->template.type != TEMPLATE_MOGRT)
        return OK;
    return put_text(d, key, STR("__mogrt__")); /* what its action calls it */
}

static enum err put_project(struct job_stock_doc *d, const char *key)
{
    const struct job_stock_template *t = &d->read->template;
    if (t->type != TEMPLATE_ZIP)
        return OK;
    if (!t->decompressed.ptr)
        return put_text(d, key, d->sources->template.project);
    job_stock_doc_copy(d, key, t->decompressed);
    return OK;
}

static enum err put_frame(struct job_stock_doc *d, const char *key, uint64_t frame)
{
    if (d->settings->frames)
        json_out_member_int(&d->out, key, (int64_t)frame);
    return OK;
}

static enum err put_first(struct job_stock_doc *d, const char *key)
{
    return put_frame(d, key, d->settings->first);
}

static enum err put_last(struct job_stock_doc *d, const char *key)
{
    return put_frame(d, key, d->settings->last);
}

static enum err put_extension(struct job_stock_doc *d, const char *key)
{
    struct str extension = d->settings->extension;
    return put_text(d, key, str_slice(extension, 1, extension.len));
}

static enum err put_nx(struct job_stock_doc *d, const char *key, struct str word)
{
    return put_text(d, key, arena_printf(d->lease->arena, "nx_%.*s", (int)word.len, word.ptr));
}

static enum err put_module(struct job_stock_doc *d, const char *key)
{
    return put_nx(d, key, d->read->preview ? STR("video_h264_vbr_1mbps") : d->settings->codec);
}

static enum err put_quality(struct job_stock_doc *d, const char *key)
{
    return put_nx(d, key, d->read->preview ? STR("draft") : d->settings->quality);
}

static enum err put_source(struct job_stock_doc *d, const char *key)
{
    if (!d->sources->stored)
        return job_stock_doc_source(d, d->read->template.src, (struct str){NULL, 0},
                                    STR("/template"));
    return put_text(d, key, d->sources->template_url);
}

enum order { STOCK_MADE, STOCK_OWN };
static const struct member {
    const char *name;
    size_t own; /* the raw str in struct job_stock_template */
    put_fn *put;
    enum order first;
} MEMBERS[] = {
#define STOCK_MEMBER(name, own, put, first, here, there)                                           \
    {name, offsetof(struct job_stock_template, own), put, first},
#include "job_stock.def"
#undef STOCK_MEMBER
};

static enum err put_member(struct job_stock_doc *d, const struct member *m)
{
    const struct str *own =
        (const struct str *)(const void *)((const char *)&d->read->template + m->own);
    size_t before = d->buf.len;
    if (m->first == STOCK_OWN)
        job_stock_doc_copy(d, m->name, *own);
    if (m->put && d->buf.len == before)
        TRY(m->put(d, m->name));
    if (m->first == STOCK_MADE && d->buf.len == before)
        job_stock_doc_copy(d, m->name, *own);
    return OK;
}

enum err job_stock_template(struct job_stock_doc *d)
{
    json_out_key(&d->out, "template");
    json_out_open(&d->out, '{');
    for (size_t i = 0; i < ARRAY_LEN(MEMBERS); i++)
        TRY(put_member(d, &MEMBERS[i]));
    json_out_close(&d->out, '}');
    return OK;
}
