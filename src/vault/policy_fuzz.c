/* Arbitrary bytes as a policy and as a host. What is taken encodes to the same bytes; the canonical
 * form of a host is its own canonical form, and an exact host matches itself. */
#include "alloc.h"
#include "policy.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void fuzz_policy(struct str bytes)
{
    AUTO(buf) struct buf again = buf_make(POLICY_MAX_BYTES);
    struct policy p;
    if (policy_decode(bytes, &p) != OK)
        return;
    ASSERT(policy_encode(&p, &again) == OK);
    ASSERT(str_equal(buf_str(&again), bytes));
    struct policy_use use = {.sinks = POLICY_TEXT, .host = STR("a.example.com:443"), .now_ms = 1};
    enum err e = policy_allows(&p, &use);
    ASSERT(e == OK || policy_refused(e));
}

static void fuzz_host(struct str text)
{
    AUTO(buf) struct buf host = buf_make(POLICY_HOST_MAX_BYTES);
    AUTO(buf) struct buf again = buf_make(POLICY_HOST_MAX_BYTES), asked = buf_make(512);
    const char *why;
    if (policy_host(text, &host, &why) != OK) {
        ASSERT(host.len == 0 && why);
        return;
    }
    ASSERT(policy_host(buf_str(&host), &again, &why) == OK);
    ASSERT(str_equal(buf_str(&host), buf_str(&again)));
    if (host.ptr[0] == '*') {
        policy_host_shared(buf_str(&host));
        return;
    }
    ASSERT(policy_host_shared(buf_str(&host)) == NULL);
    struct policy p = {.hosts = {buf_str(&host)}, .host_count = 1};
    ASSERT(buf_put(&asked, buf_str(&host)) == OK);
    bool ipv6 = host.ptr[0] == '[';
    if (str_search(buf_str(&host), STR(":"), ipv6 ? str_find(buf_str(&host), ']') : 0) == host.len)
        ASSERT(buf_put(&asked, STR(":443")) == OK);
    struct policy_use use = {.sinks = POLICY_URL, .host = buf_str(&asked)};
    ASSERT(policy_allows(&p, &use) == OK);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_policy(str_bytes(data, size));
    fuzz_host(str_bytes(data, size));
    return 0;
}
