/*
 * line.h - who waits and who can help: the waiting lines of all queues, and the humans.
 *
 * Layer: engine, pure: no clock, no I/O; owns its memory. A mirror of the sessions' durable state,
 * kept by the gate, never the truth: losing it loses nothing. Costs: put, remove, position and assign
 * are O(log n) in the number that waits; assign and able are O(humans).
 *
 * A human needs the queue's desk in `desks` and all of its skills. The language counts by its first
 * part ("de-AT" is "de"): a human who names none speaks all, and a language that nobody who may have
 * the queue's handoffs names does not bind: better any human than none.
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
    const char *wanted;   /* the only human who may have it; NULL: any; copied */
    const char *human;    /* LINE_LIVE: who has it; copied */
    const char *declined; /* humans who are neither given nor shown it, but may accept it all the
                           * same; by comma; copied */
    const char *code, *channel;
    int priority;
    int64_t since; /* the escalation was committed: its place in line, also when it is requeued */
    int64_t taken; /* LINE_LIVE: when */
    enum line_state state;
};

struct line *line_new(void);
void line_free(struct line **line);
/* After a reload; entries stay, also those whose queue is gone. Borrowed until the next one. */
void line_set_policy(struct line *line, const struct policy *policy);

/* Adds or brings up to date, by handoff. One that becomes live for the first time is a sample of
 * the queue's wait. */
void line_put(struct line *line, const struct line_entry *entry);
void line_remove(struct line *line, const struct ulid *handoff);
const struct line_entry *line_find(const struct line *line, const struct ulid *handoff);

size_t line_waiting(const struct line *line, const char *queue);
/* From 1, by priority, then age; 0: it does not wait. */
size_t line_position(const struct line *line, const struct ulid *handoff);
/* What the last 20 taken of this queue waited for each place they had before them, times the
 * position: it never falls as the position grows. -1: fewer than 20 were taken. */
int64_t line_wait_ms(const struct line *line, const char *queue, size_t position);

/* Presence is a lease: until `until` (wall ms), then offline. Humans of the conf only. */
void line_presence(struct line *line, const char *human, enum line_presence presence, int64_t until);
enum line_presence line_presence_of(const struct line *line, const char *human, int64_t now,
                                    int64_t *until_r);
/* Humans whose lease ended before `now` (who said offline has not vanished) and who hold live
 * handoffs: fn for each handoff, which may change the line. Says it again until they are gone. */
void line_vanished(struct line *line, int64_t now,
                   void (*fn)(void *arg, const struct line_entry *entry), void *arg);
size_t line_live_of(const struct line *line, const char *human);

/* Skills, languages, desk, or that it is for them alone: whether the human may have it at all. */
int line_eligible(const struct line *line, const char *human, const struct line_entry *entry);
int line_has_declined(const struct line_entry *entry, const char *human);
/* This human may have what waits there, and all others who may have declined it. */
int line_is_last(const struct line *line, const char *human, const struct line_entry *entry);
/* Eligible, available, below capacity: whether anybody could take from this queue now. */
size_t line_able(const struct line *line, const char *queue, int64_t now);
/* The next handoff of this queue, or with NULL of all with assign = auto, that somebody can take now,
 * by priority and age, and who: its last human first (sticky), then who has least to do, then who got
 * work longest ago. The pair is set apart until the next line_put() or line_remove() of that handoff.
 * 0: nobody can, or nothing waits. */
int line_assign(struct line *line, const char *queue, int64_t now, struct ulid *handoff_r,
                const char **human_r);

#endif
