/* agent_shout.c - a whole agent: it says what the customer said, louder. */
#include <stdlib.h>
#include <string.h>
#include <tandem/plugin.h>

struct shout {
    const struct td_host *host;
    struct td_instance *inst;
};

static enum td_status shout_open(const struct td_host *host, struct td_instance *inst,
                                 const void *conf, void **self_r, struct td_error *err)
{
    struct shout *s = malloc(sizeof *s);

    (void)conf, (void)err;
    *s = (struct shout){ host, inst };
    *self_r = s;
    return TD_OK;
}

/* Answered at once; who takes longer starts a timer or http_start() and answers from there. */
static void shout_ask(void *self, uint64_t job, const struct td_turn *turn)
{
    const struct shout *s = self;
    const struct td_message *last = turn->n_messages > 0 ? turn->messages[turn->n_messages - 1] : NULL;
    char *text = strdup(last != NULL && last->text != NULL ? last->text : "hello");
    const struct td_message message = { .size = sizeof message, .text = text, .author = TD_AI };
    const struct td_message *const messages[] = { &message };
    const struct td_answer answer = {
        .size = sizeof answer, .status = TD_OK, .decision = TD_RESOLVE, .messages = messages,
        .n_messages = 1, .confidence = -1, .grounded = -1,
    };

    for (char *p = text; *p != '\0'; p++)
        *p = *p >= 'a' && *p <= 'z' ? (char)(*p - 'a' + 'A') : *p;
    s->host->answer(s->inst, job, &answer); /* the host copies: text is ours again */
    free(text);
}

static void shout_cancel(void *self, uint64_t job)
{
    (void)self, (void)job; /* nothing is under way between two calls */
}

static void shout_close(void *self)
{
    free(self);
}

static const struct td_agent_ops ops = {
    .size = sizeof ops, .open = shout_open, .ask = shout_ask, .cancel = shout_cancel,
    .close = shout_close,
};

TD_PLUGIN_DEFINE(.kind = TD_AGENT, .name = "shout", .version = "1.0", .ops = &ops);
