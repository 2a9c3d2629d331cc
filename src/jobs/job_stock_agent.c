/* What a stock worker of some version cannot do, by what it says of itself. From 1.63 on its core
 * puts an asset that has no name under the whole path of its address; the one that
 * @nexrender/action-mogrt adds by itself has none, so every mogrt fails there, except on Windows,
 * where long names are cut (docs/PROTOCOL-worker.md). */
#include "job_stock.h"

#define AGENT "nexrender-worker/"

enum { MOGRT_BROKEN_MINOR = 63 };

static bool every_worker;

void job_stock_set_mogrt(bool all)
{
    every_worker = all;
}

/* Worker 1.8 names no version of its own and brings whatever core is the newest. */
bool job_stock_takes_mogrt(struct str user_agent)
{
    struct str agent = STR(AGENT), rest, minor_text, major_text;
    uint64_t major, minor;
    size_t at = str_search(user_agent, agent, 0);
    if (every_worker)
        return true;
    if (at >= user_agent.len)
        return false;
    rest = str_slice(user_agent, at + agent.len, user_agent.len);
    rest = str_slice(rest, 0, str_find(rest, ' '));
    rest = str_split(rest, '.', &major_text);
    (void)str_split(rest, '.', &minor_text);
    return str_to_u64(major_text, UINT32_MAX, &major) == OK &&
           str_to_u64(minor_text, UINT32_MAX, &minor) == OK && major == 1 &&
           minor < MOGRT_BROKEN_MINOR;
}
