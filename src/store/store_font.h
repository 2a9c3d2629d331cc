/* Fonts that jobs may name: rows here, files in the spool. Which jobs need a font is kept until
 * they end. */
#ifndef STORE_FONT_H
#define STORE_FONT_H

#include "store.h"

struct font_row {
    struct ulid id, team_id;
    struct str family_name;
    struct str file_name; /* as jobs name it; a file name without a folder */
    int64_t bytes;
    int64_t created_at_ms;
};

/* ERR_FONT_EXISTS: the team has a font of this file name, in whatever case (workers' file systems
 * may not tell them apart). ERR_LIMIT: FONTS_PER_TEAM_MAX. ERR_NOT_FOUND: no such team any more. */
enum err store_font_insert(struct store_tx *tx, const struct font_row *row) MUST_USE;
enum err store_font_get(struct store_tx *tx, struct str team_id, struct str id, struct arena *a,
                        struct font_row *ret) MUST_USE;
/* In whatever case. ERR_NOT_FOUND. */
enum err store_font_by_name(struct store_tx *tx, struct str team_id, struct str file_name,
                            struct arena *a, struct font_row *ret) MUST_USE;
enum err store_font_list(struct store_tx *tx, struct str team_id, struct arena *a,
                         struct font_row **ret, size_t *ret_count) MUST_USE; /* by age */
/* ERR_CONFLICT: a job that has not ended needs it. ERR_NOT_FOUND. */
enum err store_font_delete(struct store_tx *tx, struct str team_id, struct str id) MUST_USE;

/* The job needs the font, until it is told that the job has ended. Both rows are there. */
enum err store_font_use(struct store_tx *tx, struct str font_id, struct str job_id) MUST_USE;
enum err store_font_job_ended(struct store_tx *tx, struct str job_id) MUST_USE;

/* The name of its file in the spool folder. */
struct str store_font_file(const struct font_row *row, struct arena *a);

#endif
