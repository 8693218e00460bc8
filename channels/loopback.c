/*
 * loopback.c - a channel with one customer who says whatever is said to them; for tests and for
 * reading: a whole gateway runs with it, and no network.
 *
 * What the gateway sends comes back as the customer's next message, `delay` later, `turns` times;
 * with `start` the customer speaks first.
 */
#include <tandem/plugin.h>

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct conf {
    const char *peer, *start;
    int64_t turns, delay;
};

static const struct td_conf_key conf_keys[] = {
    TD_CONF_STR(struct conf, peer, 0, "loopback", "The customer's address."),
    TD_CONF_STR(struct conf, start, 0, NULL, "What the customer says first; unset: nothing."),
    TD_CONF_INT(struct conf, turns, 0, "10", 0, 1000000000, "How often the customer answers."),
    TD_CONF_DURATION(struct conf, delay, 0, "10ms", 0, 600000, "How long the customer thinks."),
    TD_CONF_END,
};

/* What the customer will say or has said; it goes when it is on the gateway's disk. */
struct word {
    struct word *next;
    uint64_t delivery;
    char text[];
};

struct loopback {
    const struct td_host *host;
    struct td_instance *inst;
    const struct conf *conf;
    struct word *words, **words_end; /* in order: the first is under way, the others wait for it */
    struct td_timer *timer;          /* of the first word; NULL: it is delivered or there is none */
    int64_t opened_at_ms;
    uint64_t last; /* delivery */
    int64_t turns; /* what is left of them */
};

static void deliver(void *arg)
{
    struct loopback *lb = arg;
    char id[64];

    lb->timer = NULL; /* it has fired: the host has freed it */
    /* Unique over restarts too, or the message would count as a repetition. */
    snprintf(id, sizeof id, "%" PRId64 "-%" PRIu64, lb->opened_at_ms, lb->words->delivery);
    const struct td_message message = {
        .size = sizeof message, .id = id, .text = lb->words->text, .author = TD_CUSTOMER,
    };
    const struct td_inbound in = {
        .size = sizeof in, .peer = lb->conf->peer, .message = &message,
    };
    lb->host->deliver(lb->inst, lb->words->delivery, &in);
}

static void think(struct loopback *lb, int64_t ms)
{
    lb->timer = lb->host->timer_add(lb->inst, (uint32_t)ms, deliver, lb);
}

static int say(struct loopback *lb, const char *text)
{
    const size_t size = strlen(text) + 1;
    struct word *word = malloc(sizeof *word + size);

    if (word == NULL)
        return -1;
    word->next = NULL;
    word->delivery = ++lb->last;
    memcpy(word->text, text, size);
    *lb->words_end = word;
    lb->words_end = &word->next;
    if (lb->words == word)
        think(lb, lb->conf->delay);
    return 0;
}

static void forget(struct loopback *lb)
{
    struct word *word = lb->words;

    lb->words = word->next;
    if (lb->words == NULL)
        lb->words_end = &lb->words;
    free(word);
}

static enum td_status loopback_open(const struct td_host *host, struct td_instance *inst,
                                    const void *conf, void **self_r, struct td_error *err)
{
    struct loopback *lb = malloc(sizeof *lb);

    if (lb == NULL) {
        snprintf(err->text, sizeof err->text, "out of memory");
        return TD_RETRY;
    }
    *lb = (struct loopback){ .host = host, .inst = inst, .conf = conf };
    lb->words_end = &lb->words;
    lb->opened_at_ms = host->now(inst);
    lb->turns = lb->conf->turns;
    if (lb->conf->start != NULL && say(lb, lb->conf->start) != 0) {
        snprintf(err->text, sizeof err->text, "out of memory");
        free(lb);
        return TD_RETRY;
    }
    *self_r = lb;
    return TD_OK;
}

static void loopback_send(void *self, uint64_t job, const struct td_outbound *out)
{
    struct loopback *lb = self;
    const char *text = out->message->text;
    struct td_sent sent = { .size = sizeof sent, .status = TD_OK };

    if (text != NULL && lb->turns > 0) {
        if (say(lb, text) == 0) {
            lb->turns--;
        } else {
            sent.status = TD_RETRY;
            sent.detail = "out of memory";
        }
    }
    lb->host->sent(lb->inst, job, &sent);
}

/* Only TD_OK means that the word is on disk; until then it is kept and said again. */
static void loopback_accepted(void *self, uint64_t delivery, const struct td_accepted *accepted)
{
    struct loopback *lb = self;

    (void)delivery; /* one is under way at a time */
    if (accepted->status == TD_RETRY) {
        think(lb, accepted->retry_after_ms > 0 ? accepted->retry_after_ms : 1000);
        return;
    }
    if (accepted->status != TD_OK)
        lb->host->log(lb->inst, TD_WARN, "what the customer said was refused: %s",
                      accepted->detail);
    forget(lb);
    if (lb->words != NULL)
        think(lb, lb->conf->delay);
}

static void loopback_close(void *self)
{
    struct loopback *lb = self;

    lb->host->timer_del(&lb->timer);
    while (lb->words != NULL)
        forget(lb);
    free(lb);
}

static const struct td_channel_ops ops = {
    .size = sizeof ops,
    .open = loopback_open,
    .send = loopback_send,
    .accepted = loopback_accepted,
    .close = loopback_close,
};

TD_PLUGIN_DEFINE(.kind = TD_CHANNEL, .name = "loopback", .version = "1.0", .ops = &ops,
                 .conf_size = sizeof(struct conf), .conf_keys = conf_keys);
