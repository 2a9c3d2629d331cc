/* Inside src/jobs: a payload's parts as protocol v1 needs them. All strs borrow from the payload or
 * live in the arena; raw ones are JSON as it stands, and absent (ptr NULL) also for null. */
#ifndef JOB_STOCK_READ_H
#define JOB_STOCK_READ_H

#include "job_rules.h"
#include "store_template.h"

enum job_stock_way {
    STOCK_VALUE,  /* goes into a property */
    STOCK_FILE,   /* is downloaded */
    STOCK_SCRIPT, /* is downloaded, or stands in a data: address */
    STOCK_PARAM,  /* a parameter of the action that opens a mogrt */
    STOCK_CHILD,  /* a nested job's output */
    STOCK_NEVER,
};

struct job_stock_kind { /* a line of job_stock.def */
    const char *type, *as;
    enum job_stock_way way;
    const char *property;
};

struct job_stock_asset {
    const struct job_stock_kind *kind;
    struct str raw, src, value, headers;                                   /* raw */
    struct str type, name;                                                 /* text */
    struct str layer_name, layer_index, composition, property, expression; /* raw */
    struct str sequence, remove_old, parameters, keyword, defaults;        /* raw */
};

struct job_stock_template {
    struct str none; /* always absent: for members of job_stock.def that are not copied */
    struct str raw, id;
    struct str src, composition;                         /* raw; an empty string is absent */
    struct str frame_start, frame_end, frame_increment;  /* raw */
    struct str output_module, settings_template;         /* raw */
    struct str render_settings, output_settings;         /* raw */
    struct str continue_on_missing, decompressed, named; /* raw; named: its "type" */
    enum template_type type;
};

struct job_stock_read {
    struct job_stock_template template;
    struct job_stock_asset *assets;
    size_t asset_count;
    struct str *fonts; /* file names */
    size_t font_count;
    bool preview;
};

/* `stored`: the template's row, or NULL. */
enum err job_stock_read(struct str payload, const struct template_row *stored, struct arena *a,
                        struct job_stock_read *ret) MUST_USE;

/* ".png" of an address, as far as it stands in the text of this raw string; empty when there is
 * none that is short and plain. */
struct str job_stock_extension(struct str raw_src, struct arena *a);

#endif
