/*
 * json_write.h - JSON to outside, written without a tree.
 *
 * A help for plugin writers, not part of the ABI: everything here is inline.
 *
 *   struct td_json j = { 0 };
 *   td_json_object(&j);
 *   td_json_key(&j, "text");
 *   td_json_str(&j, text);
 *   td_json_object_end(&j);
 *   send(td_json_text(&j), td_json_len(&j));
 *   td_json_free(&j);
 *
 * Commas come by themselves; that every begin has its end and every value in an object its key
 * is the caller's part. Texts MUST be UTF-8. Running out of memory sets `failed`.
 */
#ifndef TANDEM_JSON_WRITE_H
#define TANDEM_JSON_WRITE_H

#include <cjson/cJSON.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#ifdef __cplusplus
extern "C" {
#endif

struct td_json {
    char *data; /* NULL, or ends in NUL */
    size_t len, cap;
    int comma;  /* the next value or key is not the first */
    int failed; /* memory ran out: text is empty from here on */
};

/* Text so far, borrowed until the next change; "" when empty or failed, never NULL. */
static inline const char *td_json_text(const struct td_json *j)
{
    return j->data && !j->failed ? j->data : "";
}

static inline size_t td_json_len(const struct td_json *j)
{
    return j->failed ? 0 : j->len;
}

static inline void td_json_free(struct td_json *j)
{
    free(j->data);
    j->data = NULL;
    j->len = j->cap = 0;
    j->comma = j->failed = 0;
}

/* Empty again, with its memory kept for the next text. */
static inline void td_json_clear(struct td_json *j)
{
    if (j->data)
        j->data[0] = '\0';
    j->len = 0;
    j->comma = j->failed = 0;
}

/* The text moves to the caller, who frees it; NULL when failed or empty. The writer is as new. */
static inline char *td_json_take(struct td_json *j)
{
    char *data = j->failed ? NULL : j->data;
    if (data)
        j->data = NULL;
    td_json_free(j);
    return data;
}

/* Place for so many bytes and a NUL at the end of the text; NULL: memory ran out. */
static inline char *td_json_room_(struct td_json *j, size_t len)
{
    if (j->failed)
        return NULL;
    if (len >= j->cap - j->len) {
        size_t cap = j->cap ? j->cap : 256;
        char *data = NULL;
        if (len < SIZE_MAX / 4 - j->len) {
            while (cap <= j->len + len)
                cap *= 2;
            data = (char *)realloc(j->data, cap);
        }
        if (!data) {
            j->failed = 1;
            return NULL;
        }
        j->data = data;
        j->cap = cap;
    }
    return j->data + j->len;
}

static inline void td_json_put_(struct td_json *j, const char *p, size_t len)
{
    char *to = td_json_room_(j, len);

    if (!to)
        return;
    memcpy(to, p, len);
    j->len += len;
    j->data[j->len] = '\0';
}

/* A value as it is. */
static inline void td_json_value_(struct td_json *j, const char *p, size_t len)
{
    if (j->comma)
        td_json_put_(j, ",", 1);
    td_json_put_(j, p, len);
    j->comma = 1;
}

static inline void td_json_object(struct td_json *j)
{
    td_json_value_(j, "{", 1);
    j->comma = 0;
}

static inline void td_json_object_end(struct td_json *j)
{
    td_json_put_(j, "}", 1);
    j->comma = 1;
}

static inline void td_json_array(struct td_json *j)
{
    td_json_value_(j, "[", 1);
    j->comma = 0;
}

static inline void td_json_array_end(struct td_json *j)
{
    td_json_put_(j, "]", 1);
    j->comma = 1;
}

typedef unsigned char td_json_block_ __attribute__((vector_size(16)));

/* 1: none of the bytes of the block at s needs an escape. */
static inline int td_json_plain_block_(const char *s)
{
    td_json_block_ x;
    uint64_t found[2];

    memcpy(&x, s, sizeof x);
    x = (td_json_block_)((x < 0x20) | (x == '"') | (x == '\\') | (x == 0xe2));
    memcpy(found, &x, sizeof found);
    return (found[0] | found[1]) == 0;
}

/* 1: no byte needs an escape. The last block laps over the one before; less than one is padded. */
static inline int td_json_is_plain_(const char *s, size_t len)
{
    const size_t block = sizeof(td_json_block_);
    char padded[sizeof(td_json_block_)];

    if (len < block) {
        memset(padded, ' ', block);
        memcpy(padded, s, len);
        return td_json_plain_block_(padded);
    }
    for (size_t i = 0; i < len - block; i += block)
        if (!td_json_plain_block_(s + i))
            return 0;
    return td_json_plain_block_(s + len - block);
}

/* How many bytes from s on need no escape. */
static inline size_t td_json_plain_(const char *s, size_t len)
{
    const size_t block = sizeof(td_json_block_);
    size_t i = 0;

    while (len - i >= block && td_json_plain_block_(s + i))
        i += block;
    while (i < len && (unsigned char)s[i] >= 0x20 && s[i] != '"' && s[i] != '\\' &&
           (unsigned char)s[i] != 0xe2)
        i++;
    return i;
}

/* A string that needs no escape, as a value or, with a colon, as a key. */
static inline void td_json_quoted_(struct td_json *j, const char *s, size_t len, int is_key)
{
    char *to = len < SIZE_MAX / 4 ? td_json_room_(j, len + 4) : NULL;

    if (!to) {
        j->failed = 1;
        return;
    }
    if (j->comma)
        *to++ = ',';
    *to++ = '"';
    memcpy(to, s, len);
    to += len;
    *to++ = '"';
    if (is_key)
        *to++ = ':';
    *to = '\0';
    j->len = (size_t)(to - j->data);
    j->comma = !is_key;
}

/* U+2028 and U+2029 are escaped too: they end a line in JavaScript. */
static inline void td_json_strn(struct td_json *j, const char *s, size_t len)
{
    static const char hex[] = "0123456789abcdef";
    size_t from = 0;

    if (td_json_is_plain_(s, len)) { /* as most are */
        td_json_quoted_(j, s, len, 0);
        return;
    }
    td_json_value_(j, "\"", 1);
    for (size_t i = td_json_plain_(s, len); i < len; i += td_json_plain_(s + i, len - i)) {
        unsigned char c = (unsigned char)s[i];
        size_t n_in = 1, n_out = 2;
        char out[6] = { '\\', (char)c };

        if (c == 0xe2) {
            if (len - i < 3 || (unsigned char)s[i + 1] != 0x80 ||
                ((unsigned char)s[i + 2] & 0xfe) != 0xa8) {
                i++;
                continue;
            }
            memcpy(out + 1, "u202", 4);
            out[5] = hex[(unsigned char)s[i + 2] & 15];
            n_in = 3;
            n_out = 6;
        } else if (c == '\n' || c == '\t' || c == '\r') {
            out[1] = c == '\n' ? 'n' : c == '\t' ? 't' : 'r';
        } else if (c < 0x20) {
            memcpy(out + 1, "u00", 3);
            out[4] = hex[c >> 4];
            out[5] = hex[c & 15];
            n_out = 6;
        }
        td_json_put_(j, s + from, i - from);
        td_json_put_(j, out, n_out);
        i += n_in;
        from = i;
    }
    td_json_put_(j, s + from, len - from);
    td_json_put_(j, "\"", 1);
}

static inline void td_json_null(struct td_json *j)
{
    td_json_value_(j, "null", 4);
}

/* NULL is written as null. */
static inline void td_json_str(struct td_json *j, const char *s)
{
    if (s)
        td_json_strn(j, s, strlen(s));
    else
        td_json_null(j);
}

/* A key of the caller's own: it is written as it is and MUST need no escape. */
static inline void td_json_key(struct td_json *j, const char *key)
{
    td_json_quoted_(j, key, strlen(key), 1);
}

/* A key from outside. */
static inline void td_json_key_any(struct td_json *j, const char *key)
{
    td_json_str(j, key);
    td_json_put_(j, ":", 1);
    j->comma = 0;
}

static inline void td_json_digits_(struct td_json *j, uint64_t value, int minus)
{
    char text[24];
    size_t at = sizeof(text);

    do {
        text[--at] = (char)('0' + value % 10);
        value /= 10;
    } while (value);
    if (minus)
        text[--at] = '-';
    td_json_value_(j, text + at, sizeof(text) - at);
}

static inline void td_json_uint(struct td_json *j, uint64_t value)
{
    td_json_digits_(j, value, 0);
}

static inline void td_json_int(struct td_json *j, int64_t value)
{
    td_json_digits_(j, value < 0 ? -(uint64_t)value : (uint64_t)value, value < 0);
}

static inline void td_json_bool(struct td_json *j, int value)
{
    td_json_value_(j, value ? "true" : "false", value ? 4 : 5);
}

/* The shortest of 15 to 17 digits that reads back the same; what is not finite is null. */
static inline void td_json_num(struct td_json *j, double value)
{
    char text[40];
    int len = 0;

    if (value > -1e15 && value < 1e15 && value == (double)(int64_t)value) {
        td_json_int(j, (int64_t)value);
        return;
    }
    if (value - value != 0) {
        td_json_null(j);
        return;
    }
    for (int digits = 15; digits <= 17; digits++) {
        len = snprintf(text, sizeof(text), "%.*g", digits, value);
        if (strtod(text, NULL) == value)
            break;
    }
    for (int i = 0; i < len; i++) {
        if (text[i] == ',') /* some locale's decimal point */
            text[i] = '.';
    }
    td_json_value_(j, text, (size_t)len);
}

/* JSON that is there already, as a value; MUST be valid. */
static inline void td_json_raw(struct td_json *j, const char *json, size_t len)
{
    td_json_value_(j, json, len);
}

static inline void td_json_key_str(struct td_json *j, const char *key, const char *s)
{
    td_json_key(j, key);
    td_json_str(j, s);
}

static inline void td_json_key_int(struct td_json *j, const char *key, int64_t value)
{
    td_json_key(j, key);
    td_json_int(j, value);
}

static inline void td_json_key_bool(struct td_json *j, const char *key, int value)
{
    td_json_key(j, key);
    td_json_bool(j, value);
}

/* A tree, as a value. Nesting is bounded by what built the tree. */
static inline void td_json_tree(struct td_json *j, const cJSON *node)
{
    if (cJSON_IsObject(node) || cJSON_IsArray(node)) {
        int is_object = cJSON_IsObject(node);
        td_json_value_(j, is_object ? "{" : "[", 1);
        j->comma = 0;
        for (const cJSON *child = node->child; child; child = child->next) {
            if (is_object)
                td_json_key_any(j, child->string);
            td_json_tree(j, child);
        }
        td_json_put_(j, is_object ? "}" : "]", 1);
        j->comma = 1;
    } else if (cJSON_IsString(node)) {
        td_json_str(j, node->valuestring);
    } else if (cJSON_IsNumber(node)) {
        td_json_num(j, node->valuedouble);
    } else if (cJSON_IsBool(node)) {
        td_json_bool(j, cJSON_IsTrue(node));
    } else {
        td_json_null(j);
    }
}

#ifdef __cplusplus
}
#endif
#endif
