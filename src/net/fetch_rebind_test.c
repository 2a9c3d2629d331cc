/* A name server that answers otherwise each time (DNS rebinding): the address that is judged is the
 * one that is connected to, and there is one look-up. The resolver is this test's own; libcurl
 * calls it as it would the system's. */
#include "fetch.h"

#include <netdb.h>

#include "test.h"
#include "test_http.h"

enum { LOOKUPS_MAX = 4, ADDRESSES_MAX = 2 };

static struct test_http server;
static const char *answers[LOOKUPS_MAX][ADDRESSES_MAX];
static int lookups;

/* Instead of the C library's. */
int getaddrinfo(const char *name, const char *service, const struct addrinfo *hints,
                struct addrinfo **ret)
{
    (void)name;
    (void)hints;
    int at = lookups < LOOKUPS_MAX ? lookups : LOOKUPS_MAX - 1;
    struct addrinfo **end = ret;
    lookups++;
    *ret = NULL;
    for (size_t i = 0; i < ADDRESSES_MAX && answers[at][i]; i++) {
        struct addrinfo *one = calloc(1, sizeof *one + sizeof(struct sockaddr_in));
        ASSERT(one);
        struct sockaddr_in *address = (struct sockaddr_in *)(void *)(one + 1);
        address->sin_family = AF_INET;
        address->sin_port = htons((uint16_t)(service ? atoi(service) : 0));
        ASSERT(inet_pton(AF_INET, answers[at][i], &address->sin_addr) == 1);
        one->ai_family = AF_INET;
        one->ai_socktype = SOCK_STREAM;
        one->ai_protocol = IPPROTO_TCP;
        one->ai_addr = (struct sockaddr *)(void *)address;
        one->ai_addrlen = sizeof *address;
        *end = one;
        end = &one->ai_next;
    }
    return *ret ? 0 : EAI_NONAME;
}

void freeaddrinfo(struct addrinfo *list)
{
    while (list) {
        struct addrinfo *gone = list;
        list = list->ai_next;
        free(gone);
    }
}

static const struct {
    const char *answers[LOOKUPS_MAX][ADDRESSES_MAX];
    bool allow_loopback;
    enum err want;
} rows[] = {
    /* allowed first and forbidden later: there is no later */
    {{{"127.0.0.1"}, {"169.254.169.254"}}, true, OK},
    /* forbidden first: that another look-up would be allowed helps nothing */
    {{{"127.0.0.1"}, {"93.184.216.34"}}, false, ERR_ADDRESS_REFUSED},
    {{{"169.254.169.254"}, {"127.0.0.1"}}, true, ERR_ADDRESS_REFUSED},
    /* several at once: only the one that is allowed is connected to */
    {{{"169.254.169.254", "127.0.0.1"}}, true, OK},
    {{{"127.0.0.1", "169.254.169.254"}}, true, OK},
    {{{"10.0.0.1", "127.0.0.1"}}, false, ERR_ADDRESS_REFUSED},
    {{{"0.0.0.0", "224.0.0.1"}}, true, ERR_ADDRESS_REFUSED},
};

static void test_the_judged_address_is_the_connected_one(void)
{
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        AUTO(fetch_result) struct fetch_result r = {0};
        char url[64];
        struct guard_policy guard = {.allow_loopback = rows[i].allow_loopback, .allow_http = true};
        int before = server.requests;
        memcpy(answers, rows[i].answers, sizeof answers);
        lookups = 0;
        snprintf(url, sizeof url, "http://rebind.test:%u/x", (unsigned)server.port);
        const struct fetch f = {
            .method = STR("GET"), .url = str_from(url), .body_fd = -1, .guard = &guard};
        CHECK_ERR(fetch_run(&f, &r), rows[i].want);
        CHECK_EQ(lookups, 1);
        CHECK_EQ(server.requests - before, rows[i].want == OK);
    }
}

int main(void)
{
    if (fetch_open() != OK)
        return EXIT_FAILURE;
    test_http_start(&server, NULL);
    RUN(test_the_judged_address_is_the_connected_one);
    test_http_stop(&server);
    return test_done();
}
