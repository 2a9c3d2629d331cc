#include "cli_table.h"

#include "test.h"

static void test_usages_are_taken_apart(void)
{
    static const struct {
        const char *name, *value;
        bool flag, optional, many;
    } words[] = {{"ID", "", false, false, true},      {"NAME", "", false, true, false},
                 {"data", "DIR", true, false, false}, {"team", "T", true, true, false},
                 {"json", "", true, true, false},     {"now", "", true, false, false}};
    struct str rest = STR("ID... [NAME] --data DIR [--team T] [--json] --now");
    struct cli_word w;
    for (size_t i = 0; i < ARRAY_LEN(words); i++) {
        CHECK(cli_usage_next(&rest, &w));
        CHECK_STR(w.name, words[i].name);
        CHECK_STR(w.value, words[i].value);
        CHECK(w.flag == words[i].flag && w.optional == words[i].optional);
        CHECK(w.many == words[i].many);
    }
    CHECK(!cli_usage_next(&rest, &w));
    rest = STR_EMPTY;
    CHECK(!cli_usage_next(&rest, &w));
}

static void test_every_word_and_flag_has_a_meaning(void)
{
    for (size_t i = 0; i < cli_command_count; i++) {
        const struct cli_command *c = &cli_commands[i];
        struct str rest = str_from(c->usage);
        struct cli_word w;
        while (cli_usage_next(&rest, &w)) {
            if (cli_meaning_of(c, &w).text)
                continue;
            printf("# %s %s: %.*s: say in flags.def what it means\n", c->word,
                   c->verb ? c->verb : "", (int)w.name.len, w.name.ptr);
            CHECK(false);
        }
    }
}

static void test_commands_of_a_group_stand_together(void)
{
    for (size_t i = 1; i < cli_command_count; i++) {
        bool follows = strcmp(cli_commands[i].word, cli_commands[i - 1].word) == 0;
        CHECK(follows || cli_first_of_group(i));
    }
}

static void test_the_closest_meaning_counts(void)
{
    struct cli_command own = {"secret", "import", NULL, "", ""},
                       other = {"job", "list", NULL, "", ""};
    struct cli_word rotate = {.name = STR("rotate"), .flag = true},
                    file = {.name = STR("file"), .flag = true};
    CHECK(cli_meaning_of(&own, &rotate).text != NULL);
    CHECK(cli_meaning_of(&other, &rotate).text == NULL);
    CHECK(cli_meaning_of(&own, &file).text != cli_meaning_of(&other, &file).text);
}

int main(void)
{
    RUN(test_usages_are_taken_apart);
    RUN(test_every_word_and_flag_has_a_meaning);
    RUN(test_commands_of_a_group_stand_together);
    RUN(test_the_closest_meaning_counts);
    return test_done();
}
