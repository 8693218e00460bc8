/*
 * line.h - who waits and who can help: the waiting lines of all queues, and the humans.
 *
 * Layer: engine, pure: no clock, no I/O; owns its memory. A mirror of the sessions' durable state,
 * kept by the gate, never the truth: losing it loses nothing. Costs: add, remove, best: O(log n) or
 * O(1) in the number that waits; all is bounded by the number of handoffs.
 */
#ifndef ENGINE_LINE_H
#define ENGINE_LINE_H

#include <stddef.h>
#include <stdint.h>

#include "base/ulid.h"
#include "engine/policy.h"

struct line;

enum line_presence { LINE_OFFLINE, LINE_AWAY, LINE_AVAILABLE };
enum line_state { LINE_WAITING, LINE_LIVE };

struct line_entry {
    struct ulid handoff, session;
    const char *queue;    /* conf names; copied */
    const char *language; /* NULL: any */
    const char *last_human; /* who had the customer last; NULL */
    const char *human;    /* LINE_LIVE: who has it; copied */
    const char *code, *channel;
    int priority;
    int64_t since;
    enum line_state state;
};

struct line *line_new(void);
void line_free(struct line **line);
/* After a reload; entries stay, also those whose queue is gone. */
void line_set_policy(struct line *line, const struct policy *policy);

/* Adds or brings up to date, by handoff. */
void line_put(struct line *line, const struct line_entry *entry);
/* waited_ms: how long it stood in line before it was taken, for the average; below 0: it was not
 * taken. */
void line_remove(struct line *line, const struct ulid *handoff, int64_t waited_ms);
const struct line_entry *line_find(const struct line *line, const struct ulid *handoff);

size_t line_waiting(const struct line *line, const char *queue);
/* From 1, by priority, then age; 0: it does not wait. */
size_t line_position(const struct line *line, const struct ulid *handoff);
/* Moving average over the last 20 taken of this queue times the position; -1: fewer than 20. */
int64_t line_wait_ms(const struct line *line, const char *queue, size_t position);

/* Presence is a lease: until `until` (wall ms), then offline. */
void line_presence(struct line *line, const char *human, enum line_presence presence, int64_t until);
enum line_presence line_presence_of(const struct line *line, const char *human, int64_t now,
                                    int64_t *until_r);
/* Humans whose lease ended before `now` and who hold live handoffs: fn for each handoff. */
void line_vanished(struct line *line, int64_t now,
                   void (*fn)(void *arg, const struct line_entry *entry), void *arg);
size_t line_live_of(const struct line *line, const char *human);

/* Skills, languages, desk: whether the human may have it at all. */
int line_eligible(const struct line *line, const char *human, const struct line_entry *entry);
/* Eligible, available, below capacity: whether anybody could take from this queue now. */
size_t line_able(const struct line *line, const char *queue, int64_t now);
/* assign = auto: the next (handoff, human) of this queue; sticky human first, then who has least to
 * do and has waited longest. 0: nobody, or nothing waits. */
int line_assign(struct line *line, const char *queue, int64_t now, struct ulid *handoff_r,
                const char **human_r);
/* What this human may accept, best first, at most max; returns how many. */
size_t line_for(const struct line *line, const char *human, int64_t now,
                const struct line_entry **entries_r, size_t max);
/* Each of them, in no order. */
void line_each(const struct line *line, void (*fn)(void *arg, const struct line_entry *entry),
               void *arg);

#endif
