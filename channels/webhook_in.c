/* webhook_in.c - from a provider's request to messages and receipts, and back to its status. */
#include "config.h"

#include <openssl/crypto.h>
#include <strings.h>
#include <uthash.h>

#include "channels/webhook_private.h"

#define MAX_BATCHES 1000 /* requests that wait for the disk */
#define MAX_MESSAGES 256 /* of one request */
#define MAX_STATUSES 1024
#define MAX_CHALLENGE 256
#define BUSY_MS 1000

/* One request; it is answered when all its messages are. */
struct batch {
    struct batch *prev, *next;
    uint64_t request;
    unsigned open, accepted, duplicates, unknown, refused;
    int again; /* 1: one of them has to come again, so all do */
    uint32_t retry_after_ms;
};

struct delivery {
    UT_hash_handle hh;
    uint64_t id;
    struct batch *batch;
};

/* ---- Answers ------------------------------------------------------------------------------ */

static void reply_error(struct webhook *hook, uint64_t request, int status, const char *code,
                        const char *message, uint32_t retry_after_ms)
{
    struct td_json j = { 0 };
    char seconds[16];
    const struct td_header later = { "Retry-After", seconds };
    const struct td_header allow = { "Allow", hook->hello != NULL ? "GET, POST" : "POST" };
    struct td_web_reply reply = { .size = sizeof reply, .status = status };

    snprintf(seconds, sizeof seconds, "%u", (retry_after_ms + 999) / 1000);
    if (retry_after_ms > 0 || status == 405) {
        reply.headers = status == 405 ? &allow : &later;
        reply.n_headers = 1;
    }
    td_json_object(&j);
    td_json_key(&j, "error");
    td_json_object(&j);
    td_json_key_str(&j, "code", code);
    td_json_key_str(&j, "message", message);
    td_json_object_end(&j);
    td_json_object_end(&j);
    reply.body = td_json_text(&j);
    reply.body_len = td_json_len(&j);
    hook->host->reply(hook->inst, request, &reply);
    td_json_free(&j);
}

static void reply_text(struct webhook *hook, uint64_t request, const char *type, const char *text)
{
    const struct td_header header = { "X-Content-Type-Options", "nosniff" };

    hook->host->reply(hook->inst, request, &(struct td_web_reply){
        .size = sizeof(struct td_web_reply), .status = 200, .content_type = type,
        .headers = &header, .n_headers = 1, .body = text, .body_len = strlen(text),
    });
}

/* All or nothing: a batch that comes again meets its duplicates, which do no harm. */
static void batch_end(struct webhook *hook, struct batch *batch)
{
    char text[160];

    if (batch->prev != NULL)
        batch->prev->next = batch->next;
    else
        hook->batches = batch->next;
    if (batch->next != NULL)
        batch->next->prev = batch->prev;
    hook->n_batches--;
    if (batch->again) {
        reply_error(hook, batch->request, 503, "busy", "send the whole request again",
                    batch->retry_after_ms > 0 ? batch->retry_after_ms : BUSY_MS);
    } else {
        snprintf(text, sizeof text,
                 "{\"accepted\":%u,\"duplicates\":%u,\"unknown\":%u,\"refused\":%u}",
                 batch->accepted, batch->duplicates, batch->unknown, batch->refused);
        reply_text(hook, batch->request, NULL, text);
    }
    free(batch);
}

void in_hold(struct batch *batch)
{
    batch->open++;
}

void in_release(struct webhook *hook, struct batch *batch)
{
    if (--batch->open == 0)
        batch_end(hook, batch);
}

void in_again(struct batch *batch, uint32_t retry_after_ms)
{
    batch->again = 1;
    if (retry_after_ms > batch->retry_after_ms)
        batch->retry_after_ms = retry_after_ms;
}

void in_accepted(struct webhook *hook, uint64_t id, const struct td_accepted *accepted)
{
    struct delivery *delivery;
    struct batch *batch;

    HASH_FIND(hh, hook->deliveries, &id, sizeof id, delivery);
    if (delivery == NULL)
        return;
    HASH_DEL(hook->deliveries, delivery);
    batch = delivery->batch;
    free(delivery);
    if (accepted->status == TD_OK) {
        batch->accepted++;
        batch->duplicates += accepted->duplicate != 0;
    } else if (accepted->status == TD_RETRY) {
        in_again(batch, accepted->retry_after_ms);
    } else { /* it would be refused again: the provider is not asked to */
        batch->refused++;
        hook->host->count(hook->inst, "refused", 1);
        hook->host->log(hook->inst, TD_WARN, "a message was refused: %s", accepted->detail);
    }
    in_release(hook, batch);
}

