/* contact.c - looks for a phone number or a mail address. */
#include "config.h"

#include "engine/contact.h"

#include <string.h>

#include "base/arena.h"

#define DIGITS "0123456789"
#define LETTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
#define LOCAL LETTERS DIGITS "._%+-"
#define DOMAIN LETTERS DIGITS ".-"
#define BETWEEN " ()-./" /* in a number */
#define MOST 254         /* bytes of an address */

/* Bytes of the address that begins there; 0: none does. */
static size_t mail_at(const char *at)
{
    const size_t local = strspn(at, LOCAL);
    size_t domain;
    const char *dot;

    if (local == 0 || local > 64 || at[local] != '@')
        return 0;
    domain = strspn(at + local + 1, DOMAIN);
    while (domain > 0 && strchr(".-", at[local + domain]) != NULL)
        domain--; /* the end of a sentence */
    dot = memchr(at + local + 1, '.', domain);
    return dot != NULL && dot > at + local + 1 && local + 1 + domain <= MOST ? local + 1 + domain
                                                                             : 0;
}

/* The same for a number of 6 to 15 digits. */
static size_t number_at(const char *at)
{
    size_t len = *at == '+', digits = 0, end = 0;

    for (; at[len] != '\0' && strchr(DIGITS BETWEEN, at[len]) != NULL; len++) {
        if (strchr(DIGITS, at[len]) == NULL)
            continue;
        digits++;
        end = len + 1;
    }
    return digits >= 6 && digits <= 15 && end <= 40 ? end : 0;
}

static const char *take(const char *at, size_t len, struct arena *arena)
{
    return arena_dup(arena, at, len);
}

const char *contact_in(const char *text, struct arena *arena, int *whole_r)
{
    const char *first = text != NULL ? text + strspn(text, " \t\r\n(") : "";
    size_t len = mail_at(first);

    *whole_r = 0;
    if (len == 0)
        len = number_at(first);
    if (len > 0 && first[len + strspn(first + len, " \t\r\n.!)")] == '\0') {
        *whole_r = 1;
        return take(first, len, arena);
    }
    for (const char *at = first; *at != '\0'; at++) {
        const int begins = at == first || strchr(LOCAL, at[-1]) == NULL;

        if (begins && (len = mail_at(at)) > 0)
            return take(at, len, arena);
        if (*at == '+' && (len = number_at(at)) > 0)
            return take(at, len, arena);
    }
    return NULL;
}
