/* web.c - the listener's API on the loop thread, and the two queues to and from the web thread. */
#include "config.h"
#include "io/web.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <unistd.h>

#include <tandem/plugin.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"
#include "io/loop.h"
#include "io/web_private.h"

#define MAX_EVENTS_SIZE (16u * 1024 * 1024) /* over it, nothing more is read until they are done */
#define MOST_FILES 65536
#define SEND_ROOM 400 /* bytes: for what goes with a message, and of many a message itself */
#define SPARE_FILES 1024 /* for the store, for requests going out, and so on */

/* The loop thread's side of a route. */
struct web_entry {
    struct web_entry *next;
    uint32_t id;
    char *path;
    td_web_cb *cb;               /* a route */
    td_web_head_cb *head;        /* .. that looks at heads first; NULL: none */
    const struct td_ws_ops *ops; /* an endpoint; both NULL: static bytes */
    void *arg;
};

/* ---- Loop thread to web thread ------------------------------------------------------------ */

static void flush_orders(void *arg)
{
    struct web *web = arg;

    loop_timer_del(&web->orders_due);
    if (!web->started || web->orders == NULL)
        return;
    pthread_mutex_lock(&web->lock);
    *web->inbox_tail = web->orders;
    web->inbox_tail = web->orders_tail;
    pthread_mutex_unlock(&web->lock);
    web->orders = web->last_order = NULL;
    web->orders_tail = &web->orders;
    link_wake(web);
}

static void on_orders_due(void *arg)
{
    struct web *web = arg;

    web->orders_due = NULL;
    flush_orders(web);
}

/* What one turn of the loop orders goes over at its end, with one wake-up. */
void web_order(struct web *web, struct block *block)
{
    block->next = NULL;
    *web->orders_tail = block;
    web->orders_tail = &block->next;
    web->last_order = block;
    if (web->started && web->orders_due == NULL)
        web->orders_due = loop_timer_add(web->loop, 0, on_orders_due, web);
}

static void order_route(struct web *web, enum block_kind kind, struct route *route, uint64_t id)
{
    struct block *block = mem_alloc(sizeof *block);

    block->kind = kind;
    block->route = route;
    block->id = id;
    web_order(web, block);
}

static void resume_all(struct web *web)
{
    for (size_t i = 0; i < web->n_slots; i++) {
        struct conn *conn = web->slots[i];

        if (conn != NULL && conn->paused && conn->state == CONN_WS) {
            conn->paused = 0;
            link_pause(conn->link, 0);
        }
    }
}

static void remove_route(struct web *web, uint64_t id)
{
    struct route **at = &web->routes, *route;

    while ((route = *at) != NULL && route->id != id)
        at = &route->next;
    if (route == NULL)
        return;
    *at = route->next;
    for (size_t i = 0; route->kind == ROUTE_WS && i < web->n_slots; i++)
        if (web->slots[i] != NULL && web->slots[i]->route == route)
            ws_leave(web->slots[i]);
    route_free(route);
}

static void stop_all(struct web *web)
{
    static const char reason[] = "going away";

    web->stopping = 1;
    for (size_t i = 0; i < web->n_slots; i++)
        if (web->slots[i] != NULL)
            ws_close(web->slots[i], 1001, reason, sizeof reason - 1);
    link_stop(web);
}

static void take_order(struct web *web, struct block *block)
{
    struct conn *conn = conn_find(web, block->id);

    switch (block->kind) {
    case BLOCK_SEND:
        if (conn == NULL)
            break;
        web->gathering = 1; /* more for the same peer may follow */
        ws_out(conn, block);
        web->gathering = 0;
        return;
    case BLOCK_REPLY:
        if (conn == NULL)
            break;
        http_reply(conn, block);
        return;
    case BLOCK_BODY:
        if (conn != NULL)
            http_read_body(conn);
        break;
    case BLOCK_STREAM: conn_stream_begin(web, conn, block); return;
    case BLOCK_STREAM_SEND: conn_stream_out(conn, block); return;
    case BLOCK_STREAM_END:
        if (conn != NULL)
            conn_stream_end(conn);
        break;
    case BLOCK_CLOSE:
        if (conn != NULL)
            ws_close(conn, block->code, block->data, block->len);
        break;
    case BLOCK_ROUTE_ADD:
        block->route->next = web->routes;
        web->routes = block->route;
        break;
    case BLOCK_ROUTE_DEL:
        remove_route(web, block->id);
        break;
    case BLOCK_DRAIN:
        web->draining = 1;
        break;
    case BLOCK_RESUME:
        resume_all(web);
        break;
    case BLOCK_STOP:
        stop_all(web);
        break;
    }
    free(block);
}