/* ---- Times -------------------------------------------------------------------------------- */

static int64_t days_before(int64_t year, int64_t month, int64_t day)
{
    int64_t y = month <= 2 ? year - 1 : year, m = (month + 9) % 12; /* years begin in March */

    return 365 * y + y / 4 - y / 100 + y / 400 + (153 * m + 2) / 5 + day - 1 - 719468;
}

/* RFC 3339, to the second. 0: it is not that. */
static int64_t read_date(const char *text)
{
    int year, month, day, hour, minute, second, at = 0, zone_hour = 0, zone_minute = 0;
    char t, sign;

    if (sscanf(text, "%4d-%2d-%2d%c%2d:%2d:%2d%n", &year, &month, &day, &t, &hour, &minute,
               &second, &at) != 7 ||
        at != 19 || year < 1970 || month < 1 || month > 12 || day < 1 || day > 31 || hour < 0 ||
        hour > 23 || minute < 0 || minute > 59 || second < 0 || second > 60)
        return 0;
    text += at;
    if (*text == '.')
        text += 1 + strspn(text + 1, "0123456789");
    if (*text != 'Z' && *text != 'z') {
        if (sscanf(text, "%c%2d:%2d", &sign, &zone_hour, &zone_minute) != 3 ||
            (sign != '+' && sign != '-') || zone_hour < 0 || zone_hour > 23 || zone_minute < 0 ||
            zone_minute > 59)
            return 0;
        zone_hour = sign == '-' ? -zone_hour : zone_hour;
        zone_minute = sign == '-' ? -zone_minute : zone_minute;
    }
    return (((days_before(year, month, day) * 24 + hour - zone_hour) * 60 + minute - zone_minute) *
                60 + second) * 1000;
}

/* Seconds or milliseconds since 1970, or a date; 0: not known. */
static int64_t read_time(const char *text)
{
    size_t len = text != NULL ? strspn(text, "0123456789") : 0;
    int64_t value;

    if (len == 0 || len > 15)
        return 0;
    if (text[len] != '\0')
        return read_date(text);
    value = strtoll(text, NULL, 10);
    return value < INT64_C(100000000000) ? value * 1000 : value; /* the year 5138, in seconds */
}

/* ---- Messages ----------------------------------------------------------------------------- */

struct reading {
    struct webhook *hook;
    struct batch *batch;
    const char *request_id; /* of Standard Webhooks, when messages have no id of their own */
    unsigned n;
};

static void unknown(struct reading *reading)
{
    reading->batch->unknown++;
    reading->hook->host->count(reading->hook->inst, "unknown", 1);
}

void in_deliver(struct webhook *hook, struct batch *batch, const struct td_inbound *in)
{
    struct delivery *delivery = malloc(sizeof *delivery);
    struct td_inbound out = *in;

    if (delivery == NULL) {
        in_again(batch, 0);
        return;
    }
    delivery->id = ++hook->last_delivery;
    delivery->batch = batch;
    HASH_ADD(hh, hook->deliveries, id, sizeof delivery->id, delivery);
    in_hold(batch);
    out.reply_until_at_ms = out_window(hook, in->message);
    hook->host->deliver(hook->inst, delivery->id, &out);
}

static int on_message(void *arg, const struct place *place)
{
    struct reading *reading = arg;
    struct webhook *hook = reading->hook;
    char id[POINTER_TEXT], peer[POINTER_TEXT], text[POINTER_TEXT], choice[POINTER_TEXT];
    char account[POINTER_TEXT], name[POINTER_TEXT], time[POINTER_TEXT], own_id[256];
    char file_buf[POINTER_TEXT], file_name[POINTER_TEXT];
    const char *file = pointers_text(&hook->file, place, file_buf);
    struct td_customer customer = {
        .size = sizeof customer, .name = pointers_text(&hook->name, place, name),
    };
    struct td_message message = {
        .size = sizeof message,
        .id = pointers_text(&hook->id, place, id),
        .text = pointers_text(&hook->text, place, text),
        .choice = pointers_text(&hook->choice, place, choice),
        .author = TD_CUSTOMER,
        .at_ms = read_time(pointers_text(&hook->time, place, time)),
    };
    const struct td_inbound in = {
        .size = sizeof in,
        .account = pointers_text(&hook->account, place, account),
        .peer = pointers_text(&hook->peer, place, peer),
        .customer = customer.name != NULL ? &customer : NULL,
        .message = &message,
    };

    reading->n++;
    if (message.id == NULL && hook->id.n == 0 && reading->request_id != NULL) {
        snprintf(own_id, sizeof own_id, "%.200s-%u", reading->request_id, reading->n);
        message.id = own_id;
    }
    if (message.text == NULL && message.choice == NULL && file == NULL)
        message.text = hook->conf->text_other;
    if (message.id == NULL || in.peer == NULL ||
        (message.text == NULL && message.choice == NULL && file == NULL))
        unknown(reading);
    else if (file != NULL)
        files_fetch(hook, reading->batch, &in, file,
                    pointers_text(&hook->file_name, place, file_name));
    else
        in_deliver(hook, reading->batch, &in);
    return 0;
}

