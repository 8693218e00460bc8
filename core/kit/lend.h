/*
 * lend.h - memory that is lent to a plugin for one call: every struct and text stands alone at the
 * end of a page, and is gone when the call is over.
 *
 * Layer: kit. Threads: one. A touch beyond an object, or of any object after lend_revoke(), is a
 * SIGSEGV in the region, which lend_whose() tells apart. Structs have the size they were born with:
 * a reader of younger fields must ask TD_HAS(). But for
 * desks, which no host older than 0.3 has: their messages are those of 0.3.
 */
#ifndef KIT_LEND_H
#define KIT_LEND_H

#include <tandem/plugin.h>

enum lend_touch { LEND_NOT_OURS, LEND_BEYOND, LEND_REVOKED };

int lend_init(void); /* -1: no address space */
void lend_to(enum td_kind kind); /* of the plugin; until then: a channel */
void lend_revoke(void); /* everything that is lent */
enum lend_touch lend_whose(const void *address); /* may be called in a signal handler */

const char *lend_text(const char *text); /* NULL gives NULL */
const struct td_message *const *lend_messages(const struct td_message *messages, size_t n);
const struct td_outbound *lend_outbound(const struct td_outbound *out);
const struct td_accepted *lend_accepted(const struct td_accepted *accepted);
const struct td_attached *lend_attached(const struct td_attached *attached);
const struct td_event *lend_event(const struct td_event *event);
const struct td_filed *lend_filed(const struct td_filed *filed);
const struct td_kept *lend_kept(const struct td_kept *kept);
const struct td_handoff *lend_handoff(const struct td_handoff *handoff);
const struct td_relay *lend_relay(const struct td_relay *relay);
const struct td_desk_event *lend_desk_event(const struct td_desk_event *event);
const struct td_desk_done *lend_done(const struct td_desk_done *done);
const struct td_turn *lend_turn(const struct td_turn *turn); /* its messages are lent already */
const struct td_http_response *lend_response(const struct td_http_response *response);
const struct td_web_request *lend_request(const struct td_web_request *request);

#endif
