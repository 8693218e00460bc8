/* addr.c - addresses of the Internet. */
#include "config.h"
#include "io/addr.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"

static void map_v4(const void *v4, struct in6_addr *addr_r)
{
    *addr_r = (struct in6_addr){ .s6_addr = { [10] = 0xff, [11] = 0xff } };
    memcpy(addr_r->s6_addr + 12, v4, 4);
}

/* "1.2.3.4", "1.2.3.4:567", "::1", "[::1]", "[::1]:567". */
int addr_parse(const char *text, size_t len, struct in6_addr *addr_r)
{
    char copy[INET6_ADDRSTRLEN + 8], *s = copy, *end;
    struct in_addr v4;

    if (len == 0 || len >= sizeof copy)
        return -1;
    memcpy(copy, text, len);
    copy[len] = '\0';
    if (s[0] == '[') {
        end = strchr(++s, ']');
        if (end == NULL || (end[1] != '\0' && end[1] != ':'))
            return -1;
        *end = '\0';
    } else if ((end = strchr(s, ':')) != NULL && strchr(end + 1, ':') == NULL) {
        *end = '\0';
    }
    if (inet_pton(AF_INET6, s, addr_r) == 1)
        return 0;
    if (inet_pton(AF_INET, s, &v4) != 1)
        return -1;
    map_v4(&v4, addr_r);
    return 0;
}

int addr_parse_net(const char *text, struct net *net_r, struct err *err)
{
    const char *slash = strchr(text, '/');
    size_t len = slash != NULL ? (size_t)(slash - text) : strlen(text);
    unsigned long bits = 128;
    char *end = NULL;

    if (addr_parse(text, len, &net_r->addr) < 0)
        return err_set(err, "'%s' is not an address or a network (10.0.0.0/8)", text);
    if (slash != NULL) {
        bits = strtoul(slash + 1, &end, 10);
        if (IN6_IS_ADDR_V4MAPPED(&net_r->addr))
            bits += 96;
        if (slash[1] < '0' || slash[1] > '9' || *end != '\0' || bits > 128)
            return err_set(err, "'%s' is not a network: the number after / is wrong", text);
    }
    net_r->bits = (unsigned)bits;
    return 0;
}

int addr_in(const struct in6_addr *addr, const struct net *nets, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        unsigned whole = nets[i].bits / 8, rest = nets[i].bits % 8;
        const uint8_t *a = addr->s6_addr, *b = nets[i].addr.s6_addr;

        if (memcmp(a, b, whole) == 0 &&
            (rest == 0 || ((a[whole] ^ b[whole]) & (0xff00 >> rest) & 0xff) == 0))
            return 1;
    }
    return 0;
}

int addr_is_loopback(const struct in6_addr *addr)
{
    return IN6_IS_ADDR_LOOPBACK(addr) ||
           (IN6_IS_ADDR_V4MAPPED(addr) && addr->s6_addr[12] == 127);
}

void addr_format(const struct in6_addr *addr, char text[INET6_ADDRSTRLEN])
{
    if (IN6_IS_ADDR_V4MAPPED(addr))
        inet_ntop(AF_INET, addr->s6_addr + 12, text, INET6_ADDRSTRLEN);
    else
        inet_ntop(AF_INET6, addr, text, INET6_ADDRSTRLEN);
}

int addr_of(const struct sockaddr_storage *from, struct in6_addr *addr_r)
{
    if (from->ss_family == AF_INET)
        map_v4(&((const struct sockaddr_in *)from)->sin_addr, addr_r);
    else if (from->ss_family == AF_INET6)
        *addr_r = ((const struct sockaddr_in6 *)from)->sin6_addr;
    else
        return -1;
    return 0;
}

void addr_of_socket(int fd, struct in6_addr *addr_r)
{
    struct sockaddr_storage peer;
    socklen_t len = sizeof peer;

    if (getpeername(fd, (struct sockaddr *)&peer, &len) < 0 || addr_of(&peer, addr_r) < 0)
        *addr_r = in6addr_loopback;
}

/* ---- Public ------------------------------------------------------------------------------- */

/* IANA's registries of special addresses, as far as no host of the Internet has one. */
int addr_is_public(const struct in6_addr *addr)
{
#define V4(a, b, c, bits) { { .s6_addr = { [10] = 0xff, [11] = 0xff, a, b, c } }, 96 + (bits) }
#define V6(a, b, c, d, bits) { { .s6_addr = { a, b, c, d } }, bits }
    static const struct net global[] = { V6(0x20, 0, 0, 0, 3), V4(0, 0, 0, 0) };
    static const struct net special[] = {
        V4(0, 0, 0, 8),         /* this network */
        V4(10, 0, 0, 8),        /* private */
        V4(100, 64, 0, 10),     /* a provider's own */
        V4(127, 0, 0, 8),       /* loopback */
        V4(169, 254, 0, 16),    /* link-local; the metadata of clouds */
        V4(172, 16, 0, 12),     /* private */
        V4(192, 0, 0, 24),      /* protocols */
        V4(192, 0, 2, 24),      /* documentation */
        V4(192, 88, 99, 24),    /* relays of 6to4 */
        V4(192, 168, 0, 16),    /* private */
        V4(198, 18, 0, 15),     /* benchmarks */
        V4(198, 51, 100, 24),   /* documentation */
        V4(203, 0, 113, 24),    /* documentation */
        V4(224, 0, 0, 3),       /* multicast, reserved, broadcast */
        V6(0x20, 1, 0, 0, 23),  /* protocols, with Teredo, which holds an IPv4 address */
        V6(0x20, 1, 0xd, 0xb8, 32), /* documentation */
        V6(0x20, 2, 0, 0, 16),  /* 6to4, which holds an IPv4 address */
        V6(0x3f, 0xff, 0, 0, 20), /* documentation */
    };
    static const struct net nat64 = V6(0, 0x64, 0xff, 0x9b, 96);
#undef V4
#undef V6
    struct in6_addr behind;

    if (addr_in(addr, &nat64, 1)) { /* it goes to the IPv4 address that it holds */
        map_v4(addr->s6_addr + 12, &behind);
        addr = &behind;
    }
    return addr_in(addr, global, sizeof global / sizeof global[0]) &&
           !addr_in(addr, special, sizeof special / sizeof special[0]);
}