/* ---- What others write to customers --------------------------------------------------------- */

/* Our own are known by their id, and by their text, which the host knows when the id comes late. */
static int on_echo(void *arg, const struct place *place)
{
    struct reading *reading = arg;
    struct webhook *hook = reading->hook;
    char id[POINTER_TEXT], peer[POINTER_TEXT], text[POINTER_TEXT], account[POINTER_TEXT];
    char name[POINTER_TEXT], time[POINTER_TEXT];
    const struct td_message message = {
        .size = sizeof message, .author = TD_HUMAN,
        .id = pointers_text(&hook->id, place, id),
        .text = pointers_text(&hook->text, place, text),
        .author_name = pointers_text(&hook->echo_name, place, name),
        .at_ms = read_time(pointers_text(&hook->time, place, time)),
    };
    const struct td_inbound in = {
        .size = sizeof in,
        .account = pointers_text(&hook->account, place, account),
        .peer = pointers_text(&hook->echo_peer, place, peer),
        .message = &message,
    };

    if (reading->n++ >= MAX_MESSAGES)
        return 1;
    if (message.id == NULL || in.peer == NULL || message.text == NULL)
        unknown(reading);
    else if (receipts_knows(&hook->receipts, message.id))
        hook->host->count(hook->inst, "own_echoes", 1);
    else
        in_deliver(hook, reading->batch, &in);
    return 0;
}

/* ---- Receipts ----------------------------------------------------------------------------- */

static int is_one_of(const char *word, const char *const *words)
{
    while (*words != NULL && strcasecmp(*words, word) != 0)
        words++;
    return *words != NULL;
}

/* 1: the provider's word is one that the conf knows. */
static int read_status(const struct conf *conf, const char *word, enum td_delivery *status_r)
{
    const struct {
        const char *const *words;
        enum td_delivery status;
    } known[] = {
        { conf->status_sent, TD_SENT },
        { conf->status_delivered, TD_DELIVERED },
        { conf->status_read, TD_READ },
        { conf->status_failed, TD_FAILED },
    };

    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        if (is_one_of(word, known[i].words)) {
            *status_r = known[i].status;
            return 1;
        }
    }
    return 0;
}

static int on_status(void *arg, const struct place *place)
{
    struct reading *reading = arg;
    struct webhook *hook = reading->hook;
    char id_buf[POINTER_TEXT], word_buf[POINTER_TEXT];
    const char *id = pointers_text(&hook->status_id, place, id_buf);
    const char *word = pointers_text(&hook->status_value, place, word_buf);
    struct receipt receipt;
    enum td_delivery status;

    if (reading->n++ >= MAX_STATUSES)
        return 1;
    if (id == NULL || word == NULL || !read_status(hook->conf, word, &status)) {
        unknown(reading);
        return 0;
    }
    hook->host->count(hook->inst, "receipts", 1);
    if (receipts_came(&hook->receipts, id, status, &receipt))
        known_tell(hook, &receipt, word);
    else if (!receipts_knows(&hook->receipts, id))
        known_look_up(hook, id, status);
    return 0;
}

/* ---- Requests ----------------------------------------------------------------------------- */

static int count_one(void *arg, const struct place *place)
{
    unsigned *n = arg;

    (void)place;
    return ++*n > MAX_MESSAGES;
}

static struct batch *batch_begin(struct webhook *hook, uint64_t request)
{
    struct batch *batch = hook->n_batches < MAX_BATCHES ? calloc(1, sizeof *batch) : NULL;

    if (batch == NULL)
        return NULL;
    batch->request = request;
    in_hold(batch); /* until all of it is read */
    batch->next = hook->batches;
    if (batch->next != NULL)
        batch->next->prev = batch;
    hook->batches = batch;
    hook->n_batches++;
    return batch;
}

