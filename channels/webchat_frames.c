/* webchat_frames.c - the frames of tandem.chat.v1, read and written. */
#include "config.h"

#include "channels/webchat_frames.h"

#include <stdio.h>
#include <tandem/time.h>

static const char *const type_names[FRAME_N_TYPES] = {
    [FRAME_HELLO] = "hello", [FRAME_MESSAGE] = "message", [FRAME_TYPING] = "typing",
    [FRAME_READ] = "read",   [FRAME_RATING] = "rating",   [FRAME_LEAVE] = "leave",
};

static size_t characters(const char *s)
{
    size_t n = 0;

    for (; *s != '\0'; s++)
        n += ((unsigned char)*s & 0xc0) != 0x80;
    return n;
}

/* ---- Reading ----------------------------------------------------------------------------- */

struct reading {
    const cJSON *object;
    char *why;
    size_t why_len;
};

/* A field that may be missing (or null), and is a string of 1 to `max` bytes when it is there. */
static int text_field(const struct reading *r, const char *key, size_t max, const char **value_r)
{
    const cJSON *item = td_json_get(r->object, key);

    *value_r = NULL;
    if (item == NULL || cJSON_IsNull(item))
        return 0;
    size_t len = cJSON_IsString(item) ? strlen(item->valuestring) : 0;

    if (len < 1 || len > max) {
        snprintf(r->why, r->why_len, "'%s' is not a string of 1 to %zu bytes", key, max);
        return -1;
    }
    *value_r = item->valuestring;
    return 0;
}

static int seq_field(const struct reading *r, const char *key, uint64_t *value_r)
{
    int64_t value = 0;

    if (td_json_get(r->object, key) != NULL &&
        (!td_json_get_int(r->object, key, &value) || value < 0)) {
        snprintf(r->why, r->why_len, "'%s' is not a whole number from 0", key);
        return -1;
    }
    *value_r = (uint64_t)value;
    return 0;
}

static int read_hello(struct reading *r, struct frame *f)
{
    const cJSON *customer = td_json_get(r->object, "customer");

    if (text_field(r, "resume", 1024, &f->resume) < 0 ||
        text_field(r, "bridge", FRAME_ID, &f->bridge) < 0 || seq_field(r, "last_seq", &f->seq) < 0 ||
        text_field(r, "tab", FRAME_ID, &f->tab) < 0 ||
        text_field(r, "locale", FRAME_ID, &f->locale) < 0 ||
        text_field(r, "timezone", FRAME_ID, &f->timezone) < 0)
        return -1;
    if (customer == NULL || cJSON_IsNull(customer))
        return 0;
    if (!cJSON_IsObject(customer)) {
        snprintf(r->why, r->why_len, "'customer' is not an object");
        return -1;
    }
    r->object = customer;
    f->has_customer = 1;
    return text_field(r, "id", FRAME_ID, &f->customer_id) < 0 ||
                   text_field(r, "name", 320, &f->name) < 0 ||
                   text_field(r, "email", 320, &f->email) < 0 ||
                   text_field(r, "signature", FRAME_ID, &f->signature) < 0
               ? -1
               : 0;
}

static enum frame_verdict read_text(const struct reading *r, const char *key,
                                    const struct frame_limits *limits, struct frame *f)
{
    if (text_field(r, key, limits->max_message, &f->text) < 0)
        return FRAME_BAD;
    if (f->text != NULL && characters(f->text) > (size_t)limits->max_text) {
        snprintf(r->why, r->why_len, "the text is longer than %lld characters",
                 (long long)limits->max_text);
        return FRAME_TOO_LONG;
    }
    return FRAME_OK;
}

static int read_files(const struct reading *r, struct frame *f)
{
    const cJSON *item, *array = td_json_get(r->object, "attachments");

    if (array == NULL || cJSON_IsNull(array))
        return 0;
    cJSON_ArrayForEach(item, array)
    {
        if (!cJSON_IsString(item) || f->n_files == FRAME_FILES)
            break;
        f->files[f->n_files++] = item->valuestring;
    }
    if (cJSON_IsArray(array) && item == NULL)
        return 0;
    snprintf(r->why, r->why_len, "'attachments' is not a list of at most %d ids", FRAME_FILES);
    return -1;
}

