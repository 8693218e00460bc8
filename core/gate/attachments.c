/*
 * attachments.c - files come in: judged, scanned, stored; and a message that names them takes them.
 *
 * An upload is answered once, with filed(), never from inside file(). Nothing is stored that was not
 * scanned when there is a scanner. A message is appended only when its files are sure to stay.
 */
#include "config.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <utlist.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/mem.h"
#include "files/sniff.h"
#include "gate/gate_private.h"
#include "io/clamd.h"
#include "io/loop.h"

#define MOST_UPLOADS 256            /* under way */
#define MOST_BYTES (128u << 20)     /* .. together */
#define SCAN_MS 60000
#define AWAY_MS 5000 /* when the scanner or the room may be back */

struct upload {
    struct upload *prev, *next;
    struct gate *gate;
    struct td_instance *inst;
    unsigned generation;
    uint64_t job;
    struct file_info info;
    void *data; /* until the store of files takes it */
    size_t len;
    char who[FILES_OWNER]; /* whose quota it counts against; "": it does not, or not yet */
    struct clamd_scan *scan;
    enum td_status status; /* of a refusal that waits for its turn */
    int64_t retry_ms;
    char detail[400];
};

/* ---- The answer --------------------------------------------------------------------------- */

static void call_filed(struct td_instance *inst, uint64_t job, const struct td_filed *filed)
{
    if (inst->kind == TD_CHANNEL)
        instance_channel(inst)->filed(inst->self, job, filed);
    else if (inst->kind == TD_AGENT)
        instance_agent(inst)->filed(inst->self, job, filed);
    else
        ((const struct td_desk_ops *)inst->conf.plugin->ops)->filed(inst->self, job, filed);
}

static int can_be_told(const struct td_instance *inst)
{
    const struct td_desk_ops *desk = inst->conf.plugin->ops;

    switch (inst->kind) {
    case TD_CHANNEL:
        return TD_HAS(instance_channel(inst), filed) && instance_channel(inst)->filed != NULL;
    case TD_AGENT: return TD_HAS(instance_agent(inst), filed) && instance_agent(inst)->filed != NULL;
    case TD_DESK: return TD_HAS(desk, filed) && desk->filed != NULL;
    }
    return 0;
}

static void upload_free(struct upload *upload)
{
    struct gate *gate = upload->gate;

    clamd_cancel(&upload->scan);
    DL_DELETE(gate->uploads, upload);
    gate->n_uploads--;
    gate->upload_bytes -= upload->len;
    free(upload->data);
    free(upload);
    gate_unref(gate);
}

/* Answers who waits, when they are still there. */
static void answer(struct upload *upload, const struct td_filed *filed)
{
    struct td_instance *inst = upload->inst;
    uint64_t job = upload->job;
    int there = !upload->gate->dead && instance_is_open(inst) &&
                inst->generation == upload->generation;

    ++*gate_counter(upload->gate, "tandem_files_total", "result",
                    filed->status == TD_OK       ? "stored"
                    : filed->status == TD_REJECT ? "refused"
                                                 : "later");
    if (filed->status != TD_OK && upload->who[0] != '\0')
        quota_give_back(upload->gate->quota, upload->who, upload->len);
    upload_free(upload);
    if (there)
        call_filed(inst, job, filed);
}

static void refuse(struct upload *upload)
{
    char detail[sizeof upload->detail];

    memcpy(detail, upload->detail, sizeof detail);
    answer(upload, &(struct td_filed){
        .size = sizeof(struct td_filed), .status = upload->status, .detail = detail,
        .retry_after_ms = upload->retry_ms <= 0           ? 0
                          : upload->retry_ms > UINT32_MAX ? UINT32_MAX
                                                          : (uint32_t)upload->retry_ms,
    });
}

static void on_refused(void *arg)
{
    refuse(arg);
}

static TD_PRINTF(4, 5) void set_refusal(struct upload *upload, enum td_status status,
                                        int64_t retry_ms, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(upload->detail, sizeof upload->detail, fmt, ap);
    va_end(ap);
    upload->status = status;
    upload->retry_ms = retry_ms;
}

