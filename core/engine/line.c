/* line.c - the waiting lines and the humans: what is where. */
#include "config.h"

#include "engine/line_private.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <utlist.h>

#include "base/mem.h"

static const struct policy no_policy;

struct line *line_new(void)
{
    struct line *line = mem_alloc(sizeof *line);

    line->policy = &no_policy;
    return line;
}

static void lane_free(struct line *line, struct lane *lane)
{
    HASH_DEL(line->lanes, lane);
    free(lane->able);
    free(lane->binds);
    free(lane->classes);
    free(lane);
}

static void seat_free(struct line *line, struct seat *seat)
{
    HASH_DEL(line->seats, seat);
    free(seat->speaks);
    free(seat);
}

/* ---- Order ------------------------------------------------------------------------------- */

int line_compare(const struct rank_node *a, const struct rank_node *b)
{
    const struct line_entry *x = &((const struct place *)a)->entry;
    const struct line_entry *y = &((const struct place *)b)->entry;

    if (x->priority != y->priority)
        return x->priority > y->priority ? -1 : 1;
    if (x->since != y->since)
        return x->since < y->since ? -1 : 1;
    return ulid_cmp(&x->handoff, &y->handoff);
}

/* ---- Languages --------------------------------------------------------------------------- */

/* "de-AT" and "de" are the same. */
static int same_language(const char *a, const char *b)
{
    size_t len = strcspn(a, "-_");

    return len == strcspn(b, "-_") && strncasecmp(a, b, len) == 0;
}

static size_t class_of(const struct line *line, const char *language)
{
    for (size_t i = 0; language && i < line->n_languages; i++)
        if (same_language(line->languages[i], language))
            return i + 1;
    return ANY;
}

size_t line_class(const struct line *line, const struct lane *lane, const char *language)
{
    size_t class = class_of(line, language);

    return lane->binds[class] ? class : ANY;
}

/* ---- Lanes and seats --------------------------------------------------------------------- */

static int has_word(const char *const *words, const char *word)
{
    for (; words && *words; words++)
        if (strcmp(*words, word) == 0)
            return 1;
    return 0;
}

static int may_serve(const struct policy_human *human, const struct policy_queue *queue)
{
    if (!queue->desk || !has_word(human->desks, queue->desk->name))
        return 0;
    for (const char *const *skill = queue->skills; skill && *skill; skill++)
        if (!has_word(human->skills, *skill))
            return 0;
    return 1;
}

/* The tables of a lane under the policy. Its sets are empty. */
static void lane_fit(struct line *line, struct lane *lane)
{
    const struct policy *policy = line->policy;

    free(lane->able);
    free(lane->binds);
    free(lane->classes);
    lane->queue = NULL;
    for (size_t i = 0; i < policy->n_queues; i++)
        if (strcmp(policy->queues[i].name, lane->name) == 0)
            lane->queue = &policy->queues[i];
    lane->able = mem_alloc(policy->n_humans);
    lane->binds = mem_alloc(line->n_languages + 1);
    lane->classes = mem_array(line->n_languages + 1, sizeof *lane->classes);
    for (size_t i = 0; i <= line->n_languages; i++)
        lane->classes[i].cmp = line_compare;
    for (size_t i = 0; lane->queue && i < policy->n_humans; i++) {
        lane->able[i] = (char)may_serve(&policy->humans[i], lane->queue);
        const char *const *language = policy->humans[i].languages;
        for (; lane->able[i] && language && *language; language++)
            lane->binds[class_of(line, *language)] = 1;
    }
}

struct lane *line_lane(const struct line *line, const char *name)
{
    struct lane *lane;

    HASH_FIND_STR(line->lanes, name, lane);
    return lane;
}

static struct lane *lane_get(struct line *line, const char *name)
{
    struct lane *lane = line_lane(line, name);

    if (!lane) {
        size_t len = strlen(name);
        lane = mem_alloc(sizeof *lane + len + 1);
        memcpy(lane->name, name, len);
        HASH_ADD_STR(line->lanes, name, lane);
        lane_fit(line, lane);
    }
    return lane;
}

