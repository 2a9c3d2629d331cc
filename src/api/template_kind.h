/* What kind of file a template is, by its first bytes: enough to tell a person that they brought
 * the wrong one, not a look inside. Any thread. */
#ifndef API_TEMPLATE_KIND_H
#define API_TEMPLATE_KIND_H

#include "store_template.h"

struct template_kind {
    char head[64];
    size_t len;
};
void template_kind_feed(struct template_kind *k, struct str bytes);
/* NULL when it can be of this type; else a sentence for the user. */
const char *template_kind_problem(const struct template_kind *k, enum template_type type);

#endif
