/* board_json.c - handoffs and desks as lists, for humans and for operators. */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include <tandem/json.h>

#include "base/clock.h"
#include "base/mem.h"
#include "engine/hours.h"
#include "gate/board.h"

#define MAX_LIST 1000
#define MAX_SAMPLE 20

void board_put_time(struct td_json *j, const char *key, int64_t at)
{
    char text[CLOCK_TEXT];

    if (at <= 0)
        return;
    clock_format(at, text);
    td_json_key_str(j, key, text);
}

static void put_str(struct td_json *j, const char *key, const char *value)
{
    if (value != NULL && value[0] != '\0')
        td_json_key_str(j, key, value);
}

static void put_place(struct td_json *j, const struct line *line, const struct place *place)
{
    char handoff[ULID_TEXT], session[ULID_TEXT];
    const size_t position = place->outcome == 0 ? line_position(line, &place->handoff) : 0;

    ulid_format(&place->handoff, handoff);
    ulid_format(&place->session, session);
    td_json_object(j);
    td_json_key_str(j, "id", handoff);
    td_json_key_str(j, "session", session);
    put_str(j, "desk", place->desk);
    td_json_key_str(j, "queue", place->queue != NULL ? place->queue : "");
    td_json_key_str(j, "state", place->ended_at != 0            ? "closed"
                                : place->state == HANDOFF_LIVE ? "live"
                                                               : "queued");
    board_put_time(j, "since", place->since);
    put_str(j, "reason", place->code);
    td_json_key_int(j, "priority", place->priority);
    put_str(j, "channel", place->channel);
    put_str(j, "human", place->human);
    put_str(j, "language", place->language);
    if (place->tags != NULL) {
        td_json_key(j, "tags");
        td_json_raw(j, place->tags, strlen(place->tags));
    }
    if (place->score > 0)
        td_json_key_int(j, "score", place->score);
    if (position > 0)
        td_json_key_int(j, "position", (int64_t)position);
    if (place->ended_at != 0) {
        board_put_time(j, "ended", place->ended_at);
        put_str(j, "outcome", place->outcome != 0 ? handoff_outcome_name(place->outcome) : NULL);
    }
    td_json_object_end(j);
}

/* The order of the line: urgent ones first, then those that wait longest. */
static int by_place(const void *a, const void *b)
{
    const struct place *x = *(const struct place *const *)a, *y = *(const struct place *const *)b;

    if (x->priority != y->priority)
        return x->priority > y->priority ? -1 : 1;
    if (x->since != y->since)
        return x->since < y->since ? -1 : 1;
    return ulid_cmp(&x->handoff, &y->handoff);
}

enum wanted { WANT_QUEUED, WANT_LIVE, WANT_MINE, WANT_CLOSED, WANT_ANY, WANT_SAMPLE };

static int is_wanted(const struct gate *gate, const struct place *place, enum wanted wanted,
                     const char *desk, const char *human)
{
    const int live = place->state == HANDOFF_LIVE;
    const struct line_entry *entry;

    if (desk != NULL && (place->desk == NULL || strcmp(place->desk, desk) != 0))
        return 0;
    switch (wanted) {
    case WANT_LIVE: return live;
    case WANT_MINE: return live && human != NULL && place->human != NULL &&
                           strcmp(place->human, human) == 0;
    case WANT_QUEUED:
        entry = line_find(gate->board->line, &place->handoff);
        return !live && (human == NULL || policy_human(gate->policy->policy, human) == NULL ||
                         (line_eligible(gate->board->line, human, entry) &&
                          !line_has_declined(entry, human)));
    case WANT_CLOSED:
    case WANT_ANY:
    case WANT_SAMPLE: break;
    }
    return 1;
}

static void put_open(const struct gate *gate, enum wanted wanted, const char *desk,
                     const char *human, struct td_json *j)
{
    const struct place **list =
        mem_array(HASH_COUNT(gate->board->places) + 1, sizeof(const struct place *));
    struct place *place, *next;
    size_t n = 0;

    HASH_ITER(hh, gate->board->places, place, next) {
        if (is_wanted(gate, place, wanted, desk, human))
            list[n++] = place;
    }
    qsort(list, n, sizeof *list, by_place);
    for (size_t i = 0; i < n && i < MAX_LIST; i++)
        put_place(j, gate->board->line, list[i]);
    free(list);
}

/* The newest first; a sample: each with the same chance, so many as are asked for. */
static void put_ended(struct gate *gate, const char *desk, int sample, struct td_json *j)
{
    const struct board *board = gate->board;
    uint64_t random;
    size_t left = 0, wanted = sample ? MAX_SAMPLE : MAX_LIST;

    for (size_t i = 0; i < board->n_ended; i++)
        left += (size_t)is_wanted(gate, board->ended[i], WANT_CLOSED, desk, NULL);
    for (size_t i = board->n_ended; i-- > 0 && wanted > 0;) {
        if (!is_wanted(gate, board->ended[i], WANT_CLOSED, desk, NULL))
            continue;
        gate_random(gate, &random, sizeof random);
        if (random % left-- >= wanted)
            continue;
        put_place(j, board->line, board->ended[i]);
        wanted--;
    }
}

