/*
 * board.c - all handoffs at a glance: a mirror of the sessions' own states, never the truth.
 *
 * Each session with a handoff under way has a place; the line orders those that wait. Humans are
 * known by what they last said of their presence, which is a lease that any request renews.
 */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include <utlist.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/mem.h"
#include "base/metric.h"
#include "gate/board.h"

#define GONE_EVERY_MS 10000  /* said again, when the session still has not moved */
#define TELL_EVERY_MS 2000   /* a customer's place in line is told at most so often */
#define MAX_TELL 500         /* customers told in one go */

struct board *board_new(void)
{
    struct board *board = mem_alloc(sizeof *board);

    board->line = line_new();
    return board;
}

void board_place_free(struct place *place)
{
    free(place->desk);
    free(place->queue);
    free(place->human);
    free(place->code);
    free(place->channel);
    free(place->language);
    free(place->tags);
    free(place);
}

void board_free(struct board **board_p)
{
    struct board *board = *board_p;
    struct place *place, *next;
    struct person *person, *other;

    *board_p = NULL;
    if (board == NULL)
        return;
    HASH_ITER(hh, board->places, place, next) {
        HASH_DEL(board->places, place);
        board_place_free(place);
    }
    HASH_ITER(hh, board->persons, person, other) {
        HASH_DEL(board->persons, person);
        free(person);
    }
    for (size_t i = 0; i < board->n_ended; i++)
        board_place_free(board->ended[i]);
    while (board->watches != NULL) {
        struct watch *watch = board->watches;

        LL_DELETE(board->watches, watch);
        free(watch);
    }
    line_free(&board->line);
    free(board);
}

/* ---- Places ------------------------------------------------------------------------------- */

int board_has(const struct slot *slot)
{
    const struct session *s = &slot->session;

    return s->phase == SESSION_OPEN &&
           (s->handoff.state == HANDOFF_CHECKING || s->handoff.state == HANDOFF_QUEUED ||
            s->handoff.state == HANDOFF_LIVE);
}

struct place *board_place_of(const struct gate *gate, const struct ulid *session)
{
    struct place *place;

    HASH_FIND(hh, gate->board->places, session, sizeof *session, place);
    return place;
}

struct place *board_find(const struct gate *gate, const struct ulid *handoff)
{
    const struct line_entry *entry = line_find(gate->board->line, handoff);

    return entry != NULL ? board_place_of(gate, &entry->session) : NULL;
}

struct place *board_ended(const struct gate *gate, const struct ulid *handoff)
{
    for (size_t i = 0; i < gate->board->n_ended; i++) {
        if (ulid_cmp(&gate->board->ended[i]->handoff, handoff) == 0)
            return gate->board->ended[i];
    }
    return NULL;
}

static void set(char **field, const char *value)
{
    if (*field != NULL && value != NULL && strcmp(*field, value) == 0)
        return;
    free(*field);
    *field = mem_strdup(value);
}

/* Where it stands by its end: nearly always last. */
void board_keep_ended(struct board *board, struct place *place)
{
    size_t at = board->n_ended;

    while (at > 0 && board->ended[at - 1]->ended_at > place->ended_at)
        at--;
    if (board->n_ended == MAX_ENDED) {
        if (at == 0) {
            board_place_free(place);
            return;
        }
        board_place_free(board->ended[0]);
        memmove(board->ended, board->ended + 1, (MAX_ENDED - 1) * sizeof board->ended[0]);
        board->n_ended--;
        at--;
    }
    memmove(board->ended + at + 1, board->ended + at,
            (board->n_ended - at) * sizeof board->ended[0]);
    board->ended[at] = place;
    board->n_ended++;
}

static void end(struct gate *gate, struct place *place)
{
    struct board *board = gate->board;

    HASH_DEL(board->places, place);
    line_remove(board->line, &place->handoff);
    place->ended_at = clock_wall_ms();
    board_keep_ended(board, place);
    board->changed = 1;
}