static void take(struct webhook *hook, const struct td_web_request *request, const cJSON *root)
{
    struct reading reading = { .hook = hook };
    unsigned n = 0;

    if (pointer_each(&hook->messages, root, count_one, &n) != 0) {
        reply_error(hook, request->id, 413, "too_large", "more than 256 messages in one request",
                    0);
        return;
    }
    reading.batch = batch_begin(hook, request->id);
    if (reading.batch == NULL) {
        reply_error(hook, request->id, 503, "busy", "too many requests are under way", BUSY_MS);
        return;
    }
    if (hook->conf->verify == SIGN_BY_STANDARD)
        reading.request_id = sign_header(request, "webhook-id");
    if (hook->conf->status_list != NULL)
        pointer_each(&hook->statuses, root, on_status, &reading);
    n += reading.n;
    reading.n = 0;
    if (hook->conf->echo_list != NULL)
        pointer_each(&hook->echoes, root, on_echo, &reading);
    n += reading.n;
    reading.n = 0;
    pointer_each(&hook->messages, root, on_message, &reading);
    if (n == 0)
        unknown(&reading);
    in_release(hook, reading.batch);
}

/* Slack asks at the start whether the address is ours. */
static int is_slack_hello(const struct webhook *hook, const cJSON *root)
{
    const char *type = td_json_get_str(root, "type");

    return hook->conf->verify == SIGN_BY_SLACK && type != NULL &&
           strcmp(type, "url_verification") == 0 && td_json_get_str(root, "challenge") != NULL;
}

static void on_post(struct webhook *hook, const struct td_web_request *request)
{
    const struct sign_check check = {
        .scheme = (enum sign_scheme)hook->conf->verify, .keys = hook->keys,
        .header = hook->header, .tolerance_ms = hook->conf->tolerance,
        .now_ms = hook->host->now(hook->inst),
    };
    char why[128];
    cJSON *root;

    if (!sign_verify(&check, request)) {
        hook->host->count(hook->inst, "forged", 1);
        reply_error(hook, request->id, 401, "unauthorized", "the signature or token is not good",
                    0);
        return;
    }
    root = td_json_parse(request->body, request->body_len, NULL, why, sizeof why);
    if (root == NULL) {
        hook->host->count(hook->inst, "bad_json", 1);
        reply_error(hook, request->id, 400, "bad_json", why, 0);
    } else if (is_slack_hello(hook, root)) {
        reply_text(hook, request->id, "text/plain", td_json_get_str(root, "challenge"));
    } else {
        take(hook, request, root);
    }
    cJSON_Delete(root);
}

static int hex_digit(char c)
{
    return c >= '0' && c <= '9'               ? c - '0'
           : (c | 32) >= 'a' && (c | 32) <= 'f' ? (c | 32) - 'a' + 10
                                              : -1;
}

/* The value of a query's key, decoded; 0, or -1: not there, too long, or not plain text. */
static int query_get(const char *query, const char *key, char *value, size_t size)
{
    size_t len = strlen(key), n = 0;

    while (*query != '\0' && (strncmp(query, key, len) != 0 || query[len] != '=')) {
        query += strcspn(query, "&");
        query += *query == '&';
    }
    if (*query == '\0')
        return -1;
    for (query += len + 1; *query != '\0' && *query != '&'; query++) {
        int c = *query == '+' ? ' ' : (unsigned char)*query;

        if (*query == '%') {
            if (hex_digit(query[1]) < 0 || hex_digit(query[2]) < 0)
                return -1;
            c = hex_digit(query[1]) * 16 + hex_digit(query[2]);
            query += 2;
        }
        if (c < 0x20 || c > 0x7e || n + 1 >= size)
            return -1;
        value[n++] = (char)c;
    }
    value[n] = '\0';
    return 0;
}

/* Meta asks at the start whether the address is ours. */
static void on_get(struct webhook *hook, const struct td_web_request *request)
{
    char mode[16], token[1024], challenge[MAX_CHALLENGE];

    if (query_get(request->query, "hub.mode", mode, sizeof mode) == 0 &&
        strcmp(mode, "subscribe") == 0 &&
        query_get(request->query, "hub.verify_token", token, sizeof token) == 0 &&
        query_get(request->query, "hub.challenge", challenge, sizeof challenge) == 0 &&
        sign_is_token(hook->hello, token)) {
        reply_text(hook, request->id, "text/plain", challenge);
        return;
    }
    hook->host->count(hook->inst, "forged", 1);
    reply_error(hook, request->id, 401, "unauthorized", "the verify token is not good", 0);
}

