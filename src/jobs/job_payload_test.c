#include "job_payload.h"
#include "job_payload_kit.h"
#include "test.h"

static const char *const accepted[] = {
    "{" T "}",
    " \n{" T "}\n",
    "{\"template\":{\"id\":\"x\",\"src\":\"https://h/\",\"composition\":null},\"anything\":[1]}",
    "{\"template\":{\"id\":\"x\",\"src\":\"${secret.WHERE}\",\"composition\":\"main\"}}",
    "{\"template\":{\"id\":\"x\",\"src\":\"https://h\",\"params\":\"what\"}}",
    "{\"engine\":\"ffmpeg\"}",
    "{\"engine\":\"ffmpeg\",\"template\":{\"id\":\"x\"}}",
    "{" T ",\"assets\":null,\"fonts\":null,\"settings\":null,\"upload\":null,\"webhook\":null}",
    "{" T ",\"preview\":true,\"settings\":{\"codec\":7,\"what\":1}}",
    "{" T ",\"fonts\":[\"a.ttf\"],\"preview\":false}",
    "{" T ",\"tags\":\"\"}",
    "{" T ",\"tags\":\"a,b-c,D_1\"}",
    "{" T ",\"tags\":[\"a\",\"b\"]}",
    "{" T ",\"tags\":[]}",
    "{" T ",\"tags\":null,\"priority\":null}",
    "{" T ",\"priority\":-1000}",
    "{" T ",\"priority\":1000}",
    S("\"type\":\"video\",\"quality\":\"full\",\"codec\":\"video_h264_vbr_15mbps\""),
    S("\"type\":\"image\",\"frames\":0"),
    S("\"type\":\"image\",\"frames\":[0, 10]"),
    S("\"engine\":\"ae2026\",\"frames\":null"),
    U(""),
    U("\"provider\":\"s3\",\"prefix\":\"r/\",\"outputUrl\":\"https://cdn/media\","),
    PARAMS(P ",\"endpoint\":\"http://127.0.0.1:9000\",\"acl\":\"private\""),
    W("\"url\":\"https://h/\""),
    W("\"url\":\"https://h/\",\"method\":\"PUT\",\"headers\":{\"X-A\":\"b\"},\"data\":{\"a\":[1]},"
      "\"custom\":true"),
    A("{\"type\":\"text\",\"value\":\"hello\"}"),
    A("{\"type\":\"text\",\"layerName\":\"l\",\"value\":-1.5}"),
    A("{\"type\":\"data\",\"property\":\"p\",\"value\":[1,2]}"),
    A("{\"type\":\"data\",\"property\":\"p\",\"expression\":\"e\"}"),
    A("{\"type\":\"image\",\"src\":\"https://h/i.png\",\"params\":{\"headers\":{\"A\":\"b\"}}}"),
    A("{\"type\":\"video\",\"src\":\"HTTP://h/i.png\",\"conform\":true}"),
    A("{\"type\":\"audio\",\"src\":\"${secrets.S}\"}"),
    A("{\"type\":\"static\",\"src\":\"https://h/\",\"name\":\"n\"}"),
    A("{\"type\":\"essential\",\"value\":false}"),
    A("{\"type\":\"script\",\"value\":\"1+1\"}"),
    A("{\"type\":\"script\",\"src\":\"https://h/s.jsx\"}"),
    A(F("\"name\":\"nx:layer-remove\",\"layerName\":\"l\"")),
    A(F("\"name\":\"nx-gen-ai\",\"params\":{\"layerName\":[\"a\",\"b\"]}")),
    A("{\"type\":\"job\"}"), /* checked by the caller, as a job */
    A("{\"type\":\"text\",\"value\":\"a\",\"assets\":[],\"template\":{}}"),
    S("\"type\":\"video\",\"codec\":\"module_of_ours\""),
};

