/*
 * webhook_template.h - JSON with {names} in it, filled with values that stay values.
 *
 * Layer: channels/webhook. Pure. {name} by itself becomes a whole JSON value; inside a string it
 * becomes a part of that string, escaped. What is not a known name in braces is JSON like the rest.
 */
#ifndef WEBHOOK_TEMPLATE_H
#define WEBHOOK_TEMPLATE_H

#include <tandem/json.h>
#include <tandem/plugin.h>

struct template_value {
    const char *name;
    const char *text; /* NULL: null, or nothing inside a string */
    const char *json; /* instead of text: raw, never inside a string */
};

/* Appends the filled template. values: ends in one without a name. */
void template_write(struct td_json *json, const char *text, const struct template_value *values);

/* 0 when it is JSON once it is filled, or -1 with a sentence that names the key. */
int template_check(const char *key, const char *text, const struct template_value *values,
                   struct td_error *err);

/* 0 when it begins with http:// or https:// and says itself what the host is, or -1 with a sentence
 * that names the key: no {name} may stand for it, or a customer would say who is asked. */
int template_check_url(const char *key, const char *url, struct td_error *err);
/* A URL: {name} is percent-encoded. -1: it does not fit, or a value would climb ("." or ".."). */
int template_url(char *url_r, size_t size, const char *text, const struct template_value *values);

#endif