static void mirror(struct slot *slot, struct place *place)
{
    const struct session *s = &slot->session;
    const struct session_handoff *h = &s->handoff;
    struct gate *gate = slot->gate;
    const int live = h->state == HANDOFF_LIVE;

    if (place->state != h->state)
        gate->board->changed = 1;
    place->handoff = h->id;
    place->state = h->state;
    place->since = h->since;
    place->priority = h->priority;
    set(&place->desk, h->desk);
    set(&place->queue, h->queue);
    set(&place->human, live ? h->human : NULL);
    set(&place->code, h->code);
    set(&place->channel, s->channel);
    set(&place->language, s->language != NULL ? s->language : s->locale);
    set(&place->tags, s->tags);
    line_put(gate->board->line, &(struct line_entry){
        .handoff = h->id, .session = s->id, .queue = h->queue != NULL ? h->queue : "",
        .language = place->language,
        .last_human = s->last_human, .wanted = h->wanted, .human = place->human,
        .declined = h->declined, .code = h->code, .channel = s->channel,
        .priority = h->priority, .since = h->since,
        .taken = live ? h->accepted_at : 0, .state = live ? LINE_LIVE : LINE_WAITING,
    });
    if (live && h->human != NULL)
        board_alive(gate, h->human, 0);
}

void board_update(struct slot *slot)
{
    struct gate *gate = slot->gate;
    struct place *place = board_place_of(gate, &slot->id);

    if (place != NULL &&
        (!board_has(slot) || ulid_cmp(&place->handoff, &slot->session.handoff.id) != 0)) {
        end(gate, place);
        place = NULL;
    }
    if (!board_has(slot))
        return;
    if (place == NULL) {
        place = mem_alloc(sizeof *place);
        place->session = slot->id;
        place->wait_ms = -1;
        HASH_ADD(hh, gate->board->places, session, sizeof place->session, place);
        gate->board->changed = 1;
    }
    mirror(slot, place);
}

/* What a record says of a handoff that is over, or will be when board_update() puts it away. */
void board_record(struct slot *slot, const struct record *record)
{
    struct place *place = board_place_of(slot->gate, &slot->id);

    if (place == NULL || ulid_cmp(&place->handoff, &record->handoff) != 0)
        place = board_ended(slot->gate, &record->handoff);
    if (place == NULL)
        return;
    if (record->type == RECORD_HANDOFF_END)
        place->outcome = record->outcome;
    else if (record->type == RECORD_REVIEW)
        place->score = record->score;
    else if (record->type == RECORD_TAGS)
        set(&place->tags, record->body.text);
}

/* ---- Queues ------------------------------------------------------------------------------- */

int board_cannot(const struct slot *slot, enum offered_outcome *outcome_r)
{
    const struct gate *gate = slot->gate;
    const struct session_handoff *h = &slot->session.handoff;
    const struct policy_queue *queue = policy_queue(gate->policy->policy, h->queue);

    if (queue == NULL)
        return 0;
    *outcome_r = OFFERED_FULL;
    if (queue->capacity > 0 && line_waiting(gate->board->line, queue->name) > queue->capacity)
        return 1;
    *outcome_r = OFFERED_NOBODY;
    return queue->need_human && queue->desk != NULL &&
           (queue->desk->caps & TD_DESK_HUMANS) != 0 &&
           line_able(gate->board->line, queue->name, clock_wall_ms()) == 0;
}

void board_place(const struct slot *slot, uint32_t *position_r, int64_t *wait_ms_r)
{
    const struct line *line = slot->gate->board->line;
    const struct session_handoff *h = &slot->session.handoff;
    const size_t position = line_position(line, &h->id);

    *position_r = (uint32_t)position;
    *wait_ms_r = position > 0 ? line_wait_ms(line, h->queue, position) : -1;
}

/* ---- Humans ------------------------------------------------------------------------------- */

