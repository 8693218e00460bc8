/* code.c - structs as bytes and back. */
#include "config.h"

#include "ipc/code.h"

#include <stdio.h>
#include <string.h>

#include <tandem/plugin.h>

#include "base/arena.h"
#include "base/buf.h"

#define NONE UINT32_MAX /* in place of a length or a count: NULL */
#define MAX_DEPTH 6
#define MEMORY_PER_BYTE 16 /* of the copy; what an encoder writes needs less */
#define MEMORY_FREE 65536

/* ---- Writing ------------------------------------------------------------------------------ */

static void put_32(struct buf *out, uint32_t value)
{
    buf_add(out, &value, sizeof value);
}

static void put_bytes(struct buf *out, const void *p, size_t len)
{
    if (p == NULL || len >= NONE) {
        put_32(out, NONE);
        return;
    }
    put_32(out, (uint32_t)len);
    buf_add(out, p, len);
    buf_char(out, '\0');
}

static void put_str(struct buf *out, const char *s)
{
    put_bytes(out, s, s != NULL ? strlen(s) : 0);
}

static const void *pointer_at(const void *from, size_t offset)
{
    const void *p;

    memcpy(&p, (const char *)from + offset, sizeof p);
    return p;
}

static size_t count_at(const void *from, size_t offset)
{
    size_t n;

    memcpy(&n, (const char *)from + offset, sizeof n);
    return n;
}

static int put_pointer(struct buf *out, const struct ipc_struct *type, const void *from,
                       const char **flaw_r)
{
    buf_char(out, from != NULL);
    return from != NULL ? ipc_encode(out, type, from, flaw_r) : 0;
}

static int put_list(struct buf *out, const struct ipc_field *field, const void *from,
                    const char **flaw_r)
{
    const void *const *list = pointer_at(from, field->offset);
    const size_t n = list != NULL ? count_at(from, field->count) : 0;

    put_32(out, (uint32_t)(n < NONE ? n : 0));
    for (size_t i = 0; i < n; i++) {
        if (put_pointer(out, field->of, list[i], flaw_r) != 0)
            return -1;
    }
    return 0;
}

static void put_strings(struct buf *out, const char *const *list, size_t n)
{
    put_32(out, (uint32_t)n);
    for (size_t i = 0; i < n; i++)
        put_str(out, list[i]);
}

static void put_strz(struct buf *out, const char *const *list)
{
    size_t n = 0;

    if (list == NULL) {
        put_32(out, NONE);
        return;
    }
    while (list[n] != NULL)
        n++;
    put_strings(out, list, n);
}

static void put_headers(struct buf *out, const struct td_header *headers, size_t n)
{
    put_32(out, (uint32_t)n);
    for (size_t i = 0; i < n; i++) {
        put_str(out, headers[i].name);
        put_str(out, headers[i].value);
    }
}

static int put_field(struct buf *out, const struct ipc_struct *type,
                     const struct ipc_field *field, const void *from, const char **flaw_r)
{
    static char flaw[96];
    const char *at = (const char *)from + field->offset;
    unsigned value;

    switch (field->kind) {
    case IPC_ENUM:
        memcpy(&value, at, sizeof value);
        if (value > field->max) {
            snprintf(flaw, sizeof flaw, "its %s.%s is %u, which is not one", type->name,
                     field->name, value);
            *flaw_r = flaw;
            return -1;
        }
        put_32(out, value);
        return 0;
    case IPC_32:
    case IPC_64:
        buf_add(out, at, field->size);
        return 0;
    case IPC_STR:
        put_str(out, pointer_at(from, field->offset));
        return 0;
    case IPC_BYTES:
        put_bytes(out, pointer_at(from, field->offset), count_at(from, field->count));
        return 0;
    case IPC_PTR:
        return put_pointer(out, field->of, pointer_at(from, field->offset), flaw_r);
    case IPC_LIST:
        return put_list(out, field, from, flaw_r);
    case IPC_STRS:
        put_strings(out, pointer_at(from, field->offset),
                    pointer_at(from, field->offset) != NULL ? count_at(from, field->count) : 0);
        return 0;
    case IPC_STRZ:
        put_strz(out, pointer_at(from, field->offset));
        return 0;
    case IPC_HEADERS:
        put_headers(out, pointer_at(from, field->offset),
                    pointer_at(from, field->offset) != NULL ? count_at(from, field->count) : 0);
        return 0;
    case IPC_SKIP:
        break;
    }
    return 0;
}

