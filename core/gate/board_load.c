/*
 * board_load.c - after a start: the handoffs that ended before it, out of the newest journals.
 *
 * One session after the other, in the background; what ends meanwhile finds its own place. Bounded:
 * MAX_ENDED handoffs, MAX_SCANNED sessions.
 */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "gate/board.h"

#define PAGE 100     /* sessions looked up at once */
#define WINDOW 500   /* records read at once */
#define MAX_SCANNED 3000

struct load {
    struct gate *gate;
    struct ulid sessions[PAGE];
    size_t n, at, scanned, found;
    uint64_t from; /* of the session being read */
    char *channel, *language, *tags;
    struct place *place; /* of the handoff being read; NULL: between two */
};

static void load_free(struct load *load)
{
    struct gate *gate = load->gate;

    if (load->place != NULL)
        board_place_free(load->place);
    free(load->channel);
    free(load->language);
    free(load->tags);
    free(load);
    gate_unref(gate);
}

static void set(char **field, const char *value)
{
    free(*field);
    *field = mem_strdup(value);
}

static void begin(struct load *load, const struct record *r)
{
    struct place *place = mem_alloc(sizeof *place);

    if (load->place != NULL)
        board_place_free(load->place);
    load->place = place;
    place->session = load->sessions[load->at];
    place->handoff = r->handoff;
    place->state = HANDOFF_CHECKING;
    place->since = r->at;
    place->priority = (int)r->priority;
    set(&place->desk, r->desk);
    set(&place->queue, r->queue);
    set(&place->code, r->code);
    set(&place->channel, load->channel);
    set(&place->language, load->language);
    set(&place->tags, load->tags);
}

static void move(struct place *place, const struct record *r)
{
    place->state = (enum handoff_state)r->state;
    if (r->desk != NULL)
        set(&place->desk, r->desk);
    if (r->queue != NULL)
        set(&place->queue, r->queue);
    if (place->state == HANDOFF_LIVE)
        set(&place->human, r->name);
}

static void end(struct load *load, const struct record *r)
{
    struct place *place = load->place;

    load->place = NULL;
    place->outcome = r->outcome;
    place->ended_at = r->at;
    load->found++;
    if (board_ended(load->gate, &place->handoff) != NULL) /* it ended since the start */
        board_place_free(place);
    else
        board_keep_ended(load->gate->board, place);
}

static void take(struct load *load, const struct record *r)
{
    struct place *ended = board_ended(load->gate, &r->handoff);
    const int is_current = load->place != NULL && ulid_cmp(&load->place->handoff, &r->handoff) == 0;

    if (r->type == RECORD_OPENED) {
        set(&load->channel, r->channel);
        set(&load->language, r->body.locale);
    } else if (r->type == RECORD_TURN_END && r->language != NULL) {
        set(&load->language, r->language);
    } else if (r->type == RECORD_TAGS) {
        set(&load->tags, r->body.text);
        if (is_current)
            set(&load->place->tags, r->body.text);
        else if (ended != NULL)
            set(&ended->tags, r->body.text);
    } else if (r->type == RECORD_REVIEW && ended != NULL) {
        ended->score = r->score;
    } else if (r->type == RECORD_HANDOFF) {
        begin(load, r);
    } else if (is_current && r->type == RECORD_HANDOFF_STATE) {
        move(load->place, r);
    } else if (is_current && r->type == RECORD_HANDOFF_END) {
        end(load, r);
    }
}

static void next_session(struct load *load);
static void read_window(struct load *load);

static void on_window(void *arg, enum store_status status, const struct store_record *records,
                      size_t n, int more)
{
    struct load *load = arg;
    struct arena *arena;
    struct record r;
    struct err err;

    if (load->gate->dead) {
        load_free(load);
        return;
    }
    arena = gate_arena(load->gate);
    for (size_t i = 0; i < n && status == STORE_OK; i++) {
        load->from = records[i].seq + 1;
        if (record_decode(records[i].data, records[i].data_len, arena, &r, &err) == 0 &&
            record_decode_body(records[i].body, records[i].body_len, arena, &r.body, &err) == 0)
            take(load, &r);
    }
    gate_arena_put(load->gate, &arena);
    if (status == STORE_OK && more) {
        read_window(load);
        return;
    }
    load->at++;
    next_session(load);
}

static void read_window(struct load *load)
{
    store_read(load->gate->conf.store, &load->sessions[load->at], load->from, WINDOW, on_window,
               load);
}

static void on_sessions(void *arg, enum store_status status, const struct store_item *items,
                        size_t n)
{
    struct load *load = arg;

    if (load->gate->dead || status != STORE_OK || n == 0) {
        load_free(load);
        return;
    }
    load->at = 0;
    load->n = n;
    for (size_t i = 0; i < n; i++)
        load->sessions[i] = items[i].session;
    next_session(load);
}

static void next_session(struct load *load)
{
    const struct ulid last = load->n > 0 ? load->sessions[load->n - 1] : (struct ulid){ { 0 } };

    if (load->place != NULL)
        board_place_free(load->place);
    load->place = NULL;
    set(&load->channel, NULL);
    set(&load->language, NULL);
    set(&load->tags, NULL);
    if (load->at < load->n) {
        load->from = 1;
        load->scanned++;
        read_window(load);
    } else if (load->scanned < MAX_SCANNED && load->found < MAX_ENDED &&
               (load->n == 0 || load->n == PAGE)) {
        store_sessions(load->gate->conf.store, &last, PAGE, on_sessions, load);
    } else {
        load_free(load);
    }
}

void board_load(struct gate *gate)
{
    struct load *load = mem_alloc(sizeof *load);

    load->gate = gate;
    gate_ref(gate);
    next_session(load);
}