void web_take_orders(struct web *web)
{
    struct block *block, *next;

    pthread_mutex_lock(&web->lock);
    next = web->inbox;
    web->inbox = NULL;
    web->inbox_tail = &web->inbox;
    pthread_mutex_unlock(&web->lock);
    while ((block = next) != NULL) {
        next = block->next;
        block->next = NULL;
        take_order(web, block);
    }
    conn_flush_gathered(web);
}

/* ---- Web thread to loop thread ------------------------------------------------------------ */

int web_event(struct web *web, struct event *event)
{
    const uint64_t one = 1;
    int first, full;

    event->next = NULL;
    pthread_mutex_lock(&web->lock);
    first = web->events == NULL;
    *web->events_tail = event;
    web->events_tail = &event->next;
    web->events_size += sizeof *event + event->len;
    full = web->events_size > MAX_EVENTS_SIZE;
    web->starved |= full;
    pthread_mutex_unlock(&web->lock);
    while (first && write(web->events_fd, &one, sizeof one) < 0 && errno == EINTR)
        ;
    return full ? -1 : 0;
}

static struct web_entry *entry_of(struct web *web, uint32_t id)
{
    struct web_entry *entry = web->entries;

    while (entry != NULL && entry->id != id)
        entry = entry->next;
    return entry;
}

/* The callback may remove the route: the entry is not touched after it. */
static void tell(struct web *web, struct event *event)
{
    struct web_entry *entry = entry_of(web, event->route);

    if (event->kind == EVENT_STREAM_CLOSED)
        conn_stream_tell(web, event->id);
    else if ((event->kind == EVENT_REQUEST || event->kind == EVENT_HEAD) &&
             (entry == NULL || entry->cb == NULL)) {
        static const char body[] =
            "{\"error\":{\"code\":\"not_found\",\"message\":\"there is nothing at this path\"}}\n";
        const struct td_web_reply reply = {
            .size = sizeof reply, .status = 404, .body = body, .body_len = sizeof body - 1,
        };

        web_reply(web, event->id, &reply);
    } else if (event->kind == EVENT_REQUEST) {
        entry->cb(entry->arg, &event->u.request);
    } else if (event->kind == EVENT_HEAD) {
        if (entry->head(entry->arg, &event->u.request))
            order_route(web, BLOCK_BODY, NULL, event->id);
    } else if (entry == NULL || entry->ops == NULL) {
        return;
    } else if (event->kind == EVENT_OPENED) {
        entry->ops->opened(entry->arg, event->id, &event->u.info);
    } else if (event->kind == EVENT_TEXT) {
        entry->ops->text(entry->arg, event->id, event->data, event->len);
    } else {
        entry->ops->closed(entry->arg, event->id, event->code);
    }
}

static void on_events(void *arg, int readable, int writable)
{
    struct web *web = arg;
    struct event *event, *next;
    uint64_t count;
    int starved;

    (void)readable;
    (void)writable;
    while (read(web->events_fd, &count, sizeof count) < 0 && errno == EINTR)
        ;
    pthread_mutex_lock(&web->lock);
    next = web->events;
    web->events = NULL;
    web->events_tail = &web->events;
    web->events_size = 0;
    starved = web->starved;
    web->starved = 0;
    pthread_mutex_unlock(&web->lock);
    while ((event = next) != NULL) {
        next = event->next;
        tell(web, event);
        free(event->body);
        free(event);
    }
    if (starved)
        order_route(web, BLOCK_RESUME, NULL, 0);
}

/* ---- Open, start, close ------------------------------------------------------------------- */

/* As many descriptors as the system lets us have, within reason; some are kept for others. */
static size_t raise_file_limit(void)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
        return 256;
    if (limit.rlim_cur < limit.rlim_max && limit.rlim_cur < MOST_FILES) {
        limit.rlim_cur = limit.rlim_max < MOST_FILES ? limit.rlim_max : MOST_FILES;
        setrlimit(RLIMIT_NOFILE, &limit);
        getrlimit(RLIMIT_NOFILE, &limit);
    }
    if (limit.rlim_cur > MOST_FILES)
        limit.rlim_cur = MOST_FILES;
    return limit.rlim_cur > 2 * SPARE_FILES ? limit.rlim_cur - SPARE_FILES : limit.rlim_cur / 2;
}

