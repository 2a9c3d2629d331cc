#include "audit_check.h"

#include "audit_line.h"

static const char *const texts[] = {
    [AUDIT_FAULT_NONE] = "is as it was written",
    [AUDIT_FAULT_LINE] = "cannot be read: what stands there is no record of an export",
    [AUDIT_FAULT_DAMAGED] = "was damaged in the server's database before it was exported",
    [AUDIT_FAULT_MISSING] = "is missing: it was removed",
    [AUDIT_FAULT_ORDER] = "is followed by one that should stand before it",
    [AUDIT_FAULT_OTHER] = "is of another log",
    [AUDIT_FAULT_CHANGED] = "was changed",
    [AUDIT_FAULT_SIGNED] =
        ("is the last of those that were signed, and they are not what was signed: one of them was "
         "changed and its hash with it; the server's own check names it"),
    [AUDIT_FAULT_CUT] = "is missing: the end of the log was cut off",
};

const char *audit_fault_text(enum audit_fault f)
{
    ASSERT((unsigned)f < ARRAY_LEN(texts));
    return texts[f];
}

static bool fail(struct audit_check *c, enum audit_fault fault, int64_t bad)
{
    c->fault = fault;
    c->bad = bad;
    return false;
}

/* A checkpoint of no records is one of a log that was empty. */
static bool check_signed(struct audit_check *c)
{
    uint8_t root[HASH_BYTES];
    if (!c->checkpoint || c->tree.size != c->checkpoint->size)
        return true;
    audit_tree_root(&c->tree, root);
    if (memcmp(root, c->checkpoint->root, sizeof root) == 0 &&
        memcmp(c->head, c->checkpoint->head, sizeof c->head) == 0)
        return true;
    return fail(c, AUDIT_FAULT_SIGNED, (int64_t)c->tree.size);
}

void audit_check_begin(struct audit_check *c, const struct audit_checkpoint *checkpoint,
                       const struct audit_key *key)
{
    *c = (struct audit_check){.checkpoint = checkpoint};
    const char *team = key ? strrchr(key->origin, '/') : NULL;
    if (team)
        ASSERT(str_to_text(str_from(team + 1), c->team_id, sizeof c->team_id) == OK);
}

static bool check(struct audit_check *c, const struct audit_line *line)
{
    int64_t wanted = (int64_t)c->tree.size + 1, sequence = line->fields.sequence;
    if (sequence < wanted)
        return fail(c, AUDIT_FAULT_ORDER, wanted - 1);
    if (sequence > wanted)
        return fail(c, AUDIT_FAULT_MISSING, wanted);
    if (!c->team_id[0] && str_to_text(line->fields.team_id, c->team_id, sizeof c->team_id) != OK)
        return fail(c, AUDIT_FAULT_LINE, wanted);
    if (!str_is(line->fields.team_id, c->team_id))
        return fail(c, AUDIT_FAULT_OTHER, wanted);
    if (memcmp(line->leaf, line->made, sizeof line->leaf) != 0)
        return fail(c, AUDIT_FAULT_CHANGED, wanted);
    audit_tree_add(&c->tree, line->leaf);
    memcpy(c->head, line->mac, sizeof c->head);
    return check_signed(c);
}

bool audit_check_line(struct audit_check *c, struct str text)
{
    AUTO(arena) struct arena a = arena_make();
    struct audit_line line;
    if (c->fault)
        return false;
    enum err e = audit_line_read(text, &a, &line);
    if (e == OK)
        return check(c, &line);
    return fail(c, e == ERR_TAMPERED ? AUDIT_FAULT_DAMAGED : AUDIT_FAULT_LINE,
                (int64_t)c->tree.size + 1);
}

bool audit_check_end(struct audit_check *c)
{
    if (c->fault)
        return false;
    if (c->checkpoint && c->tree.size < c->checkpoint->size)
        return fail(c, AUDIT_FAULT_CUT, (int64_t)c->tree.size + 1);
    return c->tree.size > 0 || check_signed(c);
}
