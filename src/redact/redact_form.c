#include "redact_form.h"

#include "attr.h"
#include "redact_step.h"

struct form {
    unsigned parts;
    struct redact_step first, then; /* then.put NULL: one step is all */
};

#define ANY   (REDACT_WHOLE | REDACT_LINE)
#define WHOLE REDACT_WHOLE
#define USUAL REDACT_USUAL

#define JSON(chars, options)                                                                       \
    {                                                                                              \
        redact_step_json, (options), 0, (chars), NULL, NULL                                        \
    }
#define PERCENT(chars, options)                                                                    \
    {                                                                                              \
        redact_step_percent, (options), 0, (chars), NULL, NULL                                     \
    }
#define MAP(chars, words, options)                                                                 \
    {                                                                                              \
        redact_step_map, (options), 0, (chars), (words), NULL                                      \
    }
#define NAMED(chars, words)                                                                        \
    {                                                                                              \
        redact_step_map, STEP_ASCII, 0, (chars), (words), LATIN_NAMES                              \
    }
#define NUMBER(x, digits, options)                                                                 \
    {                                                                                              \
        redact_step_number, (options), (digits), NULL, (x), NULL                                   \
    }
#define QUOTE(before, chars, options)                                                              \
    {                                                                                              \
        redact_step_quote, (options), 0, (chars), (before), NULL                                   \
    }
#define HEX(before, after, options)                                                                \
    {                                                                                              \
        redact_step_hex, (options), 0, NULL, (before), (after)                                     \
    }
#define DECIMAL(after)                                                                             \
    {                                                                                              \
        redact_step_decimal, 0, 0, NULL, NULL, (after)                                             \
    }
#define BASE64(align, options)                                                                     \
    {                                                                                              \
        redact_step_base64, (options), (align), NULL, NULL, NULL                                   \
    }
#define PLAIN(step, options)                                                                       \
    {                                                                                              \
        redact_step_##step, (options), 0, NULL, NULL, NULL                                         \
    }
#define NONE                                                                                       \
    {                                                                                              \
        NULL, 0, 0, NULL, NULL, NULL                                                               \
    }

/* One line for lower-case digits, one for upper-case ones. */
#define ONE(parts, step)        {(parts), step, NONE},
#define TWO(parts, first, then) {(parts), first, then},
#define BOTH(parts, make, ...)                                                                     \
    ONE(parts, make(__VA_ARGS__)) ONE(parts, make(__VA_ARGS__ | STEP_UPPER))
/* The same again over its own result. */
#define SAME_TWICE(parts, ...) {(parts), __VA_ARGS__, __VA_ARGS__},
#define TWICE(chars, options)                                                                      \
    TWO(ANY, PERCENT(chars, options), PERCENT(chars, options))                                     \
    TWO(ANY, PERCENT(chars, options | STEP_UPPER), PERCENT(chars, options | STEP_UPPER))
/* At all alignments. */
#define ALIGNED(options)                                                                           \
    ONE(WHOLE | USUAL, BASE64(0, options))                                                         \
    ONE(WHOLE | USUAL, BASE64(1, options)) ONE(WHOLE | USUAL, BASE64(2, options))
#define ALIGNED_OF(first, options)                                                                 \
    {WHOLE, first, BASE64(0, options)}, {WHOLE, first, BASE64(1, options)},                        \
        {WHOLE, first, BASE64(2, options)},
#define ALIGNED_IN(then)                                                                           \
    {WHOLE, BASE64(0, 0), then}, {WHOLE, BASE64(1, 0), then}, {WHOLE, BASE64(2, 0), then},