static const struct refusal {
    const char *payload, *field;
} refused[] = {
    {"[]", ""},
    {"1", ""},
    {"{}", "/template"},
    {"{\"template\":7}", "/template"},
    {"{\"template\":null}", "/template"},
    {"{\"template\":{}}", "/template/id"},
    {"{\"template\":{\"id\":\"\"}}", "/template/id"},
    {"{\"template\":{\"id\":1}}", "/template/id"},
    {"{\"template\":{\"id\":\"x\",\"src\":7}}", "/template/src"},
    {"{\"template\":{\"id\":\"x\",\"src\":\"file:///etc/passwd\"}}", "/template/src"},
    {"{\"template\":{\"id\":\"x\",\"src\":\"https://a b\"}}", "/template/src"},
    {"{\"template\":{\"id\":\"x\",\"src\":\"https://a\\nb\"}}", "/template/src"},
    {"{\"template\":{\"id\":\"x\",\"src\":\"https://h\",\"composition\":1}}",
     "/template/composition"},
    {"{\"engine\":\"\"}", "/engine"},
    {"{\"engine\":7," T "}", "/engine"},
    {"{\"engine\":\"FFmpeg\"," T "}", "/engine"},
    {"{\"engine\":\"a,b\"," T "}", "/engine"},
    {"{\"engine\":\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\"," T "}",
     "/engine"},
    {"{" T ",\"assets\":{}}", "/assets"},
    {"{" T ",\"preview\":1}", "/preview"},
    {"{" T ",\"fonts\":\"a\"}", "/fonts"},
    {"{" T ",\"fonts\":[1]}", "/fonts"},
    {"{" T ",\"fonts\":[\"\"]}", "/fonts"},
    {"{" T ",\"priority\":\"1\"}", "/priority"},
    {"{" T ",\"priority\":1.5}", "/priority"},
    {"{" T ",\"priority\":1001}", "/priority"},
    {"{" T ",\"priority\":-1001}", "/priority"},
    {"{" T ",\"priority\":1e300}", "/priority"},
    {"{" T ",\"tags\":7}", "/tags"},
    {"{" T ",\"tags\":\"a,\"}", "/tags"},
    {"{" T ",\"tags\":\",a\"}", "/tags"},
    {"{" T ",\"tags\":\"a,,b\"}", "/tags"},
    {"{" T ",\"tags\":\"a b\"}", "/tags"},
    {"{" T ",\"tags\":[\"a,b\"]}", "/tags"},
    {"{" T ",\"tags\":[\"\"]}", "/tags"},
    {"{" T ",\"tags\":[1]}", "/tags"},
    {"{" T ",\"settings\":[]}", "/settings"},
    {S("\"more\":1"), "/settings"},
    {S("\"type\":\"gif\""), "/settings/type"},
    {S("\"type\":1"), "/settings/type"},
    {S("\"type\":\"image\""), "/settings/frames"},
    {S("\"frames\":-1"), "/settings/frames"},
    {S("\"frames\":1.5"), "/settings/frames"},
    {S("\"frames\":\"1\""), "/settings/frames"},
    {S("\"frames\":[1]"), "/settings/frames"},
    {S("\"frames\":[2,1]"), "/settings/frames"},
    {S("\"frames\":[1,2,3]"), "/settings/frames"},
    {S("\"quality\":\"best\""), "/settings/quality"},
    {S("\"codec\":\"H264\""), "/settings/codec"},
    {S("\"codec\":\"../x\""), "/settings/codec"},
    {S("\"engine\":\"ae_1\""), "/settings/engine"},
    {"{" T ",\"upload\":\"s3\"}", "/upload"},
    {"{" T ",\"upload\":{}}", "/upload/params"},
    {"{" T ",\"upload\":{\"params\":null}}", "/upload/params"},
    {U("\"provider\":\"ftp\","), "/upload/provider"},
    {U("\"prefix\":1,"), "/upload/prefix"},
    {U("\"outputUrl\":\"cdn\","), "/upload/outputUrl"},
    {U("\"more\":1,"), "/upload"},
    {PARAMS(P ",\"sessionToken\":\"x\""), "/upload/params"},
    {PARAMS(P ",\"endpoint\":\"ftp://h\""), "/upload/params/endpoint"},
    {PARAMS(P ",\"acl\":1"), "/upload/params/acl"},
    {PARAMS("\"region\":\"\",\"bucket\":\"b\",\"accessKeyId\":\"k\",\"accessKeySecret\":\"s\""),
     "/upload/params/region"},
    {PARAMS("\"region\":\"r\",\"bucket\":\"\",\"accessKeyId\":\"k\",\"accessKeySecret\":\"s\""),
     "/upload/params/bucket"},
    {PARAMS("\"region\":\"r\",\"bucket\":\"b\",\"accessKeyId\":\"\",\"accessKeySecret\":\"s\""),
     "/upload/params/accessKeyId"},
    {PARAMS("\"region\":\"r\",\"bucket\":\"b\",\"accessKeyId\":\"k\",\"accessKeySecret\":\"\""),
     "/upload/params/accessKeySecret"},
    {PARAMS("\"bucket\":\"b\",\"accessKeyId\":\"k\",\"accessKeySecret\":\"s\""),
     "/upload/params/region"},
    {PARAMS("\"region\":\"r\",\"accessKeyId\":\"k\",\"accessKeySecret\":\"s\""),
     "/upload/params/bucket"},
    {PARAMS("\"region\":\"r\",\"bucket\":\"b\",\"accessKeySecret\":\"s\""),
     "/upload/params/accessKeyId"},
    {PARAMS("\"region\":\"r\",\"bucket\":\"b\",\"accessKeyId\":\"k\""),
     "/upload/params/accessKeySecret"},
    {PARAMS("\"region\":7,\"bucket\":\"b\",\"accessKeyId\":\"k\",\"accessKeySecret\":\"s\""),
     "/upload/params/region"},
    {"{" T ",\"webhook\":[]}", "/webhook"},
    {"{" T ",\"webhook\":{}}", "/webhook/url"},
    {W("\"url\":\"\""), "/webhook/url"},
    {W("\"url\":\"gopher://h\""), "/webhook/url"},
    {W("\"url\":\"https://h\",\"method\":\"PATCH\""), "/webhook/method"},
    {W("\"url\":\"https://h\",\"headers\":[]"), "/webhook/headers"},
    {W("\"url\":\"https://h\",\"headers\":{\"A\":1}"), "/webhook/headers"},
    {W("\"url\":\"https://h\",\"headers\":{\"A B\":\"1\"}"), "/webhook/headers"},
    {W("\"url\":\"https://h\",\"headers\":{\"\":\"1\"}"), "/webhook/headers"},
    {W("\"url\":\"https://h\",\"headers\":{\"A\\n\":\"1\"}"), "/webhook/headers"},
    {W("\"url\":\"https://h\",\"data\":[1]"), "/webhook/data"},
    {W("\"url\":\"https://h\",\"custom\":\"yes\""), "/webhook/custom"},
    {A("1"), "/assets/0"},
    {A("{}"), "/assets/0/type"},
    {A("{\"type\":\"\"}"), "/assets/0/type"},
    {A("{\"type\":\"gif\"}"), "/assets/0/type"},
    {A("{\"type\":\"text\"}"), "/assets/0/value"},
    {A("{\"type\":\"text\",\"value\":{}}"), "/assets/0/value"},
    {A("{\"type\":\"data\"}"), "/assets/0/value"},
    {A("{\"type\":\"essential\"}"), "/assets/0/value"},
    {A("{\"type\":\"image\"}"), "/assets/0/src"},
    {A("{\"type\":\"video\",\"src\":\"\"}"), "/assets/0/src"},
    {A("{\"type\":\"audio\",\"src\":\"file:///a\"}"), "/assets/0/src"},
    {A("{\"type\":\"static\",\"src\":7}"), "/assets/0/src"},
    {A("{\"type\":\"script\"}"), "/assets/0/src"},
    {A(F("\"x\":1")), "/assets/0/name"},
    {A(F("\"name\":\"nx\"")), "/assets/0/name"},
    {A(F("\"name\":\"nx:\"")), "/assets/0/name"},
    {A(F("\"name\":\"xn:a\"")), "/assets/0/name"},
    {A(F("\"name\":\"nx:a b\"")), "/assets/0/name"},
    {A(F("\"name\":\"nx:layer-remove\",\"layerName\":[\"a\"]")), "/assets/0/layerName"},
    {A(F("\"name\":\"nx:layer-remove\",\"params\":{\"layerName\":[]}")),
     "/assets/0/params/layerName"},
    {A(F("\"name\":\"nx:layer-remove\",\"params\":{\"layerName\":[1]}")),
     "/assets/0/params/layerName"},
    {A(F("\"name\":\"nx:layer-remove\",\"params\":{\"layerName\":7}")),
     "/assets/0/params/layerName"},
    {S("\"engine\":\"ae2024\""), "/settings/engine"},
    {S("\"type\":\"video\",\"codec\":\"png\""), "/settings/codec"},
    {S("\"type\":\"image\",\"frames\":1,\"codec\":\"video_own\""), "/settings/codec"},
    {A("{\"type\":\"text\",\"value\":\"a\",\"params\":[]}"), "/assets/0/params"},
    {A("{\"type\":\"text\",\"value\":\"a\",\"params\":{\"headers\":{}}}"),
     "/assets/0/params/headers"},
    {A("{\"type\":\"image\",\"src\":\"https://h\",\"params\":{\"headers\":null}}"),
     "/assets/0/params/headers"},
    {A("{\"type\":\"image\",\"src\":\"https://h\",\"params\":{\"headers\":{\"A\":[]}}}"),
     "/assets/0/params/headers"},
    {A("{\"type\":\"text\",\"value\":\"a\"},{\"type\":\"image\"}"), "/assets/1/src"},
};

