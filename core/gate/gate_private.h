/*
 * gate_private.h - what the files of the gate share. Nobody else includes it.
 *
 * How it hangs together: an item is one event and who waits for what comes of it; items of a
 * session stand in the mailbox of its slot. The pump runs every slot that has something to do,
 * always from the loop and never from inside a call of a plugin, so that nothing re-enters.
 * A slot has at most one operation of the store under way; no step runs meanwhile.
 */
#ifndef GATE_GATE_PRIVATE_H
#define GATE_GATE_PRIVATE_H

#include <pthread.h>
#include <stddef.h>
#include <stdint.h>

#include <tandem/plugin.h>
#include <uthash.h>

#include "base/buf.h"
#include "base/log.h"
#include "engine/engine.h"
#include "files/files.h"
#include "gate/gate.h"
#include "gate/instance_private.h"
#include "store/store.h"

struct arena;
struct loop_timer;

#define MAX_ID 128
#define MAX_ADDRESS 320
#define MAX_NAME 256
#define MAX_TEXT 65536
#define MAX_CHOICES 50
#define MAX_ANSWER 262144 /* texts of one answer together */
#define MAX_ITEMS 20000 /* events that wait in all mailboxes together */

#define BUSY_MS 500  /* what a channel is told to wait when a session or the cache is full */
#define FULL_MS 2000 /* .. when the store is */

/* ---- Policy ------------------------------------------------------------------------------ */

struct policy_ref {
    unsigned refs;
    const struct policy *policy;
    void (*release)(const struct policy *policy);
};

struct policy_ref *policy_hold(struct gate *gate);
void policy_drop(struct policy_ref **ref);

/* ---- Items ------------------------------------------------------------------------------- */

enum item_kind {
    ITEM_DELIVER,  /* answered with accepted() */
    ITEM_ATTACH,   /* answered with attached() */
    ITEM_CHANNEL,  /* an event of a channel: nobody waits, it may be dropped */
    ITEM_INTERNAL, /* must not be lost */
    ITEM_OPERATOR, /* answered with fn */
    ITEM_DESK,     /* answered with done() */
    ITEM_LOOK,     /* look() is called with the slot, nothing is decided */
};

struct slot;

struct item {
    struct item *next;
    enum item_kind kind;
    struct arena *arena; /* its content, and itself */
    struct event event;
    struct td_instance *inst; /* DELIVER, ATTACH, CHANNEL */
    unsigned generation;
    uint64_t job; /* the plugin's number of it */
    int64_t came_us;
    int by_peer;
    uint8_t dedupe[STORE_KEY];
    const struct td_attach *attach;
    gate_json_fn *fn;
    void *arg;
    void (*look)(struct item *item, struct slot *slot); /* slot NULL: there is no such session */
    const struct refusal *refusal; /* of one that never got to a session */
    void (*over)(struct gate *gate); /* called when it is done with, whatever came of it */
    const struct td_desk_done *done; /* DESK: the answer that is known already */
    const char *reserved; /* DESK: the human whose load it counts against meanwhile */
    int has_files; /* its attachments are this session's, and all that is known of them is there */
    int shown; /* ANSWER: the customer saw it begin */
    const char *secret; /* ATTACH: of the token it shows */
    struct ulid origin; /* INTERNAL: the session that wants to know whether its customer was told */
    uint64_t late; /* the web request that brought this answer and waits; 0: none */
    struct step step;
    struct policy_ref *policy;
};

struct item *item_new(struct gate *gate, enum item_kind kind, enum event_type type);
void item_free(struct gate *gate, struct item **item);
/* Answers who waits with anything but success. */
void item_refuse(struct gate *gate, struct item *item, enum td_status status, const char *detail,
                 uint32_t retry_after_ms);

/* ---- Slots ------------------------------------------------------------------------------- */

