#include "serve_reload.h"

#include "log.h"
#include "serve_live.h"

static void refuse(const struct buf *problems)
{
    struct str rest = buf_str(problems), line;
    while (rest.ptr && rest.len) {
        rest = str_split(rest, '\n', &line);
        log_error("settings_refused", kv("problem", line));
    }
    log_error("reload_failed", kv("what", "settings"), kv("now", "the old ones stay, all of them"));
}

enum err serve_reload(const struct config_inputs *in, struct config *now)
{
    static struct config fresh;
    static struct config_source from[CONFIG_COUNT];
    AUTO(buf) struct buf problems = buf_make(CONFIG_PROBLEMS_MAX_BYTES);
    if (config_load(in, &fresh, from, &problems) != OK) {
        refuse(&problems);
        return ERR_INVALID;
    }
    for (enum config_id id = 0; id < CONFIG_COUNT; id++) {
        const struct config_setting *s = config_setting(id);
        if (config_same(now, &fresh, id))
            continue;
        if (s->reloads) {
            config_copy(now, &fresh, id);
            log_info("setting_changed", kv("setting", s->name));
        } else {
            log_warn("setting_not_changed", kv("setting", s->name),
                     kv("why", "it needs a restart"));
        }
    }
    serve_live_change(now);
    return OK;
}
