#include "redact_automaton.h"

#include <stdlib.h>

#include "alloc.h"

/* Nodes stand in order of depth, so the children of a node are neighbours and the ranges of
 * children follow each other: node i has the children first[i] to first[i + 1]. Node 0 is the
 * root. The table has a row for each node visited so far: a row index is a "place". */
struct node {
    uint32_t fail; /* the longest proper end of this node's text that is a node too */
    uint32_t place;
    uint16_t depth;
    uint16_t hit; /* length of the longest pattern the node's text ends with; 0: none */
};

struct redact_automaton {
    size_t node_count;
    struct node *nodes;
    uint32_t *first;
    uint8_t *labels, *edges;
    uint8_t class_of[256]; /* bytes that are in no pattern share class 0 */
    size_t class_count;
    uint32_t
        *table; /* rows of class_count: place * class_count of the next node, HIT, or UNKNOWN */
    uint32_t *node_at; /* place -> node */
    size_t places, places_capacity, places_max;
};

#define UNKNOWN  UINT32_MAX
#define HIT      0x80000000u
#define NO_PLACE UINT32_MAX

static void *grow_wiped(void *old, size_t old_bytes, size_t new_bytes)
{
    void *fresh = xmalloc(new_bytes);
    if (old_bytes)
        memcpy(fresh, old, old_bytes);
    wipe(old, old_bytes);
    free(old);
    return fresh;
}

/* The patterns that begin with a node's text, as a range of the sorted list. */
struct range {
    uint32_t from, to;
};

/* Adds the children of node `at`, whose patterns are `all`; returns the number of nodes then. */
static size_t add_children(struct redact_automaton *a, const struct redact_patterns *p,
                           struct range *ranges, size_t at, size_t count)
{
    size_t depth = a->nodes[at].depth;
    struct range all = ranges[at];
    a->first[at] = (uint32_t)count;
    if (all.from < all.to && p->list[all.from].len == depth) {
        a->nodes[at].hit = (uint16_t)depth;
        a->edges[at] = p->list[all.from].edges;
        all.from++;
    }
    for (uint32_t i = all.from; i < all.to; i++) {
        uint8_t label = redact_pattern_ptr(p, i)[depth];
        if (i == all.from || a->labels[count - 1] != label) {
            a->nodes[count] = (struct node){.place = NO_PLACE, .depth = (uint16_t)(depth + 1)};
            a->labels[count] = label;
            ranges[count++] = (struct range){i, i};
        }
        ranges[count - 1].to = i + 1;
    }
    return count;
}

static uint32_t child(const struct redact_automaton *a, uint32_t node, uint8_t byte)
{
    uint32_t from = a->first[node], n = a->first[node + 1] - from;
    const uint8_t *at = n ? memchr(a->labels + from, byte, n) : NULL;
    return at ? (uint32_t)(at - a->labels) : 0; /* the root is nobody's child */
}

static uint32_t step(const struct redact_automaton *a, uint32_t node, uint8_t byte)
{
    uint32_t next;
    while ((next = child(a, node, byte)) == 0 && node != 0)
        node = a->nodes[node].fail;
    return next;
}

/* In order of depth, so what a node falls back to is done before it. */
static void link_nodes(struct redact_automaton *a)
{
    for (uint32_t parent = 0; parent < a->node_count; parent++) {
        for (uint32_t at = a->first[parent]; at < a->first[parent + 1]; at++) {
            uint32_t fail = parent ? step(a, a->nodes[parent].fail, a->labels[at]) : 0;
            a->nodes[at].fail = fail;
            a->edges[at] |= a->edges[fail] & (a->nodes[at].hit ? REDACT_RIGHT : 0xff);
            if (!a->nodes[at].hit)
                a->nodes[at].hit = a->nodes[fail].hit;
        }
    }
}

static void add_classes(struct redact_automaton *a, const struct redact_patterns *p)
{
    for (size_t i = 0; i < p->count; i++) {
        for (size_t k = 0; k < p->list[i].len; k++)
            a->class_of[redact_pattern_ptr(p, i)[k]] = 1;
    }
    a->class_count = 1;
    for (size_t b = 0; b < 256; b++) {
        if (a->class_of[b])
            a->class_of[b] = (uint8_t)(a->class_count < 256 ? a->class_count++ : 0);
    }
}