/* ---- Storing ------------------------------------------------------------------------------ */

static void on_put(void *arg, enum files_status status, const struct file_info *info)
{
    struct upload *upload = arg;
    struct arena *arena;
    struct td_attachment file;

    if (status != FILES_OK) {
        set_refusal(upload, TD_RETRY, AWAY_MS, "%s",
                    status == FILES_FULL ? "there is no room for files right now"
                                         : "the file could not be written, see the log");
        refuse(upload);
        return;
    }
    arena = gate_arena(upload->gate);
    struct gate *gate = upload->gate;
    gate_ref(gate);
    links_attachment(gate, info, arena, &file);
    answer(upload, &(struct td_filed){ .size = sizeof(struct td_filed), .status = TD_OK,
                                       .attachment = &file });
    gate_arena_put(gate, &arena);
    gate_unref(gate);
}

static void put(struct upload *upload)
{
    void *data = upload->data;

    upload->data = NULL;
    files_put(upload->gate->files.files, &upload->info, data, upload->len, on_put, upload);
}

static void on_scanned(void *arg, enum clamd_verdict verdict, const char *detail)
{
    struct upload *upload = arg;
    struct gate *gate = upload->gate;

    upload->scan = NULL;
    switch (verdict) {
    case CLAMD_CLEAN: put(upload); return;
    case CLAMD_FOUND:
        LOG_WARN(&upload->inst->log, "a file was refused: the scanner found %s", detail);
        ++*gate_counter(gate, "tandem_files_total", "result", "virus");
        set_refusal(upload, TD_REJECT, 0, "the virus scanner found %s in it", detail);
        break;
    case CLAMD_TOO_LARGE:
        set_refusal(upload, TD_REJECT, 0,
                    "the virus scanner does not take a file of %zu bytes", upload->len);
        break;
    case CLAMD_AWAY:
        LOG_WARN(&upload->inst->log, "a file was not taken: %s", detail);
        set_refusal(upload, TD_RETRY, AWAY_MS, "the virus scanner is away");
        break;
    }
    refuse(upload);
}

/* ---- Judging ------------------------------------------------------------------------------ */

/* A customer's files count together: of a known one in all sessions, of another in the session, or
 * by the address that the channel has for them. */
static void set_who(struct upload *upload, const struct td_file *file)
{
    const struct file_info *info = &upload->info;
    const struct slot *slot = file->session != NULL ? slot_get(upload->gate, &info->session) : NULL;
    const struct session *session = slot != NULL ? &slot->session : NULL;

    if (session != NULL && session->customer_id != NULL && session->verified)
        snprintf(upload->who, sizeof upload->who, "%.80s/customer/%.200s", info->owner,
                 session->customer_id);
    else if (file->session != NULL)
        snprintf(upload->who, sizeof upload->who, "session/%s", file->session);
    else if (TD_HAS(file, peer) && file->peer != NULL)
        snprintf(upload->who, sizeof upload->who, "%.80s/%.200s", info->owner, file->peer);
    else
        snprintf(upload->who, sizeof upload->who, "%.290s", info->owner);
}

