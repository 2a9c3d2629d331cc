#include "redact_advice.h"

#include "limit.h"

enum {
    NUMBER_MAX_DIGITS = 7, /* frame numbers, sizes and dates fill logs */
    WORD_MAX_LETTERS = 5,
};

/* Words that logs are full of, or that everybody tries first. */
static const char *const common[] = {
    "access",       "account",     "admin",       "admin123",  "administrator", "after",
    "aftereffects", "akey",        "apikey",      "asset",     "assets",        "authorization",
    "autodesk",     "aws",         "basic",       "bearer",    "bucket",        "build",
    "changeme",     "client",      "composition", "config",    "connect",       "content",
    "credential",   "credentials", "data",        "database",  "debug",         "default",
    "demo",         "deploy",      "development", "disabled",  "docker",        "domain",
    "download",     "dummy",       "enabled",     "endpoint",  "error",         "example",
    "false",        "ffmpeg",      "file",        "files",     "finished",      "foobar",
    "footage",      "frame",       "frames",      "guest",     "hello",         "host",
    "http",         "https",       "hunter2",     "image",     "images",        "info",
    "input",        "internal",    "key",         "letmein",   "localhost",     "login",
    "master",       "message",     "name",        "nexrender", "none",          "null",
    "object",       "output",      "passwd",      "password",  "password1",     "password123",
    "private",      "prod",        "production",  "project",   "proxy",         "public",
    "qwerty",       "qwerty123",   "queue",       "read",      "region",        "release",
    "render",       "request",     "response",    "root",      "sample",        "secret",
    "secretkey",    "server",      "service",     "session",   "settings",      "stage",
    "staging",      "start",       "status",      "string",    "studio",        "system",
    "team",         "template",    "test",        "test123",   "test1234",      "testing",
    "time",         "token",       "true",        "undefined", "unknown",       "upload",
    "user",         "username",    "value",       "video",     "videos",        "warning",
    "webhook",      "welcome",     "worker",      "write",     "yes",
};

static bool is_common(struct str value)
{
    for (size_t i = 0; i < ARRAY_LEN(common); i++) {
        if (str_equal_nocase(value, str_from(common[i])))
            return true;
    }
    return false;
}

/* Are all bytes between low and high? */
static bool all_between(struct str value, char low, char high)
{
    for (size_t i = 0; i < value.len; i++) {
        if (value.ptr[i] < low || value.ptr[i] > high)
            return false;
    }
    return true;
}

static size_t visible_bytes(struct str value)
{
    size_t count = 0;
    for (size_t i = 0; i < value.len; i++)
        count += value.ptr[i] != '\n' && value.ptr[i] != '\r';
    return count;
}

const char *redact_advice(const struct secret *value)
{
    struct str all = secret_reveal(value), text = str_trim(all);
    text = text.len ? text : all;
    if (visible_bytes(all) < SECRET_MASK_MIN_BYTES)
        return "the value is too short to be masked in logs and error texts";
    if (is_common(text))
        return "the value is a common word: logs lose it wherever it stands, and it is easily "
               "guessed";
    if (text.len <= NUMBER_MAX_DIGITS && all_between(text, '0', '9'))
        return "the value is a short number: logs lose it wherever it stands, and it is easily "
               "guessed";
    if (all_between(text, text.ptr[0], text.ptr[0]))
        return "the value is one character repeated: logs lose it wherever it stands, and it is "
               "easily guessed";
    if (text.len <= WORD_MAX_LETTERS &&
        (all_between(text, 'a', 'z') || all_between(text, 'A', 'Z')))
        return "the value is as short as a word: logs lose it wherever it stands, and it is easily "
               "guessed";
    return NULL;
}
