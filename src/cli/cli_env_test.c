#include "cli_env.h"

#include "limit.h"
#include "test.h"

/* Reads a whole text: "NAME=value|" for each entry, "NAME!why|" for a bad one, "@line why" at the
 * end of what cannot be read. */
static const char *all_of(struct str text, enum cli_env_format format)
{
    static char said[4096];
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

static void test_dotenv_is_read(void)
{
    static const struct text_case cases[] = {
        {"", ""},
        {"\n\n  \n", ""},
        {"# only\n  # comments", ""},
        {"A=1", "A=1|"},
        {"A=1\nB=2\n", "A=1|B=2|"},
        {"A=1\r\nB=2\r\n", "A=1|B=2|"},
        {"\xef\xbb\xbf"
         "A=1",
         "A=1|"},
        {"export A=1\nexport\tB=2", "A=1|B=2|"},
        {"export=1", "export=1|"},
        {"exportA=1", "exportA=1|"},
        {"  A  =  1  ", "A=1|"},
        {"A=a b  c", "A=a b  c|"},
        {"A=1 # comment", "A=1|"},
        {"A=1#2", "A=1#2|"},
        {"A=x=y==", "A=x=y==|"},
        {"A=it's\"fine", "A=it's\"fine|"},
        {"A=$B${C}", "A=$B${C}|"},
        {"A=back\\nslash", "A=back\\nslash|"},
        {"A='1 # 2' # c", "A=1 # 2|"},
        {"A='a\\nb'", "A=a\\nb|"},
        {"A=`it's \"so\"`", "A=it's \"so\"|"},
        {"A=\"a\\nb\\t\\\"c\\\" \\\\ \\$D\"", "A=a\nb\t\"c\" \\ $D|"},
        {"A=\"x\ny\"\nB=2", "A=x\ny|B=2|"},
        {"A='x\r\ny'\r\nB=2", "A=x\ny|B=2|"},
        {"A=\"x\\\ny\"", "A=xy|"},
        {"A=\" x \"", "A= x |"},
        {"prod/S3-KEY.old=1", "prod/S3-KEY.old=1|"},
        {"a b=1", "@1 say NAME=value"},
        {"A=caf\xc3\xa9", "A=caf\xc3\xa9|"},
    };
    check_all(cases, ARRAY_LEN(cases), CLI_ENV_DOTENV);
}

static void test_entries_are_refused_alone(void)
{
    static const struct text_case cases[] = {
        {"A=\nB=2", "A!the value is empty|B=2|"},
        {"A=''\nB=2", "A!the value is empty|B=2|"},
        {"A= # nothing\nB=2", "A!the value is empty|B=2|"},
        {"A=\xff\nB=2", "A!the value is not text (UTF-8 without NUL)|B=2|"},
    };
    check_all(cases, ARRAY_LEN(cases), CLI_ENV_DOTENV);
    CHECK_STR(str_from(all_of(str_bytes("A=x\0y\nB=2", 9), CLI_ENV_DOTENV)),
              "A!the value is not text (UTF-8 without NUL)|B=2|");
}

static void test_what_cannot_be_read_says_where(void)
{
    static const struct text_case cases[] = {
        {"A", "@1 say NAME=value"},
        {"A=1\nnonsense\nB=2", "A=1|@2 say NAME=value"},
        {"=1", "@1 the name is missing before ="},
        {"export =1", "@1 the name is missing before ="},
        {"\n\nA='x\n\n", "@3 the quote that opens here is never closed"},
        {"A=\"x\\", "@1 the quote that opens here is never closed"},
        {"A='x'y", "@1 there is something behind the closing quote"},
        {"A=\"x\n\\q\"",
         "@2 in double quotes only \\n \\r \\t \\\" \\\\ \\$ are escapes; put the value in single "
         "quotes to take it as it is"},
    };
    check_all(cases, ARRAY_LEN(cases), CLI_ENV_DOTENV);
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
    RUN(test_dotenv_is_read);
    RUN(test_entries_are_refused_alone);
    RUN(test_what_cannot_be_read_says_where);
    RUN(test_json_is_read);
    RUN(test_a_value_at_the_limit_and_one_past);
    RUN(test_the_format_is_guessed);
    RUN(test_cut_and_flipped);
    return test_done();
}