static enum err read_payload(struct str payload, struct arena *a, struct problems *problems,
                             struct job_payload *ret)
{
    return job_payload_read(payload, JOB_PAYLOAD_RENDER, STR_EMPTY, a, problems, ret);
}

static void test_good_payloads_are_accepted(void)
{
    for (size_t i = 0; i < ARRAY_LEN(accepted); i++) {
        AUTO(arena) struct arena a = arena_make();
        struct problems problems;
        struct job_payload p = {0};
        struct job_parts parts;
        problems_init(&problems, &a);
        enum err e = read_payload(str_from(accepted[i]), &a, &problems, &p);
        if (e != OK)
            printf("# %s: %.*s\n", accepted[i], (int)problems.list[0].message.len,
                   problems.list[0].message.ptr);
        CHECK_OK(e);
        CHECK_OK(job_parts_find(str_from(accepted[i]), &a, &parts));
    }
}

static void test_bad_payloads_name_the_member(void)
{
    for (size_t i = 0; i < ARRAY_LEN(refused); i++) {
        AUTO(arena) struct arena a = arena_make();
        struct problems problems;
        struct job_payload p = {0};
        problems_init(&problems, &a);
        CHECK_ERR(read_payload(str_from(refused[i].payload), &a, &problems, &p), ERR_INVALID);
        bool named = false;
        for (size_t k = 0; k < problems.count; k++)
            named = named || str_is(problems.list[k].field, refused[i].field);
        if (!named)
            printf("# %s: got %s\n", refused[i].payload,
                   problems.count ? problems.list[0].field.ptr : "nothing");
        CHECK(named);
    }
}