struct web *web_open(struct loop *loop, const struct web_conf *conf, struct err *err)
{
    struct web *web = mem_alloc(sizeof *web);

    *web = (struct web){
        .loop = loop,
        .max_header = (size_t)conf->max_header,
        .max_body = (size_t)conf->max_body,
        .header_timeout_ms = conf->header_timeout_ms,
        .tls_cert = mem_strdup(conf->tls_cert),
        .tls_key = mem_strdup(conf->tls_key),
        .max_conns = raise_file_limit(),
        .listen_fd = -1,
        .control_fd = -1,
        .orders_tail = &web->orders,
        .inbox_tail = &web->inbox,
        .events_tail = &web->events,
        .wheel_at = clock_mono_ms() / WHEEL_TICK_MS,
    };
    pthread_mutex_init(&web->lock, NULL);
    web->events_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (web->events_fd < 0) {
        err_set(err, "cannot make an eventfd: %s", strerror(errno));
        goto fail;
    }
    if (addr_trusted(web, conf->trusted_proxies, err) < 0)
        goto fail;
    web->listen_fd = addr_listen(conf->listen, &web->port, err);
    if (web->listen_fd < 0)
        goto fail;
    if (conf->control != NULL) {
        web->control_fd = addr_listen_unix(conf->control, err);
        if (web->control_fd < 0)
            goto fail;
        web->control_path = mem_strdup(conf->control);
    }
    if (link_open(web, err) < 0)
        goto fail;
    web->events_watch = loop_watch_add(loop, web->events_fd, 1, 0, on_events, web);
    return web;
fail:
    web_close(&web);
    return NULL;
}

static void *thread_main(void *arg)
{
    link_run(arg);
    return NULL;
}

void web_start(struct web *web)
{
    sigset_t all, before;
    int failed;

    web->started = 1;
    flush_orders(web);
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before); /* signals are the loop thread's */
    failed = pthread_create(&web->thread, NULL, thread_main, web);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (failed != 0) {
        LOG_ERROR(NULL, "cannot start the web thread: %s", strerror(failed));
        abort();
    }
}

int web_port(const struct web *web)
{
    return web->port;
}

static void free_blocks(struct block *block)
{
    struct block *next;

    for (; block != NULL; block = next) {
        next = block->next;
        if (block->kind == BLOCK_ROUTE_ADD)
            route_free(block->route);
        free(block);
    }
}

static void free_web(struct web *web)
{
    struct web_entry *entry;
    struct route *route;

    free_blocks(web->orders);
    free_blocks(web->inbox);
    conn_stream_free_all(web);
    while ((entry = web->entries) != NULL) {
        web->entries = entry->next;
        free(entry->path);
        free(entry);
    }
    while ((route = web->routes) != NULL) {
        web->routes = route->next;
        route_free(route);
    }
    if (web->control_path != NULL)
        unlink(web->control_path);
    if (web->events_fd >= 0)
        close(web->events_fd);
    pthread_mutex_destroy(&web->lock);
    free(web->slots);
    free(web->free_slots);
    free(web->control_path);
    free(web->tls_cert);
    free(web->tls_key);
    free(web->trusted);
    free(web);
}

void web_close(struct web **web_p)
{
    struct web *web = *web_p;

    if (web == NULL)
        return;
    if (web->started) {
        order_route(web, BLOCK_STOP, NULL, 0);
        flush_orders(web);
        pthread_join(web->thread, NULL);
        on_events(web, 1, 0);
    }
    loop_timer_del(&web->orders_due);
    loop_watch_del(&web->events_watch);
    link_close(web);
    if (web->listen_fd >= 0)
        close(web->listen_fd);
    if (web->control_fd >= 0)
        close(web->control_fd);
    free_web(web);
    *web_p = NULL;
}

void web_drain(struct web *web)
{
    order_route(web, BLOCK_DRAIN, NULL, 0);
}

/* ---- Routes and endpoints ----------------------------------------------------------------- */

static struct web_entry *entry_add(struct web *web, const char *path)
{
    struct web_entry *entry;

    for (entry = web->entries; entry != NULL; entry = entry->next)
        if (strcmp(entry->path, path) == 0)
            return NULL;
    entry = mem_alloc(sizeof *entry);
    *entry = (struct web_entry){
        .next = web->entries, .id = ++web->next_route, .path = mem_strdup(path),
    };
    web->entries = entry;
    return entry;
}

