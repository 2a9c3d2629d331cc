#include "api.h"

#include <stdlib.h>

#include "alloc.h"
#include "api_access.h"
#include "api_backup.h"
#include "api_request.h"
#include "api_secret_lists.h"
#include "clock.h"
#include "key_rotation.h"
#include "session_guard.h"
#include "spool.h"

static const struct http_route routes[] = {
#define ROUTE(method, pattern, body, max, scope, handler)                                          \
    {method, pattern, body, max, scope, handler, 0},
#include "routes.def"
#undef ROUTE
};

size_t api_route_count(void)
{
    return ARRAY_LEN(routes);
}

const struct http_route *api_route(size_t number)
{
    return &routes[number];
}

static bool authorise_operator(struct http_request *r)
{
    struct arena *a = http_arena(r);
    struct auth_user *user = arena_alloc(a, sizeof *user);
    user->role = ROLE_COUNT;
    user->actor.token_id = STR("operator");
    user->actor.names = STR("*");
    user->actor.request_id = http_request_id(r);
    user->actor.may_list_names = true;
    http_set_user(r, user);
    return true;
}

/* Protocol v1 has its own header for the token, its own refusal, and is called by web pages. */
static bool is_farm(const struct http_route *route)
{
    return str_starts(str_from(route->pattern), STR("!/api/v1/"));
}

static void refuse(struct http_request *r, enum err e, bool farm, bool session)
{
    api_count_refusal(e);
    if (e == ERR_RATE)
        http_answer_header(r, "Retry-After", "1");
    if (farm && (e == ERR_UNAUTHORIZED || e == ERR_FORBIDDEN))
        http_reply(r, err_status(ERR_FORBIDDEN), "text/plain; charset=utf-8",
                   STR("forbidden: send an API token of a fitting role in the header "
                       "nexrender-secret\n"));
    else if (session && e == ERR_UNAUTHORIZED)
        http_fail_text(r, e, "You are not signed in any more: sign in again");
    else
        http_fail(r, e);
}

static enum err check_user(struct http_request *r, const struct auth_given *given, enum scope scope,
                           struct auth_user **ret)
{
    if (given->session.len) {
        http_answer_header(r, "Cross-Origin-Resource-Policy", "same-origin");
        TRY(session_guard_check(r, given->session));
    }
    TRY(auth_check(api_of(r)->auth, *given, http_peer(r), http_arena(r), ret));
    (*ret)->actor.address = http_peer(r);
    (*ret)->actor.request_id = http_request_id(r);
    if (auth_role_allows((*ret)->role, scope))
        return OK;
    auth_denied(api_of(r)->auth, *ret);
    return ERR_FORBIDDEN;
}

/* Runs before the body is read. */
static bool authorise(struct http_request *r, const struct http_route *route)
{
    enum scope scope = (enum scope)route->scope;
    bool farm = is_farm(route);
    if (farm)
        http_answer_header(r, "Access-Control-Allow-Origin", "*");
    if (scope == SCOPE_NONE)
        return true;
    if (http_is_operator(r)) {
        ASSERT(scope == SCOPE_OPERATOR);
        return authorise_operator(r);
    }
    struct auth_user *user;
    struct auth_given given = {.header = http_authorization(r),
                               .token = farm ? http_farm_secret(r) : STR_EMPTY,
                               .session = session_guard_cookie(r, route)};
    /* A token's use always counts. */
    given.background = given.session.len && session_guard_background(r);
    enum err e = check_user(r, &given, scope, &user);
    if (e != OK) {
        refuse(r, e, farm, given.session.len > 0);
        return false;
    }
    http_set_user(r, user);
    return true;
}

/* Asked after the token: who has none learns nothing. */
static bool admit(struct http_request *r, const struct http_route *route)
{
    if (!authorise(r, route))
        return false;
    if (!http_query_torn(r))
        return true;
    api_fail_field(r, "query", "has a parameter more than once, with different values");
    return false;
}

/* The same table serves both: each server knows its own part only. */
static struct http_route *routes_for(bool operator_socket, size_t *ret_count)
{
    struct http_route *list = xcalloc(ARRAY_LEN(routes), sizeof *list);
    *ret_count = 0;
    for (size_t i = 0; i < ARRAY_LEN(routes); i++) {
        bool both = routes[i].handle == api_health || routes[i].handle == api_ready ||
                    routes[i].handle == api_metrics;
        if (!both && (routes[i].scope == SCOPE_OPERATOR) != operator_socket)
            continue;
        list[*ret_count] = routes[i];
        list[(*ret_count)++].number = i;
    }
    return list;
}

static enum err start_server(struct api *api, bool operator_socket, struct http_server **ret)
{
    struct http_options o = {
        .authorise = admit,
        .finished = api_access_finished,
        .ctx = api,
        .address = api->address,
        .port = api->port,
        .listen_fd = operator_socket ? api->operator_fd : api->listen_fd,
        .operator_socket = operator_socket,
        .tls_cert = operator_socket ? NULL : api->tls_cert,
        .tls_key = operator_socket ? NULL : api->tls_key,
        .threads = operator_socket ? 1 : api->threads,
        .connections_max = operator_socket ? 64 : api->connections_max,
        .head_deadline_ms = operator_socket ? 0 : api->head_deadline_ms,
        .body_progress_ms = operator_socket ? 0 : api->body_progress_ms,
    };
    struct http_route *list = routes_for(operator_socket, &o.route_count);
    o.routes = list;
    enum err e = http_start(&o, ret);
    if (operator_socket)
        api->operator_routes = list;
    else
        api->open_routes = list;
    return e;
}