static struct person *person_of(struct gate *gate, const char *name)
{
    struct person *person;
    size_t len = strlen(name);

    HASH_FIND(hh, gate->board->persons, name, len, person);
    if (person != NULL || policy_human(gate->policy->policy, name) == NULL)
        return person;
    person = mem_alloc(sizeof *person + len + 1);
    memcpy(person->name, name, len + 1);
    HASH_ADD_KEYPTR(hh, gate->board->persons, person->name, len, person);
    return person;
}

static int64_t lease_end(const struct gate *gate)
{
    return clock_wall_ms() + gate->policy->policy->presence_ms;
}

static const char *const presences[] = { "offline", "away", "available" };

static void tell_presence(struct gate *gate, const char *name, enum line_presence presence)
{
    const struct policy_human *human = policy_human(gate->policy->policy, name);

    for (size_t i = 0; human != NULL && human->desks[i] != NULL; i++)
        desk_tell(instance_find(gate, TD_DESK, human->desks[i]), &(struct td_desk_event){
            .size = sizeof(struct td_desk_event), .type = TD_DESK_PRESENCE, .human = name,
            .text = presences[presence], .wait_ms = -1,
        });
}

int board_presence(struct gate *gate, const char *name, const char *presence)
{
    struct person *person = person_of(gate, name);
    size_t said = 0;

    while (said < 3 && strcmp(presence, presences[said]) != 0)
        said++;
    if (said == 3)
        return -1;
    if (person == NULL)
        return 0;
    if (!person->known || person->said != said)
        tell_presence(gate, person->name, (enum line_presence)said);
    person->known = 1;
    person->said = (enum line_presence)said;
    line_presence(gate->board->line, person->name, person->said, lease_end(gate));
    gate->board->changed = 1;
    return 0;
}

const char *board_presence_of(const struct gate *gate, const char *name)
{
    int64_t until;

    return presences[line_presence_of(gate->board->line, name, clock_wall_ms(), &until)];
}

/* Who was never heard of is there, but wants no work. */
void board_alive(struct gate *gate, const char *name, int renew)
{
    struct person *person = person_of(gate, name);

    if (person == NULL || (person->known && !renew))
        return;
    if (!person->known)
        person->said = LINE_AWAY;
    person->known = 1;
    line_presence(gate->board->line, person->name, person->said, lease_end(gate));
}

size_t board_load_of(struct gate *gate, const char *name)
{
    const struct person *person = person_of(gate, name);

    return line_live_of(gate->board->line, name) + (person != NULL ? person->reserved : 0);
}

int board_is_free(struct gate *gate, const char *name)
{
    const struct policy_human *human = policy_human(gate->policy->policy, name);
    int64_t until;

    return human != NULL &&
           line_presence_of(gate->board->line, name, clock_wall_ms(), &until) == LINE_AVAILABLE &&
           (human->capacity == 0 || board_load_of(gate, name) < human->capacity);
}

void board_reserve(struct gate *gate, const char *name, int by)
{
    struct person *person = person_of(gate, name);

    if (person != NULL && (by > 0 || person->reserved > 0))
        person->reserved = by > 0 ? person->reserved + 1 : person->reserved - 1;
}

/* ---- The clockwork ------------------------------------------------------------------------ */

static void control(struct gate *gate, const struct place *place, enum control_op op,
                    const char *human)
{
    struct item *item = item_new(gate, ITEM_INTERNAL, EVENT_CONTROL);
    struct event_control *to = arena_alloc(item->arena, sizeof *to);
    const struct policy_human *who =
        human != NULL ? policy_human(gate->policy->policy, human) : NULL;

    *to = (struct event_control){ .op = op, .handoff = place->handoff,
                                  .desk = arena_strdup(item->arena, place->desk),
                                  .human = arena_strdup(item->arena, human) };
    if (who != NULL)
        to->title = arena_strdup(item->arena, who->title);
    item->event.control = to;
    slot_add(slot_load(gate, &place->session, 1), item);
}

