#include "recovery_main.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "aead.h"
#include "alloc.h"
#include "datadir.h"
#include "encode.h"
#include "io.h"
#include "json_encode.h"
#include "offline.h"
#include "prompt.h"
#include "recovery_change.h"
#include "recovery_text.h"

enum {
    EXIT_DONE = 0,
    EXIT_USAGE = 2,
    EXIT_NOT_FOUND = 4,
    EXIT_CONFLICT = 5,
    EXIT_UNREACHABLE = 6,
    EXIT_FAILED = 7
};
enum { ANSWER_MAX_BYTES = 512 };

struct given {
    const char *data;
    bool replace, yes, json, quiet;
};

static int complain(const char *what)
{
    fprintf(stderr, "safelight recovery-key: %s\n", what);
    return EXIT_FAILED;
}

/* The id of the key that is in use. ERR_NOT_FOUND: there is none. */
static enum err read_present(const char *data, struct buf *ret_id)
{
    AUTO(buf) struct buf file = buf_make(RECOVERY_FILE_BYTES);
    uint8_t public_key[BOX_PUBLIC_BYTES], id[RECOVERY_ID_BYTES];
    AUTO(fd) int fd = datadir_open_recovery(data, false);
    if (fd < 0)
        return ERR_NOT_FOUND;
    TRY(io_read_all(fd, &file));
    TRY(recovery_file_decode(buf_str(&file), public_key));
    recovery_id(public_key, id);
    return encode_hex(ret_id, str_bytes(id, sizeof id));
}

/* --- may it be? --- */

/* One such command at a time, from its first look to its end: what it prints is what is in use. */
static int lock_folder(const char *data, int *ret)
{
    char why[DATADIR_WHY_BYTES] = "";
    if (datadir_check_folders(data, why) != OK)
        return complain(why);
    *ret = open(data, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    if (*ret >= 0 && flock(*ret, LOCK_EX | LOCK_NB) == 0)
        return EXIT_DONE;
    if (*ret < 0 || errno != EWOULDBLOCK)
        return complain("the data directory cannot be locked; nothing was changed");
    complain("another recovery key is being made here just now; nothing was changed");
    return EXIT_CONFLICT;
}

static int ask(const struct given *g, const char *present)
{
    if (!g->replace) {
        complain("there is one already; --replace puts another in its place, and older backups "
                 "still need the older one");
        return EXIT_CONFLICT;
    }
    if (g->yes)
        return EXIT_DONE;
    if (!prompt_possible()) {
        complain("another key takes the place of the one in use, and there is no terminal to ask "
                 "on; say --yes");
        return EXIT_USAGE;
    }
    fprintf(stderr,
            "Another key takes the place of %s. Backups made so far open with the old one alone: "
            "keep it as long\nas you keep them.",
            present);
    if (prompt_yes())
        return EXIT_DONE;
    complain("nothing was changed");
    return EXIT_USAGE;
}

static int may_create(const struct given *g)
{
    AUTO(buf) struct buf id = buf_make(2 * RECOVERY_ID_BYTES);
    char present[2 * RECOVERY_ID_BYTES + 1] = "";
    enum err e = read_present(g->data, &id);
    if (e == ERR_NOT_FOUND)
        return EXIT_DONE;
    if (e == OK)
        e = str_to_text(buf_str(&id), present, sizeof present);
    return ask(g, e == OK ? present : "one that is damaged");
}

/* --- shown, then in use --- */

/* Alone on stdout, on its way to wherever the person sent it. */
static enum err show_key(const struct given *g, const struct recovery_change *c)
{
    char text[RECOVERY_TEXT_LEN + 1];
    AUTO(buf) struct buf out = buf_make(ANSWER_MAX_BYTES);
    struct json_out o = json_out_make(&out);
    recovery_text_write(c->key, text);
    if (g->json) {
        json_out_open(&o, '{');
        json_out_member_str(&o, "id", buf_str(&c->id));
        json_out_member_str(&o, "key", str_from(text));
        json_out_close(&o, '}');
    }
    enum err e = g->json ? json_out_end(&o) : buf_put(&out, str_from(text));
    wipe(text, sizeof text);
    TRY(e);
    TRY(buf_put_byte(&out, '\n'));
    return io_tell(buf_str(&out));
}

/* From the first byte that is shown to the word on what became of it. */
static void hold_signals(void)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGHUP);
    sigprocmask(SIG_BLOCK, &set, NULL);
}

