#include "template_kind.h"

#include <string.h>

void template_kind_feed(struct template_kind *k, struct str bytes)
{
    size_t more = sizeof k->head - k->len;
    if (more > bytes.len)
        more = bytes.len;
    if (more > 0)
        memcpy(k->head + k->len, bytes.ptr, more);
    k->len += more;
}

/* Only what is surely the other kind is refused: what a project may begin with, its maker knows. */
const char *template_kind_problem(const struct template_kind *k, enum template_type type)
{
    struct str head = str_bytes(k->head, k->len);
    if (k->len == 0)
        return "The file is empty";
    if (type == TEMPLATE_AEP)
        return str_starts(head, STR("PK\003\004"))
                   ? "The file is a zip archive, not an After Effects project (.aep)"
                   : NULL;
    if (!str_starts(head, STR("RIFX")))
        return NULL;
    return type == TEMPLATE_ZIP ? "The file is an After Effects project (.aep), not a zip archive"
                                : "The file is an After Effects project (.aep), not a motion "
                                  "graphics template (.mogrt)";
}