int board_list(struct td_instance *inst, const char *human, const char *state, struct td_json *j)
{
    static const char *const states[] = { "queued", "live", "mine", "closed" };
    size_t i = 0;

    while (state != NULL && i < 4 && strcmp(state, states[i]) != 0)
        i++;
    if (i == 4)
        return -1;
    td_json_object(j);
    td_json_key(j, "handoffs");
    td_json_array(j);
    if (state == NULL || i == WANT_CLOSED)
        put_ended(inst->gate, inst->name, state == NULL, j);
    else
        put_open(inst->gate, (enum wanted)i, inst->name, human, j);
    td_json_array_end(j);
    td_json_object_end(j);
    return 0;
}

void board_put(const struct gate *gate, const struct ulid *handoff, struct td_json *j)
{
    const struct place *place = board_find(gate, handoff);

    if (place == NULL)
        place = board_ended(gate, handoff);
    if (place != NULL)
        put_place(j, gate->board->line, place);
    else
        td_json_raw(j, "null", 4);
}

static void move(struct td_json *j, struct buf *out)
{
    buf_add(out, td_json_text(j), td_json_len(j));
    td_json_free(j);
}

void gate_handoffs_json(struct gate *gate, const char *state, struct buf *out)
{
    struct td_json j = { 0 };

    td_json_array(&j);
    if (state == NULL || strcmp(state, "closed") != 0)
        put_open(gate,
                 state == NULL                  ? WANT_ANY
                 : strcmp(state, "live") == 0 ? WANT_LIVE
                                              : WANT_QUEUED,
                 NULL, NULL, &j);
    else
        put_ended(gate, NULL, 0, &j);
    td_json_array_end(&j);
    move(&j, out);
}

static void put_queues(struct td_json *j, const struct gate *gate, const char *desk)
{
    const struct policy *policy = gate->policy->policy;
    const int64_t now = clock_wall_ms();

    td_json_key(j, "queues");
    td_json_array(j);
    for (size_t i = 0; i < policy->n_queues; i++) {
        const struct policy_queue *queue = &policy->queues[i];

        if (queue->desk == NULL || strcmp(queue->desk->name, desk) != 0)
            continue;
        td_json_object(j);
        td_json_key_str(j, "name", queue->name);
        td_json_key_bool(j, "open", queue->hours == NULL || hours_open(queue->hours, now));
        td_json_key_int(j, "waiting", (int64_t)line_waiting(gate->board->line, queue->name));
        td_json_key_int(j, "able", (int64_t)line_able(gate->board->line, queue->name, now));
        td_json_object_end(j);
    }
    td_json_array_end(j);
}

static void put_humans(struct td_json *j, const struct gate *gate, const char *desk)
{
    const struct policy *policy = gate->policy->policy;
    const struct line *line = gate->board->line;

    td_json_key(j, "humans");
    td_json_array(j);
    for (size_t i = 0; i < policy->n_humans; i++) {
        const struct policy_human *human = &policy->humans[i];
        size_t k = 0;

        while (human->desks[k] != NULL && strcmp(human->desks[k], desk) != 0)
            k++;
        if (human->desks[k] == NULL)
            continue;
        td_json_object(j);
        td_json_key_str(j, "id", human->name);
        td_json_key_str(j, "name", human->title);
        td_json_key_str(j, "presence",
                        board_presence_of(gate, human->name));
        td_json_key_int(j, "live", (int64_t)line_live_of(line, human->name));
        td_json_key_int(j, "capacity", human->capacity);
        td_json_object_end(j);
    }
    td_json_array_end(j);
}

void board_team(const struct td_instance *inst, struct td_json *j)
{
    td_json_object(j);
    put_queues(j, inst->gate, inst->name);
    put_humans(j, inst->gate, inst->name);
    td_json_object_end(j);
}

static uint64_t live_at(const struct gate *gate, const char *desk)
{
    struct place *place, *next;
    uint64_t n = 0;

    HASH_ITER(hh, gate->board->places, place, next) {
        n += (uint64_t)is_wanted(gate, place, WANT_LIVE, desk, NULL);
    }
    return n;
}

void gate_desks_json(const struct gate *gate, struct buf *out)
{
    struct td_json j = { 0 };

    td_json_array(&j);
    for (const struct td_instance *inst = gate->instances; inst != NULL; inst = inst->next) {
        if (inst->kind != TD_DESK || inst->state == INSTANCE_CLOSED)
            continue;
        td_json_object(&j);
        td_json_key_str(&j, "name", inst->name);
        td_json_key_str(&j, "type", inst->conf.plugin->name);
        td_json_key_str(&j, "version", inst->conf.plugin->version);
        td_json_key_str(&j, "state", instance_state(inst));
        td_json_key_int(&j, "live", (int64_t)live_at(gate, inst->name));
        put_queues(&j, gate, inst->name);
        put_humans(&j, gate, inst->name);
        td_json_key_int(&j, "errors", (int64_t)*inst->errors);
        put_str(&j, "detail", inst->detail);
        td_json_object_end(&j);
    }
    td_json_array_end(&j);
    move(&j, out);
}