static void gone(struct gate *gate, struct place *place, const char *human)
{
    const int64_t now = clock_mono_ms();

    if (place->gone_ms != 0 && now < place->gone_ms + GONE_EVERY_MS)
        return;
    place->gone_ms = now;
    control(gate, place, CONTROL_GONE, human);
}

static void on_vanished(void *arg, const struct line_entry *entry)
{
    struct gate *gate = arg;
    struct place *place = board_place_of(gate, &entry->session);

    if (place != NULL)
        gone(gate, place, entry->human);
}

static void check_desk(struct gate *gate, struct place *place, int64_t now_ms)
{
    const struct td_instance *inst = instance_find(gate, TD_DESK, place->desk);

    if (place->desk[0] == '\0') /* the human answers by another client */
        return;
    if (instance_is_open(inst) || place->state == HANDOFF_CHECKING) {
        place->desk_away_ms = 0;
    } else if (place->desk_away_ms == 0) {
        place->desk_away_ms = now_ms;
    } else if (now_ms > place->desk_away_ms + gate->policy->policy->desk_away_ms) {
        gone(gate, place, NULL);
    }
}

static void assign(struct gate *gate)
{
    struct ulid handoff;
    const char *human;

    while (line_assign(gate->board->line, NULL, clock_wall_ms(), &handoff, &human)) {
        const struct place *place = board_find(gate, &handoff);

        if (place != NULL && place->state == HANDOFF_QUEUED)
            control(gate, place, CONTROL_ACCEPT, human);
    }
}

static void tell_customer(struct gate *gate, struct place *place, int64_t now_ms)
{
    const struct line *line = gate->board->line;
    const size_t position = line_position(line, &place->handoff);
    const int64_t wait_ms = position > 0 ? line_wait_ms(line, place->queue, position) : -1;
    struct td_instance *inst;
    char session[ULID_TEXT], handoff[ULID_TEXT];

    if (position == place->position || now_ms < place->told_ms + TELL_EVERY_MS)
        return;
    place->position = position;
    place->told_ms = now_ms;
    ulid_format(&place->session, session);
    ulid_format(&place->handoff, handoff);
    inst = instance_find(gate, TD_CHANNEL, place->channel);
    if (instance_is_open(inst) && !inst->suspended && instance_channel(inst)->event != NULL)
        instance_channel(inst)->event(inst->self, &(struct td_event){
            .size = sizeof(struct td_event), .type = TD_EV_QUEUE, .session = session,
            .at_ms = clock_wall_ms(), .position = (uint32_t)position, .wait_ms = wait_ms,
        });
    desk_tell(instance_find(gate, TD_DESK, place->desk), &(struct td_desk_event){
        .size = sizeof(struct td_desk_event), .type = TD_DESK_QUEUE, .handoff = handoff,
        .session = session, .queue = place->queue, .position = (uint32_t)position,
        .wait_ms = wait_ms, .waiting = (uint32_t)line_waiting(line, place->queue),
    });
}

static void count(struct gate *gate)
{
    static const char *const states[] = { "offered", "queued", "live" };
    const struct policy *policy = gate->policy->policy;
    uint64_t n[3] = { 0, 0, 0 };
    const struct place *place, *next;
    struct buf labels = { 0 };

    HASH_ITER(hh, gate->board->places, place, next) {
        n[place->state == HANDOFF_LIVE ? 2 : place->state == HANDOFF_QUEUED]++;
    }
    for (size_t i = 0; i < 3; i++) {
        buf_clear(&labels);
        metric_label(&labels, "state", states[i]);
        *metric_gauge(gate->conf.metrics, "tandem_handoffs", labels.data) = (int64_t)n[i];
    }
    for (size_t i = 0; i < policy->n_queues; i++) {
        buf_clear(&labels);
        metric_label(&labels, "queue", policy->queues[i].name);
        *metric_gauge(gate->conf.metrics, "tandem_queue_waiting", labels.data) =
            (int64_t)line_waiting(gate->board->line, policy->queues[i].name);
    }
    buf_fini(&labels);
}

