/*
 * fake_host.h - a td_host for tests of plugins: it records what they ask for, the test answers.
 *
 * One fake is one host with one instance. The clock stands still until the test cranks it; HTTP
 * requests, WebSocket frames, acceptances and attachments are answered by the test's own calls.
 * A plugin that breaks the contract of plugin.h (answers twice, calls from a foreign thread,
 * calls after close(), frees twice) ends the test with abort() and a sentence, unless somebody
 * listens: then the call does nothing, and the test goes on.
 *
 * Layer: kit; needs nothing of the daemon. Threads: only host->post() may come from another one.
 *
 *     struct fake *f = fake_new("web");
 *     assert_int_equal(fake_open(f, &td_plugin_0, fake_conf(f, &td_plugin_0, "")), TD_OK);
 *     uint64_t conn = fake_ws_open(f, "192.0.2.1", NULL);
 *     fake_ws_text(f, conn, "{\"type\":\"hello\"}");
 *     const struct fake_call *call = fake_next(f, FAKE_ATTACH);
 *     fake_attached(f, call->id, &(struct td_attached){ .size = sizeof(struct td_attached), .. });
 *     assert_string_equal(fake_next(f, FAKE_WS_SEND)->text, "{\"type\":\"welcome\",..}");
 *     fake_advance(f, 25000);
 *     assert_int_equal(fake_close(f), 0);
 *     fake_free(&f);
 */
#ifndef KIT_FAKE_HOST_H
#define KIT_FAKE_HOST_H

#include <tandem/plugin.h>

#define FAKE_MAX_CALLS 10000 /* of the host, out of one call of the plugin */
#define FAKE_MAX_POSTS 10000
#define FAKE_RULE_OPEN 100 /* a rule that stands at open(), not in the numbered list */
#define FAKE_RULE_DESK 103 /* at release() */
#define FAKE_START_MS INT64_C(1795415816123) /* 2026-11-23T06:36:56.123Z */

struct fake;

enum fake_what {
    FAKE_LOG,       /* level, text */
    FAKE_NOTICE,    /* level, text: what, a space, the sentence */
    FAKE_DELIVER,   /* id: the delivery; in */
    FAKE_ATTACH,    /* id: the job; attach */
    FAKE_DETACH,    /* text: the session */
    FAKE_EVENT,     /* event */
    FAKE_SENT,      /* id: the job; sent */
    FAKE_ANSWER,    /* id: the job; answer */
    FAKE_HTTP,      /* request; answer it with fake_http() */
    FAKE_REPLY,     /* id: of fake_request(); code: the HTTP status; text, len: the body */
    FAKE_WS_SEND,   /* id: the connection; text, len */
    FAKE_WS_CLOSE,  /* id: the connection; code; text: the reason, NULL: none */
    FAKE_DELTA,     /* id: the job; text */
    FAKE_FILE,      /* id: the job; file; answer it with fake_filed() */
    FAKE_KEEP,      /* id: the job; keep; answer it with fake_keeps() or fake_kept() */
    FAKE_OFFERED,   /* id: the job; offered */
    FAKE_DESK,      /* id: the job; desk; answer it with fake_done() */
    FAKE_STREAM,      /* id: of fake_request(); code: the HTTP status; text, len: what it begins with */
    FAKE_STREAM_SEND, /* id: of fake_request(); text, len */
    FAKE_STREAM_END,  /* id: of fake_request() */
    FAKE_N_WHAT,
};

/* One thing the plugin did: a deep copy, lives as long as the fake. */
struct fake_call {
    enum fake_what what;
    int64_t at_ms;
    uint64_t id;
    const char *out_of; /* the call of the plugin that it came from; "": none */
    enum td_level level;
    int code;
    const char *text;
    size_t len;
    const struct td_inbound *in;
    const struct td_attach *attach;
    const struct td_event *event;
    const struct td_sent *sent;
    const struct td_answer *answer;
    const struct td_http_request *request; /* body ends in NUL */
    const struct td_web_reply *reply;
    const struct td_file *file; /* data ends in NUL */
    const struct td_keep *keep; /* value ends in NUL */
    const struct td_offered *offered;
    const struct td_desk_request *desk;
};

struct fake *fake_new(const char *name);
void fake_free(struct fake **fake); /* closes an open instance first */

/* Who wants to know of each call of the plugin, and of each rule that it broke (the number in
 * plugin.h; fault() may come from any thread). Members may be NULL. */
struct fake_ear {
    void (*before)(void *arg, const char *op);
    void (*after)(void *arg, const char *op);
    void (*fault)(void *arg, int rule, const char *sentence);
    void *arg;
};
void fake_listen(struct fake *fake, const struct fake_ear *ear);

/* What plugins get, for those who call ops themselves. */
const struct td_host *fake_host(void);
struct td_instance *fake_instance(struct fake *fake);

/* The plugin's conf struct, with its defaults and "key = value" lines; lives as long as the fake.
 * Units as in a conf file, lists by comma; what is wrong ends the test. No required-checks. */
const void *fake_conf(struct fake *fake, const struct td_plugin *plugin, const char *lines);

