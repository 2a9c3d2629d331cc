/* GET /api/v1/jobs/pickup, which both Safelight and the open-source server answer. Prints one line
 * of JSON. Exit 1 when an answer was not a job.
 *
 *     SAFELIGHT_TOKEN=... bench_pickup PORT CONNECTIONS REQUESTS
 */
#include <stdio.h>
#include <stdlib.h>

#include "bench_load.h"

static char text[512];
static size_t text_len;

static size_t request(uint64_t n, char *out, size_t max)
{
    (void)n;
    ASSERT(text_len < max);
    memcpy(out, text, text_len);
    return text_len;
}

static bool good(struct str answer)
{
    return str_starts(answer, STR("HTTP/1.1 200 ")) &&
           str_search(answer, STR("\"uid\""), 0) < answer.len;
}

int main(int argc, char **argv)
{
    const char *token = getenv("SAFELIGHT_TOKEN");
    if (argc != 4 || !token)
        load_die("SAFELIGHT_TOKEN=... bench_pickup PORT CONNECTIONS REQUESTS");
    struct load load = {.name = "pickup",
                        .port = (uint16_t)load_number(argv[1]),
                        .connections = load_number(argv[2]),
                        .seconds = 600,
                        .most = load_number(argv[3]),
                        .request = request,
                        .good = good};
    int len = snprintf(text, sizeof text,
                       "GET /api/v1/jobs/pickup HTTP/1.1\r\nHost: 127.0.0.1:%u\r\n"
                       "nexrender-secret: %s\r\n\r\n",
                       load.port, token);
    if (len >= (int)sizeof text)
        load_die("the token is too long");
    text_len = (size_t)len;
    return load_run(&load) ? 1 : 0;
}
