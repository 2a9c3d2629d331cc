#include "cli_profile.h"

#include <sys/stat.h>
#include <unistd.h>

#include "test.h"

static char folder[] = "/tmp/safelight-profile-XXXXXX", why[PROFILE_WHY_BYTES];

static const char *path_of(const char *name)
{
    static char path[200];
    snprintf(path, sizeof path, "%s/safelight/%s", folder, name);
    return path;
}

static enum err save(const char *name, const char *url, const char *token)
{
    struct profile p __attribute__((cleanup(profile_auto))) = {.token = NULL};
    snprintf(p.url, sizeof p.url, "%s", url);
    enum err e = secret_new(str_from(token), &p.token);
    return e == OK ? profile_save(name, &p, why) : e;
}

static enum err load(const char *name)
{
    struct profile p __attribute__((cleanup(profile_auto))) = {.token = NULL};
    return profile_load(name, &p, why);
}

static void test_names(void)
{
    static const char *const good[] = {"a", "A1", "work.eu", "x_y-z", "0"};
    static const char *const bad[] = {"", ".", "..", ".x", "-x", "_x", "a/b", "a b", "\xc3\xa9"};
    char longest[PROFILE_NAME_MAX_BYTES + 2];
    for (size_t i = 0; i < ARRAY_LEN(good); i++)
        CHECK(profile_name_valid(str_from(good[i])));
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        CHECK(!profile_name_valid(str_from(bad[i])));
    memset(longest, 'a', sizeof longest);
    CHECK(profile_name_valid(str_bytes(longest, PROFILE_NAME_MAX_BYTES)));
    CHECK(!profile_name_valid(str_bytes(longest, PROFILE_NAME_MAX_BYTES + 1)));
}

static void test_what_is_saved_is_loaded_and_closed_to_others(void)
{
    struct stat st;
    struct profile p __attribute__((cleanup(profile_auto))) = {.token = NULL};
    CHECK_ERR(load("a"), ERR_NOT_FOUND);
    CHECK_OK(save("a", "https://a.example.com", "slt_one"));
    CHECK_OK(save("a", "https://a.example.com", "slt_\"two\\"));
    CHECK_OK(profile_load("a", &p, why));
    CHECK_STR(str_from(p.url), "https://a.example.com");
    CHECK_STR(secret_reveal(p.token), "slt_\"two\\");
    CHECK(stat(path_of("a.profile"), &st) == 0 && (st.st_mode & 07777) == 0600);
    CHECK(stat(path_of("."), &st) == 0 && (st.st_mode & 07777) == 0700);
}

static void test_what_others_could_have_touched_is_refused(void)
{
    static const mode_t open_modes[] = {0640, 0620, 0604, 0602, 0666};
    CHECK_OK(save("b", "http://b", "slt_b"));
    for (size_t i = 0; i < ARRAY_LEN(open_modes); i++) {
        CHECK(chmod(path_of("b.profile"), open_modes[i]) == 0);
        CHECK_ERR(load("b"), ERR_FORBIDDEN);
    }
    CHECK(chmod(path_of("b.profile"), 0600) == 0);
    CHECK_OK(load("b"));
    char target[200];
    snprintf(target, sizeof target, "%s", path_of("b.profile"));
    CHECK(symlink(target, path_of("link.profile")) == 0);
    CHECK_ERR(load("link"), ERR_FORBIDDEN);
    CHECK(link(target, path_of("hard.profile")) == 0);
    CHECK_ERR(load("hard"), ERR_FORBIDDEN);
    CHECK(unlink(path_of("hard.profile")) == 0 && unlink(path_of("link.profile")) == 0);
    CHECK(mkfifo(path_of("fifo.profile"), 0600) == 0);
    CHECK_ERR(load("fifo"), ERR_FORBIDDEN);
    CHECK(unlink(path_of("fifo.profile")) == 0);
    CHECK(chmod(path_of("."), 0770) == 0);
    CHECK_ERR(load("b"), ERR_FORBIDDEN);
    CHECK(chmod(path_of("."), 0700) == 0);
}

static void test_a_damaged_file_is_said_to_be_so(void)
{
    static const char *const texts[] = {"",
                                        "x",
                                        "{}",
                                        "{\"url\":\"http://x\"}",
                                        "{\"url\":\"http://x\",\"token\":\"\"}",
                                        "{\"url\":1,\"token\":\"t\"}"};
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        FILE *f = fopen(path_of("c.profile"), "w");
        CHECK(f && fputs(texts[i], f) >= 0 && fclose(f) == 0);
        CHECK(chmod(path_of("c.profile"), 0600) == 0);
        CHECK_ERR(load("c"), ERR_INVALID);
    }
    CHECK_OK(profile_remove("c", why));
    CHECK_ERR(profile_remove("c", why), ERR_NOT_FOUND);
}

static void test_one_is_in_use_and_goes_with_its_profile(void)
{
    AUTO(arena) struct arena arena = arena_make();
    char name[PROFILE_NAME_MAX_BYTES + 1];
    struct str *names;
    size_t count;
    CHECK_ERR(profile_current(name, why), ERR_NOT_FOUND);
    CHECK_OK(profile_use("b", why));
    CHECK_OK(profile_current(name, why));
    CHECK_STR(str_from(name), "b");
    CHECK_OK(profile_list(&arena, &names, &count, why));
    CHECK_EQ(count, 2);
    CHECK_STR(names[0], "a");
    CHECK_OK(profile_remove("a", why));
    CHECK_OK(profile_current(name, why));
    CHECK_OK(profile_remove("b", why));
    CHECK_ERR(profile_current(name, why), ERR_NOT_FOUND);
}

static void leave(const char *name)
{
    FILE *f = fopen(path_of(name), "w");
    CHECK(f && fclose(f) == 0);
}

static bool there(const char *name)
{
    return access(path_of(name), F_OK) == 0;
}

/* Of a login that was killed: its file holds a token. */
static void test_what_a_killed_write_left_does_not_stay(void)
{
    char ours[64], running[64];
    snprintf(ours, sizeof ours, ".d.profile.%ld", (long)getpid());
    snprintf(running, sizeof running, ".d.profile.%ld", (long)getppid());
    CHECK_OK(save("d", "http://d", "slt_d"));
    leave(".d.profile.2147483647");
    leave(".d.profile.profile.1");
    leave(ours);
    leave(running);
    CHECK_OK(save("d", "http://d", "slt_d"));
    CHECK(!there(".d.profile.2147483647") && !there(ours) && there(running));
    CHECK_OK(profile_remove("d", why));
    CHECK(!there(running) && there(".d.profile.profile.1"));
    CHECK(unlink(path_of(".d.profile.profile.1")) == 0);
}

int main(void)
{
    umask(0);
    if (!mkdtemp(folder) || setenv("XDG_CONFIG_HOME", folder, 1) != 0)
        return 1;
    RUN(test_names);
    RUN(test_what_is_saved_is_loaded_and_closed_to_others);
    RUN(test_what_others_could_have_touched_is_refused);
    RUN(test_a_damaged_file_is_said_to_be_so);
    RUN(test_one_is_in_use_and_goes_with_its_profile);
    RUN(test_what_a_killed_write_left_does_not_stay);
    rmdir(path_of("."));
    rmdir(folder);
    return test_done();
}
