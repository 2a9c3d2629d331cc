#include "engine_tool.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "json_decode.h"

enum { PROBE_MAX_BYTES = 1024 * 1024, SIDE_MAX = 32768, DURATION_MAX_S = 30 * 24 * 3600 };

static void begin(struct engine_tool *t, struct arena *a, const char *const *first, size_t count)
{
    *t = (struct engine_tool){.arena = a};
    for (size_t i = 0; i < count; i++)
        engine_tool_add(t, first[i]);
}

void engine_tool_ffmpeg(struct engine_tool *t, struct arena *a, const char *loglevel)
{
    static const char *const first[] = {"ffmpeg",    "-hide_banner", "-nostdin", "-y",
                                        "-progress", "pipe:3",       "-loglevel"};
    begin(t, a, first, ARRAY_LEN(first));
    engine_tool_add(t, loglevel);
}

void engine_tool_add(struct engine_tool *t, const char *argument)
{
    ASSERT(t->count + 1 < ENGINE_TOOL_ARGUMENTS_MAX);
    t->arguments[t->count++] = argument;
    t->arguments[t->count] = NULL;
}

void engine_tool_pair(struct engine_tool *t, const char *option, const char *value)
{
    engine_tool_add(t, option);
    engine_tool_add(t, value);
}

/* No play lists: those name files and addresses of their author's choice. */
static const char formats[] =
    "mov,matroska,avi,mpegts,mpeg,mpegvideo,h264,hevc,av1,ivf,mxf,flv,asf,dv,nut,gif,apng,image2,"
    "png_pipe,jpeg_pipe,jpegls_pipe,j2k_pipe,webp_pipe,bmp_pipe,tiff_pipe,psd_pipe,exr_pipe,"
    "dpx_pipe,tga_pipe,sgi_pipe,gif_pipe,wav,w64,aiff,caf,mp3,aac,ac3,eac3,flac,ogg,amr";

void engine_tool_input(struct engine_tool *t, const char *path)
{
    engine_tool_pair(t, "-protocol_whitelist", "file,pipe"); /* hold for the next input only */
    engine_tool_pair(t, "-format_whitelist", formats);
    engine_tool_pair(t, "-i", arena_printf(t->arena, "file:%s", path).ptr);
}

static void run_child(const struct engine_tool *t, int from, int fd)
{
    if (from != fd && dup2(from, fd) < 0)
        _exit(126);
    execvp(t->arguments[0],
           (char *const *)(uintptr_t)t->arguments); /* UNSAFE: exec does not write there */
    _exit(127);
}

int engine_tool_run(struct engine_tool *t, int fd, void (*on_line)(void *ctx, struct str line),
                    void *ctx)
{
    int fds[2], status = 0;
    char *line = NULL;
    size_t size = 0;
    if (pipe(fds) != 0)
        return 126;
    fflush(stdout);
    pid_t pid = fork();
    if (pid == 0) {
        close(fds[0]);
        run_child(t, fds[1], fd);
    }
    close(fds[1]);
    FILE *lines = fdopen(fds[0], "r");
    while (lines && getline(&line, &size, lines) >= 0)
        on_line(ctx, str_trim(str_from(line)));
    if (lines)
        fclose(lines);
    free(line);
    if (pid < 0 || waitpid(pid, &status, 0) < 0)
        return 126;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}

/* --- ffprobe --- */

struct answer {
    struct str streams, format;
};
static const struct json_field answer_fields[] = {
    JSON_FIELD(struct answer, streams, "streams", JSON_AS_ARRAY, JSON_OPTIONAL, 0),
    JSON_FIELD(struct answer, format, "format", JSON_AS_OBJECT, JSON_OPTIONAL, 0),
};
struct stream {
    struct str type, rate, sides;
    int64_t width, height;
};
static const struct json_field stream_fields[] = {
    JSON_FIELD(struct stream, type, "codec_type", JSON_AS_STR, JSON_OPTIONAL, 64),
    JSON_FIELD(struct stream, rate, "avg_frame_rate", JSON_AS_STR, JSON_OPTIONAL, 64),
    JSON_FIELD(struct stream, sides, "side_data_list", JSON_AS_ARRAY, JSON_OPTIONAL, 0),
    JSON_FIELD(struct stream, width, "width", JSON_AS_INT, JSON_OPTIONAL, SIDE_MAX),
    JSON_FIELD(struct stream, height, "height", JSON_AS_INT, JSON_OPTIONAL, SIDE_MAX),
};
struct format {
    struct str duration;
};
static const struct json_field format_fields[] = {
    JSON_FIELD(struct format, duration, "duration", JSON_AS_STR, JSON_OPTIONAL, 64),
};
struct side {
    double rotation;
};
static const struct json_field side_fields[] = {
    JSON_FIELD(struct side, rotation, "rotation", JSON_AS_NUMBER, JSON_OPTIONAL, 0),
};

