/* safelight: one binary, one command line. Server commands live in server/, the render node in
 * worker/, everything that talks to a server in cli/, which also reads the command line. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "alloc.h"
#include "attr.h"
#include "backup_main.h"
#include "cli.h"
#include "config.h"
#include "config_main.h"
#include "doctor.h"
#include "init.h"
#include "io.h"
#include "recovery_main.h"
#include "restore_main.h"
#include "serve.h"
#include "worker.h"

enum { EXIT_FAILED = 7 };

/* A number is named by its unit ("DAYS"), one of a few words by all of them ("on|off"), and the
 * default stands behind the words. */
static void describe(enum config_id id, struct cli_setting *ret)
{
    enum { VALUE_BYTES = 24, DOC_BYTES = 400 };
    static char values[CONFIG_COUNT][VALUE_BYTES], docs[CONFIG_COUNT][DOC_BYTES];
    const struct config_setting *s = config_setting(id);
    bool number = s->type == CONFIG_TYPE_INT;
    const char *words = s->type == CONFIG_TYPE_BOOL ? "on off" : number ? "" : s->unit;
    snprintf(values[id], VALUE_BYTES, "%s", words[0] ? words : number ? s->unit : "text");
    for (char *c = values[id]; *c; c++) {
        if (words[0])
            *c = (char)(*c == ' ' ? '|' : *c);
        else
            *c = (char)(*c >= 'a' && *c <= 'z' ? *c - 'a' + 'A' : *c);
    }
    snprintf(docs[id], DOC_BYTES, "%s%s%s%s%s", s->doc, s->fallback[0] ? " [" : "", s->fallback,
             number && s->fallback[0] ? " " : "", number && s->fallback[0] ? s->unit : "");
    if (s->fallback[0])
        snprintf(docs[id] + strlen(docs[id]), DOC_BYTES - strlen(docs[id]), "]");
    *ret = (struct cli_setting){s->name, values[id], words, docs[id]};
}

static bool serve_setting(size_t i, struct cli_setting *ret)
{
    for (enum config_id id = 0; id < CONFIG_COUNT; id++) {
        if (config_setting(id)->type == CONFIG_TYPE_SECRET) /* argv is everybody's to read */
            continue;
        if (i-- > 0)
            continue;
        describe(id, ret);
        return true;
    }
    return false;
}

struct examination {
    cli_found *found;
    void *ctx;
};

static void pass_on(void *ctx, enum doctor_verdict verdict, const char *what, const char *remedy)
{
    static const enum cli_verdict verdicts[] = {
        [DOCTOR_GOOD] = CLI_GOOD, [DOCTOR_WARN] = CLI_WARN, [DOCTOR_BAD] = CLI_BAD};
    const struct examination *e = ctx;
    e->found(e->ctx, verdicts[verdict], what, remedy);
}

static void examine(const char *data, const char *config, cli_found *found, void *ctx)
{
    struct examination e = {found, ctx};
    doctor_examine(data, config, pass_on, &e);
}

int main(int argc, char **argv)
{
    static const struct cli_program programs[] = {
        {"init", NULL, init_main, NULL},
        {"serve", NULL, serve_main, serve_setting},
        {"config", "check", config_main, serve_setting},
        {"config", "show", config_main, serve_setting},
        {"worker", NULL, worker_main, NULL},
        {"recovery-key", "create", recovery_main, NULL},
        {"recovery-key", "show", recovery_main, NULL},
        {"backup", NULL, backup_main, NULL},
        {"restore", NULL, restore_main, NULL},
    };
    static const struct cli_host host = {programs, ARRAY_LEN(programs), examine};

    alloc_wipe_freed_memory();
    if (io_open_standard() != OK)
        return EXIT_FAILED;
    return cli_main(argc, argv, &host);
}