static void test_all_problems_are_reported_at_once(void)
{
    AUTO(arena) struct arena a = arena_make();
    struct problems problems;
    struct job_payload p = {0};
    problems_init(&problems, &a);
    struct str payload = STR("{\"upload\":{\"params\":{}},\"webhook\":{},\"priority\":0.5}");
    CHECK_ERR(read_payload(payload, &a, &problems, &p), ERR_INVALID);
    CHECK_EQ(problems.count, 7); /* template, 4 params, url, priority */
}

static void check_size(const char *head, size_t fill, const char *tail, enum err want)
{
    AUTO(arena) struct arena a = arena_make();
    AUTO(buf) struct buf b = buf_make(JOB_PAYLOAD_MAX_BYTES);
    struct problems problems;
    struct job_payload p = {0};
    problems_init(&problems, &a);
    CHECK_OK(buf_put(&b, str_from(head)));
    for (size_t i = 0; i < fill; i++)
        CHECK_OK(buf_put_byte(&b, 'a'));
    CHECK_OK(buf_put(&b, str_from(tail)));
    CHECK_ERR(read_payload(buf_str(&b), &a, &problems, &p), want);
}

static void test_sizes_at_the_limit_and_one_past_it(void)
{
    check_size("{" T ",\"engine\":\"", JOB_WORD_MAX_BYTES, "\"}", OK);
    check_size("{" T ",\"engine\":\"", JOB_WORD_MAX_BYTES + 1, "\"}", ERR_INVALID);
    check_size("{" T ",\"tags\":\"", JOB_TAGS_MAX_BYTES, "\"}", OK);
    check_size("{" T ",\"tags\":\"", JOB_TAGS_MAX_BYTES + 1, "\"}", ERR_INVALID);
    check_size("{" T ",\"tags\":[\"b\",\"", JOB_TAGS_MAX_BYTES - 2, "\"]}", OK);
    check_size("{" T ",\"tags\":[\"b\",\"", JOB_TAGS_MAX_BYTES - 1, "\"]}", ERR_INVALID);
    check_size("{\"template\":{\"id\":\"", JOB_TEXT_MAX_BYTES, "\",\"src\":\"https://h\"}}", OK);
    check_size("{\"template\":{\"id\":\"", JOB_TEXT_MAX_BYTES + 1, "\",\"src\":\"https://h\"}}",
               ERR_INVALID);
    check_size("{" T ",\"webhook\":{\"url\":\"https://h/", JOB_URL_MAX_BYTES - 10, "\"}}", OK);
    check_size("{" T ",\"webhook\":{\"url\":\"https://h/", JOB_URL_MAX_BYTES - 9, "\"}}",
               ERR_INVALID);
}

