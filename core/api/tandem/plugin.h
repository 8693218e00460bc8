/*
 * plugin.h - what a Tandem plugin is, offers and may ask for. The contract, ABI 0.
 *
 * A plugin is one shared object NAME.so (agents: agent_NAME.so, desks: desk_NAME.so) that exports
 * one const object, td_plugin_0, made with TD_PLUGIN_DEFINE. It is judged as data before any of its
 * code runs. Each section [channel X], [agent X] or [desk X] of the conf makes one instance;
 * instances share nothing. With `isolate = yes` it runs in a process of its own, in a sandbox, and
 * the same rules hold; there a file() is at most 15 MiB.
 *
 * The words MUST, MUST NOT, MAY are used as in RFC 2119.
 *
 *  1. No memory crosses the border. Pointers are borrowed for the call; who needs more copies.
 *  2. Every call, both ways, is on the loop thread. Only host->post() MAY be called from any.
 *  3. No call may block: no sleeping, no blocking DNS, connect, read or lock.
 *  4. A host function returns before the host calls the plugin again: no re-entry.
 *  5. Structs start with `size` (set to sizeof by their maker) and only grow at the end. A reader
 *     MUST ask TD_HAS() before it reads a field younger than 0.1. Arrays are arrays of pointers.
 *  6. Each send(), ask(), offer(), relay() is answered exactly once: with sent(), answer(),
 *     offered(), sent(). A second answer, or one for a job that is not open, is dropped and counted
 *     against the instance.
 *  7. close() MUST join what the plugin started: threads, jobs. Open jobs MAY be left unanswered
 *     in close(); the host then answers them itself with TD_RETRY. After close() returned the
 *     plugin MUST NOT touch the host. Timers, watches, requests and routes that it forgot are
 *     swept with a warning.
 *  8. Two instances of one plugin MUST work side by side: no globals that change.
 *  9. Times: *_ms that say `at` are wall clock, Unix epoch, UTC; all others are spans.
 * 10. Texts are UTF-8 without NUL. Ids are up to 128 bytes, addresses up to 320.
 * 11. A plugin bounds what it hands in: at most 10,000 calls of the host out of one call, at most
 *     10,000 deliveries, attaches and keeps that are not answered yet; what came back with TD_RETRY
 *     MUST NOT be handed in again of its own accord before retry_after_ms.
 */
#ifndef TANDEM_PLUGIN_H
#define TANDEM_PLUGIN_H

#include <stddef.h>
#include <stdint.h>
#include <tandem/net.h>

