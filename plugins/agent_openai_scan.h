/*
 * agent_openai_scan.h - the text of an object's "message" as the object comes, byte by byte.
 *
 * Only the member of the outermost object counts, and its first. Pure.
 */
#ifndef AGENT_OPENAI_SCAN_H
#define AGENT_OPENAI_SCAN_H

#include <stddef.h>

struct openai_scan {
    unsigned depth;
    size_t key_len;
    int in_string, escaped;
    int is_key, is_message; /* the string is a key; the key, or what follows it, is "message" */
    int value_next, in_message, done;
    unsigned hex_left, unit, high; /* of \uXXXX */
};

/* What of the message len bytes of JSON hold: at most len * 4 bytes and a NUL to out (the last
 * digit of a surrogate pair brings four); how many. */
size_t openai_scan_feed(struct openai_scan *scan, const char *json, size_t len, char *out);

#endif