struct redact_automaton *redact_automaton_new(const struct redact_patterns *p)
{
    size_t room = 1;
    for (size_t i = 0; i < p->count; i++)
        room += p->list[i].len;
    ASSERT(p->count > 0 && room <= REDACT_NODES_MAX);
    struct redact_automaton *a = xcalloc(1, sizeof *a);
    a->nodes = xcalloc(room, sizeof *a->nodes);
    a->first = xcalloc(room + 1, sizeof *a->first);
    a->labels = xcalloc(room, 1);
    a->edges = xcalloc(room, 1);
    struct range *ranges = xcalloc(room, sizeof *ranges);
    a->nodes[0].place = NO_PLACE;
    ranges[0] = (struct range){0, (uint32_t)p->count};
    size_t count = 1;
    for (size_t at = 0; at < count; at++)
        count = add_children(a, p, ranges, at, count);
    a->first[count] = (uint32_t)count;
    a->node_count = count;
    free(ranges);
    link_nodes(a);
    add_classes(a, p);
    a->places_max = REDACT_TRANSITIONS_MAX / a->class_count;
    return a;
}

void redact_automaton_free(struct redact_automaton **a)
{
    struct redact_automaton *gone = TAKE(*a);
    if (!gone)
        return;
    wipe(gone->nodes, gone->node_count * sizeof *gone->nodes);
    free(gone->nodes);
    wipe(gone->first, (gone->node_count + 1) * sizeof *gone->first);
    free(gone->first);
    wipe(gone->labels, gone->node_count);
    free(gone->labels);
    wipe(gone->edges, gone->node_count);
    free(gone->edges);
    wipe(gone->table, gone->places * gone->class_count * sizeof *gone->table);
    free(gone->table);
    wipe(gone->node_at, gone->places * sizeof *gone->node_at);
    free(gone->node_at);
    wipe(gone, sizeof *gone);
    free(gone);
}

size_t redact_automaton_memory(const struct redact_automaton *a)
{
    return sizeof *a + a->node_count * (sizeof *a->nodes + sizeof *a->first + 2) +
           a->places_capacity * (a->class_count * sizeof *a->table + sizeof *a->node_at);
}

/* The table is full: it is filled anew from here, which costs no more than filling it did. */
static void forget_places(struct redact_automaton *a)
{
    for (size_t i = 0; i < a->places; i++)
        a->nodes[a->node_at[i]].place = NO_PLACE;
    a->places = 0;
}

static uint32_t place_of(struct redact_automaton *a, uint32_t node)
{
    if (a->nodes[node].place != NO_PLACE)
        return a->nodes[node].place;
    if (a->places == a->places_max)
        forget_places(a);
    if (a->places == a->places_capacity) {
        size_t more = a->places ? a->places * 2 : 64;
        more = more < a->places_max ? more : a->places_max;
        size_t row = a->class_count * sizeof *a->table;
        a->table = grow_wiped(a->table, a->places * row, more * row);
        a->node_at =
            grow_wiped(a->node_at, a->places * sizeof *a->node_at, more * sizeof *a->node_at);
        a->places_capacity = more;
    }
    uint32_t place = (uint32_t)a->places++;
    memset(a->table + place * a->class_count, 0xff, a->class_count * sizeof *a->table);
    a->node_at[place] = node;
    a->nodes[node].place = place;
    return place;
}

/* The transition that was not in the table yet; returns the entry. */
static uint32_t learn(struct redact_automaton *a, uint32_t row, uint8_t byte)
{
    uint32_t node = a->node_at[row / a->class_count];
    uint32_t next = step(a, node, byte);
    uint32_t entry =
        (uint32_t)(place_of(a, next) * a->class_count) | (a->nodes[next].hit ? HIT : 0);
    if (a->nodes[node].place * a->class_count == row) /* the row was not forgotten meanwhile */
        a->table[row + a->class_of[byte]] = entry;
    return entry;
}

void redact_automaton_scan(struct redact_automaton *a, const struct redact_window *w, size_t from,
                           uint32_t *state)
{
    uint32_t row = (uint32_t)(place_of(a, *state) * a->class_count);
    for (size_t i = from; i < w->len; i++) {
        uint32_t entry = a->table[row + a->class_of[w->ptr[i]]];
        if (entry == UNKNOWN)
            entry = learn(a, row, w->ptr[i]);
        row = entry & ~HIT;
        if (entry & HIT) {
            uint32_t node = a->node_at[row / a->class_count];
            redact_runs_hit(w, i + 1, a->nodes[node].hit, a->edges[node]);
        }
    }
    *state = a->node_at[row / a->class_count];
}

size_t redact_automaton_open(const struct redact_automaton *a, uint32_t state)
{
    return a->nodes[state].depth;
}