enum err api_start(struct api *api)
{
    api->auth = auth_new(api->store, api->vault);
    if (api->console_idle_ms && api->console_session_ms)
        auth_set_session_limits(
            api->auth, (struct session_limits){api->console_idle_ms, api->console_session_ms});
    api->lists = secret_lists_new();
    api->rotation = NULL;
    api->backup = api_backup_new(api);
    api->open_server = api->operator_server = NULL;
    api->open_routes = api->operator_routes = NULL;
    api->deferred = 0;
    api->began_unix_ms = clock_unix_ms();
    ASSERT(pthread_rwlock_init(&api->courier_lock, NULL) == 0);
    ASSERT(pthread_rwlock_init(&api->settings_lock, NULL) == 0);
    atomic_store(&api->access_log, api->settings.access_log);
    ASSERT(pthread_mutex_init(&api->put_lock, NULL) == 0);
    ASSERT(pthread_mutex_init(&api->places_lock, NULL) == 0);
    ASSERT(pthread_mutex_init(&api->courier_verdict.lock, NULL) == 0);
    api->courier_verdict.answers = true; /* until somebody asks */
    spool_sweep(api->store, api->spool_folder, true);

    enum err e = key_rotation_start(api, &api->rotation);
    if (e == OK)
        e = start_server(api, false, &api->open_server);
    if (e == OK && api->operator_fd >= 0)
        e = start_server(api, true, &api->operator_server);
    if (e != OK) {
        api_stop(api);
        api_free(api);
    }
    return e;
}

uint16_t api_port(const struct api *api)
{
    return http_port(api->open_server);
}

enum err api_reload_tls(struct api *api)
{
    return api->tls_cert ? http_reload_tls(api->open_server) : OK;
}

enum err api_tls_expiry(struct api *api, int64_t *ret_unix_s)
{
    return http_tls_expiry(api->open_server, ret_unix_s);
}

void api_settings_set(struct api *api, const struct api_settings *settings)
{
    pthread_rwlock_wrlock(&api->settings_lock);
    api->settings = *settings;
    pthread_rwlock_unlock(&api->settings_lock);
    atomic_store(&api->access_log, settings->access_log);
}

void api_settings_get(struct api *api, struct api_settings *ret)
{
    pthread_rwlock_rdlock(&api->settings_lock);
    *ret = api->settings;
    pthread_rwlock_unlock(&api->settings_lock);
}

void api_set_courier(struct api *api, struct courier *courier)
{
    pthread_rwlock_wrlock(&api->courier_lock);
    struct courier *old = api->courier;
    api->courier = courier;
    pthread_rwlock_unlock(&api->courier_lock);
    courier_free(&old);
    pthread_mutex_lock(&api->courier_verdict.lock);
    api->courier_verdict.answers = true; /* what was said of the old one does not count */
    pthread_mutex_unlock(&api->courier_verdict.lock);
}

struct courier *api_courier_begin(struct api *api)
{
    pthread_rwlock_rdlock(&api->courier_lock);
    return api->courier;
}

void api_courier_end(struct api *api)
{
    pthread_rwlock_unlock(&api->courier_lock);
}

bool api_courier_answers(struct api *api, int64_t within_ms)
{
    enum { KEPT_MS = 1000 };
    struct api_courier_verdict *v = &api->courier_verdict;
    pthread_mutex_lock(&v->lock);
    bool known = v->asking || (!v->answers && clock_monotonic_ms() - v->at_ms < KEPT_MS);
    bool answers = v->answers;
    if (!known)
        v->asking = true;
    pthread_mutex_unlock(&v->lock);
    if (known)
        return answers;
    struct courier *courier = api_courier_begin(api);
    answers = courier && courier_answers(courier, within_ms);
    api_courier_end(api);
    pthread_mutex_lock(&v->lock);
    v->asking = false;
    v->answers = answers;
    v->at_ms = clock_monotonic_ms();
    pthread_mutex_unlock(&v->lock);
    return answers;
}

void api_stop(struct api *api)
{
    api_backup_stop(api->backup);
    if (api->open_server)
        http_stop(&api->open_server);
    if (api->operator_server)
        http_stop(&api->operator_server);
    key_rotation_stop(&api->rotation);
}

void api_free(struct api *api)
{
    if (api->auth == NULL) /* it never started */
        return;
    auth_free(&api->auth);
    secret_lists_free(&api->lists);
    api_backup_free(&api->backup);
    free(TAKE(api->open_routes));
    free(TAKE(api->operator_routes));
    pthread_mutex_destroy(&api->put_lock);
    pthread_mutex_destroy(&api->places_lock);
    pthread_mutex_destroy(&api->courier_verdict.lock);
    pthread_rwlock_destroy(&api->courier_lock);
    pthread_rwlock_destroy(&api->settings_lock);
}
