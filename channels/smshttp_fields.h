/*
 * smshttp_fields.h - what a provider says, by names: a form, a query, or an object of JSON.
 *
 * Layer: channels/sms_http. Pure. All of it is hostile: how many fields there are is bounded, and what is
 * not UTF-8 or has a NUL is refused as a whole.
 */
#ifndef SMSHTTP_FIELDS_H
#define SMSHTTP_FIELDS_H

#include <stddef.h>

#include <cjson/cJSON.h>

#define FIELDS_MAX 200
#define FIELDS_NUMBER 32 /* bytes of a number as text */

struct field {
    const char *name, *value; /* in the text of the fields */
};

struct fields {
    struct field list[FIELDS_MAX]; /* of a form, as they came */
    size_t n;
    char *text;
    cJSON *root; /* of JSON; NULL: it is a form */
};

/* 0, or -1: it is no such thing. fields_fini() in both cases. */
int fields_form(struct fields *fields, const char *text, size_t len);
int fields_json(struct fields *fields, const char *text, size_t len);
void fields_fini(struct fields *fields);

/* The first of that name that is not empty; in JSON "a/0/b" is a way down. buf: for a number. NULL: there is none. */
const char *fields_get(const struct fields *fields, const char *name, char buf[FIELDS_NUMBER]);

#endif
