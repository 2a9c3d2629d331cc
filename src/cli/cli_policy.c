/* Policies of secrets: where a value may go, to whom, until when. */
#include <stdio.h>

#include "cli.h"
#include "cli_commands.h"
#include "cli_global.h"
#include "cli_output.h"
#include "cli_secret.h"
#include "clock.h"

enum { BODY_MAX_BYTES = 256 * 1024, DAYS_MAX = 100000 };

/* "any" and "never" lift a restriction. */
static bool lifts(const char *text)
{
    return strcmp(text, "any") == 0 || strcmp(text, "never") == 0;
}

/* A date, a date-time with a zone, or a number of days ("90d") from now, as RFC 3339. */
static bool time_of(const char *text, struct arena *a, struct str *ret)
{
    struct str s = str_from(text), rfc = s;
    uint64_t days;
    int64_t ms;
    if (str_ends(s, STR("d")) && str_to_u64(str_slice(s, 0, s.len - 1), DAYS_MAX, &days) == OK) {
        char *out = arena_alloc(a, CLOCK_TEXT_BYTES);
        clock_format(clock_unix_ms() + (int64_t)days * 24 * 3600 * 1000, out);
        rfc = str_from(out);
    } else if (s.len == sizeof "2027-01-31" - 1) {
        rfc = arena_printf(a, "%sT00:00:00Z", text);
    }
    *ret = rfc;
    return clock_parse(rfc, &ms) == OK;
}

static void put_list(struct json_out *o, const char *key, const char *text)
{
    struct str rest = str_from(text), word;
    json_out_key(o, key);
    json_out_open(o, '[');
    while (rest.ptr) {
        rest = str_split(rest, ',', &word);
        json_out_str(o, str_trim(word));
    }
    json_out_close(o, ']');
}

static void keep(struct json_out *o, const char *key, struct str raw)
{
    json_out_key(o, key);
    json_out_raw(o, raw);
}

int cli_policy_member(const struct cli_args *args, struct str present, struct arena *a,
                      struct json_out *o, bool *ret_any)
{
    const char *sinks = cli_flag_value(args, "sinks"), *hosts = cli_flag_value(args, "hosts");
    const char *expires = cli_flag_value(args, "expires");
    struct str time = STR_EMPTY;
    *ret_any = sinks || hosts || expires;
    if (!*ret_any)
        return 0;
    if (expires && !lifts(expires) && !time_of(expires, a, &time)) {
        fputs("safelight: --expires is a date (2027-01-31), a time (2027-01-31T18:00:00Z), a "
              "number of days (90d), or never\n",
              stderr);
        return EXIT_CODE_INVALID;
    }
    struct str old_sinks = cli_member(present, "sinks", a),
               old_hosts = cli_member(present, "hosts", a);
    struct str old_time = cli_member(present, "expiresAt", a);
    bool some_sinks = sinks ? !lifts(sinks) : old_sinks.len > 0;
    bool some_hosts = hosts ? !lifts(hosts) : old_hosts.len > 0;
    time = expires ? time : old_time;
    json_out_key(o, "policy");
    if (!some_sinks && !some_hosts && !time.len) {
        json_out_null(o);
        return 0;
    }
    json_out_open(o, '{');
    if (some_sinks && sinks)
        put_list(o, "sinks", sinks);
    else if (some_sinks)
        keep(o, "sinks", old_sinks);
    if (some_hosts && hosts)
        put_list(o, "hosts", hosts);
    else if (some_hosts)
        keep(o, "hosts", old_hosts);
    if (time.len)
        json_out_member_str(o, "expiresAt", time);
    json_out_close(o, '}');
    return 0;
}

/* An answer's policy, as lines. */
static void print_policy(struct cli_client *c, const struct cli_args *args, struct str row)
{
    static const struct cli_column columns[] = {CLI_TEXT("SINKS", "sinks", 0),
                                                CLI_TEXT("HOSTS", "hosts", 0),
                                                CLI_TEXT("EXPIRES", "expiresAt", 0)};
    struct str policy = cli_member(row, "policy", &c->arena);
    if (cli_flag(args, "json"))
        cli_print_json(policy.len ? policy : STR("null"));
    else if (policy.len)
        cli_print_object(policy, columns, ARRAY_LEN(columns), &c->arena);
    else if (!cli_quiet())
        fputs("no restrictions: any sink, any host, no end\n", stdout);
}

static int change(struct cli_client *c, const struct cli_args *args, struct str row)
{
    AUTO(buf) struct buf body = buf_make(BODY_MAX_BYTES);
    AUTO(buf) struct buf answer = buf_make(BODY_MAX_BYTES);
    struct json_out o = json_out_make(&body);
    struct str id = cli_member(row, "id", &c->arena);
    bool any;
    json_out_open(&o, '{');
    int code = cli_policy_member(args, cli_member(row, "policy", &c->arena), &c->arena, &o, &any);
    if (code != 0)
        return code;
    if (!any) { /* --clear */
        json_out_key(&o, "policy");
        json_out_null(&o);
    }
    json_out_close(&o, '}');
    if (!cli_body_end(&o))
        return EXIT_CODE_INVALID;
    struct str path = arena_printf(&c->arena, "/secrets/%.*s", (int)id.len, id.ptr);
    code = cli_request(c, "PATCH", path.ptr, buf_str(&body), &answer);
    if (code == 0) {
        cli_warnings(c, buf_str(&answer));
        print_policy(c, args, buf_str(&answer));
    }
    return code;
}

int cli_secret_policy(const struct cli_args *args)
{
    struct cli_client c __attribute__((cleanup(cli_client_auto))) = {0};
    bool clear = cli_flag(args, "clear");
    bool set = cli_flag(args, "sinks") || cli_flag(args, "hosts") || cli_flag(args, "expires");
    struct str row = STR_EMPTY;
    if (clear && set) {
        fputs("safelight: --clear takes all restrictions away; give it alone\n", stderr);
        return EXIT_CODE_USAGE;
    }
    int code = cli_client_open(&c);
    if (code == 0)
        code = cli_secret_find(&c, args->positional[0], &row);
    if (code != 0)
        return code;
    if (clear || set)
        return change(&c, args, row);
    print_policy(&c, args, row);
    return 0;
}
