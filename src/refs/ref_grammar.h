/* The grammar of references in the raw text of a JSON string. Internal to this folder. Any thread.
 *
 *     ${secret.NAME}   ${secrets.NAME}   ${secret.NAME@3}   $${secret.NAME} (literal)
 *
 * A candidate is "${" followed by "secret." or "secrets.", letter case and blanks aside. What is
 * not a candidate is text; a candidate that is not exactly one of the forms above is malformed.
 * JSON escapes are not undone first: "\u0024{secret.A}" has no "${", so it is text, and a backslash
 * inside the braces is malformed. */
#ifndef REF_GRAMMAR_H
#define REF_GRAMMAR_H

#include "str.h"

enum ref_form { REF_FORM_PLAIN, REF_FORM_LITERAL, REF_FORM_MALFORMED };

struct ref_match {
    enum ref_form form;
    size_t begin, end; /* in raw, of "${...}" or "$${...}"; malformed: where to look on from */
    struct str name;
    uint32_t version; /* 0: none given */
    const char *why;  /* malformed: what is wrong, for a person; quotes no input */
};

/* The first candidate at or after `from`; false when there is none. */
bool ref_grammar_next(struct str raw, size_t from, struct ref_match *ret);

#endif
