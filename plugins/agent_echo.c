/*
 * agent_echo.c - an agent that says what the customer said; for tests and for reading.
 *
 * Every message of a turn is answered with its own text, `prefix` before it, `delay` later. Of more
 * messages than an answer may have, the last answer says the rest, a line each.
 */
#include <tandem/plugin.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_ANSWERS 10

struct conf {
    const char *prefix;
    int64_t delay;
};

static const struct td_conf_key conf_keys[] = {
    TD_CONF_STR(struct conf, prefix, 0, NULL, "What stands before each answer."),
    TD_CONF_DURATION(struct conf, delay, 0, "0", 0, 600000, "How long an answer takes."),
    TD_CONF_END,
};

struct echo {
    const struct td_host *host;
    struct td_instance *inst;
    const struct conf *conf;
    struct job *jobs; /* those that wait for their delay */
};

struct job {
    struct job *next, **prev_next;
    struct echo *echo;
    struct td_timer *timer;
    uint64_t id;
    size_t n_texts;
    char *texts[];
};

static void job_free(struct job *job)
{
    job->echo->host->timer_del(&job->timer);
    if (job->prev_next != NULL) {
        *job->prev_next = job->next;
        if (job->next != NULL)
            job->next->prev_next = job->prev_next;
    }
    for (size_t i = 0; i < job->n_texts; i++)
        free(job->texts[i]);
    free(job);
}

/* What a message says when it has no text: a file's name, a part's words. */
static const char *said_without_text(const struct td_message *message)
{
    if (message->choice != NULL)
        return message->choice;
    if (TD_HAS(message, n_attachments) && message->n_attachments > 0 &&
        message->attachments[0]->name != NULL)
        return message->attachments[0]->name;
    if (TD_HAS(message, n_parts) && message->n_parts > 0)
        return message->parts[0]->text;
    return "";
}

static char *echo_of(const struct echo *echo, const struct td_message *message)
{
    const char *prefix = echo->conf->prefix != NULL ? echo->conf->prefix : "";
    const char *text = message->text != NULL && message->text[0] != '\0'
                           ? message->text : said_without_text(message);
    const size_t size = strlen(prefix) + strlen(text) + 1;
    char *copy = malloc(size);

    if (copy != NULL)
        snprintf(copy, size, "%s%s", prefix, text);
    return copy;
}

/* Puts text, whose ownership moves, behind what stands in *to. -1: out of memory. */
static int join(char **to, char *text)
{
    const size_t size = strlen(*to) + strlen(text) + 2;
    char *joined = malloc(size);

    if (joined == NULL) {
        free(text);
        return -1;
    }
    snprintf(joined, size, "%s\n%s", *to, text);
    free(text);
    free(*to);
    *to = joined;
    return 0;
}

/* A turn is borrowed for the call: what the answer needs is copied. NULL: out of memory. */
static struct job *job_new(struct echo *echo, uint64_t id, const struct td_turn *turn)
{
    struct job *job = calloc(1, sizeof *job + turn->n_messages * sizeof job->texts[0]);

    if (job == NULL)
        return NULL;
    job->echo = echo;
    job->id = id;
    for (size_t i = 0; i < turn->n_messages; i++) {
        char *text = echo_of(echo, turn->messages[i]);

        if (text != NULL && job->n_texts < MAX_ANSWERS) {
            job->texts[job->n_texts++] = text;
        } else if (text == NULL || join(&job->texts[MAX_ANSWERS - 1], text) < 0) {
            job_free(job);
            return NULL;
        }
    }
    return job;
}

static void fail(const struct echo *echo, uint64_t id)
{
    const struct td_answer answer = {
        .size = sizeof answer, .status = TD_RETRY, .detail = "out of memory",
    };

    echo->host->answer(echo->inst, id, &answer);
}

static void finish(struct job *job)
{
    const struct echo *echo = job->echo;
    struct td_message *messages = calloc(job->n_texts + 1, sizeof *messages);
    const struct td_message **list = calloc(job->n_texts + 1, sizeof *list);

    if (messages == NULL || list == NULL) {
        fail(echo, job->id);
    } else {
        for (size_t i = 0; i < job->n_texts; i++) {
            messages[i] = (struct td_message){
                .size = sizeof messages[i], .text = job->texts[i], .author = TD_AI,
            };
            list[i] = &messages[i];
        }
        const struct td_answer answer = {
            .size = sizeof answer,
            .decision = TD_RESOLVE,
            .messages = list,
            .n_messages = job->n_texts,
            .silent = job->n_texts == 0 ? "nothing was said" : NULL,
            .confidence = -1,
            .grounded = -1,
        };
        echo->host->answer(echo->inst, job->id, &answer);
    }
    free(list);
    free(messages);
    job_free(job);
}

static void on_delay(void *arg)
{
    struct job *job = arg;

    job->timer = NULL; /* it has fired: the host has freed it */
    finish(job);
}

static enum td_status echo_open(const struct td_host *host, struct td_instance *inst,
                                const void *conf, void **self_r, struct td_error *err)
{
    struct echo *echo = malloc(sizeof *echo);

    if (echo == NULL) {
        snprintf(err->text, sizeof err->text, "out of memory");
        return TD_RETRY;
    }
    *echo = (struct echo){ .host = host, .inst = inst, .conf = conf };
    *self_r = echo;
    return TD_OK;
}

static void echo_ask(void *self, uint64_t id, const struct td_turn *turn)
{
    struct echo *echo = self;
    struct job *job = job_new(echo, id, turn);

    if (job == NULL) {
        fail(echo, id);
        return;
    }
    if (echo->conf->delay == 0) {
        finish(job);
        return;
    }
    job->next = echo->jobs;
    if (job->next != NULL)
        job->next->prev_next = &job->next;
    job->prev_next = &echo->jobs;
    echo->jobs = job;
    job->timer = echo->host->timer_add(echo->inst, (uint32_t)echo->conf->delay, on_delay, job);
}

static void echo_cancel(void *self, uint64_t id)
{
    struct echo *echo = self;
    struct job *job = echo->jobs;

    while (job != NULL && job->id != id)
        job = job->next;
    if (job != NULL)
        job_free(job);
}

static void echo_close(void *self)
{
    struct echo *echo = self;

    while (echo->jobs != NULL)
        job_free(echo->jobs); /* the host answers them itself */
    free(echo);
}

static const struct td_agent_ops ops = {
    .size = sizeof ops,
    .open = echo_open,
    .ask = echo_ask,
    .cancel = echo_cancel,
    .close = echo_close,
};

TD_PLUGIN_DEFINE(.kind = TD_AGENT, .name = "echo", .version = "1.0", .ops = &ops,
                 .conf_size = sizeof(struct conf), .conf_keys = conf_keys);
