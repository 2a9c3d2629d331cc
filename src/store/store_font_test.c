#include "store_font.h"

#include "limit.h"
#include "store_kit.h"

static struct kit k;

static struct font_row make(struct ulid team, struct str file_name)
{
    return (struct font_row){.id = ulid_new(),
                             .team_id = team,
                             .family_name = STR("Family"),
                             .file_name = file_name,
                             .bytes = 9,
                             .created_at_ms = 100};
}

static struct font_row add(struct ulid team, const char *file_name)
{
    struct font_row row = make(team, str_from(file_name));
    CHECK_OK(store_font_insert(&k.tx, &row));
    return row;
}

static void test_a_font_comes_back(void)
{
    struct font_row row = add(k.team, "Nice.ttf"), got;
    CHECK_OK(store_font_get(&k.tx, kit_id(&k.team), kit_id(&row.id), &k.a, &got));
    CHECK_STR(got.family_name, "Family");
    CHECK_STR(got.file_name, "Nice.ttf");
    CHECK_EQ(got.bytes, 9);
    CHECK_EQ(got.created_at_ms, 100);
    CHECK_OK(store_font_by_name(&k.tx, kit_id(&k.team), STR("nICE.TTF"), &k.a, &got));
    CHECK(str_equal(kit_id(&got.id), kit_id(&row.id)));
    struct str want = arena_printf(&k.a, "font.%s.%s", k.team.text, row.id.text);
    CHECK(str_equal(store_font_file(&got, &k.a), want));
}

static void test_file_names_collide_within_a_team_only(void)
{
    struct font_row row = make(k.team, STR("NICE.ttf")), got;
    CHECK_ERR(store_font_insert(&k.tx, &row), ERR_FONT_EXISTS);
    add(k.other, "nice.ttf");
    row = make(ulid_new(), STR("x.ttf"));
    CHECK_ERR(store_font_insert(&k.tx, &row), ERR_NOT_FOUND);
    CHECK_ERR(store_font_by_name(&k.tx, kit_id(&k.team), STR("nice"), &k.a, &got), ERR_NOT_FOUND);
    CHECK_ERR(store_font_by_name(&k.tx, kit_id(&k.team), STR_EMPTY, &k.a, &got), ERR_NOT_FOUND);
}

static void test_other_teams_see_nothing(void)
{
    struct font_row row = add(k.team, "ours.ttf"), got, *list;
    size_t count;
    struct str other = kit_id(&k.other), id = kit_id(&row.id);
    CHECK_ERR(store_font_get(&k.tx, other, id, &k.a, &got), ERR_NOT_FOUND);
    CHECK_ERR(store_font_by_name(&k.tx, other, STR("ours.ttf"), &k.a, &got), ERR_NOT_FOUND);
    CHECK_ERR(store_font_delete(&k.tx, other, id), ERR_NOT_FOUND);
    CHECK_OK(store_font_list(&k.tx, kit_id(&k.team), &k.a, &list, &count));
    CHECK_EQ(count, 2);
}

static void test_a_font_in_use_stays(void)
{
    struct font_row row = add(k.team, "used.ttf"), more = add(k.team, "more.ttf");
    struct job job = {.id = ulid_new(), .team_id = k.team, .payload = STR("{}")};
    struct str team = kit_id(&k.team), id = kit_id(&row.id);
    CHECK_OK(store_job_insert(&k.tx, &job));
    CHECK_OK(store_font_use(&k.tx, id, kit_id(&job.id)));
    CHECK_OK(store_font_use(&k.tx, id, kit_id(&job.id)));
    CHECK_OK(db_savepoint(k.db));
    CHECK_ERR(store_font_delete(&k.tx, team, id), ERR_CONFLICT);
    CHECK_OK(db_rollback_to(k.db));
    CHECK_ERR(store_font_delete(&k.tx, kit_id(&k.other), id), ERR_NOT_FOUND);
    CHECK_OK(store_font_delete(&k.tx, team, kit_id(&more.id)));
    CHECK_OK(store_font_job_ended(&k.tx, kit_id(&job.id)));
    CHECK_OK(store_font_job_ended(&k.tx, kit_id(&job.id)));
    CHECK_OK(store_font_delete(&k.tx, team, id));
    CHECK_ERR(store_font_delete(&k.tx, team, id), ERR_NOT_FOUND);
    CHECK_OK(db_savepoint(k.db));
    CHECK_ERR(store_font_use(&k.tx, id, kit_id(&job.id)), ERR_NOT_FOUND);
    CHECK_OK(db_rollback_to(k.db));
}

static void test_a_team_goes_with_its_fonts(void)
{
    struct ulid team = kit_team(&k, "short");
    struct font_row row = add(team, "a.ttf"), got;
    struct job job = {.id = ulid_new(), .team_id = team, .payload = STR("{}")};
    CHECK_OK(store_job_insert(&k.tx, &job));
    CHECK_OK(store_font_use(&k.tx, kit_id(&row.id), kit_id(&job.id)));
    CHECK_OK(store_team_delete(&k.tx, kit_id(&team)));
    CHECK_ERR(store_font_get(&k.tx, kit_id(&team), kit_id(&row.id), &k.a, &got), ERR_NOT_FOUND);
    CHECK_EQ(kit_number(k.db, "SELECT COUNT(*) FROM job_fonts"), 0);
}

static void test_the_limits(void)
{
    char name[FONT_FILE_NAME_MAX_BYTES + 2] = {0};
    struct font_row row, got;
    memset(name, 'n', FONT_FILE_NAME_MAX_BYTES);
    row = make(k.team, str_from(name));
    CHECK_OK(store_font_insert(&k.tx, &row));
    name[FONT_FILE_NAME_MAX_BYTES] = 'n';
    row = make(k.team, str_from(name));
    CHECK_ERR(store_font_insert(&k.tx, &row), ERR_INVALID);
    CHECK_ERR(store_font_by_name(&k.tx, kit_id(&k.team), str_from(name), &k.a, &got),
              ERR_NOT_FOUND);
    struct font_row *list;
    size_t count;
    CHECK_OK(store_font_list(&k.tx, kit_id(&k.team), &k.a, &list, &count));
    for (; count < FONTS_PER_TEAM_MAX; count++) {
        snprintf(name, sizeof name, "%zu.ttf", count);
        add(k.team, name);
    }
    row = make(k.team, STR("one too many.ttf"));
    CHECK_ERR(store_font_insert(&k.tx, &row), ERR_LIMIT);
    add(k.other, "one too many.ttf");
    CHECK_OK(store_font_delete(&k.tx, kit_id(&k.team), kit_id(&list[0].id)));
    CHECK_OK(store_font_insert(&k.tx, &row));
}

int main(void)
{
    kit_open(&k);
    RUN(test_a_font_comes_back);
    RUN(test_file_names_collide_within_a_team_only);
    RUN(test_other_teams_see_nothing);
    RUN(test_a_font_in_use_stays);
    RUN(test_a_team_goes_with_its_fonts);
    RUN(test_the_limits);
    kit_close(&k);
    return test_done();
}
