/*
 * desk_web_private.h - what the files of the built-in desk share. Nobody else includes it.
 *
 *   desk_web.c         the plugin: conf, what the host says, open and close
 *   desk_web_api.c     /desk/v1/..: a request in, one td_desk_request to the host, its answer out
 *   desk_web_events.c  the event stream: sockets, the newest events, resume
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
    const char *canned;
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

struct socket {
    UT_hash_handle hh; /* by conn */
    struct desk *desk;
    uint64_t conn;
    char *human;            /* NULL: has not said who it is */
    struct td_timer *hello; /* until then */
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
    char *canned; /* JSON array; NULL: none */
    struct call *calls;
    uint64_t last_job;
    struct socket *sockets;
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
void api_done(struct desk *desk, struct call *call, const struct td_desk_done *done);
void api_filed(struct desk *desk, struct call *call, const struct td_filed *filed);
/* NULL: there are too many already, or no memory. */
struct call *call_new(struct desk *desk, uint64_t request, int op, const char *human,
                      const char *handoff);
void call_free(struct desk *desk, struct call **call);
/* The human of "Bearer TOKEN", or NULL. */
const char *api_human(const struct desk *desk, const char *authorization);

/* ---- desk_web_events.c ------------------------------------------------------------------- */

int events_open(struct desk *desk, struct td_error *err);
void events_close(struct desk *desk);
/* Tells desk->json, an object that event_begin() began, to this human; NULL: to everybody. */
void event_begin(struct desk *desk, const char *type, const char *handoff, const char *session);
void event_tell(struct desk *desk, const char *human);
void event_tell_watchers(struct desk *desk, const char *session);
void event_message(struct td_json *json, const struct td_message *message);
void event_attachment(struct td_json *json, const struct td_attachment *file);

/* ---- desk_web.c -------------------------------------------------------------------------- */

void held_set(struct desk *desk, const char *handoff, const char *human); /* human NULL: nobody */
const char *held_by(const struct desk *desk, const char *handoff);
/* This human has it now: kept, and told to all. */
void desk_taken(struct desk *desk, const char *handoff, const char *session, const char *human);
void watch_set(struct desk *desk, const char *session, const char *human, int on);

#endif
