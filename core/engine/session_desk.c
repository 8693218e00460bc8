/* session_desk.c - the state's memory of handoffs, promises, controls and results. */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "engine/session_private.h"

void session_set(char **field, const char *value)
{
    char *copy = mem_strdup(value);

    free(*field);
    *field = copy;
}

void session_fini_promise(struct session_promise *promise)
{
    free(promise->what);
    free(promise->by_whom);
    *promise = (struct session_promise){ .due = 0 };
}

void session_drop_results(struct session *s)
{
    for (size_t i = 0; i < s->n_results; i++) {
        struct session_result *r = &s->results[i];
        char *strings[] = { r->call, r->name, r->receipt, r->failed, r->detail, r->data };
        for (size_t k = 0; k < sizeof strings / sizeof *strings; k++)
            free(strings[k]);
        *r = (struct session_result){ .call = NULL };
    }
    s->n_results = 0;
}

static void fini_step(struct session_step *step)
{
    free(step->call);
    free(step->name);
    free(step->receipt);
    free(step->failed);
}

void session_fini_desk(struct session *s)
{
    struct session_handoff *h = &s->handoff;
    char *strings[] = { h->also,     h->evidence,
                        h->queue,    h->desk,         h->wanted,       h->human,
                        h->title,    h->code,         h->category,     h->reason,
                        h->agent,    h->declined,     s->last_human,   s->stretch.by,   s->stretch.note,
                        s->summary,  s->entities,     s->tags,         s->stretch.wrapup,
                        s->contact };

    for (size_t i = 0; i < sizeof strings / sizeof *strings; i++)
        free(strings[i]);
    for (size_t i = 0; i < s->n_promises; i++)
        session_fini_promise(&s->promises[i]);
    for (size_t i = 0; i < s->n_controls; i++)
        free(s->controls[i].id);
    session_drop_results(s);
    for (size_t i = 0; i < s->n_steps; i++)
        fini_step(&s->steps[i]);
    for (size_t i = 0; i < s->n_intents; i++)
        free(s->intents[i].name);
    free(s->intents);
    free(s->steps);
    free(s->promises);
    free(s->controls);
    free(s->results);
}

struct session_promise *session_add_promise(struct session *s)
{
    if (s->promises == NULL)
        s->promises = mem_array(SESSION_PROMISES, sizeof *s->promises);
    return &s->promises[s->n_promises++];
}

struct session_control *session_add_control(struct session *s)
{
    if (s->controls == NULL)
        s->controls = mem_array(SESSION_CONTROLS, sizeof *s->controls);
    return &s->controls[s->n_controls++];
}

struct session_result *session_add_result(struct session *s)
{
    if (s->results == NULL)
        s->results = mem_array(SESSION_RESULTS, sizeof *s->results);
    return &s->results[s->n_results++];
}

struct session_step *session_add_step(struct session *s)
{
    if (s->steps == NULL)
        s->steps = mem_array(SESSION_STEPS, sizeof *s->steps);
    if (s->n_steps == SESSION_STEPS) {
        fini_step(&s->steps[0]);
        memmove(&s->steps[0], &s->steps[1], (SESSION_STEPS - 1) * sizeof *s->steps);
        s->n_steps--;
    }
    return &s->steps[s->n_steps++];
}

void session_set_intent(struct session *s, const char *name, int decision)
{
    struct session_intent intent = { .name = NULL };
    size_t at = s->n_intents > 0 && name == NULL ? s->n_intents - 1 : 0;

    while (name != NULL && at < s->n_intents && strcmp(s->intents[at].name, name) != 0)
        at++;
    if (at == s->n_intents && name == NULL)
        return;
    if (s->intents == NULL)
        s->intents = mem_array(SESSION_INTENTS, sizeof *s->intents);
    if (at < s->n_intents) {
        intent = s->intents[at];
    } else {
        intent.name = mem_strdup(name);
        at = 0; /* the oldest goes, when there are too many */
        if (s->n_intents < SESSION_INTENTS)
            at = s->n_intents++;
        else
            free(s->intents[0].name);
    }
    memmove(&s->intents[at], &s->intents[at + 1], (s->n_intents - at - 1) * sizeof *s->intents);
    intent.decision = decision;
    s->intents[s->n_intents - 1] = intent;
}

int session_handed(const struct session *s)
{
    return s->handoff.state != HANDOFF_NONE;
}

int session_held(const struct session *s)
{
    return session_handed(s) && s->owner != TD_OWNER_AGENT;
}

size_t session_unrelayed(const struct session *s)
{
    size_t n = 0;

    for (size_t i = 0; i < s->n_messages; i++)
        n += s->messages[i].relay == RELAY_WAITS;
    return n;
}

const struct session_control *session_control(const struct session *s, const char *id)
{
    for (size_t i = 0; id != NULL && i < s->n_controls; i++)
        if (strcmp(s->controls[i].id, id) == 0)
            return &s->controls[i];
    return NULL;
}