#define RFC3986    "-._~"
#define JAVASCRIPT RFC3986 "!'()*"
#define WHOLE_URL  JAVASCRIPT ";,/?:@&=+$#"
#define DOTNET     "<>&'\"+`\x7f"
#define SHELL      " '\"\\|&;()<>!{}*[]?^$`,"
/* U+00A0 to U+00FF in HTML. */
#define LATIN_NAMES                                                                                \
    "&nbsp; &iexcl; &cent; &pound; &curren; &yen; &brvbar; &sect; &uml; &copy; &ordf; &laquo; "    \
    "&not; &shy; &reg; &macr; &deg; &plusmn; &sup2; &sup3; &acute; &micro; &para; &middot; "       \
    "&cedil; &sup1; &ordm; &raquo; &frac14; &frac12; &frac34; &iquest; &Agrave; &Aacute; "         \
    "&Acirc; &Atilde; &Auml; &Aring; &AElig; &Ccedil; &Egrave; &Eacute; &Ecirc; &Euml; &Igrave; "  \
    "&Iacute; &Icirc; &Iuml; &ETH; &Ntilde; &Ograve; &Oacute; &Ocirc; &Otilde; &Ouml; &times; "    \
    "&Oslash; &Ugrave; &Uacute; &Ucirc; &Uuml; &Yacute; &THORN; &szlig; &agrave; &aacute; "        \
    "&acirc; &atilde; &auml; &aring; &aelig; &ccedil; &egrave; &eacute; &ecirc; &euml; &igrave; "  \
    "&iacute; &icirc; &iuml; &eth; &ntilde; &ograve; &oacute; &ocirc; &otilde; &ouml; &divide; "   \
    "&oslash; &ugrave; &uacute; &ucirc; &uuml; &yacute; &thorn; &yuml;"