static void on_request(void *arg, const struct td_web_request *request)
{
    struct webhook *hook = arg;

    if (strcmp(request->method, "POST") == 0)
        on_post(hook, request);
    else if (strcmp(request->method, "GET") == 0 && hook->hello != NULL)
        on_get(hook, request);
    else
        reply_error(hook, request->id, 405, "method_not_allowed", "messages come by POST", 0);
}

/* ---- The instance ------------------------------------------------------------------------- */

static int open_keys(struct webhook *hook, struct td_error *err)
{
    const struct conf *conf = hook->conf;
    size_t len = strlen(conf->verify_header);

    if (conf->verify == SIGN_BY_NONE) {
        hook->host->log(hook->inst, TD_WARN, "verify = none: anybody can speak for a customer");
    } else if (conf->secret == NULL) {
        snprintf(err->text, sizeof err->text,
                 "requests are verified and there is no secret; verify = none takes all");
        return -1;
    } else if ((hook->keys = sign_keys_new(conf->secret, conf->verify == SIGN_BY_STANDARD,
                                           err)) == NULL) {
        return -1;
    }
    if (conf->verify_token != NULL &&
        (hook->hello = sign_keys_new(conf->verify_token, 0, err)) == NULL)
        return -1;
    if (len == 0 || len >= sizeof hook->header) {
        snprintf(err->text, sizeof err->text, "verify_header is not the name of a header");
        return -1;
    }
    for (size_t i = 0; i < len; i++) {
        char c = conf->verify_header[i];

        hook->header[i] = c >= 'A' && c <= 'Z' ? (char)(c + 32) : c;
    }
    return 0;
}

static int open_pointers(struct webhook *hook, struct td_error *err)
{
    const struct conf *conf = hook->conf;

    return pointer_parse(&hook->messages, conf->message_list != NULL ? conf->message_list : "", 1,
                         err) != 0 ||
           (conf->status_list != NULL &&
            pointer_parse(&hook->statuses, conf->status_list, 1, err) != 0) ||
           (conf->echo_list != NULL &&
            pointer_parse(&hook->echoes, conf->echo_list, 1, err) != 0) ||
           pointers_parse(&hook->echo_peer, conf->echo_peer, err) != 0 ||
           pointers_parse(&hook->echo_name, conf->echo_name, err) != 0 ||
           pointers_parse(&hook->id, conf->in_id, err) != 0 ||
           pointers_parse(&hook->peer, conf->in_peer, err) != 0 ||
           pointers_parse(&hook->text, conf->in_text, err) != 0 ||
           pointers_parse(&hook->choice, conf->in_choice, err) != 0 ||
           pointers_parse(&hook->account, conf->in_account, err) != 0 ||
           pointers_parse(&hook->name, conf->in_name, err) != 0 ||
           pointers_parse(&hook->time, conf->in_time, err) != 0 ||
           pointers_parse(&hook->status_id, conf->status_id, err) != 0 ||
           pointers_parse(&hook->status_value, conf->status_value, err) != 0 ? -1 : 0;
}

int in_open(struct webhook *hook, struct td_error *err)
{
    char path[160];

    if (open_keys(hook, err) != 0 || open_pointers(hook, err) != 0)
        return -1;
    hook->receipts.max = (size_t)hook->conf->receipts;
    snprintf(path, sizeof path, "/hooks/%s", hook->host->name(hook->inst));
    if (hook->host->route(hook->inst, path, on_request, hook) != TD_OK) {
        snprintf(err->text, sizeof err->text, "%s is taken, or there is no listener", path);
        return -1;
    }
    return 0;
}

void in_close(struct webhook *hook)
{
    struct pointers *const lists[] = { &hook->id, &hook->peer, &hook->text, &hook->choice,
                                       &hook->account, &hook->name, &hook->time,
                                       &hook->status_id, &hook->status_value,
                                       &hook->echo_peer, &hook->echo_name };
    struct delivery *delivery, *next;

    HASH_ITER (hh, hook->deliveries, delivery, next) {
        delivery->batch->again = 1;
        HASH_DEL(hook->deliveries, delivery);
        free(delivery);
    }
    while (hook->batches != NULL)
        batch_end(hook, hook->batches);
    for (size_t i = 0; i < sizeof lists / sizeof lists[0]; i++)
        pointers_fini(lists[i]);
    pointer_fini(&hook->messages);
    pointer_fini(&hook->statuses);
    pointer_fini(&hook->echoes);
    sign_keys_free(&hook->keys);
    sign_keys_free(&hook->hello);
    known_close(hook);
}
