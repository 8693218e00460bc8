/* dispatch.c - questions to agents: asked, queued, answered once, called off, given up. */
#include "config.h"

#include <stdio.h>
#include <stdlib.h>

#include <utlist.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/mem.h"
#include "base/metric.h"
#include "gate/gate_private.h"

#define MAX_WAITING 100000
#define GRACE_MS 1000       /* the engine's own deadline comes first */
#define CLOCKS_MS 20      /* the engine's deadline is on another clock */
#define FORGET_MS 600000    /* so long after its deadline a late answer is still heard */
#define MAX_OVERDUE 1024    /* of an instance; the oldest is called off for good */

/* ---- Jobs of both kinds ------------------------------------------------------------------- */

struct job *job_add(struct td_instance *inst, const struct slot *slot, int64_t limit_ms)
{
    struct job *job = mem_alloc(sizeof *job);

    *job = (struct job){ .id = ++inst->gate->last_job, .inst = inst, .session = slot->id,
                         .started_us = clock_mono_us() };
    job->due_ms = job->started_us / 1000 + limit_ms;
    HASH_ADD(hh, inst->gate->jobs, id, sizeof job->id, job);
    DL_APPEND(inst->jobs, job);
    if (inst->kind == TD_AGENT)
        inst->n_asks++;
    else if (inst->kind == TD_CHANNEL)
        inst->gate->n_sends++;
    return job;
}

struct job *job_find(const struct gate *gate, uint64_t id)
{
    struct job *job;

    HASH_FIND(hh, gate->jobs, &id, sizeof id, job);
    return job;
}

static void kick(struct td_instance *inst)
{
    struct gate *gate = inst->gate;

    if (inst->kicked || inst->waiting == NULL)
        return;
    inst->kicked = 1;
    inst->next_kicked = gate->kicked;
    gate->kicked = inst;
    gate_pump_later(gate);
}

/* It counts no more among those under way. */
static void job_settle(struct job *job)
{
    struct td_instance *inst = job->inst;

    if (inst->kind == TD_CHANNEL)
        inst->gate->n_sends--;
    else if (inst->kind == TD_DESK)
        return;
    else if (job->overdue)
        inst->n_overdue--;
    else
        inst->n_asks--;
}

void job_free(struct job *job)
{
    struct td_instance *inst = job->inst;

    job_settle(job);
    late_over(job);
    HASH_DEL(inst->gate->jobs, job);
    DL_DELETE(inst->jobs, job);
    free(job);
    if (!inst->gate->dead)
        kick(inst);
}

void job_check_all(struct gate *gate, int64_t now_ms)
{
    struct job *job, *next;

    for (struct td_instance *inst = gate->instances; inst != NULL; inst = inst->next) {
        DL_FOREACH_SAFE(inst->jobs, job, next) {
            if (now_ms < job->due_ms)
                continue;
            if (inst->kind == TD_AGENT)
                dispatch_overdue(inst, job, now_ms);
            else if (inst->kind == TD_DESK)
                desk_overdue(inst, job);
            else
                outbox_overdue(inst, job);
        }
    }
}

/* ---- Asking ------------------------------------------------------------------------------- */

/* Not from the agent: as if it had answered so, on a later turn. */
static void answer_ourselves(struct gate *gate, const struct ulid *session,
                             const struct ulid *turn, uint64_t epoch, uint64_t attempt,
                             enum td_status status, const char *detail)
{
    struct item *item = item_new(gate, ITEM_INTERNAL, EVENT_ANSWER);
    struct td_answer *answer = arena_alloc(item->arena, sizeof *answer);

    *answer = (struct td_answer){ .size = sizeof *answer, .status = status,
                                  .detail = arena_strdup(item->arena, detail),
                                  .confidence = -1, .grounded = -1 };
    item->event.answer = answer;
    item->event.turn = *turn;
    item->event.epoch = epoch;
    item->event.attempt = attempt;
    slot_add(slot_load(gate, session, 1), item);
}

static void refuse(struct slot *slot, const char *agent, const char *why)
{
    const struct session *s = &slot->session;
    char detail[400];

    snprintf(detail, sizeof detail, "agent %s %s", agent, why);
    answer_ourselves(slot->gate, &slot->id, &s->turn.id, s->epoch, s->turn.attempt, TD_FAIL,
                     detail);
}