static void entry_del(struct web *web, const char *path)
{
    struct web_entry **at = &web->entries, *entry;

    while ((entry = *at) != NULL && strcmp(entry->path, path) != 0)
        at = &entry->next;
    if (entry == NULL)
        return;
    *at = entry->next;
    order_route(web, BLOCK_ROUTE_DEL, NULL, entry->id);
    free(entry->path);
    free(entry);
}

static struct route *call_route(struct web *web, const char *path, td_web_cb *cb, void *arg,
                                td_web_head_cb *head)
{
    struct web_entry *entry = entry_add(web, path);

    if (entry == NULL)
        return NULL;
    entry->cb = cb;
    entry->arg = arg;
    entry->head = head;
    return route_new(ROUTE_CALL, entry->id, path);
}

int web_route(struct web *web, const char *path, int control_only, td_web_cb *cb, void *arg)
{
    struct route *route = call_route(web, path, cb, arg, NULL);

    if (route == NULL)
        return -1;
    route->control_only = control_only;
    route->while_draining = 1;
    order_route(web, BLOCK_ROUTE_ADD, route, 0);
    return 0;
}

int web_route_with(struct web *web, const struct td_web_route *how, td_web_cb *cb, void *arg)
{
    struct route *route = call_route(web, how->path, cb, arg, how->head);

    if (route == NULL)
        return -1;
    route->max_body = how->max_body;
    route->ask = how->head != NULL;
    order_route(web, BLOCK_ROUTE_ADD, route, 0);
    return 0;
}

void web_route_del(struct web *web, const char *path)
{
    entry_del(web, path);
}

int web_static(struct web *web, const struct web_static *page)
{
    struct web_entry *entry = entry_add(web, page->path);

    if (entry == NULL)
        return -1;
    order_route(web, BLOCK_ROUTE_ADD, route_new_static(entry->id, page), 0);
    return 0;
}

void web_reply(struct web *web, uint64_t request, const struct td_web_reply *reply)
{
    struct block *block = reply_block(reply, NULL);

    block->id = request;
    web_order(web, block);
}

int web_ws_add(struct web *web, const struct td_ws_conf *conf, const struct td_ws_ops *ops,
               void *arg)
{
    struct web_entry *entry = entry_add(web, conf->path);

    if (entry == NULL)
        return -1;
    entry->ops = ops;
    entry->arg = arg;
    order_route(web, BLOCK_ROUTE_ADD, route_new_ws(entry->id, conf), 0);
    return 0;
}

void web_ws_del(struct web *web, const char *path)
{
    entry_del(web, path);
}

/* The frame's header stands before the text, ready to go out as it is. */
/* A frame often follows another to the same peer, and then goes with it. */
void web_ws_send(struct web *web, uint64_t conn, const char *text, size_t len)
{
    struct block *block = web->last_order;
    const size_t most = FRAME_HEAD + len;
    char *to;

    if (block == NULL || block->kind != BLOCK_SEND || block->id != conn ||
        block->room - block->len < most) {
        const size_t room = most > SEND_ROOM ? most : SEND_ROOM;

        block = mem_grow(NULL, sizeof *block + room);
        *block = (struct block){ .kind = BLOCK_SEND, .id = conn, .p = block->data, .room = room };
        web_order(web, block);
    }
    to = block->data + block->len;
    to += frame_head((uint8_t *)to, FRAME_TEXT, len);
    memcpy(to, text, len);
    block->len = (size_t)(to - block->data) + len;
}

void web_ws_close(struct web *web, uint64_t conn, int code, const char *reason)
{
    size_t len = reason != NULL ? strlen(reason) : 0;
    struct block *block = mem_grow(NULL, sizeof *block + len + 1);

    *block = (struct block){ .kind = BLOCK_CLOSE, .id = conn, .code = code, .len = len };
    memcpy(block->data, reason != NULL ? reason : "", len + 1);
    web_order(web, block);
}

void web_stats(struct web *web, struct web_stats *stats_r)
{
    *stats_r = (struct web_stats){
        .connections = atomic_load_explicit(&web->connections, memory_order_relaxed),
        .requests = atomic_load_explicit(&web->requests, memory_order_relaxed),
        .refused = atomic_load_explicit(&web->refused, memory_order_relaxed),
        .slow_closed = atomic_load_explicit(&web->slow_closed, memory_order_relaxed),
    };
}
