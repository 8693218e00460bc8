/* line_ask.c - the waiting lines: who is next, who can help, how long it takes. */
#include "config.h"

#include "engine/line_private.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/word.h"

static enum line_presence presence_at(const struct seat *seat, int64_t now)
{
    return seat->until > now ? seat->presence : LINE_OFFLINE;
}

static int has_room(const struct seat *seat, int64_t now)
{
    return seat->human && presence_at(seat, now) == LINE_AVAILABLE &&
           (!seat->human->capacity || seat->n_live + seat->n_apart < seat->human->capacity);
}

/* Could take one more of this lane and class now. */
static int can_take(const struct lane *lane, size_t class, const struct seat *seat, int64_t now)
{
    return has_room(seat, now) && lane->able[seat->index] && seat->speaks[class];
}

/* ---- Asking ------------------------------------------------------------------------------ */

size_t line_waiting(const struct line *line, const char *queue)
{
    const struct lane *lane = line_lane(line, queue);

    return lane ? lane->waiting : 0;
}

size_t line_position(const struct line *line, const struct ulid *handoff)
{
    const struct place *place = line_place(line, handoff);

    return place && place->entry.state == LINE_WAITING ? line_ahead(line, place) + 1 : 0;
}

int64_t line_wait_ms(const struct line *line, const char *queue, size_t position)
{
    const struct lane *lane = line_lane(line, queue);
    double waited = 0, places = 0;

    if (!lane || lane->n_samples < SAMPLES)
        return -1;
    for (size_t i = 0; i < SAMPLES; i++) {
        waited += (double)lane->samples[i].waited_ms;
        places += (double)lane->samples[i].places;
    }
    return (int64_t)(waited / places * (double)position);
}

size_t line_able(const struct line *line, const char *queue, int64_t now)
{
    const struct lane *lane = line_lane(line, queue);
    size_t able = 0;

    for (size_t i = 0; lane && i < line->policy->n_humans; i++)
        able += (size_t)can_take(lane, ANY, line->humans[i], now);
    return able;
}

int line_eligible(const struct line *line, const char *human, const struct line_entry *entry)
{
    const struct seat *seat = line_seat(line, human);
    const struct lane *lane = line_lane(line, entry->queue ? entry->queue : "");

    if (entry->wanted)
        return strcmp(entry->wanted, human) == 0;
    return seat && seat->human && lane && lane->able[seat->index] &&
           seat->speaks[line_class(line, lane, entry->language)];
}

int line_has_declined(const struct line_entry *entry, const char *human)
{
    return word_is_in(entry->declined, human, strlen(human));
}

int line_is_last(const struct line *line, const char *human, const struct line_entry *entry)
{
    const struct policy *policy = line->policy;
    size_t others = 0;

    for (size_t i = 0; i < policy->n_humans; i++)
        others += line_eligible(line, policy->humans[i].name, entry) &&
                  !line_has_declined(entry, policy->humans[i].name) &&
                  strcmp(policy->humans[i].name, human) != 0;
    return others == 0 && entry->state == LINE_WAITING && line_eligible(line, human, entry);
}

/* ---- Humans ------------------------------------------------------------------------------ */

void line_presence(struct line *line, const char *human, enum line_presence presence, int64_t until)
{
    struct seat *seat = line_seat(line, human);

    if (seat && seat->human) {
        seat->presence = presence;
        seat->until = until;
    }
}

enum line_presence line_presence_of(const struct line *line, const char *human, int64_t now,
                                    int64_t *until_r)
{
    const struct seat *seat = line_seat(line, human);

    *until_r = seat ? seat->until : 0;
    return seat ? presence_at(seat, now) : LINE_OFFLINE;
}

size_t line_live_of(const struct line *line, const char *human)
{
    const struct seat *seat = line_seat(line, human);

    return seat ? seat->n_live : 0;
}

void line_vanished(struct line *line, int64_t now,
                   void (*fn)(void *arg, const struct line_entry *entry), void *arg)
{
    size_t n = 0;
    struct ulid *gone = NULL;

    for (const struct seat *seat = line->seats; seat; seat = seat->hh.next) {
        if (seat->presence == LINE_OFFLINE || seat->until > now || !seat->n_live)
            continue;
        gone = mem_grow(gone, (n + seat->n_live) * sizeof *gone);
        for (const struct place *place = seat->live; place; place = place->next)
            if (!place->apart)
                gone[n++] = place->entry.handoff;
    }
    for (size_t i = 0; i < n; i++) { /* fn may have changed the line */
        const struct place *place = line_place(line, &gone[i]);
        if (place && place->seat)
            fn(arg, &place->entry);
    }
    free(gone);
}

/* Who of those that can is next; NULL: nobody. */
static struct seat *pick(const struct line *line, const struct place *place, int64_t now)
{
    struct seat *best = line_seat(line, place->entry.wanted);

    if (place->entry.wanted)
        return best && has_room(best, now) ? best : NULL;
    best = line_seat(line, place->entry.last_human);
    if (best && place->lane->queue->sticky && can_take(place->lane, place->class, best, now) &&
        !line_has_declined(&place->entry, best->name))
        return best;
    best = NULL;
    for (size_t i = 0; i < line->policy->n_humans; i++) {
        struct seat *seat = line->humans[i];
        if (!can_take(place->lane, place->class, seat, now) ||
            line_has_declined(&place->entry, seat->name))
            continue;
        size_t load = seat->n_live + seat->n_apart;
        size_t least = best ? best->n_live + best->n_apart : 0;
        if (!best || load < least || (load == least && seat->given < best->given))
            best = seat;
    }
    return best;
}

struct pair {
    struct place *place;
    struct seat *seat;
};

/* Who can take one of a set can take all of it, but for those that wait for one human or were
 * declined: behind the first of the others nobody needs to look. */
static void consider(const struct line *line, const struct rank *set, int64_t now,
                     struct pair *best)
{
    for (size_t i = 0;; i++) {
        struct place *place = (struct place *)rank_at(set, i);
        struct seat *seat;

        if (!place || (best->place && line_compare(&best->place->node, &place->node) < 0))
            return;
        seat = pick(line, place, now);
        if (seat)
            *best = (struct pair){ place, seat };
        if (seat || (!place->entry.wanted && !place->entry.declined))
            return;
    }
}

int line_assign(struct line *line, const char *queue, int64_t now, struct ulid *handoff_r,
                const char **human_r)
{
    struct pair best = { NULL, NULL };

    for (struct lane *lane = line->lanes; lane; lane = lane->hh.next) {
        if (!lane->queue || (queue ? strcmp(lane->name, queue) != 0 : !lane->queue->assign_auto))
            continue;
        for (size_t i = 0; i <= line->n_languages; i++)
            consider(line, &lane->classes[i], now, &best);
    }
    if (!best.place)
        return 0;
    line_dequeue(best.place);
    best.place->apart = 1;
    line_give(line, best.place, best.seat);
    *handoff_r = best.place->entry.handoff;
    *human_r = best.seat->name;
    return 1;
}
