/*
 * fake_host_private.h - what the files of the fake host share, and nobody else sees.
 *
 * Layer: kit. Threads: as fake_host.h; `lock` guards the posts.
 */
#ifndef KIT_FAKE_HOST_PRIVATE_H
#define KIT_FAKE_HOST_PRIVATE_H

#include "kit/fake_host.h"

#include <pthread.h>

struct fake_record {
    struct fake_call call; /* first: a record is found from its call */
    struct fake_record *next;
    int taken;
    struct fake *fake;
    td_http_cb *cb; /* NULL: not a request, or it has ended */
    void *arg;
};

/* Everything that lives as long as the fake. */
struct fake_mem {
    struct fake_chunk *chunks;
};

struct td_instance {
    struct fake *fake;
};

/* Timers and watches stay in memory when they are over: whoever uses one then is told so. */
struct td_timer {
    struct fake *fake;
    struct td_timer *next;
    int over;
    int64_t at_ms;
    void (*cb)(void *arg);
    void *arg;
};

struct td_watch {
    struct fake *fake;
    struct td_watch *next;
    int over;
    int fd, want_read, want_write;
    void (*cb)(void *arg, int readable, int writable);
    void *arg;
};

struct td_http {
    struct fake_record record;
};

struct fake_post {
    struct fake_post *next;
    void (*fn)(void *arg);
    void *arg;
};

struct fake_route {
    struct fake_route *next;
    const char *path;
    td_web_cb *cb;
    td_web_head_cb *head; /* NULL: none */
    void *arg;
};

struct fake_conn {
    struct fake_conn *next;
    uint64_t id;
    int closing; /* the code of the plugin's ws_close(); 0: open */
};

struct fake_stream {
    struct fake_stream *next;
    uint64_t id;
    td_web_stream_cb *closed; /* NULL: it has ended */
    void *arg;
};

enum fake_job_state { JOB_OPEN, JOB_ANSWERED, JOB_CANCELLED };

struct fake_job {
    struct fake_job *next;
    uint64_t id;
    enum fake_job_state state;
};

struct fake_name {
    struct fake_name *next;
    const char *text;
};

struct fake_counter {
    struct fake_counter *next;
    const char *what;
    uint64_t n;
};

struct fake {
    struct td_instance inst;
    struct fake_mem mem;
    const char *name;
    pthread_t thread;
    pthread_mutex_t lock; /* of posts, and of what they find closed */
    struct fake_post *posts, **posts_end;
    unsigned n_posts;
    struct fake_ear ear;
    const char *op; /* the call that is under way */
    unsigned calls; /* of the host, since the plugin was last called */
    const struct td_plugin *plugin;
    void *self;
    int opening, closed;
    struct td_error err;
    int64_t now_ms;
    uint64_t last_id;
    struct td_timer *timers; /* by time, then by age */
    struct td_watch *watches;
    struct fake_record *records, **records_end;
    struct fake_route *routes;
    struct fake_conn *conns;
    struct fake_stream *streams;
    struct fake_job *jobs, *asked; /* open sends or asks; deliveries and attaches to be answered */
    struct fake_job *offers; /* those that are open */
    struct fake_name *released; /* handoffs */
    struct fake_counter *counters;
    struct fake_pair *pairs; /* kept, by key */
    const char *report;      /* the newest; NULL: none */
    const struct td_ws_conf *ws_conf;
    const struct td_ws_ops *ws_ops;
    void *ws_arg;
    int refuse_http;
};

/* ---- fake_host.c: rules and records ------------------------------------------------------- */

/* The test itself is wrong: ends it. */
void fake_broken(const struct fake *f, const char *fmt, ...) TD_PRINTF(2, 3);
/* The plugin broke a rule of plugin.h. Whoever listens is told, and the call does nothing. */
void fake_fault(const struct fake *f, int rule, const char *fmt, ...) TD_PRINTF(3, 4);
/* Calls of the plugin stand between these two. */
void fake_before(struct fake *f, const char *op);
void fake_after(struct fake *f, const char *op);
/* Each call of the host begins with it. NULL: it is against the rules and must do nothing. */
struct fake *fake_enter(struct td_instance *inst, const char *what);
struct fake_call *fake_add(struct fake *f, enum fake_what what, uint64_t id);

