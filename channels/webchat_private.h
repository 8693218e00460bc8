/*
 * webchat_private.h - sockets and sessions of one web chat, shared by webchat*.c only.
 *
 * A socket is NEW until its hello, ATTACHING until the host has answered, then LIVE. A session is
 * here while it has a socket that is attaching or live; whatever has a place in the journal is
 * shown to each socket once and in order, because a socket knows the newest seq it was shown.
 * A socket that ends is freed at once: what still comes for its number finds nothing.
 */
#ifndef WEBCHAT_PRIVATE_H
#define WEBCHAT_PRIVATE_H

#include <tandem/json.h>
#include <tandem/plugin.h>
#include <uthash.h>
#include <utlist.h>

#include "channels/webchat_frames.h"
#include "channels/webchat_limit.h"
#include "channels/webchat_token.h"

enum {
    WS_RESTART = 1012,
    WS_POLICY = 1008,
    WS_LATER = 1013,
    WS_BAD_HELLO = 4400,
    WS_BAD_TOKEN = 4401,
    WS_NO_HELLO = 4408,
    WS_REPLACED = 4409,
    WS_TOO_FAST = 4429,
};

struct conf {
    const char *const *origins;
    int require_origin;
    const char *customer_secret;
    int64_t max_message, max_text;
    struct td_rate rate;
    int64_t max_connections, max_connections_per_ip;
    struct td_rate new_sessions;
    int64_t hello_timeout, ping, pong_timeout, send_buffer, replay, token_ttl;
    int64_t max_attachment;
};

struct webchat {
    const struct td_host *host;
    struct td_instance *inst;
    const struct conf *conf;
    uint8_t key[TOKEN_KEY];
    int paused;
    struct socket *sockets;
    struct session *sessions;
    struct delivery *deliveries;
    struct upload *uploads;
    uint64_t last_delivery, last_hello, last_upload;
    char upload_path[320]; /* "": files are not taken */
    struct limit per_session, per_address;
    struct frame_limits limits;
    struct td_json frame; /* the one being written */
};

/* How often within a minute. */
struct tally {
    int64_t since_ms;
    unsigned n;
};

enum socket_state { SOCKET_NEW, SOCKET_ATTACHING, SOCKET_LIVE };

struct socket {
    UT_hash_handle hh; /* by conn */
    struct webchat *chat;
    uint64_t conn;
    enum socket_state state;
    int exempt;
    char *peer; /* until the hello */
    char *tab;  /* NULL: a tab of its own */
    struct session *session; /* NULL while it is new, or opens a new one */
    struct socket *prev, *next;
    struct td_timer *hello_timer;
    uint64_t hello;    /* the order of hellos, to know the newest of a tab */
    uint64_t last_seq; /* the newest shown */
    uint64_t streamed; /* bytes shown of the answer that is coming; 0: none */
    char *early;       /* frames before the welcome, each with its NUL */
    size_t early_len;
    struct tally bad, fast;
};

/* A frame that came while somebody attaches: its replay may not reach so far. */
struct held {
    struct held *prev, *next;
    uint64_t seq, job;
    int owed; /* 1: job waits for sent() until a socket has taken it */
    size_t len;
    char text[];
};

/* A message on its way to the disk. */
struct delivery {
    UT_hash_handle hh; /* by number */
    uint64_t number, conn;
    const char *id, *text, *choice; /* in `data`; text and choice may be NULL */
    int64_t at_ms;
    char data[];
};

struct session {
    UT_hash_handle hh; /* by id */
    struct socket *sockets;
    unsigned attaching;
    int attached; /* 1: the host counts it as here, a detach() is owed */
    struct held *held;
    size_t held_len;
    int typing;
    int64_t typing_ms;
    uint64_t read;
    char id[];
};

/* ---- webchat_talk.c ---------------------------------------------------------------------- */

#define BUSY_RETRY 1000 /* ms, when nobody knows better */

/* The socket may be gone after these two: a frame, and the frames that came before the welcome. */
void talk_text(struct socket *sock, const char *text, size_t len);
void talk_early(struct socket *sock);
void talk_no_hello(void *sock);       /* the timer of the hello */
void talk_error(struct socket *sock, const char *code, const char *message, const char *id,
                uint32_t retry_after_ms);

/* ---- webchat_files.c ---------------------------------------------------------------------- */

enum td_status files_listen(struct webchat *chat, struct td_error *err);
void files_filed(struct webchat *chat, uint64_t job, const struct td_filed *filed);
void files_close(struct webchat *chat);

/* ---- webchat_session.c ------------------------------------------------------------------- */

struct socket *socket_find(struct webchat *chat, uint64_t conn);
void socket_write(struct socket *sock); /* chat->frame */
/* Closes it on the wire and frees it; its session goes with its last socket. */
void socket_end(struct socket *sock, int code, const char *reason);
void socket_free(struct socket *sock); /* the same when it is closed already */

struct session *session_find(struct webchat *chat, const char *id);
/* The socket, which is ATTACHING, belongs to this session now. -1: out of memory. */
int session_enter(struct socket *sock, const char *id);
/* The socket is LIVE up to `seq`: older ones of its tab go, what was held for it is shown. */
void session_join(struct socket *sock, uint64_t seq);
/* Shows chat->frame to all but one; seq 0: it has no place in the journal and is not held. 1 when
 * a live socket has it, 0 when it is held, -1 when nobody is there any more. With job, that job is
 * answered here or later. */
int session_show(struct session *session, struct webchat *chat, uint64_t seq,
                 const struct socket *except, const uint64_t *job);
/* The same for chat->frame, a part of an answer: to those who have seen it from its beginning. */
void session_stream(struct session *session, const struct td_event *event);
void session_free_all(struct webchat *chat);

#endif
