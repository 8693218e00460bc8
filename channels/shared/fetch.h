/*
 * fetch.h - what to make of a file that a provider has for us: where it may be asked for, whether it is
 * there, and what the customer's message says when it never comes.
 *
 * Layer: channels/shared. Pure.
 */
#ifndef FETCH_H
#define FETCH_H

#include <tandem/plugin.h>

#define FETCH_WHY 96

enum fetch_host {
    FETCH_NO,    /* it is no URL, or of a host that nobody named */
    FETCH_ANY,   /* only at an address of the public Internet, and without a secret */
    FETCH_NAMED, /* the conf names it: it gets the provider's token */
};

/* A whole URL in what the provider says. hosts: with their port if it is not the usual one; "*" among
 * them lets any other be asked. */
enum fetch_host fetch_host(const char *const *hosts, const char *url);

enum fetch_end { FETCH_HERE, FETCH_LATER, FETCH_NEVER };

/* What an answer means; `why` with FETCH_NEVER. max: its most bytes, as the conf's max_file. */
enum fetch_end fetch_end(const struct td_http_response *response, int64_t max,
                         char why[FETCH_WHY]);

/* The text (NULL: none) with a line that says why a file is not there. malloc()ed; NULL: no memory. */
char *fetch_words(const char *text, const char *why);

#endif