static enum frame_verdict read_message(const struct reading *r, const struct frame_limits *limits,
                                       struct frame *f)
{
    if (text_field(r, "id", FRAME_ID, &f->id) < 0)
        return FRAME_BAD;
    if (f->id == NULL) {
        snprintf(r->why, r->why_len, "a message needs an 'id'");
        return FRAME_BAD;
    }
    if (text_field(r, "choice", limits->max_message, &f->choice) < 0)
        return FRAME_BAD;
    if (read_files(r, f) < 0)
        return FRAME_BAD;
    enum frame_verdict verdict = read_text(r, "text", limits, f);

    if (verdict == FRAME_OK && f->text == NULL && f->choice == NULL && f->n_files == 0) {
        snprintf(r->why, r->why_len, "a message needs a 'text', a 'choice' or 'attachments'");
        return FRAME_BAD;
    }
    return verdict;
}

static enum frame_verdict read_fields(struct reading *r, const struct frame_limits *limits,
                                      struct frame *f)
{
    int64_t score = 0;

    switch (f->type) {
    case FRAME_HELLO:
        return read_hello(r, f) < 0 ? FRAME_BAD : FRAME_OK;
    case FRAME_MESSAGE:
        return read_message(r, limits, f);
    case FRAME_TYPING:
        if (td_json_get_bool(r->object, "on", &f->on))
            return FRAME_OK;
        snprintf(r->why, r->why_len, "'on' is neither true nor false");
        return FRAME_BAD;
    case FRAME_READ:
        if (seq_field(r, "seq", &f->seq) < 0)
            return FRAME_BAD;
        if (f->seq > 0)
            return FRAME_OK;
        snprintf(r->why, r->why_len, "'read' needs a 'seq'");
        return FRAME_BAD;
    case FRAME_RATING:
        if (!td_json_get_int(r->object, "score", &score) || score < 1 || score > 5) {
            snprintf(r->why, r->why_len, "'score' is not a whole number from 1 to 5");
            return FRAME_BAD;
        }
        f->score = (int)score;
        return read_text(r, "comment", limits, f);
    case FRAME_LEAVE:
    case FRAME_N_TYPES:
        break;
    }
    return FRAME_OK;
}

/* Cut where a character starts, so that the error is UTF-8 as well. */
static int short_of(const char *s, size_t max)
{
    size_t len = strlen(s);

    if (len <= max)
        return (int)len;
    while (max > 0 && ((unsigned char)s[max] & 0xc0) == 0x80)
        max--;
    return (int)max;
}

enum frame_verdict frame_read(const char *text, size_t len, const struct frame_limits *limits,
                              struct frame *frame_r, char *why, size_t why_len)
{
    const struct td_json_limits bounds = {
        .depth = 8, .bytes = limits->max_message, .keys = 64, .nodes = 256,
    };
    struct reading r = { .why = why, .why_len = why_len };
    char reason[160] = "";
    const char *type;

    *frame_r = (struct frame){ .type = FRAME_N_TYPES };
    r.object = frame_r->tree = td_json_parse(text, len, &bounds, reason, sizeof reason);
    if (r.object == NULL) {
        snprintf(why, why_len, "not JSON that is taken here: %s", reason);
        return FRAME_BAD;
    }
    type = cJSON_IsObject(r.object) ? td_json_get_str(r.object, "type") : NULL;
    if (type == NULL) {
        snprintf(why, why_len, "not an object with a 'type'");
        return FRAME_BAD;
    }
    for (int i = 0; i < FRAME_N_TYPES; i++) {
        if (strcmp(type, type_names[i]) == 0)
            frame_r->type = (enum frame_type)i;
    }
    if (frame_r->type == FRAME_N_TYPES) {
        snprintf(why, why_len, "unknown type '%.*s'", short_of(type, 64), type);
        return FRAME_BAD;
    }
    return read_fields(&r, limits, frame_r);
}

void frame_free(struct frame *frame)
{
    cJSON_Delete(frame->tree);
    frame->tree = NULL;
}

/* ---- Writing ----------------------------------------------------------------------------- */

static void begin(struct td_json *j, const char *type)
{
    td_json_clear(j);
    td_json_object(j);
    td_json_key_str(j, "type", type);
}

static void key_seq(struct td_json *j, const char *key, uint64_t seq)
{
    td_json_key(j, key);
    td_json_uint(j, seq);
}

static void key_time(struct td_json *j, const char *key, int64_t at_ms)
{
    char text[TD_TIME_TEXT];

    if (at_ms <= 0)
        return;
    td_time_format(at_ms, text);
    td_json_key_str(j, key, text);
}

