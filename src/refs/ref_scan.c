#include "ref_scan.h"

#include "json_decode.h"
#include "json_escapes.h"
#include "ref_grammar.h"
#include "ref_path.h"

struct found {
    struct ref ref;
    size_t asset; /* level of the asset it belongs to */
};

struct search {
    struct str payload;
    enum ref_shape shape;
    struct arena *arena;
    struct problems *problems;
    struct ref_path path;
    struct found *found;
    size_t count, capacity;
    enum err verdict;
};

const char *ref_sink_name(enum ref_sink sink)
{
    static const char *const names[] = {[REF_CREDENTIAL] = "credential",
                                        [REF_UPLOAD] = "upload",
                                        [REF_HEADER] = "header",
                                        [REF_URL] = "url",
                                        [REF_BODY] = "body",
                                        [REF_TEXT] = "text",
                                        [REF_SCRIPT] = "script"};
    return names[sink];
}

bool ref_sink_exposed(enum ref_sink sink)
{
    return sink == REF_TEXT || sink == REF_SCRIPT;
}

static void refuse(struct search *s, bool in_key, const char *why)
{
    struct str pointer = STR_EMPTY;
    if (s->problems->count < PROBLEMS_MAX) /* further ones are dropped: spare the arena */
        pointer = ref_path_pointer(&s->path, in_key, s->arena);
    s->verdict = problems_add(s->problems, pointer, why);
}

static void add(struct search *s, const struct ref *ref, size_t asset)
{
    if (s->count == REFS_PER_PAYLOAD_MAX) {
        if (s->verdict == OK)
            s->verdict = problems_addf(s->problems, STR_EMPTY, "more than %d secret references",
                                       REFS_PER_PAYLOAD_MAX);
        return;
    }
    if (s->count == s->capacity) {
        size_t capacity = s->capacity ? s->capacity * 4 : 16;
        struct found *grown = arena_array(s->arena, capacity, sizeof *grown);
        if (s->count)
            memcpy(grown, s->found, s->count * sizeof *grown);
        s->found = grown;
        s->capacity = capacity;
    }
    s->found[s->count++] = (struct found){*ref, asset};
}

/* A string value with a '$' in it. */
static void search_value(struct search *s, const struct json_token *token)
{
    struct ref_match m;
    enum ref_sink sink = REF_TEXT;
    size_t asset = 0, base = token->begin + 1; /* behind the quote */
    bool allowed = false;
    struct str pointer = STR_EMPTY;
    for (size_t at = 0; ref_grammar_next(token->raw, at, &m); at = m.end) {
        if (at == 0) { /* the first one: now it is worth knowing where */
            allowed = s->shape == REF_SHAPE_JOB && ref_path_sink(&s->path, &sink, &asset);
            pointer = allowed ? ref_path_pointer(&s->path, false, s->arena) : pointer;
        }
        if (m.form == REF_FORM_MALFORMED)
            refuse(s, false, m.why);
        else if (allowed)
            add(s,
                &(struct ref){.name = m.name,
                              .version = m.version,
                              .begin = base + m.begin,
                              .end = base + m.end,
                              .literal = m.form == REF_FORM_LITERAL,
                              .sink = sink,
                              .pointer = pointer},
                asset);
        else if (m.form == REF_FORM_PLAIN)
            refuse(s, false, "a secret reference may not stand here");
    }
}

static void search_key(struct search *s, const struct json_token *token)
{
    struct ref_match m;
    for (size_t at = 0; ref_grammar_next(token->raw, at, &m); at = m.end)
        if (m.form != REF_FORM_LITERAL)
            refuse(s, true, "a secret reference may not stand in a key");
}

/* An element begins, or the value of a member. */
static inline void begin_value(struct ref_path *path)
{
    if (path->depth)
        path->levels[path->depth - 1].index++;
}

static void open_level(struct search *s, bool array)
{
    struct ref_path *path = &s->path;
    struct ref_level *parent = path->depth ? &path->levels[path->depth - 1] : NULL;
    struct ref_level *level = &path->levels[path->depth++];
    *level = (struct ref_level){.array = array, .first = s->count};
    if (!parent)
        return;
    if (array)
        level->assets =
            (path->depth == 2 || parent->asset) && ref_path_key_is(parent, STR("assets"));
    else
        level->asset = parent->assets;
}

static void close_level(struct search *s)
{
    size_t depth = --s->path.depth;
    const struct ref_level *level = &s->path.levels[depth];
    if (!level->script)
        return;
    for (size_t i = level->first; i < s->count; i++)
        if (s->found[i].asset == depth && s->found[i].ref.sink == REF_TEXT)
            s->found[i].ref.sink = REF_SCRIPT;
}

static void take_string(struct search *s, const struct json_token *token)
{
    begin_value(&s->path);
    if (token->dollar)
        search_value(s, token);
    if (!s->path.depth)
        return;
    struct ref_level *level = &s->path.levels[s->path.depth - 1];
    if (level->asset && ref_path_key_is(level, STR("type")) &&
        json_raw_is(token->raw, token->escaped, STR("script")))
        level->script = true;
}

static void take_key(struct search *s, const struct json_token *token)
{
    struct ref_level *level = &s->path.levels[s->path.depth - 1];
    level->key = token->raw;
    level->key_escaped = token->escaped;
    if (token->dollar)
        search_key(s, token);
}

static enum err search_document(struct search *s, struct json_scan *scan)
{
    struct json_token token;
    for (;;) {
        TRY(json_scan_next(scan, &token));
        switch (token.type) {
        case JSON_END:
            return OK;
        case JSON_KEY:
            take_key(s, &token);
            break;
        case JSON_STRING:
            take_string(s, &token);
            break;
        case JSON_OBJECT_BEGIN:
        case JSON_ARRAY_BEGIN:
            begin_value(&s->path);
            open_level(s, token.type == JSON_ARRAY_BEGIN);
            break;
        case JSON_OBJECT_END:
        case JSON_ARRAY_END:
            close_level(s);
            break;
        default:
            begin_value(&s->path);
        }
    }
}

enum err ref_scan(struct str payload, enum ref_shape shape, struct arena *arena,
                  struct problems *problems, struct ref_list *ret)
{
    if (payload.len > JOB_PAYLOAD_MAX_BYTES)
        return ERR_TOO_LARGE;
    size_t before = problems->count;
    AUTOP(json_scan) struct json_scan *scan = json_scan_new(payload, JSON_LIMITS_DEFAULT);
    struct search *s = arena_alloc(arena, sizeof *s);
    s->payload = payload;
    s->shape = shape;
    s->arena = arena;
    s->problems = problems;
    if (search_document(s, scan) != OK)
        return json_malformed(scan, problems, before);
    if (s->verdict != OK)
        return s->verdict;
    struct ref *refs = arena_array(arena, s->count, sizeof *refs);
    for (size_t i = 0; i < s->count; i++)
        refs[i] = s->found[i].ref;
    *ret = (struct ref_list){refs, s->count};
    return OK;
}
