/*
 * line_private.h - shared by line.c (what is where) and line_ask.c (who is next).
 *
 * Each queue has one sorted set for each language that its humans name, and one for all others; so
 * the head of a set stands for all behind it when somebody is looked for.
 */
#ifndef ENGINE_LINE_PRIVATE_H
#define ENGINE_LINE_PRIVATE_H

#include "engine/line.h"

#include <uthash.h>

#include "base/rank.h"

#define SAMPLES 20
#define ANY 0 /* the class of those whom every language serves */

struct seat;
struct lane;

/* One handoff. */
struct place {
    struct rank_node node; /* first: a node is its place */
    struct line_entry entry;
    char *strings; /* what the entry points to */
    struct lane *lane;
    size_t class;       /* of its language, in lane */
    struct seat *seat;  /* who has it, or is to have it: `apart` */
    int queued, apart;  /* it stands in the lane's set; line_assign() has given it away */
    int was_live;
    size_t joined_at;   /* its position when it came */
    struct place *prev, *next; /* those of a seat */
    UT_hash_handle hh;
};

/* A human: of the conf, or one who has a handoff all the same. */
struct seat {
    const struct policy_human *human; /* NULL: not of the conf */
    size_t index;                     /* in the policy's humans */
    char *speaks;                     /* by class */
    enum line_presence presence;
    int64_t until;
    struct place *live; /* what they have, and what is set apart for them */
    size_t n_live, n_apart;
    uint64_t given; /* when they got work last, in places given */
    UT_hash_handle hh;
    char name[];
};

struct sample {
    int64_t waited_ms;
    size_t places;
};

struct lane {
    const struct policy_queue *queue; /* NULL: not of the conf any more */
    char *able;         /* by human: desk and skills are right */
    char *binds;        /* by class: one of them names the language */
    struct rank *classes;
    size_t waiting;
    struct sample samples[SAMPLES]; /* a ring */
    size_t n_samples;
    UT_hash_handle hh;
    char name[];
};

struct line {
    const struct policy *policy;
    const char **languages; /* all that humans name; class is the index + 1 */
    size_t n_languages;
    struct place *places;
    struct seat *seats;
    struct lane *lanes;
    struct seat **humans; /* by the policy's order */
    uint64_t given;
};

struct place *line_place(const struct line *line, const struct ulid *handoff);
struct lane *line_lane(const struct line *line, const char *queue);
struct seat *line_seat(const struct line *line, const char *human); /* NULL is nobody */
int line_compare(const struct rank_node *a, const struct rank_node *b);
size_t line_class(const struct line *line, const struct lane *lane, const char *language);
size_t line_ahead(const struct line *line, const struct place *place); /* before it in its lane */
void line_dequeue(struct place *place);
void line_give(struct line *line, struct place *place, struct seat *seat);

#endif