static void key_owner(struct td_json *j, const struct td_owner *owner)
{
    static const char *const kinds[] = {
        [TD_OWNER_NONE] = "none", [TD_OWNER_AGENT] = "agent", [TD_OWNER_HUMAN] = "human",
    };

    td_json_key_str(j, "state", owner != NULL && owner->pending ? "pending" : "active");
    td_json_key(j, "owner");
    td_json_object(j);
    td_json_key_str(j, "kind", kinds[owner != NULL ? owner->kind : TD_OWNER_NONE]);
    td_json_key_str(j, "name", owner != NULL && owner->name != NULL ? owner->name : "");
    td_json_object_end(j);
}

static void key_author(struct td_json *j, const char *kind, const char *name)
{
    td_json_key(j, "author");
    td_json_object(j);
    td_json_key_str(j, "kind", kind);
    td_json_key_str(j, "name", name != NULL ? name : "");
    td_json_object_end(j);
}

void frame_welcome(struct td_json *j, const struct td_attached *attached, const char *resume,
                   const struct frame_limits *limits, const char *upload)
{
    begin(j, "welcome");
    td_json_key_str(j, "session", attached->session);
    td_json_key_str(j, "resume", resume);
    key_seq(j, "seq", attached->seq);
    key_owner(j, attached->owner);
    td_json_key(j, "limits");
    td_json_object(j);
    td_json_key_int(j, "max_message", (int64_t)limits->max_message);
    td_json_key_int(j, "max_text", limits->max_text);
    td_json_key_int(j, "rate", limits->rate.count);
    td_json_key_int(j, "rate_ms", limits->rate.per_ms);
    if (upload[0] != '\0') {
        td_json_key_str(j, "upload", upload);
        td_json_key_int(j, "max_attachment", limits->max_attachment);
        td_json_key_int(j, "max_attachments", FRAME_FILES);
    }
    td_json_object_end(j);
    td_json_object_end(j);
}

void frame_accepted(struct td_json *j, const char *id, uint64_t seq)
{
    begin(j, "accepted");
    td_json_key_str(j, "id", id);
    key_seq(j, "seq", seq);
    td_json_object_end(j);
}

static void key_choices(struct td_json *j, const struct td_message *message)
{
    td_json_key(j, "choices");
    td_json_array(j);
    for (size_t i = 0; i < message->n_choices; i++) {
        td_json_object(j);
        td_json_key_str(j, "title", message->choices[i]->title);
        td_json_key_str(j, "value", message->choices[i]->value);
        td_json_object_end(j);
    }
    td_json_array_end(j);
}

void frame_attachment(struct td_json *j, const struct td_attachment *file)
{
    td_json_object(j);
    td_json_key_str(j, "id", file->id);
    td_json_key_str(j, "name", file->name);
    td_json_key_str(j, "type", file->type);
    td_json_key(j, "size");
    td_json_uint(j, file->bytes);
    td_json_key_str(j, "url", file->url);
    td_json_object_end(j);
}

static void key_attachments(struct td_json *j, const struct td_message *message)
{
    if (!TD_HAS(message, n_attachments) || message->n_attachments == 0)
        return;
    td_json_key(j, "attachments");
    td_json_array(j);
    for (size_t i = 0; i < message->n_attachments; i++)
        frame_attachment(j, message->attachments[i]);
    td_json_array_end(j);
}

void frame_message(struct td_json *j, uint64_t seq, const struct td_message *message)
{
    static const char *const kinds[] = {
        [TD_CUSTOMER] = "customer", [TD_AI] = "agent", [TD_HUMAN] = "human",
        [TD_SYSTEM] = "system",
    };

    begin(j, "message");
    key_seq(j, "seq", seq);
    td_json_key_str(j, "id", message->id);
    key_time(j, "at", message->at_ms);
    key_author(j, kinds[message->author], message->author_name);
    td_json_key_str(j, "text", message->text != NULL ? message->text : "");
    if (message->n_choices > 0)
        key_choices(j, message);
    key_attachments(j, message);
    td_json_object_end(j);
}

void frame_echo(struct td_json *j, uint64_t seq, const struct td_message *message)
{
    begin(j, "echo");
    key_seq(j, "seq", seq);
    td_json_key_str(j, "id", message->id);
    key_time(j, "at", message->at_ms);
    td_json_key_str(j, "text", message->text != NULL ? message->text : "");
    if (message->choice != NULL)
        td_json_key_str(j, "choice", message->choice);
    key_attachments(j, message);
    td_json_object_end(j);
}

