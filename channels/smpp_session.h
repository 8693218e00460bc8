/*
 * smpp_session.h - one bind with an SMSC: it comes up, stays up, and comes up again.
 *
 * Layer: channels/sms_smpp. A session connects, binds, asks for signs of life, and after a loss waits
 * longer and longer before it tries again (3.4, 2.2 and 7.2). It carries requests within its window
 * and matches responses; what they mean is its owner's.
 */
#ifndef SMPP_SESSION_H
#define SMPP_SESSION_H

#include <openssl/ssl.h>

#include <tandem/plugin.h>

#include "channels/smpp_pdu.h"

struct session;

struct session_conf {
    const char *host, *system_id, *password, *system_type, *address_range;
    int port;
    uint32_t bind; /* SMPP_BIND_... */
    unsigned window;
    int64_t enquire_ms, response_ms, reconnect_ms, reconnect_max_ms;
};

/* What became of a request. */
enum session_end { SESSION_ANSWERED, SESSION_LATE, SESSION_LOST };

struct session_ops {
    /* A deliver_sm or data_sm of the peer, to be answered by session_answer(). */
    void (*came)(void *arg, struct session *session, const struct smpp_pdu *pdu);
    /* what: as given to session_ask(). pdu: with ANSWERED; else NULL. */
    void (*ended)(void *arg, struct session *session, void *what, enum session_end how,
                  const struct smpp_pdu *pdu);
    /* Bound, or not any more; the window has room again. */
    void (*changed)(void *arg, struct session *session);
};

struct session *session_new(const struct td_host *host, struct td_instance *inst,
                            const struct session_conf *conf, SSL_CTX *tls,
                            const struct session_ops *ops, void *arg); /* NULL: out of memory */
/* Unbinds when it is bound. Requests without an answer are forgotten: nobody is told. */
void session_free(struct session **session);

int session_is_bound(const struct session *session);
int session_can_ask(const struct session *session); /* bound to transmit, and the window has room */
unsigned session_in_flight(const struct session *session);
const char *session_state(const struct session *session); /* a word, or why it is down */
/* Of this connection; another one later has another number. 0: it is not bound. */
uint64_t session_generation(const struct session *session);
/* The newest answer of the peer came when all that was sent before `mark` had been read. */
uint64_t session_mark(struct session *session);
uint64_t session_confirmed(const struct session *session);
void session_enquire(struct session *session); /* now, out of turn, when it is bound */

/* Sends a request; its sequence is set. 0; -1: it cannot be encoded, and nothing was sent. */
int session_ask(struct session *session, struct smpp_pdu *pdu, void *what);
void session_answer(struct session *session, uint64_t generation, uint32_t command,
                    uint32_t sequence, uint32_t status);

#endif