enum slot_state { SLOT_FINDING, SLOT_LOADING, SLOT_READY };
enum slot_op { OP_NONE, OP_FIND, OP_LOAD, OP_APPEND, OP_REPLAY, OP_FILES };

struct mark {
    struct mark *next;
    struct store_record record;
};

/* What waits to leave. */
struct out {
    struct out *next;
    int is_send;
    uint64_t seq; /* of the reply; of the event, 0: none */
    int maybe_duplicate;
    int doubted; /* the journal is being told that it leaves again */
    unsigned tries;
    enum td_event_type type;
    enum td_delivery status;
    uint64_t of;
    int on;
    enum td_owner_kind owner;
    char *owner_name, *text, *turn;
    uint32_t position;
    int64_t wait_ms;
    struct ulid promise;
    int64_t due;
    enum promise_state promise_state;
};

struct slot {
    UT_hash_handle hh;         /* by id */
    UT_hash_handle hh_address; /* by address */
    struct slot *lru_prev, *lru_next;
    struct slot *run_prev, *run_next;   /* has something to do */
    struct slot *mark_prev, *mark_next; /* has marks that are not on disk */
    struct slot *hot_prev, *hot_next;   /* the store holds a wake_at that is too early */
    struct gate *gate;
    struct ulid id;
    char text[ULID_TEXT];
    struct log_ctx log;
    uint8_t address[STORE_ADDRESS];
    unsigned has_id : 1, has_address : 1, queued : 1, marked : 1, hot : 1, evicting : 1, away : 1,
        soon : 1;
    enum slot_state state;
    enum slot_op op;
    int counted; /* the phase it is counted under in the metrics */
    int64_t used_ms; /* monotonic */

    struct session session;
    uint64_t durable_seq, snapshot_seq;
    int64_t stored_wake; /* what the store holds; STORE_WAKE_KEEP: not known */

    struct item *items, **items_end;
    size_t n_items;
    struct item *current; /* taken out of the mailbox: its operation is under way */
    struct append *append;
    struct arena *op_arena; /* of an operation without an item */
    struct loop_timer *hold; /* the store is full: the first item is tried again then */
    unsigned hold_tries;

    struct arena *marks_arena;
    struct mark *marks, **marks_end;
    size_t n_marks, marks_most; /* marks_most: so many are written at once */
    int64_t marks_ms; /* monotonic: since when the oldest waits */

    struct out *outs, **outs_end;
    size_t n_outs;
    uint64_t out_queued, out_done; /* newest reply that was queued; that the channel has answered */
    uint64_t out_job;              /* under way; 0: none */
    struct loop_timer *out_timer;
    struct td_instance *channel; /* looked up on first use */

    uint64_t ask_job; /* under way; 0: none */
    struct desk_link *desk; /* what is under way with a desk; NULL: nothing yet */
    struct stream *stream; /* of ask_job; NULL: none */
    struct loop_timer *timer;
    int64_t timer_at, timer_floor; /* wall */
    unsigned timer_queued : 1;
};

/* In memory already, or NULL. */
struct slot *slot_get(struct gate *gate, const struct ulid *id);
struct slot *slot_get_address(struct gate *gate, const uint8_t address[STORE_ADDRESS]);
/* A slot that loads itself; NULL when there is no room and `must` is 0. */
struct slot *slot_load(struct gate *gate, const struct ulid *id, int must);
struct slot *slot_find(struct gate *gate, const uint8_t address[STORE_ADDRESS]);
struct slot *slot_fresh(struct gate *gate); /* of a session that does not exist yet */
/* The session of `slot` is over: a fresh one gets its address and what came by it. */
struct slot *slot_succeed(struct slot *slot);
void slot_reload(struct slot *slot);
void slot_add(struct slot *slot, struct item *item);
void slot_add_first(struct slot *slot, struct item *item);
struct item *slot_take(struct slot *slot);
int slot_is_crowded(const struct slot *slot);
void slot_wake(struct slot *slot); /* the pump will look at it */
void slot_unqueue(struct slot *slot);
void slot_used(struct slot *slot);
void slot_count_phase(struct slot *slot);
void slot_heat(struct slot *slot, int on);
/* Frees it when nothing is known or waited for; 1: it is gone. */
int slot_drop_if_void(struct slot *slot);
void slot_make_room(struct gate *gate);
int slot_is_idle(const struct slot *slot); /* nothing under way, nothing waits */
void slot_evicted(struct slot *slot, int stored); /* its last append has ended */
void slot_stop(struct slot *slot); /* its timers */
void slot_free(struct slot *slot);

