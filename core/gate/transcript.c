/*
 * transcript.c - a handoff as a human opens it: its package, and what was said, the newest page first;
 * and what was said alone, for who has a link: GET /transcripts/<session>?e=<until>&s=<signature>.
 *
 * Read out of the journal, backwards in windows until the page is full; the session goes on meanwhile.
 */
#include "config.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include <tandem/json.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/mem.h"
#include "gate/board.h"
#include "io/web.h"

#define PREFIX "/transcripts/"
#define PAGE 50      /* messages */
#define WINDOW 300   /* records read at once */

struct said {
    struct said *next;
    struct record record;
};

struct reading {
    struct gate *gate;
    struct td_instance *inst;
    unsigned generation;
    uint64_t job;
    struct ulid session, handoff;
    uint64_t read_upto; /* by the customer */
    char *package; /* NULL: none any more */
    uint64_t request; /* a link was followed; 0: a human asks */
    uint64_t from, to; /* the window: [from, to) */
    struct arena *arena;
    struct said *page; /* in order */
    size_t n;
};

static void reading_free(struct reading *reading)
{
    struct gate *gate = reading->gate;

    gate_arena_put(gate, &reading->arena);
    free(reading->package);
    free(reading);
    gate_unref(gate);
}

static void done(const struct reading *reading, const struct td_desk_done *done)
{
    struct td_instance *inst = reading->inst;

    if (!reading->gate->dead && instance_is_open(inst) && inst->generation == reading->generation)
        instance_desk(inst)->done(inst->self, reading->job, done);
}

static void put_files(struct td_json *j, const struct td_attachment *const *files, size_t n)
{
    if (n == 0)
        return;
    td_json_key(j, "attachments");
    td_json_array(j);
    for (size_t i = 0; i < n; i++) {
        td_json_object(j);
        td_json_key_str(j, "id", files[i]->id);
        td_json_key_str(j, "name", files[i]->name != NULL ? files[i]->name : "");
        td_json_key_str(j, "type", files[i]->type != NULL ? files[i]->type : "");
        td_json_key_int(j, "size", (int64_t)files[i]->bytes);
        if (files[i]->url != NULL)
            td_json_key_str(j, "url", files[i]->url);
        td_json_object_end(j);
    }
    td_json_array_end(j);
}

static void put_said(struct td_json *j, const struct reading *reading, const struct record *r)
{
    const struct td_message bare = { .size = sizeof bare, .attachments = r->body.attachments,
                                     .n_attachments = r->body.n_attachments };
    const struct td_message *message = links_files(reading->gate, &bare, reading->arena);
    const char *text = r->type == RECORD_NOTE ? r->body.note : r->body.text;
    const int author = r->type == RECORD_MESSAGE ? TD_CUSTOMER : r->author;
    char at[CLOCK_TEXT];

    clock_format(r->at, at);
    td_json_object(j);
    td_json_key_int(j, "seq", (int64_t)r->seq);
    td_json_key_str(j, "at", at);
    td_json_key_str(j, "author", r->type == RECORD_NOTE ? "note" : record_word(RECORD_REPLY, "author", author));
    if (r->name != NULL)
        td_json_key_str(j, "name", r->name);
    if (text != NULL)
        td_json_key_str(j, "text", text);
    if (r->body.choice != NULL)
        td_json_key_str(j, "choice", r->body.choice);
    put_files(j, message->attachments, message->n_attachments);
    td_json_object_end(j);
}

static void put_page(struct td_json *j, const struct reading *reading, const struct said *said)
{
    td_json_key(j, "transcript");
    td_json_array(j);
    for (; said != NULL; said = said->next)
        put_said(j, reading, &said->record);
    td_json_array_end(j);
}

