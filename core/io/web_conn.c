/* web_conn.c - a connection: bytes in to the parsers, blocks out to the socket, its deadline. */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "io/web_private.h"

#define JOINED 4096 /* bytes of small blocks that are written at once */
#define SLOT_BITS 20

/* ---- Numbers: the slot in the low bits, above it a count that never comes again ----------- */

struct conn *conn_find(struct web *web, uint64_t id)
{
    size_t slot = id & ((1u << SLOT_BITS) - 1);

    if (slot >= web->n_slots || web->slots[slot] == NULL || web->slots[slot]->id != id)
        return NULL;
    return web->slots[slot];
}

void conn_new_id(struct conn *conn)
{
    conn->id = ++conn->web->next_id << SLOT_BITS | conn->slot;
}

static uint32_t slot_take(struct web *web)
{
    if (web->n_free == 0) {
        size_t n = web->n_slots == 0 ? 64 : web->n_slots * 2;

        web->slots = mem_grow(web->slots, n * sizeof *web->slots);
        web->free_slots = mem_grow(web->free_slots, n * sizeof *web->free_slots);
        for (size_t i = n; i > web->n_slots; i--) {
            web->slots[i - 1] = NULL;
            web->free_slots[web->n_free++] = (uint32_t)(i - 1);
        }
        web->n_slots = n;
    }
    return web->free_slots[--web->n_free];
}

/* ---- Deadlines: a wheel of lists; a far one is met once a turn and left where it is ------- */

void conn_deadline(struct conn *conn, int64_t ms)
{
    struct web *web = conn->web;
    struct conn **slot;

    if (conn->due_ms != 0) {
        slot = &web->wheel[conn->due_ms / WHEEL_TICK_MS % WHEEL_SLOTS];
        if (conn->due_prev != NULL)
            conn->due_prev->due_next = conn->due_next;
        else
            *slot = conn->due_next;
        if (conn->due_next != NULL)
            conn->due_next->due_prev = conn->due_prev;
        conn->due_prev = conn->due_next = NULL;
        conn->due_ms = 0;
    }
    if (ms <= 0)
        return;
    conn->due_ms = clock_mono_ms() + ms;
    slot = &web->wheel[conn->due_ms / WHEEL_TICK_MS % WHEEL_SLOTS];
    conn->due_next = *slot;
    if (*slot != NULL)
        (*slot)->due_prev = conn;
    *slot = conn;
}

static void conn_due(struct conn *conn)
{
    conn_deadline(conn, 0);
    switch (conn->state) {
    case CONN_HEAD:
    case CONN_BODY:
    case CONN_WAIT:
    case CONN_REPLY:
        http_due(conn);
        return;
    case CONN_STREAM:
        return;
    case CONN_WS:
        ws_due(conn);
        return;
    case CONN_CLOSING:
        conn_kill(conn, 1);
        return;
    case CONN_LINGER:
        conn_kill(conn, conn->queued > 0);
        return;
    case CONN_DEAD:
        return;
    }
}

void web_tick(struct web *web)
{
    int64_t now = clock_mono_ms(), tick = now / WHEEL_TICK_MS;
    struct conn *conn, *next;

    /* Slots that were jumped over while the process stood still are met as well, once. */
    if (tick - web->wheel_at > WHEEL_SLOTS)
        web->wheel_at = tick - WHEEL_SLOTS;
    for (; web->wheel_at < tick; web->wheel_at++) {
        /* Handling one changes its own place in the wheel and no other's. */
        for (conn = web->wheel[web->wheel_at % WHEEL_SLOTS]; conn != NULL; conn = next) {
            next = conn->due_next;
            if (conn->due_ms <= now)
                conn_due(conn);
        }
    }
}

/* ---- Out ---------------------------------------------------------------------------------- */

static void pop(struct conn *conn)
{
    struct block *block = conn->out;

    conn->out = block->next;
    if (conn->out == NULL)
        conn->out_tail = &conn->out;
    free(block);
}

static void all_sent(struct conn *conn)
{
    if (conn->state == CONN_REPLY) {
        http_sent(conn);
    } else if (conn->state == CONN_LINGER && !conn->shut) {
        conn->shut = 1;
        link_shutdown(conn->link);
    }
}

static void count_written(struct conn *conn, size_t n)
{
    if (link_busy(conn->link))
        conn->handed += n;
    else
        conn->queued -= n;
    while (conn->out != NULL && (n > 0 || conn->out->len == 0)) {
        struct block *block = conn->out;
        const size_t part = n < block->len ? n : block->len;

        block->p += part;
        block->len -= part;
        n -= part;
        if (block->len == 0)
            pop(conn);
    }
}

/* Small blocks go together: a system call costs more than a copy. */
static ssize_t write_some(struct conn *conn)
{
    char joined[JOINED];
    size_t len = 0;

    if (conn->out->next == NULL || conn->out->len + conn->out->next->len > sizeof joined)
        return link_write(conn->link, conn->out->p, conn->out->len);
    for (struct block *b = conn->out; b != NULL && len + b->len <= sizeof joined; b = b->next) {
        memcpy(joined + len, b->p, b->len);
        len += b->len;
    }
    return link_write(conn->link, joined, len);
}

/* Writes without waiting for libwebsockets to say "writable": that would cost two more system
 * calls a message. What the socket does not take libwebsockets keeps, then we wait. */