/* A pair counts as there when its second half is. */
static size_t end_of(const struct ipc_field *field)
{
    const size_t end = field->offset + field->size;

    return field->count != 0 ? field->count + sizeof(size_t) : end;
}

int ipc_encode(struct buf *out, const struct ipc_struct *type, const void *from,
               const char **flaw_r)
{
    uint32_t size;

    memcpy(&size, from, sizeof size);
    if (size > type->size)
        size = (uint32_t)type->size;
    put_32(out, size);
    for (const struct ipc_field *field = type->fields; field->name != NULL; field++) {
        if (end_of(field) <= size && put_field(out, type, field, from, flaw_r) != 0)
            return -1;
    }
    return 0;
}

/* ---- Reading ------------------------------------------------------------------------------ */

struct reader {
    const char *at, *end;
    struct arena *arena;
    size_t memory_left;
    int depth;
    const char *flaw; /* set: it is over */
    const struct ipc_struct *type;
    const struct ipc_field *field;
};

static void fail(struct reader *reader, const char *what)
{
    static char flaw[96];

    if (reader->flaw != NULL)
        return;
    snprintf(flaw, sizeof flaw, "its %s%s%s %s", reader->type->name,
             reader->field != NULL ? "." : "", reader->field != NULL ? reader->field->name : "",
             what);
    reader->flaw = flaw;
}

static const char *get(struct reader *reader, size_t len)
{
    const char *at = reader->at;

    if (reader->flaw != NULL || (size_t)(reader->end - at) < len) {
        fail(reader, "is cut off");
        return NULL;
    }
    reader->at += len;
    return at;
}

static uint32_t get_32(struct reader *reader)
{
    const char *at = get(reader, sizeof(uint32_t));
    uint32_t value = 0;

    if (at != NULL)
        memcpy(&value, at, sizeof value);
    return value;
}

static void *room(struct reader *reader, size_t n, size_t size)
{
    if (reader->flaw != NULL)
        return NULL;
    if (n > reader->memory_left / size) {
        fail(reader, "needs more memory than its length allows");
        return NULL;
    }
    reader->memory_left -= n * size;
    return arena_array(reader->arena, n > 0 ? n : 1, size);
}

static const char *get_bytes(struct reader *reader, size_t *len_r)
{
    const uint32_t len = get_32(reader);
    const char *at;

    *len_r = 0;
    if (len == NONE || reader->flaw != NULL)
        return NULL;
    at = get(reader, (size_t)len + 1);
    if (at == NULL)
        return NULL;
    if (at[len] != '\0') {
        fail(reader, "does not end in NUL");
        return NULL;
    }
    *len_r = len;
    return at;
}

static const char *get_str(struct reader *reader)
{
    size_t len;
    const char *at = get_bytes(reader, &len);

    if (at != NULL && memchr(at, '\0', len) != NULL) {
        fail(reader, "holds a NUL");
        return NULL;
    }
    return at;
}

/* A count of things that take at least `each` bytes. */
static size_t get_count(struct reader *reader, size_t each)
{
    const uint32_t n = get_32(reader);

    if (reader->flaw == NULL && n > (size_t)(reader->end - reader->at) / each) {
        fail(reader, "is cut off");
        return 0;
    }
    return reader->flaw == NULL ? n : 0;
}

static void set_pointer(void *to, size_t offset, const void *value)
{
    memcpy((char *)to + offset, &value, sizeof value);
}

static void set_count(void *to, size_t offset, size_t value)
{
    memcpy((char *)to + offset, &value, sizeof value);
}

static void *get_struct(struct reader *reader, const struct ipc_struct *type);

static const void *get_pointer(struct reader *reader, const struct ipc_struct *type)
{
    const char *at = get(reader, 1);

    if (at != NULL && (unsigned char)*at > 1)
        fail(reader, "is neither there nor not");
    return at != NULL && *at == 1 ? get_struct(reader, type) : NULL;
}

static void get_list(struct reader *reader, const struct ipc_field *field, void *to)
{
    const size_t n = get_count(reader, 1);
    const void **list = n > 0 ? room(reader, n, sizeof *list) : NULL;

    for (size_t i = 0; i < n && list != NULL && reader->flaw == NULL; i++)
        if ((list[i] = get_pointer(reader, field->of)) == NULL)
            fail(reader, "has a hole in its list");
    set_pointer(to, field->offset, list);
    set_count(to, field->count, list != NULL ? n : 0);
}