static void to_human(const struct reading *reading, const struct said *said, int more)
{
    struct td_json j = { 0 };
    char handoff[ULID_TEXT], session[ULID_TEXT];

    td_json_object(&j);
    td_json_key(&j, "handoff");
    board_put(reading->gate, &reading->handoff, &j);
    td_json_key(&j, "package");
    td_json_raw(&j, reading->package != NULL ? reading->package : "null",
                reading->package != NULL ? strlen(reading->package) : 4);
    td_json_key(&j, "next");
    if (more)
        td_json_uint(&j, said->record.seq);
    else
        td_json_raw(&j, "null", 4);
    td_json_key(&j, "read");
    td_json_uint(&j, reading->read_upto);
    put_page(&j, reading, said);
    td_json_object_end(&j);
    ulid_format(&reading->handoff, handoff);
    ulid_format(&reading->session, session);
    done(reading, &(struct td_desk_done){ .size = sizeof(struct td_desk_done), .status = TD_OK,
                                          .handoff = handoff, .session = session,
                                          .json = td_json_text(&j) });
    td_json_free(&j);
}

static void to_link(const struct reading *reading, const struct said *said, int more)
{
    static const struct td_header headers[] = { { "Cache-Control", "private, no-store" },
                                                { "Referrer-Policy", "no-referrer" } };
    char session[ULID_TEXT];
    struct td_json j = { 0 };

    ulid_format(&reading->session, session);
    td_json_object(&j);
    td_json_key_str(&j, "session", session);
    put_page(&j, reading, said);
    td_json_key(&j, "next");
    if (more)
        td_json_str(&j, arena_printf(reading->arena, "%s&before=%" PRIu64,
                                     links_url(reading->gate, PREFIX, session, reading->arena),
                                     said->record.seq));
    else
        td_json_null(&j);
    td_json_object_end(&j);
    web_reply(reading->gate->conf.web, reading->request, &(struct td_web_reply){
        .size = sizeof(struct td_web_reply), .status = 200, .headers = headers, .n_headers = 2,
        .body = td_json_text(&j), .body_len = td_json_len(&j) });
    td_json_free(&j);
}

static void finish(struct reading *reading)
{
    const struct said *said = reading->page;
    const int more = said != NULL && (reading->from > 1 || reading->n > PAGE);

    while (reading->n > PAGE && said != NULL) {
        said = said->next;
        reading->n--;
    }
    if (reading->request != 0)
        to_link(reading, said, more);
    else
        to_human(reading, said, more);
    reading_free(reading);
}

static void read_window(struct reading *reading);

/* What the window holds goes before what is there. */
static void add(struct reading *reading, const struct store_record *records, size_t n)
{
    struct said **end = &reading->page, *later = reading->page;

    for (size_t i = 0; i < n && records[i].seq < reading->to; i++) {
        struct said *said = arena_alloc(reading->arena, sizeof *said);
        struct err err;

        if (record_decode(records[i].data, records[i].data_len, reading->arena, &said->record,
                          &err) != 0 ||
            record_decode_body(records[i].body, records[i].body_len, reading->arena,
                               &said->record.body, &err) != 0)
            continue;
        if (said->record.type != RECORD_MESSAGE && said->record.type != RECORD_REPLY &&
            said->record.type != RECORD_NOTE)
            continue;
        *end = said;
        end = &said->next;
        reading->n++;
    }
    *end = later;
}

static void on_window(void *arg, enum store_status status, const struct store_record *records,
                      size_t n, int more)
{
    struct reading *reading = arg;

    (void)more;
    if (reading->gate->dead) {
        reading_free(reading);
        return;
    }
    if (status != STORE_OK && status != STORE_NONE) {
        if (reading->request != 0)
            links_fail(reading->gate, reading->request, 503, "busy",
                       "the journal cannot be read now");
        else
            done(reading, &(struct td_desk_done){ .size = sizeof(struct td_desk_done),
                                                  .status = TD_RETRY, .retry_after_ms = FULL_MS,
                                                  .detail = "the journal cannot be read now" });
        reading_free(reading);
        return;
    }
    add(reading, records, n);
    if (reading->n > PAGE || reading->from <= 1 || n == 0) {
        finish(reading);
        return;
    }
    reading->to = reading->from;
    read_window(reading);
}

