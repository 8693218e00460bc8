/*
 * links.c - signed links, and GET /files/<id>?e=<until>&s=<signature>: what a message shows of a file,
 * and for how long.
 *
 * A link is signed with a key that is kept with the store, so that it holds over a restart, and made
 * anew whenever a message is shown. Who has it may read the file until it ends. What comes is never
 * run: a download with the type that was sniffed, in a sandbox.
 */
#include "config.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <tandem/json.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/crypt.h"
#include "base/mem.h"
#include "gate/gate_private.h"
#include "io/web.h"

#define SIGNATURE 32 /* hex digits */
#define MOST_READS 32 /* files that are being read for somebody */

/* ---- Made --------------------------------------------------------------------------------- */

static void sign(const struct gate *gate, const char *prefix, const char *id, int64_t until_s,
                 char hex[SIGNATURE + 1])
{
    uint8_t hash[CRYPT_HASH];
    char text[96];

    snprintf(text, sizeof text, "%.20s%s %" PRId64, prefix, id, until_s);
    crypt_hmac(gate->link_key, sizeof gate->link_key, text, strlen(text), hash);
    crypt_hex(hash, SIGNATURE / 2, hex);
}

char *links_url(const struct gate *gate, const char *prefix, const char *id, struct arena *arena)
{
    int64_t until_s = (clock_wall_ms() + gate->files.link_ms) / 1000 + 1;
    const char *base = gate->files.public_url;
    char hex[SIGNATURE + 1];

    if (gate->files.files == NULL)
        return NULL;
    sign(gate, prefix, id, until_s, hex);
    return arena_printf(arena, "%s%s%s?e=%" PRId64 "&s=%s", base != NULL ? base : "", prefix, id,
                        until_s, hex);
}

void links_attachment(const struct gate *gate, const struct file_info *info, struct arena *arena,
                      struct td_attachment *file_r)
{
    char *id = arena_alloc(arena, ULID_TEXT);

    ulid_format(&info->id, id);
    *file_r = (struct td_attachment){ .size = sizeof *file_r, .id = id, .name = info->name,
                                      .type = info->type, .bytes = info->bytes,
                                      .sha256 = info->sha256,
                                      .url = links_url(gate, LINKS_FILES, id, arena) };
}

static const char *or(const char *text, const char *otherwise)
{
    return text != NULL ? text : otherwise;
}

static void sized(uint64_t bytes, char *text, size_t size)
{
    if (bytes < 1000)
        snprintf(text, size, "%" PRIu64 " bytes", bytes);
    else if (bytes < 1000000)
        snprintf(text, size, "%" PRIu64 " kB", (bytes + 500) / 1000);
    else
        snprintf(text, size, "%" PRIu64 ".%" PRIu64 " MB", bytes / 1000000,
                 bytes % 1000000 / 100000);
}

/* The files with their links, for those who can show them. */
static void show_files(const struct gate *gate, const struct td_message *from, struct arena *arena,
                       struct td_message *to)
{
    const struct td_attachment **files = arena_array(arena, from->n_attachments, sizeof *files);

    for (size_t i = 0; i < from->n_attachments; i++) {
        struct td_attachment *file = arena_alloc(arena, sizeof *file);

        *file = *from->attachments[i];
        file->size = sizeof *file;
        file->name = or(file->name, "file");
        file->type = or(file->type, "application/octet-stream");
        file->sha256 = or(file->sha256, "");
        file->url = links_url(gate, LINKS_FILES, file->id, arena);
        files[i] = file;
    }
    to->attachments = files;
}

/* .. and for those who cannot, as lines under the text. */
static void say_files(const struct gate *gate, const struct td_message *from, struct arena *arena,
                      struct td_message *to)
{
    for (size_t i = 0; i < from->n_attachments; i++) {
        const struct td_attachment *file = from->attachments[i];
        const char *text = or(to->text, "");
        char size[40];

        sized(file->bytes, size, sizeof size);
        to->text = arena_printf(arena, "%s%s%s (%s): %s", text, *text != '\0' ? "\n" : "",
                                or(file->name, "file"), size, links_short(gate, file->id, arena));
    }
    to->attachments = NULL;
    to->n_attachments = 0;
}

static void say_parts(const struct td_message *from, struct arena *arena, struct td_message *to)
{
    for (size_t i = 0; i < from->n_parts; i++) {
        const char *text = or(to->text, "");

        if (from->parts[i]->text[0] != '\0')
            to->text = arena_printf(arena, "%s%s%s", text, *text != '\0' ? "\n" : "",
                                    from->parts[i]->text);
    }
    to->parts = NULL;
    to->n_parts = 0;
}