/* ---- Mailbox ----------------------------------------------------------------------------- */

struct append {
    struct store_batch batch;
    struct store_snapshot snapshot;
    size_t n_marks;
};

void mailbox_run(struct slot *slot);
/* The operation OP_FILES has ended; TD_OK, or why the item cannot go on. 1: the slot must not be
 * touched any more. */
int mailbox_go_on(struct slot *slot, enum td_status status, const char *why);
void mailbox_replayed(struct slot *slot); /* the operation of an ATTACH has ended */
void mailbox_appended(void *slot, const struct store_result *result); /* a store_append_fn */

/* ---- Journal ----------------------------------------------------------------------------- */

#define MARKS_FLUSH 64 /* so many are written without waiting for the tick */

void journal_mark(struct slot *slot, const struct record *record);
void journal_marks_drop(struct slot *slot);
/* The marks that wait and the step of the item, as one batch; mailbox_appended() hears of it. */
void journal_append(struct slot *slot, struct item *item);
/* Writes what is pending; exact: the wake_at too; snapshot: the state as well. 1: an append is
 * under way, 0: there is nothing to write. */
int journal_flush(struct slot *slot, int exact, int snapshot);
void journal_settle(struct slot *slot, const struct append *append); /* it is durable */
/* Appends the facts as operators see them: as stored, and what their numbers mean in "names". */
void journal_show(const struct store_record *stored, struct buf *out);

/* ---- The rest ---------------------------------------------------------------------------- */

/* NULL, or why it cannot be taken: a sentence. The copy is made in the arena. */
const char *copy_inbound(struct arena *arena, const struct td_inbound *in, struct event *event);
const char *copy_attach(struct arena *arena, const struct td_attach *attach, struct item *item);
const struct td_answer *copy_answer(struct arena *arena, const struct td_answer *answer,
                                    const char **flaw_r);

/* Choices, attachments (their ids), parts and raw of a message; NULL, or why not. */
const char *copy_content(struct arena *arena, const struct td_message *from, struct td_message *to);
int copy_is_good(const char *text, size_t max); /* UTF-8 of at most max bytes; NULL is */
const char *copy_message(struct arena *arena, const struct td_message *from,
                         const struct td_message **message_r);
const char *copy_detail(const char *detail); /* borrowed, or a sentence that it is no good */

void inbound_deliver(struct td_instance *inst, uint64_t delivery, const struct td_inbound *in);
void inbound_attach(struct td_instance *inst, uint64_t job, const struct td_attach *attach);
/* The item goes to the session of the customer it is `from`, opened or not. */
void inbound_tell(struct td_instance *inst, struct item *item);
/* The key of a control operation in the store: of its id, in its session. */
void inbound_control_key(struct slot *slot, const char *id, uint8_t key[STORE_KEY]);
void inbound_detach(struct td_instance *inst, const char *session);
void inbound_event(struct td_instance *inst, const struct td_event *event);