struct seat *line_seat(const struct line *line, const char *name)
{
    struct seat *seat = NULL;

    if (name)
        HASH_FIND_STR(line->seats, name, seat);
    return seat;
}

static struct seat *seat_get(struct line *line, const char *name)
{
    struct seat *seat = line_seat(line, name);

    if (!seat) {
        size_t len = strlen(name);
        seat = mem_alloc(sizeof *seat + len + 1);
        memcpy(seat->name, name, len);
        HASH_ADD_STR(line->seats, name, seat);
    }
    return seat;
}

/* ---- Handoffs ---------------------------------------------------------------------------- */

struct place *line_place(const struct line *line, const struct ulid *handoff)
{
    struct place *place;

    HASH_FIND(hh, line->places, handoff, sizeof *handoff, place);
    return place;
}

static void enqueue(struct line *line, struct place *place)
{
    place->class = line_class(line, place->lane, place->entry.language);
    rank_add(&place->lane->classes[place->class], &place->node);
    place->queued = 1;
}

void line_dequeue(struct place *place)
{
    if (place->queued)
        rank_del(&place->lane->classes[place->class], &place->node);
    place->queued = 0;
}

/* How many wait in its lane before it. */
size_t line_ahead(const struct line *line, const struct place *place)
{
    size_t ahead = 0;

    for (size_t i = 0; i <= line->n_languages; i++)
        ahead += rank_before(&place->lane->classes[i], &place->node);
    return ahead;
}

void line_give(struct line *line, struct place *place, struct seat *seat)
{
    place->seat = seat;
    DL_APPEND(seat->live, place);
    *(place->apart ? &seat->n_apart : &seat->n_live) += 1;
    seat->given = ++line->given;
}

/* Takes the place out of everything but the table of all. */
static void unlink_place(struct line *line, struct place *place)
{
    struct seat *seat = place->seat;

    line_dequeue(place);
    if (place->entry.state == LINE_WAITING)
        place->lane->waiting--;
    if (seat) {
        DL_DELETE(seat->live, place);
        *(place->apart ? &seat->n_apart : &seat->n_live) -= 1;
        if (!seat->human && !seat->live)
            seat_free(line, seat);
    }
    place->seat = NULL;
    place->apart = 0;
}

static void copy_entry(struct place *place, const struct line_entry *entry)
{
    const char *from[] = { entry->queue, entry->language, entry->last_human, entry->wanted,
                           entry->human, entry->code,     entry->channel,    entry->declined };
    const char **to[] = { &place->entry.queue,  &place->entry.language, &place->entry.last_human,
                          &place->entry.wanted, &place->entry.human,    &place->entry.code,
                          &place->entry.channel, &place->entry.declined };
    size_t len = 1, at = 0;
    char *old = place->strings; /* the entry given may be the place's own */

    for (size_t i = 0; i < sizeof from / sizeof *from; i++)
        len += from[i] ? strlen(from[i]) + 1 : 0;
    place->strings = mem_alloc(len);
    place->entry = *entry;
    for (size_t i = 0; i < sizeof from / sizeof *from; i++) {
        size_t size = from[i] ? strlen(from[i]) + 1 : 0;
        if (from[i])
            *to[i] = memcpy(place->strings + at, from[i], size);
        at += size;
    }
    free(old);
}

static void sample(struct lane *lane, int64_t waited_ms, size_t places)
{
    lane->samples[lane->n_samples++ % SAMPLES] =
        (struct sample){ .waited_ms = waited_ms > 0 ? waited_ms : 0, .places = places };
}