/* A line each, by numbers: the engine knows what is meant when one comes back. */
static void say_choices(const struct td_message *from, struct arena *arena, struct td_message *to)
{
    for (size_t i = 0; i < from->n_choices; i++) {
        const char *text = or(to->text, "");

        to->text = arena_printf(arena, "%s%s%zu. %s", text, *text != '\0' ? "\n" : "", i + 1,
                                from->choices[i]->title);
    }
    to->choices = NULL;
    to->n_choices = 0;
}

const struct td_message *links_show(const struct td_instance *inst, const struct td_message *from,
                                    struct arena *arena)
{
    const struct gate *gate = inst->gate;
    int all = inst->kind != TD_CHANNEL;
    struct td_message *to;

    if (from == NULL ||
        (from->n_attachments == 0 && from->n_parts == 0 && (all || from->n_choices == 0)))
        return from;
    to = arena_alloc(arena, sizeof *to);
    *to = *from;
    if (from->n_choices > 0 && !all && !instance_can(inst, TD_CAN_CHOICES))
        say_choices(from, arena, to);
    if (from->n_attachments > 0 && (all || instance_can(inst, TD_CAN_FILES)))
        show_files(gate, from, arena, to);
    else if (from->n_attachments > 0)
        say_files(gate, from, arena, to);
    if (from->n_parts > 0 && !all && !instance_can(inst, TD_CAN_PARTS))
        say_parts(from, arena, to);
    return to;
}

const struct td_message *links_files(const struct gate *gate, const struct td_message *from,
                                     struct arena *arena)
{
    struct td_message *to;

    if (from->n_attachments == 0)
        return from;
    to = arena_alloc(arena, sizeof *to);
    *to = *from;
    show_files(gate, from, arena, to);
    return to;
}

static const struct td_message *const *show_all(const struct td_instance *inst,
                                                const struct td_message *const *from, size_t n,
                                                struct arena *arena)
{
    const struct td_message **to = arena_array(arena, n + 1, sizeof *to);

    for (size_t i = 0; i < n; i++)
        to[i] = links_show(inst, from[i], arena);
    return to;
}

const struct td_turn *links_turn(const struct td_instance *inst, const struct td_turn *from,
                                 struct arena *arena)
{
    struct td_turn *to = arena_alloc(arena, sizeof *to);

    *to = *from;
    to->messages = show_all(inst, from->messages, from->n_messages, arena);
    to->history = show_all(inst, from->history, from->n_history, arena);
    return to;
}

/* ---- Followed ----------------------------------------------------------------------------- */

struct reading {
    struct gate *gate;
    uint64_t request;
    int expired;
};

void links_fail(struct gate *gate, uint64_t request, int status, const char *code,
                const char *message)
{
    char *body = mem_printf("{\"error\":{\"code\":\"%s\",\"message\":\"%s\"}}\n", code, message);
    const struct td_header allow = { "Allow", "GET, HEAD" };

    web_reply(gate->conf.web, request, &(struct td_web_reply){
        .size = sizeof(struct td_web_reply), .status = status, .headers = &allow,
        .n_headers = status == 405, .body = body, .body_len = strlen(body) });
    free(body);
}

/* RFC 6266 and 8187: a plain name for old readers, the real one in UTF-8. */
static char *disposition(const char *name)
{
    struct buf out = { 0 };

    buf_str(&out, "attachment; filename=\"");
    for (const char *p = name; *p != '\0'; p++)
        buf_char(&out, *p >= 0x20 && *p < 0x7f && *p != '"' && *p != '\\' && *p != '%' ? *p : '_');
    buf_str(&out, "\"; filename*=UTF-8''");
    for (const char *p = name; *p != '\0'; p++) {
        if ((*p >= 'a' && *p <= 'z') || (*p >= 'A' && *p <= 'Z') || (*p >= '0' && *p <= '9') ||
            strchr("-._", *p) != NULL)
            buf_char(&out, *p);
        else
            buf_printf(&out, "%%%02X", (unsigned char)*p);
    }
    return buf_take(&out);
}