void board_tick(struct gate *gate, int64_t now_ms)
{
    struct board *board = gate->board;
    struct place *place, *next;
    int told = 0;

    if (gate->draining)
        return;
    line_vanished(board->line, clock_wall_ms(), on_vanished, gate);
    assign(gate);
    HASH_ITER(hh, board->places, place, next) {
        check_desk(gate, place, now_ms);
        if (place->state == HANDOFF_QUEUED && told < MAX_TELL) {
            tell_customer(gate, place, now_ms);
            told++;
        }
    }
    if (board->changed)
        count(gate);
    board->changed = 0;
}

/* ---- Watching ----------------------------------------------------------------------------- */

int board_watch(struct td_instance *inst, const struct ulid *session, const char *human, int on)
{
    struct board *board = inst->gate->board;
    struct watch *watch, *next;
    size_t n = 0;

    LL_FOREACH_SAFE(board->watches, watch, next) {
        n++;
        if (watch->inst != inst || ulid_cmp(&watch->session, session) != 0 ||
            strcmp(watch->human, human) != 0)
            continue;
        if (on)
            return 0;
        LL_DELETE(board->watches, watch);
        free(watch);
        return 0;
    }
    if (!on || n >= MAX_WATCHES)
        return on ? -1 : 0;
    watch = mem_alloc(sizeof *watch + strlen(human) + 1);
    watch->inst = inst;
    watch->session = *session;
    memcpy(watch->human, human, strlen(human) + 1);
    LL_PREPEND(board->watches, watch);
    return 0;
}

static void tell_said(struct td_instance *inst, const struct slot *slot,
                      const struct td_message *message, const char *human)
{
    struct arena *arena = gate_arena(slot->gate);
    char handoff[ULID_TEXT];
    const struct td_relay relay = { .size = sizeof relay, .session = slot->text,
                                    .handoff = board_has(slot) ? handoff : NULL,
                                    .message = links_files(slot->gate, message, arena) };

    ulid_format(&slot->session.handoff.id, handoff);
    desk_tell(inst, &(struct td_desk_event){
        .size = sizeof(struct td_desk_event), .type = TD_DESK_SAID, .handoff = relay.handoff,
        .session = slot->text, .human = human, .relay = &relay, .wait_ms = -1,
    });
    gate_arena_put(slot->gate, &arena);
}

/* To who watches; and what a human says, to the others of the desk. */
void board_said(struct slot *slot, const struct record *record)
{
    struct gate *gate = slot->gate;
    struct watch *watch, *next;
    struct arena *arena;
    const struct td_message *message;
    const int by_human = record->type == RECORD_REPLY && record->author == TD_HUMAN;

    if ((record->type != RECORD_MESSAGE && record->type != RECORD_REPLY) ||
        (gate->board->watches == NULL && !by_human))
        return;
    arena = gate_arena(gate);
    message = engine_message(&slot->session, record->seq, arena);
    LL_FOREACH_SAFE(gate->board->watches, watch, next) {
        if (message != NULL && ulid_cmp(&watch->session, &slot->id) == 0)
            tell_said(watch->inst, slot, message, watch->human);
    }
    if (by_human && message != NULL && board_has(slot))
        tell_said(instance_find(gate, TD_DESK, slot->session.handoff.desk), slot, message, NULL);
    gate_arena_put(gate, &arena);
}

/* The instance is closed, or the session over. */
void board_unwatch(struct gate *gate, const struct td_instance *inst, const struct ulid *session)
{
    struct watch *watch, *next;

    LL_FOREACH_SAFE(gate->board->watches, watch, next) {
        if ((inst != NULL && watch->inst != inst) ||
            (session != NULL && ulid_cmp(&watch->session, session) != 0))
            continue;
        LL_DELETE(gate->board->watches, watch);
        free(watch);
    }
}
