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

#endif