static void ask_now(struct slot *slot, struct td_instance *inst)
{
    struct gate *gate = slot->gate;
    const struct session *s = &slot->session;
    struct arena *arena = gate_arena(gate);
    const struct td_turn *turn = links_turn(
        inst, engine_turn(s, gate->policy->policy, clock_wall_ms(), arena), arena);
    struct job *job = job_add(inst, slot, turn->deadline_ms);

    job->turn = s->turn.id;
    job->epoch = s->epoch;
    job->attempt = s->turn.attempt;
    slot->ask_job = job->id;
    late_asked(job);
    LOG_DEBUG(&slot->log, "asks agent %s, attempt %u", inst->name, turn->attempt);
    instance_agent(inst)->ask(inst->self, job->id, turn);
    gate_arena_put(gate, &arena);
}

static void enqueue(struct slot *slot, struct td_instance *inst)
{
    struct waiting *waiting = mem_alloc(sizeof *waiting);

    *waiting = (struct waiting){ .session = slot->id, .turn = slot->session.turn.id,
                                 .attempt = slot->session.turn.attempt };
    *inst->waiting_end = waiting;
    inst->waiting_end = &waiting->next;
    inst->n_waiting++;
    late_waiting(inst, waiting);
}

static int is_busy(const struct td_instance *inst)
{
    return inst->conf.max_jobs > 0 && inst->n_asks >= inst->conf.max_jobs;
}

/* The turn stands in the state: only that is sure to be alive after the step. */
static int may_ask(struct td_instance *inst)
{
    const int may = breaker_allow(&inst->breaker, clock_mono_ms());

    listen_breaker(inst);
    return may;
}

void dispatch_ask(struct slot *slot)
{
    const struct session_turn *turn = &slot->session.turn;
    struct td_instance *inst;

    if (!turn->active)
        return;
    inst = instance_find(slot->gate, TD_AGENT, turn->agent);
    slot->ask_job = 0; /* the answer to an earlier one will be stale */
    stream_end(slot, 0);
    if (inst != NULL && inst->restarting)
        answer_ourselves(slot->gate, &slot->id, &turn->id, slot->session.epoch, turn->attempt,
                         TD_RETRY, "the agent is being started again");
    else if (!instance_is_open(inst))
        refuse(slot, turn->agent, "is not open");
    else if ((inst->waiting != NULL || is_busy(inst)) && inst->n_waiting >= MAX_WAITING)
        refuse(slot, turn->agent, "has too many questions waiting");
    else if (inst->waiting != NULL || is_busy(inst))
        enqueue(slot, inst);
    else if (!may_ask(inst))
        refuse(slot, turn->agent, "has failed too often and is left alone for a while");
    else
        ask_now(slot, inst);
}

static int still_wanted(const struct slot *slot, const struct waiting *waiting)
{
    const struct session_turn *turn;

    if (slot == NULL || slot->state != SLOT_READY)
        return 0;
    turn = &slot->session.turn;
    return turn->active && ulid_cmp(&turn->id, &waiting->turn) == 0 &&
           turn->attempt == waiting->attempt && turn->retry_at == 0;
}

void dispatch_unasked(struct slot *slot, const struct waiting *waiting)
{
    if (still_wanted(slot, waiting))
        answer_ourselves(slot->gate, &slot->id, &waiting->turn, slot->session.epoch,
                         waiting->attempt, TD_RETRY, "the agent was closed");
}

void dispatch_kicked(struct td_instance *inst)
{
    while (inst->waiting != NULL && instance_is_open(inst) && !is_busy(inst)) {
        struct waiting *waiting = inst->waiting;
        struct slot *slot = slot_get(inst->gate, &waiting->session);

        inst->waiting = waiting->next;
        if (inst->waiting == NULL)
            inst->waiting_end = &inst->waiting;
        inst->n_waiting--;
        if (still_wanted(slot, waiting)) {
            if (may_ask(inst))
                ask_now(slot, inst);
            else
                refuse(slot, inst->name, "has failed too often and is left alone for a while");
        }
        free(waiting);
    }
}

/* ---- How it ends -------------------------------------------------------------------------- */

static void failed(struct td_instance *inst)
{
    if (breaker_bad(&inst->breaker, clock_mono_ms()))
        LOG_WARN(&inst->log, "%u failures in a row: left alone for %lld ms", inst->breaker.in_row,
                 (long long)inst->breaker.open_ms);
    listen_breaker(inst);
}

static void complain(const struct td_instance *inst, const struct job *job, const char *why)
{
    char session[ULID_TEXT];
    const struct log_ctx ctx = LOG_CTX(&inst->log, "session", session);

    ulid_format(&job->session, session);
    LOG_WARN(&ctx, "attempt %llu was not answered: %s", (unsigned long long)job->attempt,
             why != NULL ? why : "the agent gave no reason");
}

