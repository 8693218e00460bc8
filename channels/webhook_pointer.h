/*
 * webhook_pointer.h - where in a JSON text something stands: JSON Pointers, bounded.
 *
 * Layer: channels/webhook. Pure. RFC 6901, with two additions: in a list's pointer a segment `*`
 * is every element of an array; and a pointer inside a message may begin with a number, which is
 * so many levels up from it (Relative JSON Pointer): 2/metadata/id.
 */
#ifndef WEBHOOK_POINTER_H
#define WEBHOOK_POINTER_H

#include <tandem/json.h>
#include <tandem/plugin.h>

#define POINTER_DEPTH 16
#define POINTER_TEXT 32 /* a number as text */

struct pointer {
    size_t up, n;
    const char *segment[POINTER_DEPTH]; /* NULL: every element */
    char *text;                         /* of the segments */
};

/* A value and all that it stands in: node[0] is the whole, node[depth] the value. */
struct place {
    const cJSON *node[POINTER_DEPTH + 1];
    size_t depth;
};

/* 0, or -1 with a sentence; stars: `*` is allowed and levels up are not. */
int pointer_parse(struct pointer *pointer_r, const char *text, int stars, struct td_error *err);
void pointer_fini(struct pointer *pointer); /* one of zeros is fine */

/* What stands there, from the place on, or NULL. */
const cJSON *pointer_get(const struct pointer *pointer, const struct place *from);

/* Calls for each value that fits, in order; a call that returns not 0 ends it with that. */
int pointer_each(const struct pointer *pointer, const cJSON *root,
                 int (*found)(void *arg, const struct place *place), void *arg);

/* A list of pointers, tried in turn. NULL-terminated texts of a conf. */
struct pointers {
    size_t n;
    struct pointer *one;
};
int pointers_parse(struct pointers *list_r, const char *const *texts, struct td_error *err);
void pointers_fini(struct pointers *list);

/* The first that stands at one of them and is a string that is not empty, or a whole number that
 * has all its digits (up to 2^53), written into buf. NULL: none. */
const char *pointers_text(const struct pointers *list, const struct place *from,
                          char buf[POINTER_TEXT]);

#endif
