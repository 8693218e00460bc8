/* policy_desks.c - desks, queues and humans of the policy, and what must hold between them. */
#include "config.h"

#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/mem.h"
#include "config/conf.h"
#include "daemon/policy_private.h"
#include "daemon/setup.h"
#include "engine/hours.h"

#define MAX_LIST 1000

static size_t list_len(const char *const *list)
{
    size_t n = 0;

    while (list && list[n] && n < MAX_LIST)
        n++;
    return n;
}

static const char *const *copy_list(struct builder *b, const char *const *list)
{
    const size_t n = list_len(list);
    const char **copy = arena_array(b->arena, n + 1, sizeof *copy);

    for (size_t i = 0; i < n; i++)
        copy[i] = arena_strdup(b->arena, list[i]);
    return copy;
}

/* Where an item of a list stands in its value. */
static size_t offset_of(const struct conf_pair *pair, const char *item)
{
    const size_t len = strlen(item);

    for (const char *at = pair->value; (at = strstr(at, item)) != NULL; at++) {
        if ((at == pair->value || strchr(", \"", at[-1])) && strchr(", \"", at[len]))
            return (size_t)(at - pair->value);
    }
    return 0;
}

static int has(const char *const *list, const char *word)
{
    while (*list && strcmp(*list, word) != 0)
        list++;
    return *list != NULL;
}

static void build_desks(struct builder *b)
{
    const struct setup *setup = b->setup;

    b->desks = arena_array(b->arena, setup->n_instances, sizeof *b->desks);
    b->desk_names = (struct names){
        .kind = "desk", .of = arena_array(b->arena, setup->n_instances, sizeof *b->desk_names.of),
    };
    for (size_t i = 0; i < setup->n_instances; i++) {
        const struct instance *instance = setup->instances[i];
        if (instance->kind != TD_DESK)
            continue;
        struct policy_desk *desk = &b->desks[b->desk_names.n];
        desk->name = arena_strdup(b->arena, instance->name);
        desk->caps = instance->plugin ? instance->plugin->caps : 0;
        desk->allow = copy_list(b, instance->desk.allow);
        b->desk_names.of[b->desk_names.n++] = desk->name;
    }
}

/* NULL hours: always open, also on holidays that are not there. */
static const struct hours *build_hours(struct builder *b, const struct queue *queue, size_t i)
{
    const struct conf_pair *pair = conf_get(queue->section, "hours");
    const struct conf_pair *holidays = conf_get(queue->section, "holidays");
    const char *text = queue->conf.hours ? queue->conf.hours : "always";
    struct err err;

    if (!queue->conf.hours && list_len(queue->conf.holidays) == 0)
        return NULL;
    b->built->hours[i] = hours_parse(text, NULL, NULL, &err);
    if (!b->built->hours[i]) {
        policy_wrong(b, queue->file, pair, 0, err.text);
        return NULL;
    }
    if (list_len(queue->conf.holidays) == 0)
        return b->built->hours[i];
    hours_free(&b->built->hours[i]);
    b->built->hours[i] = hours_parse(text, queue->conf.holidays, NULL, &err);
    if (!b->built->hours[i])
        policy_wrong(b, queue->file, holidays, 0, err.text);
    return b->built->hours[i];
}

static void build_queue(struct builder *b, const struct queue *from, size_t i)
{
    const struct queue_conf *conf = &from->conf;
    const struct conf_pair *pair = conf_get(from->section, "desk");
    const size_t desk = pair ? policy_named(b, &b->desk_names, from->file, pair, pair->value, 0)
                             : b->desk_names.n;

    b->queues[i] = (struct policy_queue){
        .name = b->queue_names.of[i],
        .desk = desk < b->desk_names.n ? &b->desks[desk] : NULL,
        .hours = build_hours(b, from, i),
        .skills = copy_list(b, conf->skills),
        .capacity = (unsigned)conf->capacity,
        .overflow_after_ms = conf->overflow_after,
        .offer_ms = conf->offer_timeout,
        .max_wait_ms = conf->max_wait,
        .response_ms = conf->response_timeout,
        .lease_ms = conf->lease,
        .remind_ms = conf->remind,
        .expiry = (enum policy_expiry)conf->on_lease,
        .fallback = (enum policy_fallback)conf->fallback,
        .promise_ms = conf->promise_within,
        .priority = (int)conf->priority,
        .assign_auto = conf->assign,
        .sticky = conf->sticky,
        .need_human = conf->need_human,
        .agent_meanwhile = conf->agent_meanwhile,
    };
}

static void link_queues(struct builder *b)
{
    const struct setup *setup = b->setup;

    for (size_t i = 0; i < setup->n_queues; i++) {
        const struct queue *from = &setup->queues[i];
        const struct conf_pair *pair = conf_get(from->section, "overflow");
        if (!pair || !*pair->value)
            continue;
        const size_t next = policy_named(b, &b->queue_names, from->file, pair, pair->value, 0);
        if (next < b->queue_names.n)
            b->queues[i].overflow = &b->queues[next];
    }
    for (size_t i = 0; i < setup->n_queues; i++) {
        const struct policy_queue *at = b->queues[i].overflow;
        for (size_t steps = 0; at && at != &b->queues[i] && steps < setup->n_queues; steps++)
            at = at->overflow;
        if (at == &b->queues[i])
            policy_wrong(b, setup->queues[i].file, conf_get(setup->queues[i].section, "overflow"),
                         0, "this chain of `overflow` comes back to where it began");
    }
}