/* Opens the one instance; conf is borrowed until the close. fake_error(): why it did not open. */
enum td_status fake_open(struct fake *fake, const struct td_plugin *plugin, const void *conf);
const char *fake_error(const struct fake *fake);
void *fake_self(struct fake *fake);
/* Calls close() and returns how many timers, watches and requests the plugin forgot. Jobs that
 * close() leaves open are fine. */
unsigned fake_close(struct fake *fake);

/* The clock: fires what falls due, in order; posts, watches and WebSocket ends first and after. */
void fake_advance(struct fake *fake, int64_t ms);
void fake_run(struct fake *fake); /* the same without moving the clock */
int64_t fake_now(const struct fake *fake);
unsigned fake_timers(const struct fake *fake);

/* The oldest call of this kind that was not taken yet, or NULL. fake_waiting(): how many are. */
const struct fake_call *fake_next(struct fake *fake, enum fake_what what);
unsigned fake_waiting(const struct fake *fake, enum fake_what what);
void fake_forget(struct fake *fake); /* takes all that wait */
uint64_t fake_counted(const struct fake *fake, const char *what); /* by host->count() */

unsigned fake_unanswered(const struct fake *fake); /* sends or asks that are open */
int fake_job_is_open(const struct fake *fake, uint64_t job);
unsigned fake_asked(const struct fake *fake); /* what the plugin waits for: deliveries, attaches.. */

/* To any plugin: what became of a file. */
void fake_filed(struct fake *fake, uint64_t job, const struct td_filed *filed);

/* To any plugin: what it keeps, over fake_close() and fake_open() too. fake_keep_run() does what was
 * asked for, in the order of the calls, and says what the answer is; fake_kept() gives an answer;
 * fake_keeps() does both for all that wait and for what comes of them. */
const struct td_kept *fake_keep_run(struct fake *fake, const struct td_keep *keep);
void fake_kept(struct fake *fake, uint64_t job, const struct td_kept *kept);
void fake_keeps(struct fake *fake);

/* To the plugin: channels. */
void fake_send(struct fake *fake, uint64_t job, const struct td_outbound *out);
void fake_accepted(struct fake *fake, uint64_t delivery, const struct td_accepted *accepted);
void fake_attached(struct fake *fake, uint64_t job, const struct td_attached *attached);
void fake_event(struct fake *fake, const struct td_event *event);
void fake_pause(struct fake *fake, int on);

/* To the plugin: agents. */
void fake_ask(struct fake *fake, uint64_t job, const struct td_turn *turn);
void fake_cancel(struct fake *fake, uint64_t job);
/* An answer that comes by itself; err_r holds the plugin's sentence. */
enum td_status fake_late(struct fake *fake, uint64_t job, const struct td_web_request *request,
                         struct td_error *err_r);

/* To the plugin: desks. The host knows the human X by the token "token-X". */
void fake_offer(struct fake *fake, uint64_t job, const struct td_handoff *handoff);
void fake_relay(struct fake *fake, uint64_t job, const struct td_relay *relay);
void fake_release(struct fake *fake, const char *handoff, const char *outcome);
void fake_desk_event(struct fake *fake, const struct td_desk_event *event);
void fake_done(struct fake *fake, uint64_t job, const struct td_desk_done *done);

/* HTTP client: ends a request. fake_http_open(): 1 until it is ended or cancelled. */
void fake_http(struct fake *fake, const struct fake_call *call,
               const struct td_http_response *response);
void fake_http_body(struct fake *fake, const struct fake_call *call, int status, const char *body);
void fake_http_fail(struct fake *fake, const struct fake_call *call, enum td_http_failure failure,
                    const char *detail);
/* A piece of the body; the request goes on, unless the plugin cancels it. */
void fake_http_data(struct fake *fake, const struct fake_call *call,
                    const struct td_http_data *data);
int fake_http_open(const struct fake *fake, const struct fake_call *call);
void fake_http_refuse(struct fake *fake, int on); /* http_start() returns NULL */
const char *fake_header(const struct td_http_request *request, const char *name); /* NULL: none */

/* HTTP server: a request for the longest route that fits; its id, 0 when there is none. With a body
 * and a route that looks at heads, the body comes only when that said so. */
uint64_t fake_request(struct fake *fake, const struct td_web_request *request);
/* A reply that goes on: the client goes, and 1 while neither it nor the plugin has ended it. */
void fake_stream_closed(struct fake *fake, uint64_t request);
int fake_stream_is_open(const struct fake *fake, uint64_t request);
const char *fake_route(const struct fake *fake, unsigned i); /* the path of the i-th; NULL: none */

/* WebSocket: what ws_listen() got (NULL: nothing yet), and a peer. info NULL: an IPv4 address that
 * is not exempt. After the plugin's ws_close() its closed() comes with the next fake_run(). */
const struct td_ws_conf *fake_ws_conf(const struct fake *fake);
uint64_t fake_ws_open(struct fake *fake, const char *peer, const struct td_ws_info *info);
void fake_ws_text(struct fake *fake, uint64_t conn, const char *text);
void fake_ws_closed(struct fake *fake, uint64_t conn, int code); /* the peer goes */
int fake_ws_is_open(const struct fake *fake, uint64_t conn); /* 0 once the plugin closed it */

#endif
