#include "cli_env.h"

#include "cli_output.h"
#include "io.h"
#include "json_decode.h"
#include "limit.h"
#include "test.h"
#include "vectors_folder.h"

/* Reads a whole text: "line NAME=value|" for each entry (JSON: no line), "line NAME!why|" for a bad
 * one, "@line why" at the end of what cannot be read. */
static const char *all_of(struct str text, enum cli_env_format format)
{
    static char said[8192];
    AUTO(arena) struct arena arena = arena_make();
    struct cli_env env __attribute__((cleanup(cli_env_auto))) = cli_env_make(text, format, &arena);
    size_t at = 0;
    said[0] = 0;
    for (;;) {
        struct cli_env_entry entry;
        enum err e = cli_env_next(&env, &entry);
        if (e == ERR_NOT_FOUND)
            return said;
        if (e != OK) {
            snprintf(said + at, sizeof said - at, "@%u %s", env.line, env.why);
            return said;
        }
        struct str value = entry.value ? secret_reveal(entry.value) : str_from(entry.why);
        if (entry.line)
            at += (size_t)snprintf(said + at, sizeof said - at, "%u ", entry.line);
        int n = snprintf(said + at, sizeof said - at, "%.*s%c%.*s|", (int)entry.name.len,
                         entry.name.ptr, entry.value ? '=' : '!', (int)value.len, value.ptr);
        at = at + (size_t)n < sizeof said ? at + (size_t)n : sizeof said - 1;
        secret_free(&entry.value);
    }
}

struct text_case {
    const char *text, *said;
};

static void check_all(const struct text_case *cases, size_t count, enum cli_env_format format)
{
    for (size_t i = 0; i < count; i++)
        CHECK_STR(str_from(all_of(str_from(cases[i].text), format)), cases[i].said);
}

/* tests/vectors/dotenv.json, which the console's test reads too: [{"text": ..., "said": ...}]. */
static void test_dotenv_is_read_as_the_console_reads_it(void)
{
    AUTO(arena) struct arena arena = arena_make();
    AUTO(buf) struct buf vectors = buf_make(1 << 20);
    struct json_elements all;
    struct str element;
    size_t count = 0;
    CHECK_OK(io_read_file(VECTORS_FOLDER "/dotenv.json", &vectors));
    json_elements_init(&all, buf_str(&vectors));
    for (; json_elements_next(&all, &element); count++) {
        struct str text = cli_member(element, "text", &arena);
        CHECK_STR(cli_member(element, "said", &arena), all_of(text, CLI_ENV_DOTENV));
    }
    CHECK(count > 60);
}

static void test_what_json_cannot_say_is_refused_alone(void)
{
    CHECK_STR(str_from(all_of(STR("A=\xff\nB=2"), CLI_ENV_DOTENV)),
              "1 A!the value is not text (UTF-8 without NUL)|2 B=2|");
    CHECK_STR(str_from(all_of(str_bytes("A=x\0y\nB=2", 9), CLI_ENV_DOTENV)),
              "1 A!the value is not text (UTF-8 without NUL)|2 B=2|");
}

static void test_json_is_read(void)
{
    static const struct text_case cases[] = {
        {"{}", ""},
        {"{\"A\":\"1\",\"b\\u0041\":\"x\\ny\"}", "A=1|bA=x\ny|"},
        {"{\"A\":1,\"B\":null,\"C\":{\"D\":[1]},\"E\":\"2\"}",
         "A!the value is not a string|B!the value is not a string|C!the value is not a "
         "string|E=2|"},
        {"{\"A\":\"\"}", "A!the value is empty|"},
        {"[]", "@0 it is one JSON object of strings"},
        {"\"x\"", "@0 it is one JSON object of strings"},
    };
    check_all(cases, ARRAY_LEN(cases), CLI_ENV_JSON);
    static const char *const broken[] = {
        "{", "{\"A\":\"1\"", "{\"A\":\"1\"} x", "{\"A\":\"1\",\"A\":\"2\"}", "{\"A\"}",
        "",  "{'A':'1'}"};
    for (size_t i = 0; i < ARRAY_LEN(broken); i++)
        CHECK(strchr(all_of(str_from(broken[i]), CLI_ENV_JSON), '@') != NULL);
}

static void test_a_value_at_the_limit_and_one_past(void)
{
    static char text[SECRET_VALUE_MAX_BYTES + 16];
    for (size_t extra = 0; extra <= 1; extra++) {
        AUTO(arena) struct arena arena = arena_make();
        struct cli_env_entry entry;
        memset(text, 'v', sizeof text);
        memcpy(text, "A=", 2);
        struct str whole = str_bytes(text, 2 + SECRET_VALUE_MAX_BYTES + extra);
        struct cli_env env = cli_env_make(whole, CLI_ENV_DOTENV, &arena);
        CHECK_OK(cli_env_next(&env, &entry));
        CHECK((entry.value != NULL) == (extra == 0));
        if (entry.value)
            CHECK_EQ(secret_len(entry.value), SECRET_VALUE_MAX_BYTES);
        secret_free(&entry.value);
    }
}

static void test_the_format_is_guessed(void)
{
    CHECK_EQ(cli_env_guess(STR(" \n{\"A\":\"1\"}")), CLI_ENV_JSON);
    CHECK_EQ(cli_env_guess(STR("\xef\xbb\xbf{}")), CLI_ENV_JSON);
    CHECK_EQ(cli_env_guess(STR("A={}")), CLI_ENV_DOTENV);
    CHECK_EQ(cli_env_guess(STR("")), CLI_ENV_DOTENV);
}

/* Whatever is cut off or flipped, it ends, and what is read is freed. */
static void test_cut_and_flipped(void)
{
    static const char sample[] =
        "# c\nexport A='x\ny' # c\nB=\"a\\n\\\"\" \r\nC=`z`\nD=plain # e\n";
    for (size_t cut = 0; cut < sizeof sample; cut++) {
        for (int flip = 0; flip < 9; flip++) {
            char text[sizeof sample];
            memcpy(text, sample, sizeof sample);
            if (flip && cut)
                text[cut - 1] = (char)(text[cut - 1] ^ (1 << (flip - 1)));
            (void)all_of(str_bytes(text, flip ? sizeof sample - 1 : cut), CLI_ENV_DOTENV);
        }
    }
    CHECK_EQ(secret_arena_used(), 0);
}

int main(void)
{
    RUN(test_dotenv_is_read_as_the_console_reads_it);
    RUN(test_what_json_cannot_say_is_refused_alone);
    RUN(test_json_is_read);
    RUN(test_a_value_at_the_limit_and_one_past);
    RUN(test_the_format_is_guessed);
    RUN(test_cut_and_flipped);
    return test_done();
}