void line_put(struct line *line, const struct line_entry *entry)
{
    struct place *place = line_place(line, &entry->handoff);
    struct lane *lane = lane_get(line, entry->queue ? entry->queue : "");
    struct lane *before = place ? place->lane : NULL;

    if (!place) {
        place = mem_alloc(sizeof *place);
        place->entry.handoff = entry->handoff;
        HASH_ADD(hh, line->places, entry.handoff, sizeof entry->handoff, place);
    } else {
        unlink_place(line, place);
    }
    copy_entry(place, entry);
    place->lane = lane;
    if (lane != before)
        place->joined_at = line_ahead(line, place) + 1;
    if (entry->state == LINE_WAITING) {
        lane->waiting++;
        enqueue(line, place);
        return;
    }
    if (!place->was_live && place->entry.taken > 0)
        sample(lane, place->entry.taken - place->entry.since, place->joined_at);
    place->was_live = 1;
    if (place->entry.human)
        line_give(line, place, seat_get(line, place->entry.human));
}

void line_remove(struct line *line, const struct ulid *handoff)
{
    struct place *place = line_place(line, handoff);

    if (!place)
        return;
    unlink_place(line, place);
    HASH_DEL(line->places, place);
    free(place->strings);
    free(place);
}

const struct line_entry *line_find(const struct line *line, const struct ulid *handoff)
{
    const struct place *place = line_place(line, handoff);

    return place ? &place->entry : NULL;
}

void line_free(struct line **line_p)
{
    struct line *line = *line_p;

    if (!line)
        return;
    while (line->places) {
        struct ulid handoff = line->places->entry.handoff;
        line_remove(line, &handoff);
    }
    while (line->seats)
        seat_free(line, line->seats);
    while (line->lanes)
        lane_free(line, line->lanes);
    free(line->languages);
    free(line->humans);
    free(line);
    *line_p = NULL;
}

/* ---- The policy -------------------------------------------------------------------------- */

static void learn_languages(struct line *line, const struct policy *policy)
{
    size_t n = 0;

    for (size_t i = 0; i < policy->n_humans; i++)
        for (const char *const *word = policy->humans[i].languages; word && *word; word++)
            n++;
    free(line->languages);
    line->languages = mem_array(n, sizeof *line->languages);
    line->n_languages = 0;
    for (size_t i = 0; i < policy->n_humans; i++)
        for (const char *const *word = policy->humans[i].languages; word && *word; word++)
            if (class_of(line, *word) == ANY)
                line->languages[line->n_languages++] = *word;
}

static void seat_humans(struct line *line, const struct policy *policy)
{
    struct seat *seat, *tmp;

    HASH_ITER(hh, line->seats, seat, tmp) {
        seat->human = NULL;
        free(seat->speaks);
        seat->speaks = NULL;
    }
    free(line->humans);
    line->humans = mem_array(policy->n_humans, sizeof *line->humans);
    for (size_t i = 0; i < policy->n_humans; i++) {
        const char *const *word = policy->humans[i].languages;
        seat = line->humans[i] = seat_get(line, policy->humans[i].name);
        seat->human = &policy->humans[i];
        seat->index = i;
        seat->speaks = mem_alloc(line->n_languages + 1);
        memset(seat->speaks, !word || !*word, line->n_languages + 1);
        seat->speaks[ANY] = 1;
        for (; word && *word; word++)
            seat->speaks[class_of(line, *word)] = 1;
    }
    HASH_ITER(hh, line->seats, seat, tmp)
        if (!seat->human && !seat->live)
            seat_free(line, seat);
}

void line_set_policy(struct line *line, const struct policy *policy)
{
    struct lane *lane, *tmp;

    for (struct place *place = line->places; place; place = place->hh.next)
        line_dequeue(place);
    line->policy = policy;
    learn_languages(line, policy);
    seat_humans(line, policy);
    HASH_ITER(hh, line->lanes, lane, tmp)
        lane_fit(line, lane);
    for (size_t i = 0; i < policy->n_queues; i++)
        lane_get(line, policy->queues[i].name);
    for (struct place *place = line->places; place; place = place->hh.next)
        if (place->entry.state == LINE_WAITING && !place->apart)
            enqueue(line, place);
}
