/*
 * json.h - JSON from outside, bounded; JSON to outside comes with json_write.h.
 *
 * A help for plugin writers, not part of the ABI: everything here is inline, over cJSON.
 * Reading: td_json_parse() refuses what is too deep, too large, not UTF-8, holds NUL, has a key
 * twice, or has anything after the value; what it returns is a plain cJSON tree.
 */
#ifndef TANDEM_JSON_H
#define TANDEM_JSON_H

#include <cjson/cJSON.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <tandem/json_write.h>
#include <tandem/utf8.h>

#ifdef __cplusplus
extern "C" {
#endif

#define TD_JSON_DEPTH_MAX 128

struct td_json_limits { /* 0: the default */
    size_t depth;       /* 32; at most TD_JSON_DEPTH_MAX */
    size_t bytes;       /* 1 MiB */
    size_t keys;        /* 256, of one object */
    size_t nodes;       /* 20000, of the whole */
};

struct td_json_scan_ {
    const char *text, *at, *end;
    const char *why; /* the first thing that is wrong */
};

static inline int td_json_wrong_(struct td_json_scan_ *s, const char *why)
{
    s->why = why;
    return -1;
}

static inline void td_json_space_(struct td_json_scan_ *s)
{
    while (s->at < s->end &&
           (*s->at == ' ' || *s->at == '\n' || *s->at == '\t' || *s->at == '\r'))
        s->at++;
}

static inline int td_json_is_digit_(const struct td_json_scan_ *s)
{
    return s->at < s->end && *s->at >= '0' && *s->at <= '9';
}

/* The four digits after \u; -1 when they are not. */
static inline long td_json_hex4_(struct td_json_scan_ *s)
{
    long value = 0;
    if (s->end - s->at < 4)
        return -1;
    for (int i = 0; i < 4; i++) {
        char c = *s->at++;
        int digit = c >= '0' && c <= '9'   ? c - '0'
                    : c >= 'a' && c <= 'f' ? c - 'a' + 10
                    : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                           : -1;
        if (digit < 0)
            return -1;
        value = value * 16 + digit;
    }
    return value;
}

static inline int td_json_escape_(struct td_json_scan_ *s)
{
    char c = s->at < s->end ? *s->at++ : '\0';
    long unit;

    if (c != 'u')
        return c && strchr("\"\\/bfnrt", c) ? 0 : td_json_wrong_(s, "an unknown escape");
    unit = td_json_hex4_(s);
    if (unit < 0)
        return td_json_wrong_(s, "\\u without four hexadecimal digits");
    if (unit == 0)
        return td_json_wrong_(s, "\\u0000 in a string");
    if (unit >= 0xdc00 && unit <= 0xdfff)
        return td_json_wrong_(s, "half a surrogate pair");
    if (unit >= 0xd800 && unit <= 0xdbff) {
        if (s->end - s->at < 2 || s->at[0] != '\\' || s->at[1] != 'u')
            return td_json_wrong_(s, "half a surrogate pair");
        s->at += 2;
        unit = td_json_hex4_(s);
        if (unit < 0xdc00 || unit > 0xdfff)
            return td_json_wrong_(s, "half a surrogate pair");
    }
    return 0;
}

/* After the opening quote. */
static inline int td_json_string_(struct td_json_scan_ *s)
{
    while (s->at < s->end) {
        unsigned char c = (unsigned char)*s->at;
        if (c == '"') {
            s->at++;
            return 0;
        }
        if (c == '\\') {
            s->at++;
            if (td_json_escape_(s) < 0)
                return -1;
        } else if (c < 0x20) {
            return td_json_wrong_(s, "a control character in a string");
        } else if (c < 0x80) {
            s->at++;
        } else {
            size_t n = td_utf8_step(s->at, (size_t)(s->end - s->at));
            if (!n)
                return td_json_wrong_(s, "a text that is not UTF-8");
            s->at += n;
        }
    }
    return td_json_wrong_(s, "a string without an end");
}

static inline int td_json_number_(struct td_json_scan_ *s)
{
    const char *start = s->at;

    if (s->at < s->end && *s->at == '-')
        s->at++;
    if (!td_json_is_digit_(s))
        return td_json_wrong_(s, "a value is expected");
    if (*s->at == '0')
        s->at++;
    else
        while (td_json_is_digit_(s))
            s->at++;
    if (s->at < s->end && *s->at == '.') {
        s->at++;
        if (!td_json_is_digit_(s))
            return td_json_wrong_(s, "a number without digits after the point");
        while (td_json_is_digit_(s))
            s->at++;
    }
    if (s->at < s->end && (*s->at == 'e' || *s->at == 'E')) {
        s->at++;
        if (s->at < s->end && (*s->at == '+' || *s->at == '-'))
            s->at++;
        if (!td_json_is_digit_(s))
            return td_json_wrong_(s, "a number without digits in the exponent");
        while (td_json_is_digit_(s))
            s->at++;
    }
    return s->at - start > 60 ? td_json_wrong_(s, "a number of more than 60 characters") : 0;
}

static inline int td_json_word_(struct td_json_scan_ *s, const char *word)
{
    size_t len = strlen(word);
    if ((size_t)(s->end - s->at) < len || memcmp(s->at, word, len) != 0)
        return td_json_wrong_(s, "a value is expected");
    s->at += len;
    return 0;
}

static inline int td_json_scalar_(struct td_json_scan_ *s)
{
    char c = s->at < s->end ? *s->at : '\0';
    if (c == '"') {
        s->at++;
        return td_json_string_(s);
    }
    if (c == 't')
        return td_json_word_(s, "true");
    if (c == 'f')
        return td_json_word_(s, "false");
    if (c == 'n')
        return td_json_word_(s, "null");
    return td_json_number_(s);
}

/* `"key" :` in front of a value of an object. */
static inline int td_json_key_of_(struct td_json_scan_ *s)
{
    td_json_space_(s);
    if (s->at >= s->end || *s->at != '"')
        return td_json_wrong_(s, "a key in quotes is expected");
    s->at++;
    if (td_json_string_(s) < 0)
        return -1;
    td_json_space_(s);
    if (s->at >= s->end || *s->at != ':')
        return td_json_wrong_(s, "':' is expected");
    s->at++;
    return 0;
}

/* The whole text against the grammar and the limits, with no memory but the stack's. */
static inline int td_json_check_(struct td_json_scan_ *s, const struct td_json_limits *limits)
{
    char closes[TD_JSON_DEPTH_MAX];
    size_t keys[TD_JSON_DEPTH_MAX] = { 0 };
    size_t depth = 0, nodes = 0;

    for (;;) { /* a value is next */
        int opened = 0;

        td_json_space_(s);
        if (++nodes > limits->nodes)
            return td_json_wrong_(s, "too many values");
        if (s->at < s->end && (*s->at == '{' || *s->at == '[')) {
            if (depth == limits->depth)
                return td_json_wrong_(s, "nested too deep");
            closes[depth] = *s->at++ == '{' ? '}' : ']';
            keys[depth++] = 0;
            opened = 1;
        } else if (td_json_scalar_(s) < 0) {
            return -1;
        }
        for (;;) { /* after a value, or just inside a new object or array */
            td_json_space_(s);
            if (!depth)
                return s->at == s->end ? 0 : td_json_wrong_(s, "something after the value");
            if (s->at < s->end && *s->at == closes[depth - 1]) {
                s->at++;
                depth--;
                opened = 0;
                continue;
            }
            if (!opened) {
                if (s->at >= s->end || *s->at != ',')
                    return td_json_wrong_(s, closes[depth - 1] == '}' ? "',' or '}' is expected"
                                                                      : "',' or ']' is expected");
                s->at++;
            }
            if (closes[depth - 1] == '}') {
                if (++keys[depth - 1] > limits->keys)
                    return td_json_wrong_(s, "too many keys in one object");
                if (td_json_key_of_(s) < 0)
                    return -1;
            }
            break;
        }
    }
}

static inline int td_json_key_cmp_(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* The key that an object has twice, or NULL. */
static inline const char *td_json_twice_(const cJSON *object)
{
    const char *few[16], **keys = few, *twice = NULL;
    size_t n = 0;

    for (const cJSON *child = object->child; child; child = child->next)
        n++;
    if (n > sizeof(few) / sizeof(few[0])) {
        keys = (const char **)malloc(n * sizeof(*keys));
        if (!keys)
            return "?";
    }
    n = 0;
    for (const cJSON *child = object->child; child; child = child->next)
        keys[n++] = child->string;
    qsort(keys, n, sizeof(*keys), td_json_key_cmp_);
    for (size_t i = 1; i < n && !twice; i++) {
        if (strcmp(keys[i - 1], keys[i]) == 0)
            twice = keys[i];
    }
    if (keys != few)
        free(keys);
    return twice;
}

/* What only the tree shows: keys that are the same once their escapes are gone, numbers that a
 * double does not hold. */
static inline int td_json_check_tree_(const cJSON *node, char *why, size_t why_len)
{
    if (cJSON_IsNumber(node) && node->valuedouble - node->valuedouble != 0) {
        snprintf(why, why_len, "a number is out of range");
        return -1;
    }
    if (cJSON_IsObject(node)) {
        const char *twice = td_json_twice_(node);
        if (twice) {
            snprintf(why, why_len, "the key '%.64s' stands twice in one object", twice);
            return -1;
        }
    }
    for (const cJSON *child = node->child; child; child = child->next) {
        if (td_json_check_tree_(child, why, why_len) < 0)
            return -1;
    }
    return 0;
}

/* The tree, which the caller gives to cJSON_Delete(), or NULL with the reason in why (which MAY be
 * NULL with why_len 0). limits NULL: the defaults. */
static inline cJSON *td_json_parse(const char *text, size_t len,
                                   const struct td_json_limits *limits, char *why, size_t why_len)
{
    struct td_json_limits max = { 32, 1 << 20, 256, 20000 };
    struct td_json_scan_ s = { text, text, text + len, NULL };
    cJSON *tree;

    if (limits) {
        max.depth = limits->depth ? limits->depth : max.depth;
        max.bytes = limits->bytes ? limits->bytes : max.bytes;
        max.keys = limits->keys ? limits->keys : max.keys;
        max.nodes = limits->nodes ? limits->nodes : max.nodes;
    }
    if (max.depth > TD_JSON_DEPTH_MAX)
        max.depth = TD_JSON_DEPTH_MAX;

    if (len > max.bytes) {
        snprintf(why, why_len, "%zu bytes are more than %zu", len, max.bytes);
        return NULL;
    }
    if (td_json_check_(&s, &max) < 0) {
        snprintf(why, why_len, "%s at byte %zu", s.why, (size_t)(s.at - s.text));
        return NULL;
    }
    tree = cJSON_ParseWithLength(text, len);
    if (!tree) {
        snprintf(why, why_len, "out of memory");
        return NULL;
    }
    if (td_json_check_tree_(tree, why, why_len) < 0) {
        cJSON_Delete(tree);
        return NULL;
    }
    return tree;
}

/* ---- Getters: of the wrong type is the same as not there ------------------------------------ */

static inline const cJSON *td_json_get(const cJSON *object, const char *key)
{
    return cJSON_GetObjectItemCaseSensitive(object, key); /* the other one folds case */
}

/* NULL: not there. */
static inline const char *td_json_get_str(const cJSON *object, const char *key)
{
    return cJSON_GetStringValue(td_json_get(object, key));
}

/* 1: *value_r is set. */
static inline int td_json_get_num(const cJSON *object, const char *key, double *value_r)
{
    const cJSON *item = td_json_get(object, key);
    if (!cJSON_IsNumber(item))
        return 0;
    *value_r = item->valuedouble;
    return 1;
}

/* 1: *value_r is set. Whole numbers up to 2^53 only: beyond it a double has lost digits. */
static inline int td_json_get_int(const cJSON *object, const char *key, int64_t *value_r)
{
    const double most = 9007199254740992.0;
    double value;
    if (!td_json_get_num(object, key, &value) || value < -most || value > most ||
        value != (double)(int64_t)value)
        return 0;
    *value_r = (int64_t)value;
    return 1;
}

/* 1: *value_r is set, to 0 or 1. */
static inline int td_json_get_bool(const cJSON *object, const char *key, int *value_r)
{
    const cJSON *item = td_json_get(object, key);
    if (!cJSON_IsBool(item))
        return 0;
    *value_r = cJSON_IsTrue(item) ? 1 : 0;
    return 1;
}

#ifdef __cplusplus
}
#endif
#endif