/* Desks. */
struct desk_link;
void desk_offer(struct slot *slot); /* the state's handoff, to its desk */
void desk_offered(struct td_instance *inst, uint64_t job, const struct td_offered *offered);
void desk_relay(struct slot *slot, uint64_t of, uint32_t delta);
void desk_sent(struct td_instance *inst, uint64_t job, const struct td_sent *sent);
void desk_run(struct slot *slot);
void desk_release(struct slot *slot, const struct effect *effect);
void desk_event(struct slot *slot, const struct effect *effect);
void desk_tell(struct td_instance *inst, const struct td_desk_event *event); /* NULL: nobody */
/* The package of the state's handoff as this desk may see it; in the arena. */
const char *desk_package(const struct slot *slot, const struct td_instance *inst,
                         struct arena *arena);
void desk_opened(struct td_instance *inst);
void desk_closed(struct td_instance *inst, struct job *job);
void desk_overdue(struct td_instance *inst, struct job *job);
int desk_is_idle(const struct slot *slot);
void desk_stop(struct slot *slot); /* its timers */
void desk_free(struct slot *slot);

struct board;
struct board *board_new(void);
void board_free(struct board **board);
int board_has(const struct slot *slot); /* its session has a handoff that waits or is live */
void board_update(struct slot *slot);
void board_record(struct slot *slot, const struct record *record);
/* Fills in what ended before the last stop, out of the journals; in the background. */
void board_load(struct gate *gate);
void board_said(struct slot *slot, const struct record *record);
/* 1: the queue cannot take one more; outcome_r says why. */
int board_cannot(const struct slot *slot, enum offered_outcome *outcome_r);
void board_place(const struct slot *slot, uint32_t *position_r, int64_t *wait_ms_r);
/* Available, and with room: work may be given to them unasked. */
int board_is_free(struct gate *gate, const char *human);
void board_alive(struct gate *gate, const char *human, int renew); /* they were heard of */
void board_unwatch(struct gate *gate, const struct td_instance *inst, const struct ulid *session);
void board_tick(struct gate *gate, int64_t now_ms);

void request_desk(struct td_instance *inst, uint64_t job, const struct td_desk_request *request);
int request_judge(struct slot *slot, struct item *item); /* 1: it is answered already */
void request_reject(struct item *item, const char *code, const char *detail, const char *holder);
void request_done(struct slot *slot, struct item *item);
void request_refused(struct item *item, enum td_status status, const char *detail,
                     uint32_t retry_after_ms);
void transcript_read(struct slot *slot, struct item *item, uint64_t before);
/* A link to all that was said: {"transcript":[..],"next":link or null}, the newest page first. */
char *transcript_url(const struct slot *slot, struct arena *arena);
void transcript_open(struct gate *gate);

void keep_keep(struct td_instance *inst, uint64_t job, const struct td_keep *what);

void attachments_file(struct td_instance *inst, uint64_t job, const struct td_file *file);
int attachments_wanted(const struct item *item); /* it names files that are not looked up yet */
int attachments_take(struct slot *slot); /* looks them up; ends as mailbox_go_on() does */
void attachments_sweep(struct gate *gate);
void attachments_stop(struct gate *gate);

/* A message as this instance gets it: files with fresh links, or as words when it cannot show them.
 * Itself when there is nothing to change; memory from the arena. */
const struct td_message *links_show(const struct td_instance *inst, const struct td_message *message,
                                    struct arena *arena);
/* The same, but files are shown whatever it can. */
const struct td_message *links_files(const struct gate *gate, const struct td_message *message,
                                     struct arena *arena);
const struct td_turn *links_turn(const struct td_instance *inst, const struct td_turn *turn,
                                 struct arena *arena);
void links_attachment(const struct gate *gate, const struct file_info *info, struct arena *arena,
                      struct td_attachment *file_r);
void links_open(struct gate *gate);
#define LINKS_FILES "/files/"
/* A signed link to what stands at `prefix` under this id; NULL: there are no links yet. */
char *links_url(const struct gate *gate, const char *prefix, const char *id, struct arena *arena);
/* The id of a link to `prefix` that was followed with GET or HEAD, and what stands behind the
 * signature. 0; 1: it was good once; -1: it is answered. */