static const char **get_strings(struct reader *reader, size_t n)
{
    const char **list = room(reader, n + 1, sizeof *list);

    for (size_t i = 0; i < n && list != NULL && reader->flaw == NULL; i++) {
        list[i] = get_str(reader);
        if (list[i] == NULL)
            fail(reader, "has a NULL in its list");
    }
    return list;
}

static void get_strz(struct reader *reader, const struct ipc_field *field, void *to)
{
    uint32_t n;
    const char *at = reader->at;

    n = get_32(reader);
    if (n == NONE)
        return;
    reader->at = at;
    set_pointer(to, field->offset, get_strings(reader, get_count(reader, sizeof(uint32_t) + 1)));
}

static void get_headers(struct reader *reader, const struct ipc_field *field, void *to)
{
    const size_t n = get_count(reader, 2 * (sizeof(uint32_t) + 1));
    struct td_header *headers = n > 0 ? room(reader, n, sizeof *headers) : NULL;

    for (size_t i = 0; i < n && headers != NULL && reader->flaw == NULL; i++) {
        headers[i].name = get_str(reader);
        headers[i].value = get_str(reader);
        if (headers[i].name == NULL || headers[i].value == NULL)
            fail(reader, "has a header without a name or a value");
    }
    set_pointer(to, field->offset, headers);
    set_count(to, field->count, headers != NULL ? n : 0);
}

static void get_field(struct reader *reader, const struct ipc_field *field, void *to)
{
    char *dest = (char *)to + field->offset;
    const char *at;
    uint32_t value;
    size_t len;

    switch (field->kind) {
    case IPC_ENUM:
        value = get_32(reader);
        if (value > field->max)
            fail(reader, "is not one");
        memcpy(dest, &value, sizeof value);
        break;
    case IPC_32:
    case IPC_64:
        at = get(reader, field->size);
        if (at != NULL)
            memcpy(dest, at, field->size);
        break;
    case IPC_STR:
        set_pointer(to, field->offset, get_str(reader));
        break;
    case IPC_BYTES:
        set_pointer(to, field->offset, get_bytes(reader, &len));
        set_count(to, field->count, len);
        break;
    case IPC_PTR:
        set_pointer(to, field->offset, get_pointer(reader, field->of));
        break;
    case IPC_LIST:
        get_list(reader, field, to);
        break;
    case IPC_STRS:
        len = get_count(reader, sizeof(uint32_t) + 1);
        set_pointer(to, field->offset, len > 0 ? get_strings(reader, len) : NULL);
        set_count(to, field->count, len);
        break;
    case IPC_STRZ:
        get_strz(reader, field, to);
        break;
    case IPC_HEADERS:
        get_headers(reader, field, to);
        break;
    case IPC_SKIP:
        break;
    }
}

static void *get_struct(struct reader *reader, const struct ipc_struct *type)
{
    const struct ipc_struct *outer = reader->type;
    const struct ipc_field *outer_field = reader->field;
    void *to = NULL;
    uint32_t size;

    reader->type = type;
    reader->field = NULL;
    size = get_32(reader);
    if (size > type->size)
        fail(reader, "is larger than it can be");
    else if (++reader->depth > MAX_DEPTH)
        fail(reader, "lies too deep");
    else
        to = room(reader, 1, type->size);
    if (to != NULL)
        memcpy(to, &size, sizeof size);
    for (const struct ipc_field *field = type->fields;
         to != NULL && reader->flaw == NULL && field->name != NULL; field++) {
        reader->field = field;
        if (end_of(field) <= size)
            get_field(reader, field, to);
    }
    reader->depth--;
    reader->type = outer;
    reader->field = outer_field;
    return reader->flaw == NULL ? to : NULL;
}

const void *ipc_decode(const void *data, size_t len, const struct ipc_struct *type,
                       struct arena *arena, const char **flaw_r)
{
    struct reader reader = { .at = data, .end = (const char *)data + len, .arena = arena,
                             .memory_left = len * MEMORY_PER_BYTE + MEMORY_FREE, .type = type };
    const void *to = get_struct(&reader, type);

    if (to != NULL && reader.at != reader.end) {
        fail(&reader, "has bytes behind it");
        to = NULL;
    }
    *flaw_r = reader.flaw;
    return to;
}