static void read_window(struct reading *reading)
{
    reading->from = reading->to > WINDOW ? reading->to - WINDOW : 1;
    store_read(reading->gate->conf.store, &reading->session, reading->from,
               (size_t)(reading->to - reading->from) + 1, on_window, reading);
}

void transcript_read(struct slot *slot, struct item *item, uint64_t before)
{
    struct reading *reading = mem_alloc(sizeof *reading);
    const struct ulid *handoff = &item->event.control->handoff;
    struct arena *arena;

    *reading = (struct reading){
        .gate = slot->gate, .inst = item->inst, .generation = item->generation, .job = item->job,
        .session = slot->id, .handoff = *handoff, .read_upto = slot->session.read_upto,
        .arena = gate_arena(slot->gate),
        .to = before > 0 && before <= slot->durable_seq ? before : slot->durable_seq + 1,
    };
    gate_ref(slot->gate);
    if (board_has(slot) && ulid_cmp(handoff, &slot->session.handoff.id) == 0) {
        arena = gate_arena(slot->gate);
        reading->package = mem_strdup(desk_package(slot, item->inst, arena));
        gate_arena_put(slot->gate, &arena);
    }
    read_window(reading);
}

/* ---- By a link ----------------------------------------------------------------------------- */

char *transcript_url(const struct slot *slot, struct arena *arena)
{
    return links_url(slot->gate, PREFIX, slot->text, arena);
}

/* A request that waits for the session. */
struct asked {
    struct gate *gate;
    uint64_t request;
};

static void refuse_link(void *arg, int status, const char *text, size_t len)
{
    struct asked *asked = arg;

    (void)len;
    links_fail(asked->gate, asked->request, status, status == 404 ? "not_found" : "busy", text);
    free(asked);
}

static void read_link(struct item *item, struct slot *slot)
{
    struct asked *asked = item->arg;
    struct reading *reading;

    if (slot == NULL) {
        refuse_link(asked, 404, "this conversation is not kept any more", 0);
        return;
    }
    reading = mem_alloc(sizeof *reading);
    *reading = (struct reading){
        .gate = slot->gate, .session = slot->id, .arena = gate_arena(slot->gate),
        .request = asked->request,
        .to = item->event.of > 0 && item->event.of <= slot->durable_seq ? item->event.of
                                                                        : slot->durable_seq + 1,
    };
    free(asked);
    gate_ref(slot->gate);
    read_window(reading);
}

static void on_link(void *arg, const struct td_web_request *request)
{
    static const char before[] = "&before=";
    struct gate *gate = arg;
    struct asked *asked;
    struct item *item;
    struct slot *slot;
    const char *rest;
    struct ulid id;
    uint64_t of = 0;
    int expired = links_judge(gate, request, PREFIX, &id, &rest);

    if (expired < 0)
        return;
    if (expired) {
        links_fail(gate, request->id, 410, "expired",
                   "this link has expired: open the handoff again for a new one");
        return;
    }
    if (strncmp(rest, before, sizeof before - 1) == 0)
        of = strtoull(rest + sizeof before - 1, NULL, 10);
    asked = mem_alloc(sizeof *asked);
    *asked = (struct asked){ gate, request->id };
    slot = slot_load(gate, &id, 0);
    if (slot == NULL || slot_is_crowded(slot)) {
        refuse_link(asked, 503, "too much is being read, try again", 0);
        return;
    }
    item = item_new(gate, ITEM_LOOK, EVENT_TIMER);
    item->look = read_link;
    item->fn = refuse_link;
    item->arg = asked;
    item->event.of = of;
    slot_add(slot, item);
}

void transcript_open(struct gate *gate)
{
    if (gate->conf.web != NULL)
        web_route(gate->conf.web, PREFIX, 0, on_link, gate);
}