static void send_file(struct gate *gate, uint64_t request, const struct file_info *info,
                      const void *data)
{
    char *name = disposition(info->name), etag[FILES_SHA256 + 3];
    const struct td_header headers[] = {
        { "Content-Disposition", name },
        { "Content-Security-Policy", "default-src 'none'; sandbox" },
        { "Cross-Origin-Resource-Policy", "cross-origin" },
        { "Referrer-Policy", "no-referrer" },
        { "Cache-Control", "private, max-age=3600" },
        { "ETag", etag },
    };

    snprintf(etag, sizeof etag, "\"%s\"", info->sha256);
    web_reply(gate->conf.web, request, &(struct td_web_reply){
        .size = sizeof(struct td_web_reply), .status = 200, .content_type = info->type,
        .headers = headers, .n_headers = sizeof headers / sizeof *headers, .body = data,
        .body_len = (size_t)info->bytes });
    free(name);
}

static void on_read(void *arg, enum files_status status, const struct file_info *info,
                    const void *data)
{
    struct reading *reading = arg;
    struct gate *gate = reading->gate;
    uint64_t request = reading->request;
    int expired = reading->expired;

    free(reading);
    gate->n_reads--;
    if (gate->dead)
        ;
    else if (status == FILES_NONE)
        links_fail(gate, request, 404, "not_found", "this file is not kept any more");
    else if (status == FILES_OK && expired)
        links_fail(gate, request, 410, "expired",
             "this link has expired: open the conversation again for a new one");
    else if (status == FILES_OK)
        send_file(gate, request, info, data);
    else
        links_fail(gate, request, 503, "busy", "the file cannot be read right now");
    gate_unref(gate);
}

/* "e=<digits>&s=<hex>", first. */
static int read_query(const char *query, int64_t *until_r, const char **signature_r)
{
    size_t digits = strncmp(query, "e=", 2) == 0 ? strspn(query + 2, "0123456789") : 0;

    if (digits < 1 || digits > 12 || strncmp(query + 2 + digits, "&s=", 3) != 0)
        return -1;
    *until_r = strtoll(query + 2, NULL, 10);
    *signature_r = query + 2 + digits + 3;
    return strlen(*signature_r) >= SIGNATURE ? 0 : -1;
}

int links_judge(struct gate *gate, const struct td_web_request *request, const char *prefix,
                struct ulid *id_r, const char **rest_r)
{
    char id[ULID_TEXT], hex[SIGNATURE + 1];
    const char *signature;
    int64_t until;

    if (strcmp(request->method, "GET") != 0 && strcmp(request->method, "HEAD") != 0) {
        links_fail(gate, request->id, 405, "method_not_allowed", "this is only read here");
        return -1;
    }
    if (ulid_parse(request->path + strlen(prefix), id_r) != 0) {
        links_fail(gate, request->id, 404, "not_found", "there is nothing of this name");
        return -1;
    }
    ulid_format(id_r, id);
    if (read_query(request->query, &until, &signature) != 0) {
        links_fail(gate, request->id, 403, "bad_link",
                   "it needs the whole link with its signature");
        return -1;
    }
    sign(gate, prefix, id, until, hex);
    if (!crypt_equal(hex, signature, SIGNATURE)) {
        links_fail(gate, request->id, 403, "bad_link", "the signature of this link is not good");
        return -1;
    }
    *rest_r = signature + SIGNATURE;
    return until * 1000 < clock_wall_ms();
}

void links_read(struct gate *gate, uint64_t request, const struct ulid *id, int expired)
{
    struct reading *reading;

    if (gate->n_reads >= MOST_READS) {
        links_fail(gate, request, 503, "busy", "too many files are being read, try again");
        return;
    }
    reading = mem_alloc(sizeof *reading);
    *reading = (struct reading){ .gate = gate, .request = request, .expired = expired };
    gate->n_reads++;
    gate_ref(gate);
    files_get(gate->files.files, id, on_read, reading);
}

static void on_request(void *arg, const struct td_web_request *request)
{
    struct gate *gate = arg;
    const char *rest;
    struct ulid id;
    int expired = links_judge(gate, request, LINKS_FILES, &id, &rest);

    if (expired < 0)
        return;
    if (*rest == '\0')
        links_read(gate, request->id, &id, expired);
    else
        links_fail(gate, request->id, 403, "bad_link", "there is something behind the link");
}

void links_open(struct gate *gate)
{
    static const char purpose[] = "file links";

    crypt_hmac(gate->master, sizeof gate->master, purpose, sizeof purpose - 1, gate->link_key);
    if (gate->conf.web != NULL)
        web_route(gate->conf.web, LINKS_FILES, 0, on_request, gate);
    links_short_open(gate);
    transcript_open(gate);
}
