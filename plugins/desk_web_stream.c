/*
 * desk_web_stream.c - GET /desk/v1/events as text/event-stream, and the tickets that open it.
 *
 * Who can send headers shows the token as everywhere. A browser's EventSource cannot, and a token in a
 * URL ends up in logs: it asks for a ticket first, which opens one stream, once, for half a minute.
 * Source: HTML, 9.2 server-sent events.
 */
#include "config.h"

#include <inttypes.h>
#include <openssl/rand.h>
#include <stdlib.h>
#include <string.h>

#include "plugins/desk_web_private.h"
#include "plugins/shared/desk_reply.h"

#define TICKET_MS 30000
#define MAX_TICKETS 1000

/* ---- Tickets ------------------------------------------------------------------------------ */

static void ticket_drop(struct desk *desk, struct ticket *ticket)
{
    DL_DELETE(desk->tickets, ticket);
    desk->n_tickets--;
    free(ticket);
}

void tickets_free(struct desk *desk)
{
    while (desk->tickets != NULL)
        ticket_drop(desk, desk->tickets);
}

void ticket_request(struct desk *desk, uint64_t request, const char *human)
{
    const size_t len = strlen(human);
    struct ticket *ticket = calloc(1, sizeof *ticket + len + 1);
    struct td_json j = { 0 };
    uint8_t random[16];

    if (ticket == NULL || RAND_bytes(random, sizeof random) != 1) {
        free(ticket);
        api_error(desk, request, 503, "busy", "no ticket can be made right now");
        return;
    }
    for (size_t i = 0; i < sizeof random; i++)
        snprintf(ticket->text + i * 2, 3, "%02x", random[i]);
    memcpy(ticket->human, human, len + 1);
    ticket->until_ms = desk->host->now(desk->inst) + TICKET_MS;
    DL_APPEND(desk->tickets, ticket);
    if (++desk->n_tickets > MAX_TICKETS)
        ticket_drop(desk, desk->tickets);
    td_json_object(&j);
    td_json_key_str(&j, "ticket", ticket->text);
    td_json_key_int(&j, "expires_in_s", TICKET_MS / 1000);
    td_json_object_end(&j);
    desk_reply_json(desk->host, desk->inst, request, td_json_text(&j));
    td_json_free(&j);
}

/* Whose it is, copied; NULL: it is not known, used, or too old. */
static char *ticket_take(struct desk *desk, const char *text)
{
    const int64_t now = desk->host->now(desk->inst);
    struct ticket *ticket, *next;
    char *human = NULL;

    DL_FOREACH_SAFE(desk->tickets, ticket, next) {
        if (strcmp(ticket->text, text) == 0 && now < ticket->until_ms)
            human = strdup(ticket->human);
        if (now >= ticket->until_ms || strcmp(ticket->text, text) == 0)
            ticket_drop(desk, ticket);
    }
    return human;
}

/* ---- Streams ------------------------------------------------------------------------------ */

void stream_write(const struct listener *l, uint64_t event, const char *text, size_t len)
{
    struct desk *desk = l->desk;
    char *out = malloc(len + 64);
    int n = 0;

    if (out == NULL)
        return;
    if (event > 0)
        n = snprintf(out, 40, "id: %" PRIu64 "\n", event);
    memcpy(out + n, "data: ", 6);
    memcpy(out + n + 6, text, len);
    memcpy(out + n + 6 + len, "\n\n", 2);
    desk->host->stream_send(desk->inst, l->id, out, (size_t)n + 6 + len + 2);
    free(out);
}

void stream_beat(struct desk *desk)
{
    struct listener *l, *next;

    HASH_ITER(hh, desk->listeners, l, next) {
        if (l->is_stream)
            desk->host->stream_send(desk->inst, l->id, ":\n\n", 3);
    }
}

static void on_closed(void *arg, uint64_t request)
{
    struct desk *desk = arg;
    struct listener *l;

    HASH_FIND(hh, desk->listeners, &request, sizeof request, l);
    if (l != NULL)
        listener_free(l);
}

/* As with the WebSocket: where origins are named, no other page may listen. */
static int is_foreign(const struct desk *desk, const char *origin)
{
    const char *const *known = desk->conf->origins;

    if (origin == NULL || known == NULL || known[0] == NULL)
        return 0;
    while (*known != NULL && strcmp(*known, origin) != 0)
        known++;
    return *known == NULL;
}

static int64_t last_seen(const struct td_web_request *web)
{
    const char *last = api_header(web, "last-event-id");
    char value[24], *end;
    int64_t id;

    if (last == NULL && !api_query(web->query, "last_id", value, sizeof value))
        return -1;
    id = strtoll(last != NULL ? last : value, &end, 10);
    return *end == '\0' && id >= 0 ? id : 0; /* 0 is long gone: resync */
}

static void stream_begin(struct desk *desk, const struct td_web_request *web, const char *human)
{
    static const struct td_header headers[] = { { "Cache-Control", "no-store" },
                                                { "X-Accel-Buffering", "no" } };
    static const char first[] = "retry: 2000\n\n";
    struct listener *l = listener_new(desk, web->id);

    if (l == NULL) {
        api_error(desk, web->id, 503, "busy", "out of memory");
        return;
    }
    l->is_stream = 1;
    desk->host->stream(desk->inst, web->id, &(struct td_web_stream){
        .size = sizeof(struct td_web_stream), .max_queue = (uint32_t)desk->conf->send_buffer,
        .closed = on_closed, .arg = desk,
        .first = &(struct td_web_reply){
            .size = sizeof(struct td_web_reply), .status = 200,
            .content_type = "text/event-stream", .headers = headers, .n_headers = 2,
            .body = first, .body_len = sizeof first - 1,
        },
    });
    listener_enter(l, human, last_seen(web));
}

void stream_request(struct desk *desk, const struct td_web_request *web, const char *human)
{
    char ticket[64], *of_ticket = NULL;

    if (is_foreign(desk, api_header(web, "origin"))) {
        api_error(desk, web->id, 403, "origin", "this page's origin is not allowed");
        return;
    }
    if (human == NULL && api_query(web->query, "ticket", ticket, sizeof ticket))
        human = of_ticket = ticket_take(desk, ticket);
    if (human == NULL) {
        desk->host->count(desk->inst, "bad_tokens", 1);
        api_error(desk, web->id, 401, "unauthorized",
                  "send Authorization: Bearer, or a ticket of POST tickets that nobody has used");
    } else if (HASH_COUNT(desk->listeners) >= (size_t)desk->conf->max_connections) {
        api_error(desk, web->id, 503, "busy", "too many listen already");
    } else {
        stream_begin(desk, web, human);
    }
    free(of_ticket);
}
