#include "worker_files.h"

#include "test.h"

static void test_names_are_flat_and_never_paths(void)
{
    static const struct {
        const char *name, *src, *want;
    } cases[] = {
        {"logo.png", "http://h/x", "3-logo.png"}, {"", "https://h/a/b.mp4?token=.exe", "3.mp4"},
        {"", "https://h/t/abcdef", "3"},          {"../../etc/passwd", "https://h/a.png", "3.png"},
        {"/etc/passwd", "https://h/a", "3"},      {".hidden", "https://h/a.jpeg", "3.jpeg"},
        {"-rf", "https://h/a.jpg", "3.jpg"},      {"job.json", "https://h/", "3"},
        {"output.mp4", "https://h/", "3"},        {"a b", "https://h/x.p/ng", "3"},
        {"a/b", "https://h/x.toolongext", "3"},
    };
    char template[80];
    worker_files_name(STR(""), STR("https://h/a.zip"), WORKER_FILES_TEMPLATE, template);
    CHECK_STR(str_from(template), "template.zip"); /* never the name of an asset */
    worker_files_name(STR("Sans.ttf"), STR("https://h/t/x"), WORKER_FILES_FONT + 2, template);
    CHECK_STR(str_from(template), "font2-Sans.ttf");
    worker_files_name(STR("../Sans Bold.ttf"), STR("https://h/t/x"), WORKER_FILES_FONT, template);
    CHECK_STR(str_from(template), "font0"); /* nor that of an output or template */
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        char got[80];
        worker_files_name(str_from(cases[i].name), str_from(cases[i].src), 3, got);
        CHECK_STR(str_from(got), cases[i].want);
    }
}

int main(void)
{
    RUN(test_names_are_flat_and_never_paths);
    return test_done();
}