static void check_assets(size_t count, enum err want)
{
    AUTO(arena) struct arena a = arena_make();
    AUTO(buf) struct buf b = buf_make(JOB_PAYLOAD_MAX_BYTES);
    struct problems problems;
    struct job_payload p = {0};
    problems_init(&problems, &a);
    CHECK_OK(buf_put(&b, STR("{" T ",\"assets\":[")));
    for (size_t i = 0; i < count; i++)
        CHECK_OK(buf_printf(&b, "%s{\"type\":\"text\",\"value\":\"a\"}", i ? "," : ""));
    CHECK_OK(buf_put(&b, STR("]}")));
    CHECK_ERR(read_payload(buf_str(&b), &a, &problems, &p), want);
    CHECK_EQ(p.assets.count, want == OK ? count : 0);
}

static void test_assets_at_the_limit_and_one_past_it(void)
{
    check_assets(JOB_ASSETS_MAX, OK);
    check_assets(JOB_ASSETS_MAX + 1, ERR_INVALID);
}

static void test_template_without_src_or_engine_is_a_stored_one(void)
{
    static const struct {
        const char *payload;
        bool stored;
    } cases[] = {
        {"{\"template\":{\"id\":\"01ARZ3NDEKTSV4RRFFQ69G5FAV\"}}", true},
        {"{\"template\":{\"id\":\"ABCDEFGHIJKLMNOPQRSTUVWXYZ\",\"src\":\"\"}}", true},
        {"{\"template\":{\"id\":\"x\",\"src\":\"https://h\"}}", false},
        {"{\"template\":{\"id\":\"x\"},\"engine\":\"ffmpeg\"}", false},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        AUTO(arena) struct arena a = arena_make();
        struct problems problems;
        struct job_payload p = {0};
        problems_init(&problems, &a);
        CHECK_OK(read_payload(str_from(cases[i].payload), &a, &problems, &p));
        CHECK_EQ(p.stored_template, cases[i].stored);
    }
}

