/*
 * addr.h - addresses of the Internet: as text, in networks, and which of them are public.
 *
 * Layer: io. Pure, but for addr_of_socket(). Every address is a struct in6_addr; IPv4 stands in it
 * as ::ffff:a.b.c.d.
 */
#ifndef IO_ADDR_H
#define IO_ADDR_H

#include <netinet/in.h>
#include <stddef.h>
#include <sys/socket.h>

struct err;

struct net {
    struct in6_addr addr;
    unsigned bits; /* of 128 */
};

int addr_parse(const char *text, size_t len, struct in6_addr *addr_r);
int addr_parse_net(const char *text, struct net *net_r, struct err *err);
int addr_in(const struct in6_addr *addr, const struct net *nets, size_t n);
int addr_is_loopback(const struct in6_addr *addr);
/* A host of the Internet may have it: it is none of this machine, this network, or nobody. */
int addr_is_public(const struct in6_addr *addr);
void addr_format(const struct in6_addr *addr, char text[INET6_ADDRSTRLEN]);
/* -1: it is of neither version. */
int addr_of(const struct sockaddr_storage *from, struct in6_addr *addr_r);
void addr_of_socket(int fd, struct in6_addr *addr_r); /* of its peer; loopback when it has none */

#endif