static void judge(struct td_instance *inst, const struct job *job, const struct td_answer *answer)
{
    int decision = answer->status == TD_OK ? (int)answer->decision : TD_REFUSE + 1;

    metric_observe(instance_turns(inst, decision),
                   (double)(clock_mono_us() - job->started_us) / 1e6);
    if (job->overdue)
        return; /* that was judged when it fell due */
    if (answer->status != TD_OK)
        complain(inst, job, answer->detail);
    if (answer->status == TD_OK || answer->status == TD_REJECT) {
        if (inst->breaker.state != BREAKER_CLOSED)
            LOG_INFO(&inst->log, "answers again");
        breaker_good(&inst->breaker);
        listen_breaker(inst);
    } else {
        failed(inst);
    }
}

static void forget_ask(struct gate *gate, const struct job *job)
{
    struct slot *slot = slot_get(gate, &job->session);

    if (slot != NULL && slot->ask_job == job->id) {
        slot->ask_job = 0;
        stream_end(slot, 0);
    }
}

/* What the customer has seen begin is not begun anew. */
static const struct td_answer *final(struct item *item, const struct td_answer *answer)
{
    struct td_answer *ours = arena_alloc(item->arena, sizeof *ours);

    *ours = *answer;
    ours->status = TD_FAIL;
    return ours;
}

static void end_stream(struct gate *gate, const struct job *job, const struct td_answer *answer)
{
    struct slot *slot = slot_get(gate, &job->session);

    if (slot != NULL && slot->ask_job == job->id)
        stream_end(slot, answer->status == TD_OK && answer->n_messages > 0);
}

void dispatch_answer(struct td_instance *inst, uint64_t id, const struct td_answer *answer)
{
    struct gate *gate = inst->gate;
    struct job *job = job_find(gate, id);
    struct item *item;
    const char *flaw;

    if (job == NULL || job->inst != inst || inst->kind != TD_AGENT) {
        instance_misuse(inst, "an answer to job %llu, which is not open", (unsigned long long)id);
        return;
    }
    item = item_new(gate, ITEM_INTERNAL, EVENT_ANSWER);
    item->event.answer = copy_answer(item->arena, answer, &flaw);
    item->event.turn = job->turn;
    item->event.epoch = job->epoch;
    item->event.attempt = job->attempt;
    if (flaw != NULL)
        instance_misuse(inst, "%s", flaw);
    if (job->shown && item->event.answer->status == TD_RETRY)
        item->event.answer = final(item, item->event.answer);
    item->late = late_take(gate, id);
    item->shown = job->shown;
    end_stream(gate, job, item->event.answer);
    judge(inst, job, item->event.answer);
    forget_ask(gate, job);
    slot_add(slot_load(gate, &job->session, 1), item);
    job_free(job);
}

static void call_off(struct td_instance *inst, struct job *job)
{
    uint64_t id = job->id;

    job_free(job);
    if (instance_is_open(inst) && instance_agent(inst)->cancel != NULL)
        instance_agent(inst)->cancel(inst->self, id);
}

void dispatch_cancel(struct slot *slot, const struct ulid *turn)
{
    struct job *job = slot->ask_job != 0 ? job_find(slot->gate, slot->ask_job) : NULL;
    struct td_instance *inst;

    if (job == NULL || ulid_cmp(&job->turn, turn) != 0)
        return;
    inst = job->inst;
    slot->ask_job = 0;
    stream_end(slot, 0);
    if (clock_mono_ms() + CLOCKS_MS >= job->due_ms && !job->overdue) {
        ++*inst->errors; /* it had its time */
        complain(inst, job, "its time is up");
        failed(inst);
    } else if (!job->overdue) {
        breaker_unknown(&inst->breaker);
    }
    call_off(inst, job);
}

void dispatch_overdue(struct td_instance *inst, struct job *job, int64_t now_ms)
{
    if (!job->overdue && now_ms >= job->due_ms + GRACE_MS) {
        ++*inst->errors;
        complain(inst, job, "its time is up");
        failed(inst);
        inst->n_asks--;
        inst->n_overdue++;
        job->overdue = 1;
        forget_ask(inst->gate, job);
        kick(inst);
    }
    if (job->overdue && (inst->n_overdue > MAX_OVERDUE || now_ms >= job->due_ms + FORGET_MS))
        call_off(inst, job);
}

void dispatch_closed(struct td_instance *inst, struct job *job)
{
    forget_ask(inst->gate, job);
    if (!inst->gate->drained && !job->overdue)
        answer_ourselves(inst->gate, &job->session, &job->turn, job->epoch, job->attempt, TD_RETRY,
                         "the agent was closed");
    job_free(job);
}