static void collect(void *ctx, struct str line)
{
    struct buf *out = ctx;
    if (buf_put(out, line) != OK)
        buf_reset(out); /* then it is no JSON */
}

/* Turned by a quarter: what is shown is as wide as the file is high. */
static bool is_turned(struct str sides, struct problems *problems)
{
    struct json_elements all;
    struct str element;
    json_elements_init(&all, sides);
    while (sides.len && json_elements_next(&all, &element)) {
        struct side side = {0};
        if (json_decode(element, side_fields, ARRAY_LEN(side_fields), STR_EMPTY, problems, &side) ==
                OK &&
            ((int)side.rotation % 180 == 90 || (int)side.rotation % 180 == -90))
            return true;
    }
    return false;
}

/* "30000/1001" as it stands, when it is a rate that a video may have. */
static const char *rate_of(struct arena *a, struct str text)
{
    struct str above, below = str_split(text, '/', &above);
    uint64_t over, under;
    if (str_to_u64(above, 1000000, &over) != OK || str_to_u64(below, 1000000, &under) != OK ||
        under == 0 || over < under || over / under > 240)
        return "25/1";
    return arena_text(a, text);
}

static uint64_t duration_ms(struct str text)
{
    struct str whole, fraction = str_split(text, '.', &whole);
    uint64_t seconds = 0, rest = 0;
    fraction = str_slice(fraction, 0, 3);
    if (str_to_u64(whole, DURATION_MAX_S, &seconds) != OK ||
        (fraction.len == 3 && str_to_u64(fraction, 999, &rest) != OK))
        return 0;
    return seconds * 1000 + rest;
}

static enum err understand(struct arena *a, struct str json, struct engine_clip *ret)
{
    struct problems problems;
    struct answer answer = {STR_EMPTY, STR_EMPTY};
    struct format format = {STR_EMPTY};
    struct json_elements all;
    struct str element;
    problems_init(&problems, a);
    *ret = (struct engine_clip){.frame_rate = "25/1"};
    TRY(json_decode(json, answer_fields, ARRAY_LEN(answer_fields), STR_EMPTY, &problems, &answer));
    if (answer.format.len)
        TRY(json_decode(answer.format, format_fields, ARRAY_LEN(format_fields), STR_EMPTY,
                        &problems, &format));
    json_elements_init(&all, answer.streams);
    while (answer.streams.len && json_elements_next(&all, &element)) {
        struct stream s = {STR_EMPTY, STR_EMPTY, STR_EMPTY, 0, 0};
        TRY(json_decode(element, stream_fields, ARRAY_LEN(stream_fields), STR_EMPTY, &problems,
                        &s));
        ret->audio = ret->audio || str_is(s.type, "audio");
        if (ret->video || !str_is(s.type, "video") || s.width <= 0 || s.height <= 0)
            continue;
        bool turned = is_turned(s.sides, &problems);
        ret->video = true;
        ret->width = (uint64_t)(turned ? s.height : s.width);
        ret->height = (uint64_t)(turned ? s.width : s.height);
        ret->frame_rate = rate_of(a, s.rate);
    }
    ret->duration_ms = duration_ms(format.duration);
    return ret->video || ret->audio ? OK : ERR_INVALID;
}

enum err engine_tool_probe(struct arena *a, const char *path, struct engine_clip *ret)
{
    static const char *const first[] = {
        "ffprobe",
        "-v",
        "error",
        "-of",
        "json",
        "-show_entries",
        "stream=codec_type,width,height,avg_frame_rate:stream_side_data=rotation:format=duration"};
    AUTO(buf) struct buf said = buf_make(PROBE_MAX_BYTES);
    struct engine_tool t;
    begin(&t, a, first, ARRAY_LEN(first));
    engine_tool_input(&t, path);
    int code = engine_tool_run(&t, STDOUT_FILENO, collect, &said);
    if (code == 127)
        return ERR_NOT_FOUND;
    return code == 0 && understand(a, buf_str(&said), ret) == OK ? OK : ERR_INVALID;
}
