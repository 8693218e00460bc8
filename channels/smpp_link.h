/*
 * smpp_link.h - a TCP or TLS connection to a provider.
 *
 * Layer: channels/sms_smpp. Nothing blocks: names are looked up on a thread of the link's own, which
 * link_close() joins: it waits only when the instance closes in the middle of a look-up. What is written waits in memory until the peer takes it.
 */
#ifndef SMPP_LINK_H
#define SMPP_LINK_H

#include <openssl/ssl.h>
#include <stddef.h>
#include <stdint.h>

#include <tandem/plugin.h>

struct link;

struct link_ops {
    void (*up)(void *arg);
    void (*data)(void *arg, const uint8_t *bytes, size_t len);
    /* Once, never from inside a call; after it link_close() is all that may be called. */
    void (*down)(void *arg, const char *why);
};

/* tls NULL: plain. name: a host name or an address. All are borrowed until link_close(). */
struct link *link_open(const struct td_host *host, struct td_instance *inst, const char *name,
                       int port, SSL_CTX *tls, const struct link_ops *ops, void *arg);
void link_write(struct link *link, const void *bytes, size_t len);
size_t link_waiting(const struct link *link); /* bytes that the peer has not taken */
/* Waits at most so long for what is written to leave and for the peer to close. */
void link_finish(struct link *link, int ms);
void link_close(struct link **link); /* NULL is fine */

#endif
