/* PUT /api/v2/secrets, every name new. Prints one line of JSON. Exit 1 when anything but 201 came
 * back.
 *
 *     SAFELIGHT_TOKEN=... bench_put PORT CONNECTIONS SECONDS REQUESTS PREFIX
 *
 * It ends after SECONDS, or when REQUESTS have been answered, whichever is first.
 */
#include <stdio.h>
#include <stdlib.h>

#include "bench_load.h"

static char head[512];
static const char *prefix;

static size_t request(uint64_t n, char *out, size_t max)
{
    char body[200];
    int body_len = snprintf(body, sizeof body,
                            "{\"name\":\"%s/secret-%08llu\",\"value\":"
                            "\"wJalrXUtnFEMI/K7MDENG/bPxRfiCY%08llu\"}",
                            prefix, (unsigned long long)n, (unsigned long long)n);
    return (size_t)snprintf(out, max, "%sContent-Length: %d\r\n\r\n%s", head, body_len, body);
}

static bool good(struct str answer)
{
    return str_starts(answer, STR("HTTP/1.1 201 "));
}

int main(int argc, char **argv)
{
    const char *token = getenv("SAFELIGHT_TOKEN");
    if (argc != 6 || !token)
        load_die("SAFELIGHT_TOKEN=... bench_put PORT CONNECTIONS SECONDS REQUESTS PREFIX");
    struct load load = {.name = "put",
                        .port = (uint16_t)load_number(argv[1]),
                        .connections = load_number(argv[2]),
                        .seconds = (double)load_number(argv[3]),
                        .most = load_number(argv[4]),
                        .request = request,
                        .good = good};
    prefix = argv[5];
    int len =
        snprintf(head, sizeof head,
                 "PUT /api/v2/secrets HTTP/1.1\r\nHost: 127.0.0.1:%u\r\nAuthorization: Bearer "
                 "%s\r\nContent-Type: application/json\r\n",
                 load.port, token);
    if (len >= (int)sizeof head)
        load_die("the token is too long");
    uint64_t refused = load_run(&load);
    return refused ? 1 : 0;
}
