/*
 * policy_private.h - what the files that build a policy share. Nobody else includes it.
 */
#ifndef DAEMON_POLICY_PRIVATE_H
#define DAEMON_POLICY_PRIVATE_H

#include <stddef.h>

#include "engine/policy.h"

struct arena;
struct conf;
struct conf_pair;
struct expr;
struct hours;
struct instance;
struct setup;
struct phrases;
struct texts;

/* The policy comes first: policy_free() is handed a pointer to it. */
struct built {
    struct policy policy;
    struct arena *arena;
    struct expr **exprs; /* one a route, or NULL */
    struct hours **hours; /* one a queue, or NULL */
    size_t n_hours;
    struct hours **send_hours; /* of channels */
    size_t n_send_hours;
    struct expr **rule_exprs; /* one a rule of the conf, or NULL */
    size_t n_rule_exprs;
    struct policy_wait *waits;
    struct phrases *phrases;
    struct texts *texts;
    char texts_hash[17];
};

/* The names of all sections of a kind, in order. */
struct names {
    const char *kind;
    const char **of;
    size_t n;
};

struct builder {
    struct setup *setup;
    struct built *built;
    struct arena *arena;
    struct policy_agent *agents;
    struct policy_desk *desks;
    struct policy_queue *queues;
    struct names agent_names, desk_names, queue_names;
    unsigned errors;
};

/* Reports at `pair`, `offset` bytes into its value. */
void policy_wrong(struct builder *b, struct conf *file, const struct conf_pair *pair,
                  size_t offset, const char *sentence);
/* Which of the names it is; names->n with a report. */
size_t policy_named(struct builder *b, const struct names *names, struct conf *file,
                    const struct conf_pair *pair, const char *name, size_t offset);

/* Desks, queues, humans. */
void policy_desks(struct builder *b);
/* When the messages of a channel may leave. */
void policy_sending(struct builder *b, const struct instance *channel, struct sending *sending_r);
/* The catalogue with the rules' texts, its fallback language, who speaks. */
void policy_texts(struct builder *b);
/* When a human takes over, and the packs that this asks for; after queues, routes and texts. */
void policy_rules(struct builder *b);
/* The queue that a channel names; NULL: none. */
const struct policy_queue *policy_queue_of(struct builder *b, const struct instance *channel);

#endif