void frame_resync(struct td_json *j)
{
    begin(j, "resync");
    td_json_object_end(j);
}

void frame_error(struct td_json *j, const char *code, const char *message, const char *id,
                 uint32_t retry_after_ms)
{
    begin(j, "error");
    td_json_key_str(j, "code", code);
    td_json_key_str(j, "message", message);
    if (id != NULL)
        td_json_key_str(j, "id", id);
    if (retry_after_ms > 0)
        td_json_key_int(j, "retry_after_ms", retry_after_ms);
    td_json_object_end(j);
}

static void write_typing(struct td_json *j, const struct td_event *event)
{
    const struct td_owner *owner = event->owner;
    const char *kind = owner != NULL && owner->kind == TD_OWNER_HUMAN ? "human" : "agent";

    begin(j, "typing");
    key_author(j, kind, owner != NULL ? owner->name : NULL);
    td_json_key_bool(j, "on", event->on);
    td_json_object_end(j);
}

static void write_receipt(struct td_json *j, const struct td_event *event)
{
    static const char *const states[] = {
        [TD_QUEUED] = "queued",       [TD_SENT] = "sent", [TD_UNCERTAIN] = "uncertain",
        [TD_DELIVERED] = "delivered", [TD_READ] = "read", [TD_FAILED] = "failed",
    };

    begin(j, "receipt");
    key_seq(j, "of", event->of);
    td_json_key_str(j, "status", states[event->status]);
    td_json_object_end(j);
}

static void write_delta(struct td_json *j, const struct td_event *event)
{
    begin(j, "delta");
    td_json_key_str(j, "turn", event->turn);
    td_json_key_str(j, "text", event->text != NULL ? event->text : "");
    if (event->text == NULL)
        td_json_key_bool(j, "void", 1);
    td_json_object_end(j);
}

static void write_queue(struct td_json *j, const struct td_event *event)
{
    begin(j, "queue");
    if (event->position > 0)
        td_json_key_int(j, "position", event->position);
    if (event->wait_ms >= 0)
        td_json_key_int(j, "wait_s", (event->wait_ms + 999) / 1000);
    td_json_object_end(j);
}

static void write_promise(struct td_json *j, const struct td_event *event)
{
    static const char *const states[] = {
        [TD_PROMISE_MADE] = "made",     [TD_PROMISE_KEPT] = "kept",
        [TD_PROMISE_BROKEN] = "broken", [TD_PROMISE_VOID] = "void",
    };

    begin(j, "promise");
    if (event->seq > 0)
        key_seq(j, "seq", event->seq);
    td_json_key_str(j, "id", event->promise);
    td_json_key_str(j, "what", event->text != NULL ? event->text : "");
    key_time(j, "due", event->due_at_ms);
    td_json_key_str(j, "state", states[event->promised]);
    td_json_object_end(j);
}

int frame_event(struct td_json *j, const struct td_event *event)
{
    switch (event->type) {
    case TD_EV_MESSAGE:
        frame_message(j, event->seq, event->message);
        return 0;
    case TD_EV_ECHO:
        frame_echo(j, event->seq, event->message);
        return 0;
    case TD_EV_OWNER:
        begin(j, "owner");
        key_seq(j, "seq", event->seq);
        key_owner(j, event->owner);
        td_json_object_end(j);
        return 0;
    case TD_EV_TYPING:
        write_typing(j, event);
        return 0;
    case TD_EV_RECEIPT:
        write_receipt(j, event);
        return 0;
    case TD_EV_CLOSED:
        begin(j, "bye");
        key_seq(j, "seq", event->seq);
        td_json_key_str(j, "reason", event->text != NULL ? event->text : "");
        td_json_object_end(j);
        return 0;
    case TD_EV_DELTA:
        if (!TD_HAS(event, turn) || event->turn == NULL)
            return -1;
        write_delta(j, event);
        return 0;
    case TD_EV_QUEUE:
        write_queue(j, event);
        return 0;
    case TD_EV_PROMISE:
        if (!TD_HAS(event, promised) || event->promise == NULL ||
            event->promised < TD_PROMISE_MADE || event->promised > TD_PROMISE_VOID)
            return -1;
        write_promise(j, event);
        return 0;
    default: /* what a later host may say */
        return -1;
    }
}
