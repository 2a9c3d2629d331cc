/* A few threads for requests that have to wait for somebody. */
#include "http_internal.h"
#include "log.h"

void http_defer(struct http_request *r, void (*run)(struct http_request *r))
{
    struct http_defer_pool *pool = &r->server->defer;
    bool queued = false;
    r->deferred = run;
    r->deferred_next = NULL;
    http_suspend(r); /* first: the work may be done before this returns */
    pthread_mutex_lock(&pool->lock);
    if (!pool->stop && pool->waiting < HTTP_DEFER_QUEUE_MAX) {
        if (pool->last)
            pool->last->deferred_next = r;
        else
            pool->first = r;
        pool->last = r;
        pool->waiting++;
        queued = true;
        pthread_cond_signal(&pool->wake);
    }
    pthread_mutex_unlock(&pool->lock);
    if (!queued)
        http_fail(r, ERR_BUSY);
}

static void *defer_main(void *ctx)
{
    struct http_defer_pool *pool = ctx;
    pthread_mutex_lock(&pool->lock);
    for (;;) {
        while (!pool->first && !pool->stop)
            pthread_cond_wait(&pool->wake, &pool->lock);
        struct http_request *r = pool->first;
        if (!r)
            break;
        pool->first = r->deferred_next;
        if (!pool->first)
            pool->last = NULL;
        pool->waiting--;
        pthread_mutex_unlock(&pool->lock);
        log_request(ulid_str(&r->id));
        r->deferred(r); /* r may be gone when it returns */
        log_request(STR_EMPTY);
        pthread_mutex_lock(&pool->lock);
    }
    pthread_mutex_unlock(&pool->lock);
    return NULL;
}

enum err http_defer_start(struct http_defer_pool *pool)
{
    pthread_mutex_init(&pool->lock, NULL);
    pthread_cond_init(&pool->wake, NULL);
    pool->running = true;
    for (size_t i = 0; i < HTTP_DEFER_THREADS; i++) {
        if (pthread_create(&pool->threads[i], NULL, defer_main, pool) != 0)
            return ERR_LIMIT;
        pool->thread_count++;
    }
    return OK;
}

void http_defer_stop(struct http_defer_pool *pool)
{
    if (!pool->running)
        return;
    pthread_mutex_lock(&pool->lock);
    pool->stop = true;
    pthread_cond_broadcast(&pool->wake);
    pthread_mutex_unlock(&pool->lock);
    for (size_t i = 0; i < pool->thread_count; i++)
        pthread_join(pool->threads[i], NULL);
    pthread_cond_destroy(&pool->wake);
    pthread_mutex_destroy(&pool->lock);
    pool->running = false;
}
