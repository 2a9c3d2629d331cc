/* From an order's bundle to the fragment with its values in place, ready to be sent.
 *
 * The vault is told which host each value is opened for, and for which sinks. The host follows from
 * a few members of the fragment (an upload's endpoint, region and bucket; a webhook's url; an
 * asset's src). Where these hold references themselves, those are opened first to find it out
 * (VAULT_FOR_ADDRESS), the destination is worked out, and then all values, these too, are opened
 * for the host that will be connected to, with its port: so the policies of all are asked.
 *
 * A fragment with references goes by https only, unless the guard allows http. */
#ifndef COURIER_RESOLVE_H
#define COURIER_RESOLVE_H

#include "order.h"
#include "redact.h"
#include "url.h"

struct errand;

enum { RESOLVE_MEMBERS_MAX = 3 };

struct resolve_how {
    /* The raw values of the members that decide the destination, borrowed from `fragment`; absent
     * ones are empty. */
    enum err (*members)(struct str fragment, struct str ret[static RESOLVE_MEMBERS_MAX]);
    /* The destination, from a fragment whose members are in clear. */
    enum err (*destination)(const struct order *order, struct str fragment, struct url *ret);
};

struct resolved {
    struct ref_values values;
    struct redact_set *set; /* NULL when there are no values */
    struct buf json;        /* wiped */
    struct url url;
    struct str refused; /* after an error of the vault: name of the secret it did not open */
};
void resolved_auto(struct resolved *r);

/* ERR_INVALID (the fragment or its destination), ERR_ADDRESS_REFUSED (http without allowance), or
 * what the vault said. What was opened stays in *ret for resolved_auto. */
enum err resolve(const struct errand *e, const struct resolve_how *how,
                 struct resolved *ret) MUST_USE;

/* Appends the text of a raw JSON string; nothing for an absent one or null. ERR_INVALID for any
 * other type. */
enum err resolve_text(struct str raw, struct buf *out) MUST_USE;

#endif