void conn_flush(struct conn *conn)
{
    while (conn->state != CONN_DEAD && conn->out != NULL) {
        ssize_t n;

        if (link_busy(conn->link))
            return;
        n = write_some(conn);
        if (n < 0) {
            conn_kill(conn, 0);
            return;
        }
        count_written(conn, (size_t)n);
    }
    if (conn->state != CONN_DEAD && conn->handed == 0)
        all_sent(conn);
}

void conn_flush_gathered(struct web *web)
{
    struct conn *conn;

    while ((conn = web->gathered) != NULL) {
        web->gathered = conn->gathered_next;
        conn->is_gathered = 0;
        conn_flush(conn);
    }
}

void conn_writable(struct conn *conn)
{
    if (link_busy(conn->link)) {
        link_want_write(conn->link);
        return;
    }
    conn->queued -= conn->handed;
    conn->handed = 0;
    conn_flush(conn);
}

void conn_send(struct conn *conn, struct block *blocks)
{
    int idle = conn->out == NULL;
    struct block *block;

    if (conn->state == CONN_DEAD) {
        while ((block = blocks) != NULL) {
            blocks = block->next;
            free(block);
        }
        return;
    }
    *conn->out_tail = blocks;
    for (block = blocks; block != NULL; block = block->next) {
        conn->queued += block->len;
        conn->out_tail = &block->next;
    }
    if (conn->is_gathered)
        return;
    if (idle && conn->web->gathering) {
        conn->is_gathered = 1;
        conn->gathered_next = conn->web->gathered;
        conn->web->gathered = conn;
    } else if (idle) {
        conn_flush(conn);
    }
}

void conn_drop_queue(struct conn *conn)
{
    while (conn->out != NULL)
        pop(conn);
    conn->queued = conn->handed;
}

void conn_linger(struct conn *conn, int64_t ms)
{
    if (conn->state == CONN_DEAD)
        return;
    conn->state = CONN_LINGER;
    conn->keep_alive = 0;
    if (conn->paused) {
        conn->paused = 0;
        link_pause(conn->link, 0);
    }
    conn_deadline(conn, ms);
    if (conn->queued == 0)
        all_sent(conn);
}

void conn_kill(struct conn *conn, int reset)
{
    if (conn->state == CONN_DEAD)
        return;
    conn->state = CONN_DEAD;
    link_kill(conn->link, reset);
}

/* ---- In ----------------------------------------------------------------------------------- */

static size_t feed(struct conn *conn, char *data, size_t len)
{
    switch (conn->state) {
    case CONN_HEAD:
    case CONN_BODY:
        return http_feed(conn, data, len);
    case CONN_WAIT:
    case CONN_REPLY:
        return 0;
    case CONN_WS:
    case CONN_CLOSING:
        return ws_feed(conn, data, len);
    case CONN_STREAM: /* there is nothing that the client could still say */
    case CONN_LINGER:
    case CONN_DEAD:
        return len;
    }
    return len;
}

/* Mostly the bytes make a whole and are used where they stand; only a rest is kept. */
int conn_rx(struct conn *conn, char *data, size_t len)
{
    struct buf kept = conn->in;
    size_t used = 0, n;

    if (conn->feeding)
        return 0;
    conn->feeding = 1;
    if (kept.len > 0) {
        buf_add(&kept, data, len);
        data = kept.data;
        len = kept.len;
    }
    conn->in = (struct buf){ 0 };
    while (used < len && (n = feed(conn, data + used, len - used)) > 0)
        used += n;
    if (used == len) {
        buf_fini(&kept);
    } else if (data == kept.data && kept.data != NULL) {
        memmove(kept.data, data + used, len - used);
        kept.len = len - used;
    } else {
        buf_add(&kept, data + used, len - used);
    }
    conn->in = kept;
    conn->feeding = 0;
    if (conn->in.len > conn->web->max_header && !conn->paused &&
        (conn->state == CONN_WAIT || conn->state == CONN_REPLY)) {
        conn->paused = 1; /* it sends request after request and does not wait for replies */
        link_pause(conn->link, 1);
    }
    return conn->state == CONN_DEAD ? -1 : 0;
}

/* ---- From accept() to close() ------------------------------------------------------------- */

struct conn *conn_new(struct web *web, void *link, int fd, int control)
{
    struct conn *conn = mem_alloc(sizeof *conn);

    *conn = (struct conn){
        .web = web, .link = link, .slot = slot_take(web), .control = control,
        .out_tail = &conn->out,
    };
    web->slots[conn->slot] = conn;
    web->n_conns++;
    atomic_fetch_add_explicit(&web->connections, 1, memory_order_relaxed);
    conn_new_id(conn);
    if (control) {
        conn->exempt = 1;
        memcpy(conn->peer, "unix", 5);
    } else {
        addr_of_socket(fd, &conn->socket_addr);
        conn->addr = conn->socket_addr;
        addr_format(&conn->addr, conn->peer);
    }
    conn_deadline(conn, web->header_timeout_ms);
    return conn;
}

void conn_free(struct conn *conn)
{
    struct web *web = conn->web;

    conn_deadline(conn, 0);
    http_gone(conn);
    conn_stream_gone(conn);
    ws_gone(conn);
    conn_drop_queue(conn);
    buf_fini(&conn->in);
    web->slots[conn->slot] = NULL;
    web->free_slots[web->n_free++] = conn->slot;
    web->n_conns--;
    atomic_fetch_sub_explicit(&web->connections, 1, memory_order_relaxed);
    free(conn);
}
