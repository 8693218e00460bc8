/*
 * stream.c - parts of an answer on their way to the customer, before the answer itself.
 *
 * Nothing of it is kept: the message replaces it. Parts are gathered and leave at most every
 * EVERY_MS, behind the messages that wait in the outbox, and never after their own message, because
 * what has not left when the answer comes is dropped. Where claims need receipts, whole sentences
 * leave, each looked at before (rules_showable).
 */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/mem.h"
#include "base/utf8.h"
#include "engine/rules.h"
#include "gate/gate_private.h"
#include "io/loop.h"

#define EVERY_MS 50
#define MAX_PIECE 16384

struct stream {
    uint64_t job;
    char turn[ULID_TEXT];
    uint64_t of;     /* bytes of the turn before `text` */
    struct buf text; /* what waits */
    size_t ready;    /* of it may be shown */
    int stopped;     /* no more may be, until the answer is known */
    int shown;       /* the channel has got some of it */
    int64_t next_ms; /* monotonic: not before */
    struct loop_timer *timer;
};

void stream_stop(struct slot *slot)
{
    if (slot->stream != NULL)
        loop_timer_del(&slot->stream->timer);
}

void stream_free(struct slot *slot)
{
    stream_stop(slot);
    if (slot->stream != NULL)
        buf_fini(&slot->stream->text);
    free(slot->stream);
    slot->stream = NULL;
}

void stream_end(struct slot *slot, int replaced)
{
    struct stream *stream = slot->stream;

    if (stream == NULL)
        return;
    if (stream->shown && !replaced)
        outbox_void(slot, stream->turn);
    stream_free(slot);
    slot_wake(slot);
}

/* ---- In ----------------------------------------------------------------------------------- */

static int is_running(const struct slot *slot, const struct job *job)
{
    const struct session_turn *turn;

    if (slot == NULL || slot->state != SLOT_READY || slot->ask_job != job->id)
        return 0;
    turn = &slot->session.turn;
    return turn->active && ulid_cmp(&turn->id, &job->turn) == 0 && turn->attempt == job->attempt &&
           turn->retry_at == 0 && slot->session.epoch == job->epoch;
}

static void dropped(struct gate *gate)
{
    ++*gate_counter(gate, "tandem_stale_outputs_total", "kind", "delta");
}

static struct stream *stream_get(struct slot *slot, const struct job *job)
{
    struct stream *stream = slot->stream;

    if (stream == NULL) {
        slot->stream = stream = mem_alloc(sizeof *stream);
        *stream = (struct stream){ .job = job->id, .of = job->streamed, .shown = job->shown };
        ulid_format(&job->turn, stream->turn);
    }
    return stream;
}

/* A sentence that the rules would withhold is not shown, and nothing after it. */
static void judge(struct slot *slot, struct stream *stream)
{
    struct policy_ref *policy;

    if (stream->stopped)
        return;
    policy = policy_hold(slot->gate);
    stream->ready += rules_showable(policy->policy, &slot->session, slot->session.turn.agent,
                                    stream->text.data + stream->ready,
                                    stream->text.len - stream->ready, &stream->stopped);
    policy_drop(&policy);
}

void stream_delta(struct td_instance *inst, uint64_t id, const char *text)
{
    struct gate *gate = inst->gate;
    struct job *job = job_find(gate, id);
    size_t len = text != NULL ? strnlen(text, MAX_ANSWER + 1) : 0;
    struct slot *slot;

    if (job == NULL || job->inst != inst) {
        instance_misuse(inst, "a part of an answer to job %llu, which is not open",
                        (unsigned long long)id);
        dropped(gate);
        return;
    }
    slot = slot_get(gate, &job->session);
    if (!is_running(slot, job) || job->streamed > MAX_ANSWER) {
        dropped(gate);
        return;
    }
    if (!utf8_valid(text != NULL ? text : "", len) || len > MAX_ANSWER - job->streamed) {
        instance_misuse(inst, "the parts of an answer are over 256 KiB, or not UTF-8");
        job->streamed = MAX_ANSWER + 1; /* what follows would not fit to what was shown */
        dropped(gate);
        return;
    }
    if (slot->channel == NULL)
        slot->channel = instance_find(gate, TD_CHANNEL, slot->session.channel);
    if (len == 0 || !instance_can(slot->channel, TD_CAN_STREAM) ||
        instance_channel(slot->channel)->event == NULL)
        return;
    struct stream *stream = stream_get(slot, job);
    buf_add(&stream->text, text, len);
    job->streamed += len;
    judge(slot, stream);
    slot_wake(slot);
}

/* ---- Out ---------------------------------------------------------------------------------- */

static void on_due(void *arg)
{
    struct slot *slot = arg;

    slot->stream->timer = NULL;
    slot_wake(slot);
}

static void show(struct slot *slot, size_t len)
{
    struct stream *stream = slot->stream;
    struct job *job = job_find(slot->gate, stream->job);
    struct buf *text = &stream->text;
    const char next = text->data[len];

    text->data[len] = '\0';
    stream->shown = 1;
    if (job != NULL)
        job->shown = 1;
    instance_channel(slot->channel)->event(slot->channel->self, &(struct td_event){
        .size = sizeof(struct td_event), .type = TD_EV_DELTA, .session = slot->text,
        .at_ms = clock_wall_ms(), .of = stream->of, .text = text->data, .turn = stream->turn,
    });
    text->data[len] = next;
}

void stream_run(struct slot *slot)
{
    struct stream *stream = slot->stream;
    int64_t now = clock_mono_ms();
    size_t len;

    if (stream == NULL || stream->ready == 0 || stream->timer != NULL ||
        !instance_is_open(slot->channel))
        return;
    if (now < stream->next_ms) {
        stream->timer = loop_timer_add(slot->gate->conf.loop, (uint64_t)(stream->next_ms - now),
                                       on_due, slot);
        return;
    }
    len = slot->away ? stream->ready : utf8_cut(stream->text.data, stream->ready, MAX_PIECE);
    if (!slot->away)
        show(slot, len);
    stream->of += len;
    stream->text.len -= len;
    stream->ready -= len;
    memmove(stream->text.data, stream->text.data + len, stream->text.len + 1);
    stream->next_ms = now + EVERY_MS;
    if (stream->ready > 0)
        slot_wake(slot);
}