static void build_queues(struct builder *b)
{
    const struct setup *setup = b->setup;

    b->queues = arena_array(b->arena, setup->n_queues, sizeof *b->queues);
    b->queue_names = (struct names){
        .kind = "queue", .of = arena_array(b->arena, setup->n_queues, sizeof *b->queue_names.of),
        .n = setup->n_queues,
    };
    b->built->hours = mem_array(setup->n_queues + 1, sizeof *b->built->hours);
    b->built->n_hours = setup->n_queues;
    for (size_t i = 0; i < setup->n_queues; i++)
        b->queue_names.of[i] = arena_strdup(b->arena, setup->queues[i].section->name);
    for (size_t i = 0; i < setup->n_queues; i++)
        build_queue(b, &setup->queues[i], i);
    link_queues(b);
}

/* Who has this token, among the humans before the i-th; NULL: nobody. */
static const struct human *same_token(const struct setup *setup, size_t i)
{
    for (size_t k = 0; k < i; k++) {
        if (setup->humans[k].conf.token && setup->humans[i].conf.token &&
            strcmp(setup->humans[k].conf.token, setup->humans[i].conf.token) == 0)
            return &setup->humans[k];
    }
    return NULL;
}

static void build_human(struct builder *b, size_t i, struct policy_human *human)
{
    const struct human *from = &b->setup->humans[i];
    const struct human_conf *conf = &from->conf;
    const struct conf_pair *pair = conf_get(from->section, "desks");
    const struct human *twin = same_token(b->setup, i);
    char sentence[192];

    for (size_t k = 0; pair && k < list_len(conf->desks); k++)
        policy_named(b, &b->desk_names, from->file, pair, conf->desks[k],
                     offset_of(pair, conf->desks[k]));
    if (twin) {
        snprintf(sentence, sizeof sentence, "[human %s] has the same token: each needs their own",
                 twin->section->name);
        policy_wrong(b, from->file, conf_get(from->section, "token"), 0, sentence);
    } else if (conf->token && !*conf->token) {
        policy_wrong(b, from->file, conf_get(from->section, "token"), 0, "the token is empty");
    }
    *human = (struct policy_human){
        .name = arena_strdup(b->arena, from->section->name),
        .title = arena_strdup(b->arena, conf->name && *conf->name ? conf->name
                                                                  : from->section->name),
        .desks = list_len(conf->desks) > 0 ? copy_list(b, conf->desks)
                                           : copy_list(b, b->desk_names.of),
        .skills = copy_list(b, conf->skills),
        .languages = copy_list(b, conf->languages),
        .capacity = (unsigned)conf->capacity,
        .supervise = conf->supervise,
    };
}

static int serves(const struct policy_human *human, const struct policy_queue *queue)
{
    for (const char *const *skill = queue->skills; *skill; skill++) {
        if (!has(human->skills, *skill))
            return 0;
    }
    return has(human->desks, queue->desk->name);
}

/* A queue for which nobody has the skills is most likely a slip. */
static void check_served(struct builder *b, const struct policy_human *humans, size_t n)
{
    for (size_t i = 0; i < b->queue_names.n; i++) {
        const struct policy_queue *queue = &b->queues[i];
        const struct queue *from = &b->setup->queues[i];
        size_t k = 0;

        if (!queue->desk || (queue->desk->caps & TD_DESK_HUMANS) == 0)
            continue;
        while (k < n && !serves(&humans[k], queue))
            k++;
        if (k == n)
            conf_warn(from->file, &from->section->pos,
                      "no [human] of desk %s has the skills of this queue: nobody can take from it",
                      queue->desk->name);
    }
}

void policy_desks(struct builder *b)
{
    const struct setup *setup = b->setup;
    struct policy_human *humans = arena_array(b->arena, setup->n_humans, sizeof *humans);

    build_desks(b);
    build_queues(b);
    for (size_t i = 0; i < setup->n_humans; i++)
        build_human(b, i, &humans[i]);
    if (b->errors == 0)
        check_served(b, humans, setup->n_humans);
    b->built->policy.desks = b->desks;
    b->built->policy.n_desks = b->desk_names.n;
    b->built->policy.queues = b->queues;
    b->built->policy.n_queues = b->queue_names.n;
    b->built->policy.humans = humans;
    b->built->policy.n_humans = setup->n_humans;
}

const struct policy_queue *policy_queue_of(struct builder *b, const struct instance *channel)
{
    const struct conf_pair *pair = conf_get(channel->section, "queue");
    size_t i;

    if (!pair || !*pair->value)
        return NULL;
    i = policy_named(b, &b->queue_names, channel->file, pair, pair->value, 0);
    return i < b->queue_names.n ? &b->queues[i] : NULL;
}