#ifdef __cplusplus
extern "C" {
#endif

#define TD_ABI_MAJOR 0 /* part of the symbol's name: grows when old plugins stop working */
#define TD_ABI_MINOR 5 /* grows when a field or a host function is appended */
#define TD_PLUGIN_SYMBOL "td_plugin_0"

#define TD_HAS(p, field) \
    ((p)->size >= offsetof(__typeof__(*(p)), field) + sizeof((p)->field))
#define TD_PRINTF(fmt_, args_) __attribute__((format(printf, fmt_, args_)))

struct td_instance; /* the host's side of an instance */
struct td_timer;
struct td_watch;
struct td_http;

enum td_kind { TD_CHANNEL = 1, TD_AGENT = 2, TD_DESK = 3 };
enum td_level { TD_ERROR, TD_WARN, TD_INFO, TD_DEBUG, TD_TRACE };

/* What to do about it, not what happened; the reason stands beside it as a sentence. */
enum td_status {
    TD_OK,     /* done */
    TD_RETRY,  /* not now: try again, see retry_after_ms */
    TD_REJECT, /* never, for this message or turn */
    TD_AUTH,   /* credentials or token are not good */
    TD_CONF,   /* the operator must change something */
    TD_FAIL,   /* broken, no better word */
};

struct td_error {
    char text[512];
};

/* ---- Configuration ----------------------------------------------------------------------- */

enum td_conf_type {
    TD_TYPE_STRING,   /* const char *; unset: NULL */
    TD_TYPE_INT,      /* int64_t */
    TD_TYPE_BOOL,     /* int: yes, no, true, false, on, off */
    TD_TYPE_DURATION, /* int64_t ms; "10s", "500ms", "5min", "24h", "8d"; 0 needs no unit */
    TD_TYPE_SIZE,     /* int64_t bytes; "64K", "10M", "1G" */
    TD_TYPE_RATE,     /* struct td_rate; "20/10s", "30/min"; "0": off */
    TD_TYPE_ENUM,     /* int: index into choices */
    TD_TYPE_LIST,     /* const char *const *, NULL-terminated; unset: empty, not NULL */
    TD_TYPE_SECRET,   /* const char *; never printed; @file:, @cred:, @env: or (warned) literal */
};

struct td_rate {
    int64_t count; /* 0: no limit */
    int64_t per_ms;
};

enum td_conf_flags {
    TD_REQUIRED = 1, /* an error when the key is not there */
    TD_PATH = 2,     /* a string that is a path: relative to the file that names it */
};

/* One row a key: it drives parsing, checking, -T, --keys, man pages and samples. */
struct td_conf_key {
    const char *name; /* NULL ends the table */
    enum td_conf_type type;
    size_t offset; /* of the field in the conf struct */
    uint32_t flags;
    const char *def;            /* as it would stand in the file; NULL: unset (0, NULL, empty) */
    int64_t min, max;           /* number, ms, bytes or string length; both 0: not checked */
    const char *const *choices; /* TD_TYPE_ENUM: NULL-terminated */
    const char *help;           /* one sentence */
};

/* A field of the wrong C type does not compile. */
#define TD_KEY_(type_, ctype_, struct_, field_, ...)                                       \
    {                                                                                      \
        .name = #field_, .type = (type_),                                                  \
        .offset = offsetof(struct_, field_) +                                              \
                  0 * sizeof(char[_Generic(((struct_ *)0)->field_, ctype_: 1, default: -1)]), \
        __VA_ARGS__                                                                        \
    }
#define TD_CONF_STR(s_, f_, flags_, def_, help_) \
    TD_KEY_(TD_TYPE_STRING, const char *, s_, f_, .flags = (flags_), .def = (def_), .help = (help_))
#define TD_CONF_INT(s_, f_, flags_, def_, min_, max_, help_)                               \
    TD_KEY_(TD_TYPE_INT, int64_t, s_, f_, .flags = (flags_), .def = (def_), .min = (min_), \
            .max = (max_), .help = (help_))
#define TD_CONF_BOOL(s_, f_, flags_, def_, help_) \
    TD_KEY_(TD_TYPE_BOOL, int, s_, f_, .flags = (flags_), .def = (def_), .help = (help_))
#define TD_CONF_DURATION(s_, f_, flags_, def_, min_, max_, help_)                               \
    TD_KEY_(TD_TYPE_DURATION, int64_t, s_, f_, .flags = (flags_), .def = (def_), .min = (min_), \
            .max = (max_), .help = (help_))
#define TD_CONF_SIZE(s_, f_, flags_, def_, min_, max_, help_)                               \
    TD_KEY_(TD_TYPE_SIZE, int64_t, s_, f_, .flags = (flags_), .def = (def_), .min = (min_), \
            .max = (max_), .help = (help_))
#define TD_CONF_RATE(s_, f_, flags_, def_, help_) \
    TD_KEY_(TD_TYPE_RATE, struct td_rate, s_, f_, .flags = (flags_), .def = (def_), .help = (help_))
#define TD_CONF_ENUM(s_, f_, flags_, def_, choices_, help_)                          \
    TD_KEY_(TD_TYPE_ENUM, int, s_, f_, .flags = (flags_), .def = (def_),             \
            .choices = (choices_), .help = (help_))
#define TD_CONF_LIST(s_, f_, flags_, def_, help_)                                             \
    TD_KEY_(TD_TYPE_LIST, const char *const *, s_, f_, .flags = (flags_), .def = (def_),      \
            .help = (help_))
#define TD_CONF_SECRET(s_, f_, flags_, help_) \
    TD_KEY_(TD_TYPE_SECRET, const char *, s_, f_, .flags = (flags_), .help = (help_))
#define TD_CONF_END { .name = NULL }

/* ---- Messages and events ----------------------------------------------------------------- */

enum td_author { TD_CUSTOMER, TD_AI, TD_HUMAN, TD_SYSTEM };
enum td_owner_kind { TD_OWNER_NONE, TD_OWNER_AGENT, TD_OWNER_HUMAN };

/* States only move forward; FAILED and READ are final. UNCERTAIN: the wire does not say. */
enum td_delivery { TD_QUEUED, TD_SENT, TD_UNCERTAIN, TD_DELIVERED, TD_READ, TD_FAILED };

struct td_choice {
    uint32_t size;
    const char *title, *value;
};

/* A file that was sent, 0.3. The gateway has it: sniffed, hashed, within the policy. A message names
 * it by `id`; what else stands there when it comes in is not read, the gateway knows it better. It
 * MUST be a file of the same session, or one that this instance has handed in without a session. */
struct td_attachment {
    uint32_t size;
    const char *id;     /* ULID, as filed() gave it */
    const char *name;   /* a file name without a path */
    const char *type;   /* MIME, as sniffed */
    uint64_t bytes;
    const char *sha256; /* hex */
    const char *url;    /* out: absolute, signed, expires; made anew whenever it is shown */
};

/* A part that is neither text nor a file, such as a location or a contact, 0.3. The parts of a
 * message are at most 64 KiB together. */
struct td_part {
    uint32_t size;
    const char *type; /* "location", "contact", "reaction", or the channel's own "x-..." */
    const char *text; /* the same in words, for whoever does not know the type; not NULL */
    const char *data; /* a JSON object, at most 16 KiB; NULL: the words say it all */
};

struct td_message {
    uint32_t size;
    const char *id;   /* in: the channel's own id of it; out: ours (ULID) */
    const char *text; /* NULL: none */
    const char *choice; /* in: the value of an offered choice; NULL: none */
    const struct td_choice *const *choices; /* out */
    size_t n_choices;
    enum td_author author;
    const char *author_name; /* NULL: none */
    uint64_t seq;            /* place in the session; in: 0 */
    int64_t at_ms;           /* in: when the channel says it was written; 0: now */
    /* 0.3 */
    const struct td_attachment *const *attachments; /* at most 10 */
    size_t n_attachments;
    const struct td_part *const *parts; /* at most 10 */
    size_t n_parts;
    const char *raw; /* in: what the channel got, a JSON object of at most 16 KiB; kept in the journal
                      * as it is, shown to nobody */
};

struct td_customer {
    uint32_t size;
    const char *id, *name, *email; /* NULL: not known */
    int verified;                  /* 1: the channel has proof of `id` */
};

struct td_owner {
    uint32_t size;
    enum td_owner_kind kind;
    const char *name; /* "" when nobody */
    int pending;      /* 1: a handoff is offered */
};

enum td_event_type {
    TD_EV_MESSAGE,  /* replay only, out: `message`; live ones come by send() */
    TD_EV_ECHO,     /* replay only, out: the customer's own `message` */
    TD_EV_OWNER,    /* out: `owner`, with seq */
    TD_EV_TYPING,   /* both: `on`, out with `owner` */
    TD_EV_READ,     /* in: the customer has read up to `of` */
    TD_EV_RECEIPT,  /* both: `of`, `status`: in from a provider (0.5: with TD_FAILED `on` as `unreachable`
                     * of td_sent); out, with TD_CAN_REPLAY: the customer's messages up to `of` are
                     * with who answers (DELIVERED), or were read (READ) */
    TD_EV_RATING,   /* in: `score` 1..5, `text` may be NULL */
    TD_EV_LEAVE,    /* in: the customer ends the talk */
    TD_EV_CLOSED,   /* out: the session is closed, `text` says why; with seq */
    TD_EV_DELTA,    /* 0.2, out, with TD_CAN_STREAM: a part of an answer as it comes, see below */
    /* 0.3 */
    TD_EV_QUEUE,    /* out: where the customer waits: `position`, `wait_ms`, only what is known */
    TD_EV_RINGING,  /* in, of a call: the other side rings */
    TD_EV_ANSWERED, /* in, of a call */
    TD_EV_DTMF,     /* in, of a call: `text` the digits, 0-9 * # A-D */
    TD_EV_HUNG_UP,  /* in, of a call: `text` why, `code` the protocol's own number or 0 */
    TD_EV_TRANSFER, /* out, with TD_CAN_TRANSFER: move the call to `text`; answered with the next */
    TD_EV_TRANSFERRED, /* in: `status` TD_DELIVERED or TD_FAILED, `text` why, `code` */
    /* 0.5 */
    TD_EV_PROMISE, /* out, with seq: what was promised to the customer, or what became of it:
                    * `promise`, `text` ("callback", "mailbox"), `due_at_ms`, `promised`. Each
                    * replay ends with what is owed, without seq */
};

/* 0.5. Until it is kept a promise is MADE, then BROKEN when its time is over; VOID: it is not owed
 * any more. */
enum td_promised { TD_PROMISE_MADE = 1, TD_PROMISE_KEPT, TD_PROMISE_BROKEN, TD_PROMISE_VOID };

/* TD_EV_DELTA: `text` is the next part of the answer to `turn`, and `of` says how many bytes of it
 * went before: who has not seen exactly these MUST NOT show the part. Parts are shown as not final:
 * the turn's message replaces them and no part comes after it. `text` NULL: what was shown of this
 * turn is void, no message of it comes. Parts are not kept, not replayed, and MAY be left out. */
struct td_event {
    uint32_t size;
    enum td_event_type type;
    const char *session;
    uint64_t seq; /* 0: it has no place in the journal */
    int64_t at_ms;
    uint64_t of;
    enum td_delivery status;
    int on, score;
    const char *text;
    const struct td_message *message;
    const struct td_owner *owner;
    const char *turn; /* 0.2; TD_EV_DELTA */
    /* 0.3 */
    uint32_t position; /* from 1; 0: not known */
    int64_t wait_ms;   /* below 0: not known */
    int code;
    /* 0.5; TD_EV_PROMISE */
    const char *promise; /* ULID */
    int64_t due_at_ms;
    enum td_promised promised;
};

/* ---- Channels ---------------------------------------------------------------------------- */

/* A customer spoke; or, with author TD_HUMAN, somebody answered the customer (`peer`) by another
 * client of the provider than us: text, author_name. Then that human has the session until silence
 * (the channel's `native_hold`); what we have sent ourselves is known by its text and MAY be handed
 * in. TD_REJECT when there is no conversation with them. The dedupe key is (channel, account, scope, message->id): the same key again
 * is accepted as a duplicate and does nothing else. scope: NULL, or that within which ids are
 * unique when that is less than the account, such as a session. */
struct td_inbound {
    uint32_t size;
    const char *account; /* which of the channel's own addresses; NULL: it has one */
    const char *scope;
    const char *peer;    /* the customer's address in its one canonical form; NULL when session is given */
    const char *session; /* from attached(); NULL: found by peer, or opened */
    const struct td_customer *customer; /* NULL: only the address is known */
    const char *locale, *timezone;      /* BCP 47, IANA; NULL: not known */
    const struct td_message *message;
    int64_t reply_until_at_ms; /* 0.5. So long the provider takes answers to it; 0: no limit. After it
                                * the host sends nothing */
};

/* The answer to a delivery. Only TD_OK means it is on disk, and only then MAY the channel
 * acknowledge its wire. TD_RETRY: busy. TD_REJECT: never, detail says why. */
struct td_accepted {
    uint32_t size;
    enum td_status status;
    int duplicate;       /* 1: it was there already; seq is the first one's */
    const char *session; /* NULL unless TD_OK */
    uint64_t seq;
    uint32_t retry_after_ms;
    const char *detail; /* NULL when TD_OK */
    /* 0.3. Of the message, with TD_OK: what is known of them, with fresh links. */
    const struct td_attachment *const *attachments;
    size_t n_attachments;
};

/* A customer has come, back or for the first time, on a channel that can replay. */
struct td_attach {
    uint32_t size;
    const char *session; /* NULL: open a new one */
    int64_t known_at_ms; /* when the customer's token was made; with idle_limit_ms */
    int64_t idle_limit_ms; /* TD_AUTH when the session was not used for longer; 0: no limit */
    uint64_t last_seq;     /* replay what is after it; 0: the whole */
    uint32_t max_replay;   /* the newest so many events */
    const struct td_customer *customer;
    const char *locale, *timezone;
    /* 0.4. In place of session: a token an operator had made for a session of any channel. It works
     * once; from then on the session is this channel's. NULL: none. */
    const char *bridge;
};

/* TD_OK, TD_RETRY (busy), TD_AUTH (no such session, not used for too long, or a token that is not
 * good). Events with a seq above `seq` follow by send() and event(), none is lost or doubled
 * between. */
struct td_attached {
    uint32_t size;
    enum td_status status;
    const char *detail;
    const char *session;
    uint64_t seq; /* the newest */
    const struct td_owner *owner;
    const struct td_event *const *replay; /* in order */
    size_t n_replay;
    int resync; /* 1: the asked-for range could not be served, replay is the whole */
};

/* To the customer. */
struct td_outbound {
    uint32_t size;
    const char *session;
    const char *peer;    /* NULL when the session was opened by attach() */
    const char *account; /* the one the customer wrote to; NULL: the channel has one */
    const struct td_message *message;
    int maybe_duplicate; /* 1: it, or a part of it, may have been sent before; that is on disk */
};

/* What became of a send(). TD_OK: handed to the wire. TD_RETRY: the host sends it again after
 * retry_after_ms (0: its own back-off), or, with away, when the customer attaches. A channel that
 * would say again what the customer may have got already MUST NOT do so of its own accord: it answers
 * TD_RETRY with uncertain, and the send() that follows has maybe_duplicate. */
struct td_sent {
    uint32_t size;
    enum td_status status;
    int uncertain; /* with TD_OK: the wire did not say; 0.5: with TD_RETRY the same */
    int away;
    uint32_t retry_after_ms;
    const char *detail; /* NULL when TD_OK */
    int unreachable; /* 0.5. With a failure: this channel cannot reach the customer any more, whatever
                      * is sent: they hung up, the address is dead, the provider's window is closed */
};

/* What a channel can do; the host degrades what it cannot. */
enum td_channel_caps {
    TD_CAN_REPLAY = 1,   /* uses attach(): shows events by seq */
    TD_CAN_CHOICES = 2,  /* without it they are numbered lines of the text; a number that comes back
                          * is the choice */
    TD_CAN_TYPING = 4,
    TD_CAN_RECEIPTS = 8, /* reports delivered or read */
    TD_CAN_STREAM = 16,  /* 0.2: shows TD_EV_DELTA; without it the host keeps the parts to itself */
    TD_CAN_FILES = 32,   /* 0.3: sends attachments; without it the host puts their links in the text */
    TD_CAN_PARTS = 64,   /* 0.3: sends td_part; without it the host sends their words */
    TD_CAN_TRANSFER = 128, /* 0.3: TD_EV_TRANSFER */
};

/* ---- Files, 0.3 -------------------------------------------------------------------------- */

/* Bytes that came in, for file(). The host looks at them itself, and cleans the name: only for kinds
 * of plain text the end of the name says which. A file that no message has used within an hour
 * (file_unused) is dropped. */
struct td_file {
    uint32_t size;
    const char *session; /* whose it is and whose limits count; NULL: the first session that uses it,
                          * and the limits of `peer`, or of the instance */
    const char *name, *type; /* as the sender says; NULL: not said */
    const void *data;
    size_t len;
    const char *peer; /* 0.4: the customer's address, while the session is not known; or NULL */
};

/* The answer to file(), once each. TD_OK: on disk and scanned; the attachment's id MAY now stand in a
 * message. TD_REJECT: never, against the policy: detail is a sentence that says what and where the
 * limit is. TD_RETRY: over the sender's quota, no room, or no scanner right now. */
struct td_filed {
    uint32_t size;
    enum td_status status;
    const char *detail; /* NULL when TD_OK */
    const struct td_attachment *attachment; /* TD_OK; its url too */
    uint32_t retry_after_ms;
};

/* ---- What an instance keeps, 0.4 ----------------------------------------------------------
 *
 * Each instance has a table of its own in the store: keys and values, in order of the keys' bytes,
 * the same after every restart, for as long as its section keeps its name. It is for what a channel
 * must still know tomorrow: the provider's ids that receipts will name, who wants no messages, parts
 * of a message that is not whole yet. What people said belongs into messages.
 *
 * 0.5: a table may be shared by all instances that name it, of whatever plugin. Who has used one (an
 * instance uses at most one) hears of what others change in it: kept() comes with job 0, which is no
 * answer, and the pair; len 0: it was deleted. Nobody may put an empty value into it.
 */

#define TD_KEEP_MAX_KEY 128
#define TD_KEEP_MAX_VALUE 4096
#define TD_KEEP_MAX_PAIRS 100000 /* of an instance, those that are over not counted */
#define TD_KEEP_MAX_SCAN 100     /* of one answer */

enum td_keep_op {
    TD_KEEP_PUT,  /* key, value, len, until_ms: in place of what was kept there */
    TD_KEEP_DEL,  /* key; TD_OK also when nothing was kept there */
    TD_KEEP_GET,  /* key */
    TD_KEEP_SCAN, /* key: what the keys begin with, NULL: all; after; max */
};

/* For keep(), which copies it. What an instance asks for happens in the order of its calls: a get
 * after a put sees it, answered or not. */
struct td_keep {
    uint32_t size;
    enum td_keep_op op;
    const char *key;   /* 1 to 128 bytes */
    const void *value; /* at most 4096 bytes */
    size_t len;
    int64_t until_ms;  /* wall clock, when it is over: from then on as if deleted; 0: never */
    const char *after; /* only keys beyond this one; NULL: from the first */
    uint32_t max;      /* so many pairs; 0: 100 */
    const char *shared; /* 0.5: the name of the table, up to 64 bytes; NULL: the instance's own */
};

struct td_pair {
    uint32_t size;
    const char *key;
    const void *value; /* NUL stands after its bytes */
    size_t len;
    int64_t until_ms;
};

/* The answer to keep(), once each, or with job 0 news of a shared table. TD_OK to PUT and DEL: on disk. TD_OK to
 * GET and SCAN: what was found, in order, maybe nothing. TD_RETRY: the store has no room or is
 * busy. TD_REJECT: over a limit, detail says which. */
struct td_kept {
    uint32_t size;
    enum td_status status;
    const char *detail; /* NULL when TD_OK */
    uint32_t retry_after_ms;
    const struct td_pair *const *pairs;
    size_t n_pairs;
    int more; /* SCAN: there are others after the last */
};

struct td_host;

struct td_channel_ops {
    uint32_t size;
    /* conf: the filled conf struct, lives until close(). TD_OK with *self_r set, or any other
     * with a sentence in err; TD_RETRY is tried again later, the rest is final. */
    enum td_status (*open)(const struct td_host *host, struct td_instance *inst, const void *conf,
                           void **self_r, struct td_error *err);
    void (*send)(void *self, uint64_t job, const struct td_outbound *out);
    void (*accepted)(void *self, uint64_t delivery, const struct td_accepted *accepted);
    void (*attached)(void *self, uint64_t job, const struct td_attached *attached); /* with CAN_REPLAY */
    void (*event)(void *self, const struct td_event *event); /* MAY be NULL */
    void (*pause)(void *self, int on); /* MAY be NULL; 1: take no new customers (drain, back pressure) */
    void (*close)(void *self);
    void (*filed)(void *self, uint64_t job, const struct td_filed *filed); /* 0.3, for file() */
    void (*kept)(void *self, uint64_t job, const struct td_kept *kept);    /* 0.4, for keep() */
};

/* ---- Agents ------------------------------------------------------------------------------ */

enum td_cause { TD_BY_MESSAGE, TD_BY_START, TD_BY_ACTION, TD_BY_RETURN, TD_BY_TIMER };
enum td_decision { TD_DECISION_NONE, TD_RESOLVE, TD_CLARIFY, TD_ESCALATE, TD_REFUSE };

struct td_session_info {
    uint32_t size;
    const char *id, *channel, *kind; /* kind: the channel's plugin */
    const char *locale, *timezone;   /* NULL: not known */
    int64_t started_at_ms;
    const struct td_customer *customer; /* never NULL */
};

/* 0.3. An action that the gateway runs when an answer asks for it. */
struct td_action {
    uint32_t size;
    const char *name, *description;
    const char *arguments; /* JSON Schema of the object it takes */
};

/* 0.3. An answer asks for an action; its result comes with a turn of cause TD_BY_ACTION. */
struct td_call {
    uint32_t size;
    const char *call; /* the agent's own id of it, unique in the session */
    const char *name;
    const char *arguments; /* JSON object */
};

struct td_result {
    uint32_t size;
    const char *call, *name;
    const char *receipt; /* ULID: it was done, for certain; NULL: it was not */
    const char *failed;  /* the class of the failure, such as "unknown_action"; NULL: none */
    const char *detail;  /* a sentence with `failed` */
    const char *data;    /* JSON; NULL: none */
};

/* 0.3. The interval in which a human owned the session. */
struct td_stretch {
    uint32_t size;
    const char *by;      /* the human's name */
    const char *summary; /* the human's note; NULL: none */
    const char *promises; /* JSON array; NULL: none */
    const char *wrapup;   /* JSON object; NULL: none */
    int64_t started_at_ms, ended_at_ms;
};

/* One question. The same turn may be asked again after TD_RETRY or a restart: `id` is the same
 * then, and is what the plugin gives its peer as idempotency key. */
struct td_turn {
    uint32_t size;
    const char *id;
    uint64_t epoch;
    enum td_cause cause;
    uint32_t attempt; /* from 1 */
    const struct td_session_info *session;
    const struct td_message *const *messages; /* not yet answered, oldest first */
    size_t n_messages;
    const struct td_message *const *history; /* before them, oldest first */
    size_t n_history;
    uint32_t deadline_ms; /* what is left */
    uint32_t clarify_left;
    const char *state; /* what the agent's last answer carried; JSON; NULL: none */
    /* 0.3 */
    const struct td_action *const *actions;
    size_t n_actions;
    const struct td_result *const *results; /* with TD_BY_ACTION */
    size_t n_results;
    const struct td_stretch *stretch; /* the first turn after a human had the session; else NULL */
};

struct td_answer {
    uint32_t size;
    enum td_status status; /* TD_RETRY is asked again within the deadline; others: next of the chain */
    const char *detail;    /* why not TD_OK */
    uint32_t retry_after_ms;
    enum td_decision decision;
    const struct td_message *const *messages; /* text, choices */
    size_t n_messages; /* at most 10 */
    const char *silent;                                            /* why there are no messages */
    const char *clarify_slot;
    const char *escalate_code, *escalate_text, *escalate_queue;
    const char *pass; /* the agent that should go on, by its conf name */
    const char *intent;
    double confidence; /* 0..1; below 0: not said */
    int grounded;      /* 1, 0; -1: not said */
    const char *sources;  /* JSON array; NULL: not said */
    const char *entities; /* JSON object; NULL: not said */
    const char *summary, *language;
    const char *state; /* JSON, at most 64 KiB; NULL: as before */
    /* 0.3 */
    const struct td_call *const *calls; /* at most 10 */
    size_t n_calls;
    const char *const *claims; /* actions that the text says are done; at most 10 */
    size_t n_claims;
};

struct td_agent_ops {
    uint32_t size;
    enum td_status (*open)(const struct td_host *host, struct td_instance *inst, const void *conf,
                           void **self_r, struct td_error *err);
    void (*ask)(void *self, uint64_t job, const struct td_turn *turn);
    void (*cancel)(void *self, uint64_t job); /* not wanted any more: no answer() after it */
    void (*close)(void *self);
    /* 0.2, MAY be NULL: the agent's peer has posted an answer to /api/v1/turns/<turn>/answer. The
     * plugin MUST judge who asks (TD_AUTH, sent as 401), and then either answer() the job within
     * the call and return TD_OK, or leave the job open and return TD_REJECT with a sentence in err
     * (400). The host replies, with 200 when the answer is on disk. job 0: that turn is not open,
     * only who asks is to be judged. host->reply() MUST NOT be used for this request. */
    enum td_status (*late)(void *self, uint64_t job, const struct td_web_request *request,
                           struct td_error *err);
    void (*filed)(void *self, uint64_t job, const struct td_filed *filed); /* 0.3, for file() */
    void (*kept)(void *self, uint64_t job, const struct td_kept *kept);    /* 0.4, for keep() */
};

/* ---- Desks, 0.3 --------------------------------------------------------------------------
 *
 * A desk is where humans are. The host owns the queues, the clocks, the sessions and every text to
 * the customer; a desk carries: handoffs and what customers say to its humans, and what humans do
 * back. Nothing a human does counts before done() says so: two who accept are told apart there.
 *
 * The host MAY offer the same handoff again (after a restart, a time-out): its `id` is the same,
 * and so is what the desk makes of it. Every relayed message has its id; the desk drops what it has.
 */

enum td_desk_caps {
    TD_DESK_HUMANS = 1, /* its humans are those of the conf: they pull from the queues by accept */
};

enum td_handoff_state { TD_HANDOFF_OFFERED, TD_HANDOFF_QUEUED, TD_HANDOFF_LIVE, TD_HANDOFF_ENDED };

/* What a desk can take; the package is compiled for it and says what was left out (`dropped`). */
enum td_package_format { TD_PACKAGE_JSON, TD_PACKAGE_FLAT, TD_PACKAGE_TEXT, TD_PACKAGE_HEADER };
struct td_package_limits {
    uint32_t size;
    enum td_package_format format;
    uint32_t bytes; /* of the whole; 0: the format's own (4096; header 128) */
};

struct td_handoff {
    uint32_t size;
    const char *id, *session, *queue; /* queue: its conf name */
    uint64_t epoch;
    enum td_handoff_state state;
    const char *reason;  /* code, see the manual's table */
    int priority;        /* higher is more urgent */
    int64_t since_at_ms;
    const char *package; /* compiled within the desk's limits and its `allow` */
    const char *human;   /* who has it; NULL: nobody yet */
};

/* The answer to offer(). TD_OK with human: accepted by them. TD_OK without: it waits there, and
 * accept or decline follows by desk(). TD_REJECT: declined, detail says why. TD_RETRY, TD_FAIL: the
 * desk cannot be reached; the host tries again, then goes on along the chain of desks. */
struct td_offered {
    uint32_t size;
    enum td_status status;
    const char *human;
    uint32_t position; /* 0: not known */
    int64_t wait_ms;   /* below 0: not known */
    const char *detail;
    uint32_t retry_after_ms;
};

enum td_desk_op {
    TD_OP_ACCEPT,   /* handoff, human */
    TD_OP_DECLINE,  /* handoff, human (NULL: the desk as a whole), text: why */
    TD_OP_MESSAGE,  /* handoff, human, message: to the customer */
    TD_OP_TYPING,   /* handoff, human, on */
    TD_OP_NOTE,     /* handoff, human, text: for humans only */
    TD_OP_TRANSFER, /* handoff, human, and queue or to_human */
    TD_OP_RETURN,   /* handoff, human, text: a note for the agent, wrapup */
    TD_OP_CLOSE,    /* handoff, human, wrapup: the talk is over */
    TD_OP_TAKE,     /* session, human: unasked, from whoever has it */
    TD_OP_EXTEND,   /* handoff, human: still at it, the lease begins anew */
    TD_OP_PRESENCE, /* human, text: "available", "away", "offline"; NULL: renews what it was */
    TD_OP_WATCH,    /* session, human, on: its messages come by event(); watchers cannot write */
    TD_OP_ME,       /* human: json {"name","presence","capacity","live",..} */
    TD_OP_LIST,     /* human, text: "queued", "live", "mine", "closed": json {"handoffs":[..]};
                     * "agent": {"sessions":[..]} that agents have; "team": {"queues","humans"} */
    TD_OP_GET,      /* handoff (or session), human, before: json {"handoff","package",
                     * "transcript","next"} */
    TD_OP_TAG,      /* handoff, human, text: JSON array of words, replaces the old ones */
    TD_OP_REVIEW,   /* human, text: NULL: a sample of closed handoffs as json; else the review of
                     * `handoff`, a JSON object {"score":1..5,"note"?} */
    /* 0.5 */
    TD_OP_READ,     /* handoff, human, before: they have read what the customer said up to it */
    TD_OP_BRIDGE,   /* handoff, human: the customer is told the link by which they go on by web
                     * chat, in the same session: json {"expires_at"} */
};

/* What a human does. Answered once by done(), never from inside the call. */
struct td_desk_request {
    uint32_t size;
    enum td_desk_op op;
    const char *id; /* the same id again gets the same answer and does nothing else; NULL: none */
    const char *handoff, *session;
    /* Conf name with TD_DESK_HUMANS, else the name the desk has for them, or NULL but for
     * TD_OP_ACCEPT: who has it. */
    const char *human;
    const struct td_message *message;
    const char *text;
    const char *queue, *to_human;
    const char *wrapup; /* JSON object */
    int on;
    uint64_t before; /* a seq. TD_OP_GET: the transcript before it, 0: the newest; TD_OP_READ */
};

/* TD_OK; TD_REJECT: `code` "not_found", "taken", "not_yours", "not_eligible", "over", "bad_request",
 * "no_agent", "full", "no_page" (TD_OP_BRIDGE: the channel's conf names none); TD_AUTH: no such human; TD_RETRY: busy. Durable when it comes. */
struct td_desk_done {
    uint32_t size;
    enum td_status status;
    const char *code, *detail; /* NULL when TD_OK */
    const char *holder;        /* with "taken": who has it */
    const char *handoff, *session;
    uint64_t seq;              /* TD_OP_MESSAGE, TD_OP_NOTE: its place */
    const char *json;
    uint32_t retry_after_ms;
};

/* What the customer, or in a watched session anybody, said. `delta` above 0: it was added while the
 * handoff waits, and is the so many-th addition to the package. */
struct td_relay {
    uint32_t size;
    const char *handoff, *session;
    const struct td_message *message; /* with its seq; author says who */
    uint32_t delta;
};

enum td_desk_event_type {
    TD_DESK_TYPING,  /* the customer: on */
    TD_DESK_QUEUE,   /* position changed: position, wait_ms, waiting */
    TD_DESK_LEASE,   /* the human's lease ends in wait_ms unless they do something */
    TD_DESK_TAKEN,   /* another human has it now: human; those who were offered it may forget it */
    TD_DESK_READ,    /* the customer has read up to seq */
    TD_DESK_SAID,    /* relay: of a watched session, or what another human of this desk said */
    TD_DESK_PRESENCE, /* human, text */
};

struct td_desk_event {
    uint32_t size;
    enum td_desk_event_type type;
    const char *handoff, *session, *queue, *human, *text;
    const struct td_relay *relay;
    uint32_t position, waiting;
    int64_t wait_ms;
    uint64_t seq;
    int on;
};

struct td_desk_ops {
    uint32_t size;
    enum td_status (*open)(const struct td_host *host, struct td_instance *inst, const void *conf,
                           void **self_r, struct td_error *err);
    void (*offer)(void *self, uint64_t job, const struct td_handoff *handoff);
    void (*relay)(void *self, uint64_t job, const struct td_relay *relay); /* sent() answers it */
    /* It is over for this desk: outcome "returned", "closed", "left", "timeout", "transferred",
     * "taken", "cancelled", "declined". An offer() or relay() that is still open is answered all
     * the same. After it the desk MUST NOT act on the handoff of its own accord; what a human still
     * does with it is answered by done() with "over". */
    void (*release)(void *self, const char *handoff, const char *outcome);
    void (*event)(void *self, const struct td_desk_event *event); /* MAY be NULL */
    void (*done)(void *self, uint64_t job, const struct td_desk_done *done);
    void (*close)(void *self);
    void (*filed)(void *self, uint64_t job, const struct td_filed *filed); /* MAY be NULL */
    const struct td_package_limits *limits; /* NULL: JSON of 4096 bytes */
    void (*kept)(void *self, uint64_t job, const struct td_kept *kept); /* 0.4, for keep() */
};

/* ---- The host ---------------------------------------------------------------------------- */

struct td_host {
    uint32_t size;

    const char *(*name)(struct td_instance *inst); /* of the section: the X of [channel X] */
    void (*log)(struct td_instance *inst, enum td_level level, const char *fmt, ...) TD_PRINTF(3, 4);
    /* Adds to the counter tandem_plugin_<what>_total{instance}; what: [a-z_], at most 32 names. */
    void (*count)(struct td_instance *inst, const char *what, uint64_t n);
    /* A key of this instance's own, kept with the store: the same after every restart. */
    void (*key)(struct td_instance *inst, const char *purpose, uint8_t out[32]);
    int64_t (*now)(struct td_instance *inst); /* wall clock, ms */

    /* Channels. delivery and job are the plugin's own numbers; deliver() and attach() are
     * answered by accepted() and attached(), once each, never from inside the call. */
    void (*deliver)(struct td_instance *inst, uint64_t delivery, const struct td_inbound *in);
    void (*attach)(struct td_instance *inst, uint64_t job, const struct td_attach *attach);
    void (*detach)(struct td_instance *inst, const char *session); /* the last socket went */
    void (*event)(struct td_instance *inst, const struct td_event *event);
    void (*sent)(struct td_instance *inst, uint64_t job, const struct td_sent *sent);

    /* Agents. */
    void (*answer)(struct td_instance *inst, uint64_t job, const struct td_answer *answer);

    /* Loop. A timer fires once and is then gone: set the pointer to NULL first in the callback. */
    struct td_timer *(*timer_add)(struct td_instance *inst, uint32_t ms, void (*cb)(void *arg),
                                  void *arg);
    void (*timer_del)(struct td_timer **timer); /* NULL is fine */
    struct td_watch *(*watch_fd)(struct td_instance *inst, int fd, int want_read, int want_write,
                                 void (*cb)(void *arg, int readable, int writable), void *arg);
    void (*watch_del)(struct td_watch **watch);
    /* From any thread: run fn on the loop thread. TD_RETRY: 10,000 are waiting already. */
    enum td_status (*post)(struct td_instance *inst, void (*fn)(void *arg), void *arg);

    /* Network. http_start: NULL when the request cannot even be queued (cb is not called then). */
    struct td_http *(*http_start)(struct td_instance *inst, const struct td_http_request *request,
                                  td_http_cb *cb, void *arg);
    void (*http_cancel)(struct td_http **http); /* NULL is fine */
    /* path: exact, or a prefix when it ends in '/'. TD_CONF when it is taken. */
    enum td_status (*route)(struct td_instance *inst, const char *path, td_web_cb *cb, void *arg);
    void (*reply)(struct td_instance *inst, uint64_t request, const struct td_web_reply *reply);
    enum td_status (*ws_listen)(struct td_instance *inst, const struct td_ws_conf *conf,
                                const struct td_ws_ops *ops, void *arg);
    void (*ws_send)(struct td_instance *inst, uint64_t conn, const char *text, size_t len);
    void (*ws_close)(struct td_instance *inst, uint64_t conn, int code, const char *reason);

    /* 0.2, agents. The next part of the answer to an open job, to be shown before answer() brings
     * the whole; it does not answer the job. The parts of one answer() together are at most
     * 256 KiB; what goes over that, or belongs to a turn that is over, is dropped and counted. Once
     * a part has been shown, an answer() with TD_RETRY counts as TD_FAIL: it is not asked again. */
    void (*delta)(struct td_instance *inst, uint64_t job, const char *text);

    /* 0.3. Takes the bytes (copied) in; the instance's filed() answers, never from inside. job is the
     * plugin's own number. After close() nothing is answered. */
    void (*file)(struct td_instance *inst, uint64_t job, const struct td_file *file);
    /* 0.3. Desks. */
    void (*offered)(struct td_instance *inst, uint64_t job, const struct td_offered *offered);
    void (*desk)(struct td_instance *inst, uint64_t job, const struct td_desk_request *request);
    /* The conf name of the human with this bearer token who works at this desk; NULL: nobody.
     * Takes the same time for every wrong token. Borrowed until the plugin returns to the loop. */
    const char *(*human)(struct td_instance *inst, const char *token);
    /* 0.3. route() with bodies of its own size and a look at the head before the body is read. */
    enum td_status (*route_with)(struct td_instance *inst, const struct td_web_route *route,
                                 td_web_cb *cb, void *arg);
    /* 0.3. Instead of reply(). Of a route() above a WebSocket's own path, a GET of that path that
     * accepts text/event-stream is asked, too: the same events both ways. What is sent to a stream
     * that is closed already is dropped. */
    void (*stream)(struct td_instance *inst, uint64_t request, const struct td_web_stream *stream);
    void (*stream_send)(struct td_instance *inst, uint64_t request, const char *text, size_t len);
    void (*stream_end)(struct td_instance *inst, uint64_t request);
    /* 0.4. Puts, deletes, gets, scans what this instance keeps; its kept() answers, never from
     * inside. job is the plugin's own number. After close() nothing is answered. */
    void (*keep)(struct td_instance *inst, uint64_t job, const struct td_keep *keep);
    /* 0.4. How the instance is, in a line for the operator, in place of the one before: what
     * `tandemctl channels` shows beside its state while it is open. At most 255 bytes are shown. */
    void (*report)(struct td_instance *inst, const char *text);
    /* 0.5. Something has happened that an operator wants to know at once: it is logged, and goes to
     * who reads the events (`tandemctl tail`) as one of type "notice". what: a word of [a-z_];
     * text: a sentence, at most 511 bytes of it are shown. */
    void (*notice)(struct td_instance *inst, enum td_level level, const char *what,
                   const char *text);
};

/* ---- The descriptor ---------------------------------------------------------------------- */

struct td_plugin {
    uint32_t size;
    uint16_t abi_major, abi_minor;
    enum td_kind kind;
    const char *name;    /* the file's name without .so, and without agent_ or desk_ */
    const char *version; /* the plugin's own */
    uint64_t caps;       /* enum td_channel_caps, enum td_desk_caps */
    const void *ops;     /* struct td_channel_ops, td_agent_ops or td_desk_ops, by kind */
    size_t conf_size;    /* bytes of the conf struct; 0: no keys */
    const struct td_conf_key *conf_keys; /* ends in TD_CONF_END */
    uint32_t conf_key_size;              /* sizeof(struct td_conf_key) when it was built */
};

#if defined(__GNUC__)
#define TD_EXPORT __attribute__((visibility("default")))
#else
#define TD_EXPORT
#endif

#define TD_PLUGIN_DEFINE(...)                                                              \
    extern TD_EXPORT const struct td_plugin td_plugin_0;                                   \
    const struct td_plugin td_plugin_0 = { .size = sizeof(struct td_plugin),               \
                                           .abi_major = TD_ABI_MAJOR,                      \
                                           .abi_minor = TD_ABI_MINOR,                      \
                                           .conf_key_size = sizeof(struct td_conf_key),    \
                                           __VA_ARGS__ }

#ifdef __cplusplus
}
#endif
#endif
