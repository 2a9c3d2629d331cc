#include "init.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "aead.h"
#include "alloc.h"
#include "chain.h"
#include "clock.h"
#include "config.h"
#include "datadir.h"
#include "io.h"
#include "ipc.h"
#include "json_encode.h"
#include "offline.h"
#include "serve_children.h"
#include "store_audit.h"
#include "store_team.h"
#include "token_text.h"

enum { EXIT_DONE = 0, EXIT_USAGE = 2, EXIT_CONFLICT = 5, EXIT_FAILED = 7, EXIT_INVALID = 9 };
enum { BLOB_MAX_BYTES = 64 * 1024, ANSWER_MAX_BYTES = 512 };

/* Everything the first transaction writes. */
struct first {
    struct ulid instance;
    struct str keyring;
    struct team team;
    struct token token;
};

static enum err write_first(struct store_tx *tx, void *ctx)
{
    const struct first *f = ctx;
    TRY(store_instance_put(tx, ulid_str(&f->instance)));
    TRY(store_keyring_put(tx, f->keyring));
    TRY(store_team_insert(tx, &f->team));
    TRY(store_token_insert(tx, &f->token));
    struct audit_record made = {.type = AUDIT_TEAM_CREATED,
                                .team_id = ulid_str(&f->team.id),
                                .actor = STR("operator"),
                                .subject = ulid_str(&f->team.id),
                                .name = f->team.name};
    TRY(store_audit(tx, &made));
    struct audit_record token = {.type = AUDIT_TOKEN_CREATED,
                                 .team_id = ulid_str(&f->team.id),
                                 .actor = STR("operator"),
                                 .subject = f->token.id};
    return store_audit(tx, &token);
}

static enum err fill(struct store *store, struct vault *vault, struct str team_name,
                     struct arena *a, char ret_token[static TOKEN_TEXT_LEN + 1])
{
    AUTO(buf) struct buf keyring = buf_make(BLOB_MAX_BYTES);
    AUTO(buf) struct buf team_key = buf_make(BLOB_MAX_BYTES);
    int64_t now_ms = clock_unix_ms();
    struct first f = {.instance = ulid_new()};
    TRY(vault_keyring_create(vault, ulid_str(&f.instance), &keyring));
    f.keyring = buf_str(&keyring);
    TRY(vault_unlock(vault, ulid_str(&f.instance), f.keyring));
    f.team = (struct team){
        .id = ulid_new(), .name = team_name, .key_version = 1, .created_at_ms = now_ms};
    TRY(vault_team_key_create(vault, ulid_str(&f.team.id), 1, &team_key));
    f.team.team_key = buf_str(&team_key);
    f.token = (struct token){.team_id = f.team.id,
                             .name = STR("first"),
                             .role = ROLE_ADMIN,
                             .names = STR("*"),
                             .created_at_ms = now_ms,
                             .created_by = STR("operator")};
    TRY(token_text_issue(vault, a, &f.token, ret_token));
    chain_connect(store, vault);
    return store_write_wait(store, write_first, &f);
}

/* The vault runs as it will under serve: a process of its own that alone reads the root key. */
static enum err with_vault(const struct config *config, struct str team, char *ret_token, char *why)
{
    int pair[2], supervisor[2];
    pid_t pid;
    AUTO(fd) int root = -1;
    AUTO(fd) int next = -1;
    AUTO(arena) struct arena arena = arena_make();
    char folder[DATADIR_PATH_MAX_BYTES];
    struct store *store = NULL;
    TRY(datadir_open_root(config->data, &root, &next, why));
    TRY(datadir_path(config->data, "db", folder));
    TRY(ipc_pair(pair));
    TRY(ipc_pair(supervisor));
    const struct serve_keys keys = {root, next, -1};
    TRY(serve_child_vault(config, pair[1], supervisor[1], &keys, &pid));
    io_close(&pair[1]);
    io_close(&supervisor[1]);
    struct vault *vault = vault_connect(pair[0]);
    struct store_options options = {.folder = folder, .create = true};
    enum err e = store_open(&options, &store);
    if (e == OK)
        e = fill(store, vault, team, &arena, ret_token);
    if (e != OK)
        snprintf(why, DATADIR_WHY_BYTES, "%s", err_text(e));
    store_close(&store);
    vault_free(&vault);
    io_close(&supervisor[0]);
    waitpid(pid, NULL, 0);
    return e;
}

/* The token alone, or with its team as JSON; all of it or an error. */
static enum err tell(const char *team, const char *token, bool as_json)
{
    AUTO(buf) struct buf out = buf_make(ANSWER_MAX_BYTES);
    struct json_out o = json_out_make(&out);
    if (as_json) {
        json_out_open(&o, '{');
        json_out_member_str(&o, "team", str_from(team));
        json_out_member_str(&o, "token", str_from(token));
        json_out_close(&o, '}');
        TRY(json_out_end(&o));
    } else {
        TRY(buf_put(&out, str_from(token)));
    }
    TRY(buf_put_byte(&out, '\n'));
    return io_tell(buf_str(&out));
}

static int say_lost(const char *data, const char *team)
{
    fprintf(stderr,
            "safelight init: the data directory is made, but its admin token could not be "
            "written to stdout and\nis lost. Start the server (safelight serve --data %s) and "
            "make another: safelight token create\n--data %s --team %s --role admin\n",
            data, data, team);
    return EXIT_FAILED;
}

static void say_next(const char *data, const char *team)
{
    fprintf(
        stderr,
        "Team \"%s\" is ready; its admin token stands alone on stdout and is shown only now.\n"
        "Start the server with: safelight serve --data %s\n"
        "Before the first secret: safelight recovery-key create --data %s; whoever loses root.key "
        "and\nhas no backup that opens loses everything.\n",
        team, data, data);
}

int init_main(int argc, char **argv)
{
    const char *data = NULL, *team = NULL;
    bool json = false, quiet = false;
    const struct offline_flag flags[] = {{"--data", &data, NULL},
                                         {"--team", &team, NULL},
                                         {"--json", NULL, &json},
                                         {"--quiet", NULL, &quiet}};
    bool read = offline_words(argc - 1, argv + 1, flags, ARRAY_LEN(flags), NULL);
    team = team ? team : "main";
    if (!read || !data) {
        fputs("safelight init: say --data DIR, the directory to make; no value may be empty\n",
              stderr);
        return EXIT_USAGE;
    }
    if (!team_name_valid(str_from(team))) {
        fputs("safelight init: a team's name is 1 to 64 of a-z 0-9 - _, starting with a letter or "
              "digit\n",
              stderr);
        return EXIT_INVALID;
    }
    static struct config config;
    char why[DATADIR_WHY_BYTES] = "", token[TOKEN_TEXT_LEN + 1] = "";
    config_defaults(&config);
    snprintf(config.log_level, sizeof config.log_level, "error");
    enum err e = str_to_text(str_from(data), config.data, sizeof config.data);
    if (e == OK)
        e = crypto_open();
    if (e == OK)
        e = datadir_create(config.data, why);
    if (e == OK)
        e = with_vault(&config, str_from(team), token, why);
    if (e != OK) {
        fprintf(stderr, "safelight init: %s\n", why[0] ? why : err_text(e));
        return e == ERR_CONFLICT ? EXIT_CONFLICT : EXIT_FAILED;
    }
    e = tell(team, token, json);
    wipe(token, sizeof token);
    if (e != OK)
        return say_lost(data, team);
    if (!quiet)
        say_next(data, team);
    return EXIT_DONE;
}
