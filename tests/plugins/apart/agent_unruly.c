/* agent_unruly.c - an agent that answers "again: <text>" and misbehaves with every so-manieth question
 * that its process is asked; only for a process of its own. */
#include "config.h"

#include <tandem/plugin.h>

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const ways[] = { "crash", "spin", "leak", NULL };
enum { CRASH, SPIN, LEAK };

struct conf {
    int does;
    int64_t every;
};

static const struct td_conf_key conf_keys[] = {
    TD_CONF_ENUM(struct conf, does, 0, "crash", ways, "What it does then."),
    TD_CONF_INT(struct conf, every, 0, "3", 1, 1000000, "With which question."),
    TD_CONF_END,
};

struct unruly {
    const struct td_host *host;
    struct td_instance *inst;
    const struct conf *conf;
    int64_t asked;
};

static enum td_status unruly_open(const struct td_host *host, struct td_instance *inst,
                                  const void *conf, void **self_r, struct td_error *err)
{
    struct unruly *self = calloc(1, sizeof *self);

    (void)err;
    if (self == NULL)
        return TD_RETRY;
    *self = (struct unruly){ .host = host, .inst = inst, .conf = conf };
    *self_r = self;
    return TD_OK;
}

static void misbehave(int does)
{
    static volatile int on = 1;

    if (does == CRASH)
        raise(SIGSEGV);
    while (on) {
        if (does == LEAK) {
            char *more = malloc(1 << 20);

            if (more == NULL)
                abort();
            memset(more, 1, 1 << 20);
        }
    }
}

static void unruly_ask(void *arg, uint64_t job, const struct td_turn *turn)
{
    struct unruly *self = arg;
    struct td_message replies[10];
    const struct td_message *list[10];
    struct td_answer answer = { .size = sizeof answer, .messages = list, .confidence = -1,
                                .grounded = -1 };
    char texts[10][256];

    if (++self->asked % self->conf->every == 0)
        misbehave(self->conf->does);
    for (size_t i = 0; i < turn->n_messages && i < 10; i++) {
        snprintf(texts[i], sizeof texts[i], "again: %.200s", turn->messages[i]->text);
        replies[i] = (struct td_message){ .size = sizeof *replies, .text = texts[i] };
        list[answer.n_messages++] = &replies[i];
    }
    self->host->answer(self->inst, job, &answer);
}

static void unruly_cancel(void *arg, uint64_t job)
{
    (void)arg, (void)job;
}

static void unruly_close(void *arg)
{
    free(arg);
}

static const struct td_agent_ops ops = { .size = sizeof ops, .open = unruly_open, .ask = unruly_ask,
                                         .cancel = unruly_cancel, .close = unruly_close };

TD_PLUGIN_DEFINE(.kind = TD_AGENT, .name = "unruly", .version = "1.0", .ops = &ops,
                 .conf_size = sizeof(struct conf), .conf_keys = conf_keys);