int links_judge(struct gate *gate, const struct td_web_request *request, const char *prefix,
                struct ulid *id_r, const char **rest_r);
/* Answers with the file; expired: with a word on it. */
void links_read(struct gate *gate, uint64_t request, const struct ulid *id, int expired);
/* links_short.c: a link to a file in as few letters as it takes; NULL: there are no links yet. */
char *links_short(const struct gate *gate, const char *id, struct arena *arena);
void links_short_open(struct gate *gate);
void links_fail(struct gate *gate, uint64_t request, int status, const char *code,
                const char *message);

void replay_start(struct slot *slot, struct item *item);

void dispatch_ask(struct slot *slot);
void dispatch_unasked(struct slot *slot, const struct waiting *waiting);
void dispatch_cancel(struct slot *slot, const struct ulid *turn);
void dispatch_answer(struct td_instance *inst, uint64_t job, const struct td_answer *answer);
void dispatch_kicked(struct td_instance *inst); /* asks what waits */
void dispatch_closed(struct td_instance *inst, struct job *job);
void dispatch_overdue(struct td_instance *inst, struct job *job, int64_t now_ms);

struct job *job_add(struct td_instance *inst, const struct slot *slot, int64_t limit_ms);
struct job *job_find(const struct gate *gate, uint64_t id);
void job_free(struct job *job);
void job_check_all(struct gate *gate, int64_t now_ms);

/* hold.c: 1: it is a quiet hour for the customer, the first message is looked at again later. */
int hold_first(struct slot *slot);
/* How long since at_ms, quiet hours left out. */
int64_t hold_age(const struct slot *slot, int64_t at_ms);

void outbox_send(struct slot *slot, uint64_t seq, int maybe_duplicate);
/* As the customer sees the owner; "" when nobody. */
const char *slot_owner_name(const struct session *session);
void outbox_event(struct slot *slot, const struct effect *effect);
void outbox_run(struct slot *slot);
void outbox_clear(struct slot *slot); /* all but what is under way */
void outbox_move(struct slot *slot);  /* all: the session is another channel's now */
void outbox_fini(struct slot *slot);
void outbox_sent(struct td_instance *inst, uint64_t job, const struct td_sent *sent);
void outbox_closed(struct td_instance *inst, struct job *job);
void outbox_overdue(struct td_instance *inst, struct job *job);

/* What was shown of this turn has no message to come. */
void outbox_void(struct slot *slot, const char *turn);

void stream_delta(struct td_instance *inst, uint64_t job, const char *text);
void stream_run(struct slot *slot); /* shows what is due; nothing may wait in the outbox */
/* Its job is over; replaced: by a message, otherwise what was shown is taken back. */
void stream_end(struct slot *slot, int replaced);
void stream_stop(struct slot *slot); /* its timer */
void stream_free(struct slot *slot);

void late_open(struct gate *gate);
void late_fini(struct gate *gate);
void late_asked(struct job *job);   /* its turn is set */
void late_over(struct job *job);    /* it is about to be freed */
void late_waiting(struct td_instance *inst, const struct waiting *waiting);
uint64_t late_take(struct gate *gate, uint64_t job); /* the request that answers this job; 0: none */
void late_done(struct gate *gate, struct item *item, int taken); /* answers it, once */

void timers_update(struct slot *slot);
void timers_scan(struct gate *gate);
struct resume;
void resume_free(struct resume **resume);
struct drain;
void drain_free(struct drain **drain);

const struct event_control *operator_control(const struct slot *slot, struct item *item);
/* Whose token that is, and its secret; 0, or -1 for what no token looks like. */
int bridge_read(const char *token, struct arena *arena, struct ulid *id_r, const char **secret_r);
/* The number of the session's token, when that is its secret; else NULL. */
const char *bridge_number(const struct slot *slot, const char *secret);
/* What the item's order made is still what the session has. */
int bridge_is_out(const struct slot *slot, const struct item *item);
/* With the secret in its place, when that is a text with a token; said: as in the record. */
const struct td_message *bridge_show(const struct gate *gate, int said,
                                     const struct td_message *from, struct arena *arena);