static void test_file_kind_follows_codec_and_type(void)
{
    static const struct {
        const char *payload, *extension;
    } cases[] = {
        {"{" T "}", ".mp4"},
        {S("\"codec\":\"video_h264_vbr_15mbps\""), ".mp4"},
        {S("\"codec\":\"h264_vbr_15mbps\""), ".mp4"},
        {S("\"codec\":\"video_prores_4444\""), ".mov"},
        {S("\"codec\":\"prores_422\""), ".mov"},
        {S("\"codec\":\"image_png\",\"frames\":1"), ".png"},
        {S("\"codec\":\"image_jpeg\",\"frames\":1"), ".jpg"},
        {S("\"type\":\"image\",\"frames\":1"), ".png"},
        {S("\"type\":\"aep\""), ".aep"},
        {"{" T ",\"preview\":true,\"settings\":{\"codec\":\"image_png\"}}", ".mp4"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        AUTO(arena) struct arena a = arena_make();
        struct problems problems;
        struct job_payload p = {0};
        problems_init(&problems, &a);
        CHECK_OK(read_payload(str_from(cases[i].payload), &a, &problems, &p));
        CHECK_STR(p.settings.extension, cases[i].extension);
    }
}

static void test_settings_are_told_with_their_defaults(void)
{
    static const struct {
        const char *payload, *type, *codec, *quality, *engine;
    } cases[] = {
        {"{" T "}", "video", "video_h264_vbr_15mbps", "full", "ae2026"},
        {"{" T ",\"preview\":true,\"settings\":{\"codec\":\"png\"}}", "video",
         "video_h264_vbr_15mbps", "draft", "ae2026"},
        {S("\"codec\":\"h264_cbr_1mbps\",\"quality\":\"draft\""), "video", "video_h264_cbr_1mbps",
         "draft", "ae2026"},
        {S("\"codec\":\"video_prores_4444\",\"engine\":\"ae2025\""), "video", "video_prores_4444",
         "full", "ae2025"},
        {S("\"codec\":\"png\",\"frames\":1"), "image", "image_png", "full", "ae2026"},
        {S("\"codec\":\"image_jpg\",\"frames\":1"), "image", "image_jpeg", "full", "ae2026"},
        {S("\"type\":\"image\",\"frames\":1"), "image", "image_png", "full", "ae2026"},
        {S("\"type\":\"image\",\"frames\":1,\"codec\":\"tiff\""), "image", "image_tiff", "full",
         "ae2026"},
        {S("\"type\":\"aep\",\"codec\":\"png\""), "aep", "", "full", "ae2026"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        AUTO(arena) struct arena a = arena_make();
        struct job_settings s = {.frames = false};
        CHECK_OK(job_payload_settings(str_from(cases[i].payload), &a, &s));
        CHECK_STR(s.type, cases[i].type);
        CHECK_STR(s.codec, cases[i].codec);
        CHECK_STR(s.quality, cases[i].quality);
        CHECK_STR(s.engine, cases[i].engine);
    }
}

static void test_frames_are_first_and_last(void)
{
    static const struct {
        const char *payload;
        bool frames;
        uint64_t first, last;
    } cases[] = {
        {S("\"frames\":null"), false, 0, 0},
        {S("\"frames\":0"), true, 0, 0},
        {S("\"frames\":[3,70]"), true, 3, 70},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        AUTO(arena) struct arena a = arena_make();
        struct job_settings s = {.frames = false};
        CHECK_OK(job_payload_settings(str_from(cases[i].payload), &a, &s));
        CHECK_EQ(s.frames, cases[i].frames);
        CHECK_EQ(s.first, cases[i].first);
        CHECK_EQ(s.last, cases[i].last);
    }
}

static void test_output_url_has_single_slashes(void)
{
    static const struct {
        const char *payload, *url;
    } cases[] = {
        {"{" T "}", ""},
        {U(""), "https://s3.eu.amazonaws.com/b/F.mp4"},
        {U("\"prefix\":\"renders/c42/\",\"outputUrl\":\"https://cdn/media\","),
         "https://cdn/media/renders/c42/F.mp4"},
        {U("\"prefix\":\"/renders/c42\",\"outputUrl\":\"https://cdn/media//\","),
         "https://cdn/media/renders/c42/F.mp4"},
        {U("\"prefix\":\"\",\"outputUrl\":\"https://cdn/media/\","), "https://cdn/media/F.mp4"},
        {U("\"prefix\":\"a b/\u00fc%?#\",\"outputUrl\":\"https://cdn\","),
         "https://cdn/a%20b/%C3%BC%25%3F%23/F.mp4"},
        {U("\"prefix\":\"/\",\"outputUrl\":\"https://cdn\","), "https://cdn/F.mp4"},
        {PARAMS(P ",\"endpoint\":\"http://127.0.0.1:9/\""), "http://127.0.0.1:9/b/F.mp4"},
        {"{" T ",\"upload\":{\"prefix\":\"${secret.P}/\",\"params\":{" P "}}}",
         "https://s3.eu.amazonaws.com/b/${secret.P}/F.mp4"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        AUTO(arena) struct arena a = arena_make();
        struct problems problems;
        struct job_payload p = {0};
        problems_init(&problems, &a);
        CHECK_OK(read_payload(str_from(cases[i].payload), &a, &problems, &p));
        CHECK_STR(job_payload_output_url(&p, STR("F.mp4"), &a), cases[i].url);
    }
}

int main(void)
{
    RUN(test_good_payloads_are_accepted);
    RUN(test_bad_payloads_name_the_member);
    RUN(test_all_problems_are_reported_at_once);
    RUN(test_sizes_at_the_limit_and_one_past_it);
    RUN(test_assets_at_the_limit_and_one_past_it);
    RUN(test_template_without_src_or_engine_is_a_stored_one);
    RUN(test_file_kind_follows_codec_and_type);
    RUN(test_settings_are_told_with_their_defaults);
    RUN(test_frames_are_first_and_last);
    RUN(test_output_url_has_single_slashes);
    return test_done();
}