static int say_void(const char *why)
{
    fprintf(stderr,
            "safelight recovery-key: %s\nThe key on stdout is void: throw it away. Nothing was "
            "changed.\n",
            why);
    return EXIT_FAILED;
}

static int say_unknown(const struct given *g, const struct recovery_change *c)
{
    fprintf(stderr,
            "safelight recovery-key: whether the key took effect is not known. Keep what stands on "
            "stdout; its id\nis %.*s. Look which key is in use: safelight recovery-key show "
            "--data %s\n",
            (int)c->id.len, c->id.ptr, g->data);
    return EXIT_UNREACHABLE;
}

static int put_in_use(const struct given *g, struct recovery_change *c)
{
    hold_signals();
    if (show_key(g, c) != OK)
        return complain("the key cannot be written to stdout, so it was thrown away; nothing was "
                        "changed");
    enum err e = recovery_change_commit(c);
    if (e == ERR_TIMEOUT)
        return say_unknown(g, c);
    if (e != OK)
        return say_void(c->why[0] ? c->why : err_text(e));
    if (!g->quiet)
        fprintf(stderr,
                "The recovery key %.*s stands alone on stdout and is shown only now: keep it apart "
                "from\nthe data directory and the backups. Without it no backup opens, and nobody "
                "can help.\n",
                (int)c->id.len, c->id.ptr);
    return EXIT_DONE;
}

static int create(const struct given *g)
{
    AUTO(fd) int lock = -1; /* given back last: the next one finds the directory free */
    AUTO(recovery_change) struct recovery_change c = {.offline = {.lock = -1}};
    int code = lock_folder(g->data, &lock);
    if (code == EXIT_DONE)
        code = may_create(g);
    if (code != EXIT_DONE)
        return code;
    enum err e = recovery_change_begin(g->data, &c);
    if (e == OK)
        return put_in_use(g, &c);
    complain(c.why[0] ? c.why : err_text(e));
    return e == ERR_UNREACHABLE ? EXIT_UNREACHABLE : EXIT_FAILED;
}

static int show(const struct given *g)
{
    AUTO(buf) struct buf id = buf_make(2 * RECOVERY_ID_BYTES);
    enum err e = read_present(g->data, &id);
    if (e == ERR_NOT_FOUND) {
        complain("there is none; make one with: safelight recovery-key create --data DIR");
        return EXIT_NOT_FOUND;
    }
    if (e != OK)
        return complain("recovery.pub is damaged; make a new key with create --replace");
    printf(g->json ? "{\"id\":\"%.*s\"}\n" : "%.*s\n", (int)id.len, id.ptr);
    return EXIT_DONE;
}

int recovery_main(int argc, char **argv)
{
    struct given g = {.data = NULL};
    const struct offline_flag flags[] = {
        {"--data", &g.data, NULL}, {"--replace", NULL, &g.replace}, {"--yes", NULL, &g.yes},
        {"--json", NULL, &g.json}, {"--quiet", NULL, &g.quiet},
    };
    if (!offline_words(argc - 2, argv + 2, flags, ARRAY_LEN(flags), NULL) || !g.data) {
        complain("say --data DIR, the data directory");
        return EXIT_USAGE;
    }
    sandbox_begin();
    if (crypto_open() != OK)
        return complain(err_text(ERR_INTERNAL));
    return strcmp(argv[1], "create") == 0 ? create(&g) : show(&g);
}