struct td_json;
void bridge_put_human(const struct slot *slot, struct td_json *j); /* who does not get it */
/* EFFECT_BRIDGE: into the session of the customer on the other channel. */
void bridge_carry(struct slot *slot, const struct effect *effect);
void bridge_answer(struct gate *gate, const struct item *item, int told); /* to its origin */
void bridge_json(const struct slot *slot, const struct item *item, struct buf *out);
void operator_hand_in(struct gate *gate, const struct ulid *id, struct item *item);
void operator_session_json(const struct slot *slot, struct buf *out);
void operator_done(const struct slot *slot, const struct item *item); /* answers the order */

void tally_record(struct slot *slot, const struct record *record); /* before it is applied */

/* Before the records are applied, while they stand; item: whose step is in it, or NULL. */
void listen_journal(const struct slot *slot, const struct append *append, const struct item *item);
void listen_instance(const struct td_instance *inst);
void listen_breaker(struct td_instance *inst);
void listen_notice(const struct td_instance *inst, const char *what, const char *text);

/* ---- The gate ---------------------------------------------------------------------------- */

#define RANDOM_POOL 4096

struct gate {
    struct gate_conf conf;
    unsigned refs; /* its owner, and every callback that is under way */
    int dead;
    struct policy_ref *policy;
    struct gate_files_conf files;
    struct quota *quota;
    struct upload *uploads; /* under way */
    size_t n_uploads, upload_bytes, n_reads;
    int64_t next_file_sweep_ms;
    uint8_t link_key[32];
    uint8_t master[32], address_key[16], scope_key[16], id_key[16], bridge_key[16];

    struct slot *slots, *by_address, *lru, *run, *marked, *marked_soon, *hot;
    size_t n_items, n_run, n_slots; /* slots: those without an id too */
    struct arena **arenas;
    size_t n_arenas;
    struct buf scratch, scratch_body;
    uint8_t random[RANDOM_POOL];
    size_t random_left;
    gate_fact_fn *listener;
    void *listener_arg;
    int pumping; /* a turn of the pump is on its way */

    struct td_instance *instances, *kicked;
    struct board *board;
    struct gate_human *humans; /* own memory */
    size_t n_humans;
    struct job *jobs;
    struct job *asked;   /* by turn: the newest job of each that may be answered late */
    struct past *pasts;  /* turns that were, oldest first */
    uint64_t late_request, late_job; /* during a call of late() */
    uint64_t last_job;
    size_t n_sends; /* under way */
    struct item *refusals, **refusals_end; /* answered on a later turn, without a session */

    pthread_mutex_t post_lock;
    struct post *posts, **posts_end; /* from other threads; guarded by post_lock */
    int post_woken;                  /* guarded by post_lock */

    struct loop_timer *tick;
    int64_t next_scan_ms, next_sweep_ms;
    int scanning;
    struct resume *resume;
    struct drain *drain;
    int draining, drained;
    int64_t full_ms; /* monotonic: when the store last refused; 0: it has taken something since */
};

void gate_ref(struct gate *gate);
void gate_unref(struct gate *gate);
void gate_pump_later(struct gate *gate); /* on a later turn of the loop, once */
/* Answers an item that never got to a session, on a later turn. */
void gate_refuse_later(struct gate *gate, struct item *item, enum td_status status,
                       const char *detail, uint32_t retry_after_ms);
struct arena *gate_arena(struct gate *gate);
void gate_arena_put(struct gate *gate, struct arena **arena);
void gate_random(struct gate *gate, void *p, size_t len);
void gate_ids(struct gate *gate, int64_t now, struct ulid *ids, size_t n);
uint64_t *gate_counter(struct gate *gate, const char *name, const char *label, const char *value);

#endif