void fake_job_add(struct fake *f, struct fake_job **jobs, uint64_t id);
int fake_job_end(struct fake_job *jobs, uint64_t id, enum fake_job_state state); /* 0: not open */
/* The plugin answers the job; 0: it is not open, which is said. */
int fake_job_answer(const struct fake *f, struct fake_job *jobs, uint64_t id, const char *what,
                    const char *to);

/* ---- fake_desk.c, fake_keep.c, fake_loop.c, fake_web.c: their part of the host ------------- */

void fake_host_report(struct td_instance *inst, const char *text);
void fake_host_notice(struct td_instance *inst, enum td_level level, const char *what,
                      const char *text);
void fake_host_keep(struct td_instance *inst, uint64_t job, const struct td_keep *keep);

void fake_host_offered(struct td_instance *inst, uint64_t job, const struct td_offered *offered);
void fake_host_desk(struct td_instance *inst, uint64_t job, const struct td_desk_request *request);
const char *fake_host_human(struct td_instance *inst, const char *token);

struct td_timer *fake_host_timer_add(struct td_instance *inst, uint32_t ms, void (*cb)(void *),
                                     void *arg);
void fake_host_timer_del(struct td_timer **timer);
struct td_watch *fake_host_watch_fd(struct td_instance *inst, int fd, int want_read,
                                    int want_write, void (*cb)(void *, int, int), void *arg);
void fake_host_watch_del(struct td_watch **watch);
enum td_status fake_host_post(struct td_instance *inst, void (*fn)(void *), void *arg);

struct td_http *fake_host_http_start(struct td_instance *inst,
                                     const struct td_http_request *request, td_http_cb *cb,
                                     void *arg);
void fake_host_http_cancel(struct td_http **http);
enum td_status fake_host_route(struct td_instance *inst, const char *path, td_web_cb *cb,
                               void *arg);
enum td_status fake_host_route_with(struct td_instance *inst, const struct td_web_route *route,
                                    td_web_cb *cb, void *arg);
void fake_host_reply(struct td_instance *inst, uint64_t request, const struct td_web_reply *reply);
enum td_status fake_host_ws_listen(struct td_instance *inst, const struct td_ws_conf *conf,
                                   const struct td_ws_ops *ops, void *arg);
void fake_host_ws_send(struct td_instance *inst, uint64_t conn, const char *text, size_t len);
void fake_host_ws_close(struct td_instance *inst, uint64_t conn, int code, const char *reason);
void fake_host_stream(struct td_instance *inst, uint64_t request,
                      const struct td_web_stream *stream);
void fake_host_stream_send(struct td_instance *inst, uint64_t request, const char *text,
                           size_t len);
void fake_host_stream_end(struct td_instance *inst, uint64_t request);
void fake_run_ws_ends(struct fake *f); /* those that the plugin has closed */

/* ---- fake_copy.c, fake_conf.c: copies ----------------------------------------------------- */

void fake_mem_fini(struct fake_mem *mem);
/* Zeroed when p is NULL; NUL is put after the copy. */
void *fake_keep(struct fake_mem *mem, const void *p, size_t len);
const char *fake_str(struct fake_mem *mem, const char *s); /* NULL gives NULL */

const void *fake_conf_fill(struct fake_mem *mem, const struct td_plugin *plugin, const char *lines);

const struct td_inbound *fake_inbound(struct fake_mem *mem, const struct td_inbound *in);
const struct td_attach *fake_attach(struct fake_mem *mem, const struct td_attach *attach);
const struct td_event *fake_event_copy(struct fake_mem *mem, const struct td_event *event);
const struct td_sent *fake_sent(struct fake_mem *mem, const struct td_sent *sent);
const struct td_answer *fake_answer(struct fake_mem *mem, const struct td_answer *answer);
const struct td_http_request *fake_request_copy(struct fake_mem *mem,
                                                const struct td_http_request *request);
const struct td_web_reply *fake_reply(struct fake_mem *mem, const struct td_web_reply *reply);
const struct td_offered *fake_offered(struct fake_mem *mem, const struct td_offered *offered);
const struct td_desk_request *fake_desk_request(struct fake_mem *mem,
                                                const struct td_desk_request *request);
const struct td_file *fake_file(struct fake_mem *mem, const struct td_file *file);
const struct td_keep *fake_keep_copy(struct fake_mem *mem, const struct td_keep *keep);
const struct td_ws_conf *fake_ws_conf_copy(struct fake_mem *mem, const struct td_ws_conf *conf);

#endif
