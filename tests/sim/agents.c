/* agents.c - questions under way, and answers good, late, double, broken or none. */
#include "config.h"

#include <string.h>

#include "tests/sim/world.h"

static struct job *free_job(struct person *p)
{
    struct job *oldest = &p->jobs[0];

    for (size_t i = 0; i < MAX_JOBS; i++) {
        if (!p->jobs[i].open)
            return &p->jobs[i];
        if (p->jobs[i].number < oldest->number)
            oldest = &p->jobs[i];
    }
    return oldest; /* it never answers then */
}

void agents_ask(struct world *w, struct person *p, const struct effect *effect)
{
    struct job *job = free_job(p);

    if (p->state.seq > p->model.seq + p->n_marks)
        broken(w, "nobody is asked before it is durable", "person %d: state %d, durable %d",
               p->number, (int)p->state.seq, (int)p->model.seq);
    arena_reset(w->scratch);
    const struct td_turn *turn = engine_turn(&p->state, w->policy, w->now, w->scratch);
    check_question(w, p, turn);
    *job = (struct job){ .open = 1, .number = ++w->jobs_made, .turn = effect->turn,
                         .epoch = p->state.epoch, .attempt = p->state.turn.attempt,
                         .forced_fail = policy_agent(w->policy, effect->agent) == NULL };
    say(w, "%d: asks %s, job %u, attempt %d, %d messages", p->number, effect->agent, job->number,
        (int)job->attempt, (int)turn->n_messages);
    if (!w->quiet && chance(w, w->rates.silent))
        job->open = 0; /* it never answers */
}

void agents_cancel(struct world *w, struct person *p, const struct ulid *turn)
{
    for (size_t i = 0; i < MAX_JOBS; i++)
        if (p->jobs[i].open && ulid_cmp(&p->jobs[i].turn, turn) == 0) {
            p->jobs[i].cancelled = 1;
            if (!chance(w, w->rates.late))
                p->jobs[i].open = 0;
        }
}

int agents_waiting(const struct person *p)
{
    for (size_t i = 0; i < MAX_JOBS; i++)
        if (p->jobs[i].open)
            return 1;
    return 0;
}

static struct job *pick(struct world *w, struct person *p)
{
    size_t at = draw(w, MAX_JOBS);

    for (size_t i = 0; i < MAX_JOBS; i++)
        if (p->jobs[(at + i) % MAX_JOBS].open)
            return &p->jobs[(at + i) % MAX_JOBS];
    return NULL;
}

static const struct td_message *words(struct world *w, struct arena *arena, unsigned job, size_t i)
{
    static const char *const odd[] = { "", " \"quoted\" \\", " \n\t\x01",
                                       " \xe2\x80\xa8\xf0\x9f\x98\x80" };
    static const char *const said[] = { "Fine. It is done. Bye.", "I did not get that",
                                        "i did not get that!" };
    struct td_message *m = arena_alloc(arena, sizeof *m);

    m->size = sizeof *m;
    m->text = !w->quiet && chance(w, 40)
                  ? said[draw(w, 3)]
                  : arena_printf(arena, "a%u.%zu%s", job, i, odd[chance(w, 50) ? draw(w, 4) : 0]);
    if (chance(w, 50)) {
        struct td_choice *c = arena_alloc(arena, sizeof *c);
        const struct td_choice **list = arena_array(arena, 1, sizeof *list);
        *c = (struct td_choice){ .size = sizeof *c, .title = "Yes", .value = "y" };
        list[0] = c;
        m->choices = list;
        m->n_choices = 1;
    }
    return m;
}

static void say_words(struct world *w, struct arena *arena, unsigned job, struct td_answer *answer,
                      size_t n)
{
    const struct td_message **list = arena_array(arena, n + 1, sizeof *list);

    for (size_t i = 0; i < n; i++)
        list[i] = words(w, arena, job, i);
    answer->messages = list;
    answer->n_messages = n;
}

/* An answer that no agent should give. */
static void spoil(struct world *w, struct arena *arena, struct td_answer *answer)
{
    static const struct td_message broken_texts[] = { { .text = "" }, { .text = "\xff\xfe" } };
    const struct td_message **list = arena_array(arena, 1, sizeof *list);

    switch (draw(w, 5)) {
    case 0: answer->n_messages = 0; break;
    case 1:
        list[0] = &broken_texts[draw(w, 2)];
        answer->messages = list;
        answer->n_messages = 1;
        break;
    case 2: say_words(w, arena, 0, answer, ENGINE_MAX_REPLIES + 1); break;
    case 3: answer->pass = "nobody"; break;
    case 4: answer->language = "\xc3"; break;
    }
}

static struct td_answer make(struct world *w, struct person *p, const struct job *job)
{
    static const char *const intents[] = { "refund", "sales", "other" };
    static const char *const states[] = { "{\"step\":1}", "{\"step\":2}" };
    struct arena *arena = p->arena;
    struct td_answer a = { .size = sizeof a, .confidence = -1, .grounded = -1 };

    if (job->forced_fail || (!w->quiet && chance(w, w->rates.fail))) {
        a.status = TD_FAIL;
        a.detail = chance(w, 500) ? "no such agent" : NULL;
        return a;
    }
    if (!w->quiet && chance(w, w->rates.retry)) {
        a.status = TD_RETRY;
        a.retry_after_ms = chance(w, 500) ? (uint32_t)draw(w, 20000) : 0;
        return a;
    }
    say_words(w, arena, job->number, &a,
              chance(w, 30) ? ENGINE_MAX_REPLIES : 1 + draw(w, 1 + draw(w, 3)));
    if (w->quiet)
        return a;
    if (chance(w, 300)) {
        a.intent = intents[draw(w, 3)];
        a.confidence = (double)draw(w, 100) / 100;
    }
    a.state = chance(w, 200) ? states[draw(w, 2)] : NULL;
    a.language = chance(w, 100) ? "de" : NULL;
    if (chance(w, w->rates.clarify)) {
        a.decision = TD_CLARIFY;
        a.clarify_slot = chance(w, 500) ? states[draw(w, 2)] : NULL;
    }
    if (chance(w, w->rates.escalate)) {
        a.decision = TD_ESCALATE;
        a.n_messages = draw(w, 2) * a.n_messages;
    }
    if (chance(w, w->rates.pass)) {
        a.pass = w->agents[0][draw(w, MAX_AGENTS)].name;
        a.n_messages = draw(w, 2) * a.n_messages;
    }
    if (chance(w, w->rates.silent)) {
        a.silent = "nothing to say";
        a.n_messages = 0;
    }
    if (chance(w, w->rates.garbage))
        spoil(w, arena, &a);
    return a;
}

void agents_answer(struct world *w, struct person *p)
{
    struct job *job;

    if (!shell_ready(w, p))
        return;
    if ((job = pick(w, p)) == NULL)
        return;
    struct event event = shell_event(w, p, EVENT_ANSWER);
    const struct td_answer answer = make(w, p, job);
    event.turn = job->turn;
    event.epoch = job->epoch;
    event.attempt = job->attempt;
    event.answer = &answer;
    say(w, "%d: job %u answers, status %d, %d messages%s%s", p->number, job->number,
        (int)answer.status, (int)answer.n_messages, answer.pass != NULL ? ", passes to " : "",
        answer.pass != NULL ? answer.pass : "");
    if (w->quiet || !chance(w, w->rates.duplicate))
        job->open = 0; /* else it will answer once more */
    shell_step(w, p, &event, -1, (int)(job - p->jobs));
}
