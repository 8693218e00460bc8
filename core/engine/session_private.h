/* session_private.h - writing the state; for apply.c, session.c and snapshot.c only. */
#ifndef ENGINE_SESSION_PRIVATE_H
#define ENGINE_SESSION_PRIVATE_H

#include "engine/session.h"

/* Makes room when the window is full: the oldest that nobody needs any more go. */
void session_drop_oldest(struct session *session);
/* A new newest message, zeroed but for seq and at. */
struct session_message *session_add_message(struct session *session, uint64_t seq, int64_t at);
struct session_message *session_message_mutable(struct session *session, uint64_t seq);
void session_set_text(struct session_message *message, const struct record_body *body);
void session_set_customer(struct session *session, const struct record_body *body);
/* The state of the agent that has not answered for longest makes place for a fifth. */
void session_set_state(struct session *session, const char *agent, uint64_t seq,
                       const char *state);

void session_set(char **field, const char *value); /* a copy; NULL stays NULL */
void session_fini_desk(struct session *session);   /* session_desk.c */
void session_fini_promise(struct session_promise *promise);
void session_drop_results(struct session *session);
/* A new newest one, zeroed; the caller has looked that there is room. Most sessions have none. */
struct session_promise *session_add_promise(struct session *session);
struct session_control *session_add_control(struct session *session);
struct session_step *session_add_step(struct session *session); /* the oldest may go */
struct session_result *session_add_result(struct session *session);
/* An agent's answer: what it is about (NULL: what the last one was about), and its decision. */
void session_set_intent(struct session *session, const char *name, int decision);

/* apply_handoff.c: what a record does to handoffs, promises and what goes with them. */
void apply_handoff(struct session *session, const struct record *record);

/* receipt.c: how far a record moves the two marks. */
void receipt_apply(struct session_receipt *receipt, const struct record *record);

/* snapshot_handoff.c: members of the snapshot's two objects. */
struct td_json;
struct arena;
struct cJSON;
void snapshot_put_handoff(struct td_json *j, const struct session *session);
void snapshot_put_handoff_body(struct td_json *j, const struct session *session);
int snapshot_get_handoff(struct session *session, const struct cJSON *object, struct err *err);
int snapshot_get_handoff_body(struct session *session, const struct cJSON *object,
                              struct arena *arena, struct err *err);
void snapshot_put_id(struct td_json *j, const char *key, const struct ulid *id);

#endif