/* clang-format off */
/* docs/REDACTION.md says in words what these lines say. */
static const struct form forms[] = {
    ONE(ANY | USUAL, PLAIN(raw, 0))
    /* JSON */
    BOTH(ANY | USUAL, JSON, "", 0)
    BOTH(ANY | USUAL, JSON, "/", 0)
    BOTH(ANY | USUAL, JSON, "", STEP_ASCII)
    BOTH(ANY, JSON, "/", STEP_ASCII)
    BOTH(ANY | USUAL, JSON, "<>&", 0) /* Go */
    BOTH(ANY, JSON, "<>&", STEP_ASCII)
    ONE(ANY, JSON("<>&='", 0)) /* Gson */
    ONE(ANY | USUAL, JSON("<>&/", STEP_ASCII | STEP_HEX)) /* PHP */
    ONE(ANY, JSON("<>&'\"/", STEP_ASCII | STEP_HEX))
    ONE(ANY | USUAL, JSON(DOTNET, STEP_ASCII | STEP_UPPER))
    BOTH(ANY, JSON, "", STEP_ALL)
    TWO(ANY | USUAL, JSON("", 0), JSON("", 0)) /* a string of JSON inside JSON */
    TWO(ANY, JSON("/", 0), JSON("", 0))
    TWO(ANY, JSON("/", 0), JSON("/", 0))
    TWO(ANY, JSON("", STEP_ASCII), JSON("", 0))
    TWO(ANY, JSON("<>&", 0), JSON("<>&", 0))
    /* URLs */
    BOTH(ANY | USUAL, PERCENT, RFC3986, 0)
    BOTH(ANY, PERCENT, RFC3986 "/", 0) /* a path */
    BOTH(ANY | USUAL, PERCENT, JAVASCRIPT, 0) /* encodeURIComponent */
    BOTH(ANY, PERCENT, WHOLE_URL, 0) /* encodeURI */
    BOTH(ANY | USUAL, PERCENT, RFC3986, STEP_PLUS) /* a form: Python */
    BOTH(ANY | USUAL, PERCENT, "-._*", STEP_PLUS) /* browsers, Java */
    BOTH(ANY, PERCENT, "-._", STEP_PLUS) /* PHP */
    BOTH(ANY, PERCENT, "-._!*()", STEP_PLUS) /* .NET */
    BOTH(ANY, PERCENT, "", STEP_ALL)
    TWICE(RFC3986, 0)
    TWICE(RFC3986 "/", 0)
    TWICE(JAVASCRIPT, 0)
    TWICE(RFC3986, STEP_PLUS)
    TWICE("-._*", STEP_PLUS)
    TWO(ANY, PERCENT("", STEP_ALL | STEP_UPPER), PERCENT(RFC3986, STEP_UPPER))
    TWO(ANY, PERCENT("", STEP_ALL), PERCENT(RFC3986, 0))
    TWO(ANY, JSON("", 0), PERCENT(RFC3986, STEP_UPPER)) /* JSON in an address */
    TWO(ANY, JSON("", 0), PERCENT(RFC3986, STEP_UPPER | STEP_PLUS))
    TWO(ANY, JSON("", 0), PERCENT(JAVASCRIPT, STEP_UPPER))
    /* HTML and XML */
    ONE(ANY | USUAL, MAP("&<>", "&amp; &lt; &gt;", 0))
    ONE(ANY, MAP("&<>", "&amp; &lt; &gt;", STEP_ASCII))
    ONE(ANY, MAP("&<>\"", "&amp; &lt; &gt; &quot;", 0))
    ONE(ANY | USUAL, MAP("&<>\"'", "&amp; &lt; &gt; &quot; &#39;", 0))
    ONE(ANY, MAP("&<>\"'", "&amp; &lt; &gt; &quot; &#39;", STEP_ASCII))
    ONE(ANY, MAP("&<>\"'", "&amp; &lt; &gt; &quot; &#039;", 0)) /* PHP */
    ONE(ANY | USUAL, MAP("&<>\"'", "&amp; &lt; &gt; &quot; &#x27;", 0)) /* Python */
    ONE(ANY, MAP("&<>\"'", "&amp; &lt; &gt; &quot; &#x27;", STEP_ASCII))
    ONE(ANY, MAP("&<>\"'", "&amp; &lt; &gt; &quot; &apos;", 0)) /* XML */
    ONE(ANY, MAP("&<>\"'", "&amp; &lt; &gt; &quot; &apos;", STEP_ASCII))
    ONE(ANY | USUAL, MAP("&<>\"'", "&amp; &lt; &gt; &#34; &#39;", 0)) /* Go, Jinja */
    ONE(ANY, MAP("&<>\"'/", "&amp; &lt; &gt; &quot; &#x27; &#x2F;", 0))
    ONE(ANY, MAP("&<>\"'/`=", "&amp; &lt; &gt; &quot; &#39; &#x2F; &#x60; &#x3D;", 0))
    ONE(ANY, NAMED("&<>\"'", "&amp; &lt; &gt; &quot; &#039;"))
    ONE(ANY, NAMED("&<>\"'", "&amp; &lt; &gt; &quot; &#39;"))
    SAME_TWICE(ANY, MAP("&<>\"'", "&amp; &lt; &gt; &quot; &#39;", 0))
    SAME_TWICE(ANY, MAP("&<>\"'", "&amp; &lt; &gt; &quot; &#x27;", 0))
    ONE(ANY, NUMBER("", 1, 0)) /* &#45; for all but letters and digits */
    BOTH(ANY, NUMBER, "x", 1, STEP_HEX)
    BOTH(ANY, NUMBER, "x", 2, STEP_HEX)
    ONE(ANY, NUMBER("", 1, STEP_ALL))
    ONE(ANY, NUMBER("", 3, STEP_ALL))
    ONE(ANY, NUMBER("", 4, STEP_ALL))
    ONE(ANY, NUMBER("", 5, STEP_ALL))
    ONE(ANY, NUMBER("", 7, STEP_ALL))
    BOTH(ANY, NUMBER, "x", 2, STEP_ALL | STEP_HEX)
    BOTH(ANY, NUMBER, "x", 4, STEP_ALL | STEP_HEX)
    BOTH(ANY, NUMBER, "X", 2, STEP_ALL | STEP_HEX)
    /* Shells and programming languages */
    ONE(ANY, MAP("'", "'\\''", 0))
    ONE(ANY, MAP("'", "'\"'\"'", 0))
    ONE(ANY, MAP("'", "''", 0)) /* PowerShell, SQL, YAML */
    ONE(ANY, MAP("\"", "\"\"", 0)) /* CSV, PowerShell, cmd */
    ONE(ANY | USUAL, QUOTE("\\", "$`\"\\", 0)) /* inside "..." */
    ONE(ANY, QUOTE("\\", "$`\"\\!", 0))
    ONE(ANY, QUOTE("\\", SHELL, STEP_TILDE)) /* printf %q */
    ONE(ANY, QUOTE("\\", SHELL, STEP_TILDE | STEP_FIRST))
    ONE(ANY, QUOTE("\\", "", STEP_ALL))
    ONE(ANY | USUAL, QUOTE("\\", "\\'", STEP_CONTROL | STEP_HEX)) /* Python's repr */
    ONE(ANY, QUOTE("\\", "\\\"", STEP_CONTROL | STEP_HEX))
    ONE(ANY, QUOTE("\\", "\\", STEP_CONTROL | STEP_HEX))
    ONE(ANY, QUOTE("\\", "\\'", STEP_CONTROL | STEP_HEX | STEP_ASCII)) /* of bytes */
    ONE(ANY, QUOTE("\\", "\\", STEP_CONTROL | STEP_HEX | STEP_ASCII))
    BOTH(ANY, QUOTE, "\\", "\\\"", STEP_CONTROL | STEP_HEX | STEP_ASCII) /* C */
    ONE(ANY, QUOTE("\\", "\\'\x1b", STEP_CONTROL | STEP_OCTAL)) /* $'...' with \E */
    ONE(ANY, QUOTE("\\", "\\'\x1b", STEP_CONTROL | STEP_OCTAL | STEP_ASCII))
    ONE(ANY, QUOTE("\\", "\\'", STEP_CONTROL | STEP_OCTAL | STEP_ASCII))
    ONE(ANY, QUOTE("\\", "\\\"", STEP_CONTROL | STEP_OCTAL | STEP_ASCII)) /* git */
    ONE(ANY, QUOTE("`", "`$\"", STEP_CONTROL)) /* PowerShell */
    ONE(ANY, QUOTE("^", "&|<>^", 0)) /* cmd */
    ONE(ANY, QUOTE("^", "&|<>^()%!\"", 0))
    ONE(ANY, MAP("%", "%%", 0))
    /* Digits */
    BOTH(WHOLE | USUAL, HEX, "", "", 0)
    BOTH(WHOLE, HEX, "", ":", 0)
    BOTH(WHOLE, HEX, "", " ", 0)
    BOTH(WHOLE, HEX, "", "-", 0)
    BOTH(WHOLE, HEX, "\\x", "", 0)
    BOTH(WHOLE, HEX, "0x", ", ", 0)
    BOTH(WHOLE, HEX, "0x", ",", 0)
    BOTH(WHOLE, HEX, "0x", " ", 0)
    ONE(WHOLE, DECIMAL(","))
    ONE(WHOLE, DECIMAL(", "))
    ONE(WHOLE, DECIMAL(" "))
    /* Base64 */
    ALIGNED(0)
    ALIGNED(STEP_URL)
    ALIGNED_OF(JSON("", 0), 0)
    ALIGNED_OF(JSON("", 0), STEP_URL)
    ALIGNED_OF(JSON("", STEP_ASCII), 0)
    ALIGNED_OF(JSON("", STEP_ASCII), STEP_URL)
    ALIGNED_IN(PERCENT(RFC3986, STEP_UPPER))
    ALIGNED_IN(PERCENT(RFC3986, 0))
    ALIGNED_IN(JSON("/", 0))
    /* Other character sets */
    ONE(ANY | USUAL, PLAIN(utf16, 0))
    ONE(ANY, PLAIN(utf16, STEP_BIG))
    ALIGNED_OF(PLAIN(utf16, 0), 0) /* PowerShell's -EncodedCommand */
    ALIGNED_OF(PLAIN(utf16, STEP_BIG), 0)
    TWO(WHOLE, PLAIN(utf16, 0), HEX("", "", 0))
    TWO(WHOLE, PLAIN(utf16, 0), HEX("", "", STEP_UPPER))
    TWO(WHOLE, PLAIN(utf16, STEP_BIG), HEX("", "", 0))
    TWO(WHOLE, PLAIN(utf16, STEP_BIG), HEX("", "", STEP_UPPER))
    ONE(ANY, PLAIN(latin1, 0))
    TWO(ANY, PLAIN(latin1, 0), PERCENT(RFC3986, STEP_UPPER))
    /* Backwards */
    ONE(WHOLE, PLAIN(reverse, 0))
};
/* clang-format on */
_Static_assert(ARRAY_LEN(forms) <= REDACT_FORMS_MAX, "redact_form.h says how many there may be");

size_t redact_form_count(void)
{
    return ARRAY_LEN(forms);
}

bool redact_form_is_for(size_t form, unsigned part)
{
    return (forms[form].parts & part) == part;
}

bool redact_form_keeps(size_t form)
{
    const struct form *f = &forms[form];
    return redact_step_keeps(&f->first) && (!f->then.put || redact_step_keeps(&f->then));
}

enum err redact_form_put(size_t form, struct str part, struct buf *out, uint8_t *ret_edges)
{
    const struct form *f = &forms[form];
    *ret_edges = 0;
    if (!f->then.put)
        return f->first.put(&f->first, part, out, ret_edges);
    AUTO(buf) struct buf inner = buf_make(out->max);
    TRY(f->first.put(&f->first, part, &inner, ret_edges));
    return f->then.put(&f->then, buf_str(&inner), out, ret_edges);
}