/* 0, or -1: the refusal is set. */
static int judge(struct upload *upload, const struct td_file *file)
{
    const struct gate_files_conf *conf = &upload->gate->files;
    struct file_info *info = &upload->info;
    int64_t wait_ms;

    if (conf->files == NULL) {
        set_refusal(upload, TD_REJECT, 0, "attachments are not taken here");
        return -1;
    }
    if (file->len == 0 || file->data == NULL) {
        set_refusal(upload, TD_REJECT, 0, "the file is empty");
        return -1;
    }
    if ((int64_t)file->len > conf->max_file) {
        set_refusal(upload, TD_REJECT, 0,
                    "the file has %zu bytes and at most %" PRId64 " are taken (max_file)",
                    file->len, conf->max_file);
        return -1;
    }
    if (file->session != NULL && ulid_parse(file->session, &info->session) != 0) {
        set_refusal(upload, TD_REJECT, 0, "there is no such session");
        return -1;
    }
    snprintf(info->type, sizeof info->type, "%s", sniff_type(file->data, file->len, file->name));
    if (!sniff_matches(conf->types, info->type) || sniff_matches(conf->denied, info->type)) {
        set_refusal(upload, TD_REJECT, 0, "files of type %s are not taken (file_types)",
                    info->type);
        return -1;
    }
    sniff_name(file->name, info->type, info->name);
    if (upload->gate->n_uploads > MOST_UPLOADS ||
        upload->gate->upload_bytes + file->len > MOST_BYTES) {
        set_refusal(upload, TD_RETRY, BUSY_MS, "too many files are coming in right now");
        return -1;
    }
    set_who(upload, file);
    wait_ms = quota_take(upload->gate->quota, &conf->quota, upload->who, file->len,
                         clock_mono_ms());
    if (wait_ms > 0) {
        upload->who[0] = '\0';
        set_refusal(upload, TD_RETRY, wait_ms,
                    "more files than the %" PRId64 " or more bytes than the %" PRId64
                    " that are taken within %" PRId64 " s (file_count, file_bytes)",
                    conf->quota.count, conf->quota.bytes, conf->quota.window_ms / 1000);
        return -1;
    }
    return 0;
}

void attachments_file(struct td_instance *inst, uint64_t job, const struct td_file *file)
{
    struct gate *gate = inst->gate;
    struct upload *upload;

    if (!can_be_told(inst)) {
        instance_misuse(inst, "file() without a filed() in its ops");
        return;
    }
    if (file == NULL || !TD_HAS(file, len)) {
        instance_misuse(inst, "file() without a file");
        return;
    }
    upload = mem_alloc(sizeof *upload);
    *upload = (struct upload){ .gate = gate, .inst = inst, .generation = inst->generation,
                               .job = job };
    gate_ref(gate);
    DL_APPEND(gate->uploads, upload);
    gate->n_uploads++;
    snprintf(upload->info.owner, sizeof upload->info.owner, "%s/%s", instance_label(inst),
             inst->name);
    if (judge(upload, file) != 0) {
        loop_defer(gate->conf.loop, on_refused, upload);
        return;
    }
    upload->data = mem_dup(file->data, file->len);
    upload->len = file->len;
    gate->upload_bytes += upload->len;
    if (gate->files.scanner != NULL)
        upload->scan = clamd_scan(gate->conf.loop, gate->files.scanner, upload->data, upload->len,
                                  SCAN_MS, on_scanned, upload);
    else
        put(upload);
}

/* ---- A message takes its files ------------------------------------------------------------ */

static size_t collect(const struct td_message *message, struct ulid *ids, size_t n, size_t most)
{
    for (size_t i = 0; i < message->n_attachments && n < most; i++)
        ulid_parse(message->attachments[i]->id, &ids[n++]);
    return n;
}

static const struct td_message *const *messages_of(const struct item *item, size_t *n_r)
{
    const struct event *event = &item->event;

    *n_r = 0;
    if (event->type == EVENT_ANSWER) {
        *n_r = event->answer->n_messages;
        return event->answer->messages;
    }
    if (event->message == NULL)
        return NULL;
    *n_r = 1;
    return &event->message;
}

int attachments_wanted(const struct item *item)
{
    size_t n;
    const struct td_message *const *messages = messages_of(item, &n);

    for (size_t i = 0; !item->has_files && i < n; i++)
        if (messages[i]->n_attachments > 0)
            return 1;
    return 0;
}

/* What the store of files knows stands in the message from now on. */
static void fill_in(struct item *item, const struct file_info *infos, size_t n_infos)
{
    size_t n, at = 0;
    const struct td_message *const *messages = messages_of(item, &n);

    for (size_t i = 0; i < n; i++) {
        for (size_t k = 0; k < messages[i]->n_attachments && at < n_infos; k++, at++) {
            struct td_attachment *file = (struct td_attachment *)messages[i]->attachments[k];
            file->name = arena_strdup(item->arena, infos[at].name);
            file->type = arena_strdup(item->arena, infos[at].type);
            file->sha256 = arena_strdup(item->arena, infos[at].sha256);
            file->bytes = infos[at].bytes;
        }
    }
    item->has_files = 1;
}

