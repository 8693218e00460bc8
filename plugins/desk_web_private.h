/*
 * desk_web_private.h - what the files of the built-in desk share. Nobody else includes it.
 *
 *   desk_web.c         the plugin: conf, what the host says, open and close
 *   desk_web_api.c     /desk/v1/..: a request in, one td_desk_request to the host
 *   desk_web_call.c    what the host was asked and has not answered yet
 *   desk_web_replies.c canned replies
 *   desk_web_events.c  the events: who listens, the newest ones, resume; WebSockets
 *   desk_web_stream.c  the same events as text/event-stream, and tickets for it
 *
 * The desk keeps nothing that counts: queues, ownership and words are the host's. What it holds is
 * who listens, and the newest events for those who come back.
 */
#ifndef DESK_WEB_PRIVATE_H
#define DESK_WEB_PRIVATE_H

#include <tandem/json.h>
#include <tandem/plugin.h>
#include <tandem/time.h>
#include <uthash.h>
#include <utlist.h>

#define DESK_MAX_CALLS 2000 /* requests under way */

struct conf {
    const char *path; /* begins and ends in '/' */
    const char *replies;
    const char *const *origins;
    int64_t max_connections, hello_timeout, ping, pong_timeout, send_buffer, events,
        max_attachment;
};

/* A request that waits for done() or filed(). */
struct call {
    UT_hash_handle hh; /* by job */
    uint64_t job, request; /* request 0: nobody waits, such as a lease that is renewed */
    int op;                /* enum td_desk_op; CALL_FILE */
    char *human, *handoff, *text;
};
#define CALL_FILE (-1)

/* What was told, for a while. */
struct told {
    struct told *prev, *next;
    uint64_t id;
    char *human; /* who may hear it; NULL: everybody here */
    size_t len;
    char text[];
};

struct listener {
    UT_hash_handle hh; /* by id */
    struct desk *desk;
    uint64_t id;            /* of the WebSocket or the request: they share one series of numbers */
    int is_stream;
    char *human;            /* NULL: has not said who it is */
    struct td_timer *hello; /* until then */
};

/* Opens one event stream of a human; for browsers, which cannot send headers there. */
struct ticket {
    struct ticket *prev, *next;
    char text[33];
    int64_t until_ms;
    char human[];
};

/* Who has which handoff, as far as this desk was told. */
struct held {
    UT_hash_handle hh; /* by id */
    char *id, *human;
};

/* Who watches which session. */
struct watch {
    struct watch *next;
    char *session, *human;
};

struct desk {
    const struct td_host *host;
    struct td_instance *inst;
    const struct conf *conf;
    cJSON *replies; /* an array of objects; NULL: none */
    struct call *calls;
    uint64_t last_job;
    struct listener *listeners;
    struct ticket *tickets; /* oldest first */
    size_t n_tickets;
    struct held *held;
    struct watch *watches;
    struct told *told; /* oldest first */
    size_t n_told;
    uint64_t first_event, last_event; /* ids: made from the clock, so that they grow over restarts */
    struct td_timer *renew;
    struct td_json json; /* the text being written */
};

/* ---- desk_web_api.c ---------------------------------------------------------------------- */

void api_request(void *desk, const struct td_web_request *request);
int api_file_head(void *desk, const struct td_web_request *request); /* before a file is read */
const char *api_header(const struct td_web_request *request, const char *name); /* NULL: none */
/* The value of a member of the query, escapes undone. 0: it is not there, too long or malformed. */
int api_query(const char *query, const char *name, char *value, size_t size);
void api_error(struct desk *desk, uint64_t request, int status, const char *code,
               const char *message);
/* The human of "Bearer TOKEN", or NULL. */
const char *api_human(const struct desk *desk, const char *authorization);

/* ---- desk_web_call.c --------------------------------------------------------------------- */

/* NULL: there are too many already, or no memory. */
struct call *call_new(struct desk *desk, uint64_t request, int op, const char *human,
                      const char *handoff);
void call_free(struct desk *desk, struct call **call);
void call_done(struct desk *desk, struct call *call, const struct td_desk_done *done);
void call_filed(struct desk *desk, struct call *call, const struct td_filed *filed);

/* ---- desk_web_events.c ------------------------------------------------------------------- */

int events_open(struct desk *desk, struct td_error *err);
void events_close(struct desk *desk);
void events_end(struct desk *desk, const char *human); /* who is no human any more */
struct listener *listener_new(struct desk *desk, uint64_t id); /* NULL: no memory */
void listener_free(struct listener *l);
/* Has shown who they are; last: the newest event they have seen, below 0: none. -1: human is NULL,
 * and the listener is gone. */
int listener_enter(struct listener *l, const char *human, int64_t last);
/* event 0: it has no number. */
void listener_send(const struct listener *l, uint64_t event, const char *text, size_t len);
/* Tells desk->json, an object that event_begin() began, to this human; NULL: to everybody. */
void event_begin(struct desk *desk, const char *type, const char *handoff, const char *session);
void event_tell(struct desk *desk, const char *human);
void event_tell_watchers(struct desk *desk, const char *session);
void event_message(struct td_json *json, const struct td_message *message);
void event_attachment(struct td_json *json, const struct td_attachment *file);

/* ---- desk_web_replies.c ------------------------------------------------------------------ */

int replies_load(struct desk *desk, struct td_error *err); /* -1: with a sentence */
/* Those that hold the words `q` and are of the language, or of none; both may be NULL. */
void replies_request(struct desk *desk, uint64_t request, const char *q, const char *language);

/* ---- desk_web_stream.c ------------------------------------------------------------------- */

/* GET events. human NULL: shown by no token. */
void stream_request(struct desk *desk, const struct td_web_request *request, const char *human);
void stream_write(const struct listener *l, uint64_t event, const char *text, size_t len);
void stream_beat(struct desk *desk); /* so that proxies and browsers see that it lives */
/* A new ticket as {"ticket","expires_in_s"}. */
void ticket_request(struct desk *desk, uint64_t request, const char *human);
void tickets_free(struct desk *desk);

/* ---- desk_web.c -------------------------------------------------------------------------- */

/* This human has it now: kept, and told to all. */
void desk_taken(struct desk *desk, const char *handoff, const char *session, const char *human);
void watch_set(struct desk *desk, const char *session, const char *human, int on);

#endif
