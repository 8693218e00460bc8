/*
 * wire.h - what goes between the gateway and the process of an isolated plugin.
 *
 * Layer: ipc. A frame is a head and a payload; what the payload is, and which way the frame may go,
 * stands in one table. Both ends are of one build: the first frame says which.
 *
 *     gateway                                  the plugin's process (the guest)
 *        |  <------------------- ABOUT            the descriptor, judged over there as well
 *        |  OPEN ------------------------->       conf values, the name
 *        |  <------- KEY, LISTEN, ROUTE ..        calls: the guest waits for RETURN
 *        |  RETURN ----------------------->
 *        |  <------------------ OPENED            what open() said
 *        |  SEND, ASK, WS_TEXT .. --------->
 *        |  <---- SENT, ANSWER, WS_SEND ..
 *        |  PING -------------------------->      every second; PONG must come in time
 *        |  CLOSE ------------------------->      the guest ends
 */
#ifndef IPC_WIRE_H
#define IPC_WIRE_H

#include <stddef.h>
#include <stdint.h>

#include <tandem/plugin.h>

#include "ipc/code.h"

#define IPC_FD 3 /* of the guest */
#define IPC_EXIT_FLOOD 71 /* of the guest: it had no room left to say why */
#define IPC_MAX_TO_GUEST (64u << 20)
#define IPC_MAX_FROM_GUEST (16u << 20) /* a file of 10 MiB, and room */

enum ipc_type {
    /* From the guest. */
    IPC_ABOUT = 1, /* struct ipc_about */
    IPC_REFUSED,   /* text: why the file is not fit */
    IPC_OPENED,    /* a: td_status; text: why not */
    IPC_PONG,      /* id: of the ping */
    IPC_BROKEN,    /* text: why the guest ends itself */
    IPC_LOG,       /* a: td_level; text */
    IPC_COUNT,     /* id: n; text: what */
    IPC_DELIVER,   /* id: the delivery; td_inbound */
    IPC_ATTACH,    /* id: the job; td_attach */
    IPC_DETACH,    /* text: the session */
    IPC_EVENT_IN,  /* td_event */
    IPC_SENT,      /* id: the job; td_sent */
    IPC_ANSWER,    /* id: the job; td_answer */
    IPC_DELTA,     /* id: the job; text */
    IPC_FILE,      /* id: the job; td_file */
    IPC_OFFERED,   /* id: the job; td_offered */
    IPC_DESK,      /* id: the job; td_desk_request */
    IPC_HTTP_START,  /* id: the guest's number; a: 1 with on_data; td_http_request */
    IPC_HTTP_CANCEL, /* id */
    IPC_WEB_REPLY, /* id: the request; td_web_reply */
    IPC_WS_SEND,   /* id: the connection; text */
    IPC_WS_CLOSE,  /* id: the connection; a: code; text: reason, or none */
    IPC_ROUTE,     /* call; id: of the call; a: the guest's number of the route; text: path */
    IPC_ROUTE_WITH, /* call; as ROUTE; td_web_route */
    IPC_WS_LISTEN, /* call; a: the guest's number of the endpoint; td_ws_conf */
    IPC_KEY,       /* call; text: purpose */
    IPC_HUMAN,     /* call; text: token */
    IPC_STREAM,    /* id: the request; a: max_queue; td_web_reply: its beginning */
    IPC_STREAM_SEND, /* id: the request; bytes */
    IPC_STREAM_END,  /* id: the request */
    IPC_LATE_DONE, /* id: of the call; a: td_status; text: why */
    IPC_KEEP,      /* id: the job; td_keep */
    IPC_REPORT,    /* text */
    IPC_NOTICE,    /* a: td_level; text: what, a space, the sentence */
    IPC_LAST_FROM_GUEST = IPC_NOTICE,

    /* To the guest. */
    IPC_OPEN,     /* a: log level; struct ipc_open */
    IPC_RETURN,   /* id: of the call; a: td_status; bytes: the key, or the human's name */
    IPC_PING,     /* id; a: log level */
    IPC_SEND,     /* id: the job; td_outbound */
    IPC_ACCEPTED, /* id: the delivery; td_accepted */
    IPC_ATTACHED, /* id: the job; td_attached */
    IPC_EVENT,    /* td_event */
    IPC_PAUSE,    /* a: on */
    IPC_FILED,    /* id: the job; td_filed */
    IPC_ASK,      /* id: the job; td_turn */
    IPC_CANCEL,   /* id: the job */
    IPC_LATE,     /* id: of the call; struct ipc_late */
    IPC_OFFER,    /* id: the job; td_handoff */
    IPC_RELAY,    /* id: the job; td_relay */
    IPC_RELEASE,  /* struct ipc_release */
    IPC_DESK_EVENT, /* td_desk_event */
    IPC_DONE,     /* id: the job; td_desk_done */
    IPC_HTTP_DATA, /* id: the guest's number; td_http_data */
    IPC_HTTP_END,  /* id: the guest's number; td_http_response */
    IPC_WEB_REQUEST, /* a: the route; td_web_request */
    IPC_WS_OPENED, /* id: the connection; a: the endpoint; td_ws_info */
    IPC_WS_TEXT,   /* id: the connection; a: the endpoint; bytes */
    IPC_WS_CLOSED, /* id: the connection; a: the endpoint; b: code */
    IPC_STREAM_CLOSED, /* id: the request */
    IPC_CLOSE,
    IPC_KEPT,     /* id: the job; td_kept */
    IPC_N_TYPES,
};

enum ipc_payload { IPC_NO_PAYLOAD, IPC_A_STRUCT, IPC_A_TEXT, IPC_SOME_BYTES };

struct ipc_row {
    const char *name;
    enum ipc_payload payload;
    const struct ipc_struct *type; /* IPC_A_STRUCT */
};

extern const struct ipc_row ipc_rows[IPC_N_TYPES];

/* The payload as given to ipc_put() when it is bytes. */
struct ipc_bytes {
    const void *p;
    size_t len;
};

/* ---- Structs of our own ------------------------------------------------------------------ */

struct ipc_key {
    uint32_t size;
    const char *name, *def, *help;
    uint32_t type;
    uint64_t offset;
    uint32_t flags;
    int64_t min, max;
    const char *const *choices;
};

/* The descriptor as data. ops: bit n is set when the plugin has the op, see about.c. */
struct ipc_about {
    uint32_t size;
    const char *build; /* of the guest's program */
    uint32_t abi_major, abi_minor, kind;
    const char *name, *version;
    uint64_t caps, ops, conf_size;
    const struct ipc_key *const *keys;
    size_t n_keys;
    const struct td_package_limits *limits;
};

struct ipc_value {
    uint32_t size;
    int64_t number, per_ms;
    const char *text;
    const char *const *list;
};

struct ipc_open {
    uint32_t size;
    const char *name;
    const struct ipc_value *const *values; /* in the order of the keys */
    size_t n_values;
};

struct ipc_late {
    uint32_t size;
    uint64_t job;
    const struct td_web_request *request;
};

struct ipc_release {
    uint32_t size;
    const char *handoff, *outcome;
};

#endif