static const char *reason(enum files_status status, enum td_status *status_r)
{
    *status_r = TD_REJECT;
    switch (status) {
    case FILES_OK: break;
    case FILES_NONE: return "an attachment is not known, or is not kept any more: send it again";
    case FILES_FOREIGN: return "an attachment belongs to another conversation";
    case FILES_FULL: *status_r = TD_RETRY; return "there is no room for attachments right now";
    case FILES_FAILED: *status_r = TD_RETRY; return "an attachment cannot be read right now";
    }
    return "";
}

static void on_used(void *arg, enum files_status status, const struct file_info *infos, size_t n,
                    size_t which)
{
    struct slot *slot = arg;
    struct gate *gate = slot->gate;
    struct item *item = slot->current;
    enum td_status verdict = TD_OK;
    const char *why = NULL;

    (void)which;
    slot->op = OP_NONE;
    if (gate->dead) {
        slot_free(slot);
        gate_unref(gate);
        return;
    }
    if (status == FILES_OK)
        fill_in(item, infos, n);
    else
        why = reason(status, &verdict);
    if (mailbox_go_on(slot, verdict, why) == 0 && slot->op == OP_NONE && slot->items == NULL)
        slot_drop_if_void(slot);
    gate_unref(gate);
}

/* Who may give files to this session besides its own: the channel that brings the message, the
 * agent that answers. */
static void owner_of(const struct slot *slot, const struct item *item, char owner[FILES_OWNER])
{
    if (item->event.type == EVENT_ANSWER)
        snprintf(owner, FILES_OWNER, "agent/%s",
                 slot->session.turn.agent != NULL ? slot->session.turn.agent : "");
    else
        snprintf(owner, FILES_OWNER, "%s/%s", item->inst != NULL ? instance_label(item->inst) : "",
                 item->inst != NULL ? item->inst->name : "");
}

int attachments_take(struct slot *slot)
{
    struct item *item = slot->current;
    struct ulid ids[FILES_MOST];
    char owner[FILES_OWNER];
    size_t n, n_ids = 0, total = 0;
    const struct td_message *const *messages = messages_of(item, &n);

    for (size_t i = 0; i < n; i++) {
        total += messages[i]->n_attachments;
        n_ids = collect(messages[i], ids, n_ids, FILES_MOST);
    }
    if (slot->gate->files.files == NULL || total > FILES_MOST)
        return mailbox_go_on(slot, TD_REJECT,
                             total > FILES_MOST ? "an answer has more than 16 attachments"
                                                : "attachments are not taken here");
    owner_of(slot, item, owner);
    slot->op = OP_FILES;
    gate_ref(slot->gate);
    files_use(slot->gate->files.files, ids, n_ids, &slot->id, owner, on_used, slot);
    return 0;
}

/* ---- The whole ---------------------------------------------------------------------------- */

static void on_swept(void *arg, enum files_status status, size_t n)
{
    (void)arg;
    (void)status;
    if (n > 0)
        LOG_INFO(NULL, "%zu files that were not used, or are past the retention, are gone", n);
}

void attachments_sweep(struct gate *gate)
{
    const struct gate_files_conf *conf = &gate->files;
    int64_t now = clock_wall_ms();

    if (conf->files != NULL)
        files_sweep(conf->files, now - conf->unused_ms, now - conf->retention_ms, on_swept, NULL);
}

void gate_set_files(struct gate *gate, const struct gate_files_conf *conf)
{
    int first = gate->files.files == NULL;

    gate->files = *conf;
    if (gate->quota == NULL)
        gate->quota = quota_new();
    if (first && conf->files != NULL)
        links_open(gate);
}

/* Files that are being written tell of it when their store is closed; scans are called off here. */
void attachments_stop(struct gate *gate)
{
    struct upload *upload, *next;

    DL_FOREACH_SAFE(gate->uploads, upload, next) {
        if (upload->scan != NULL)
            upload_free(upload);
    }
}
