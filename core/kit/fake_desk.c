/* fake_desk.c - handoffs of a fake host: what it gives a desk, and what the desk asks for. */
#include "config.h"

#include "kit/fake_host.h"

#include <string.h>

#include "kit/fake_host_private.h"

/* ---- What the plugin calls ---------------------------------------------------------------- */

void fake_host_offered(struct td_instance *inst, uint64_t job, const struct td_offered *offered)
{
    struct fake *f = fake_enter(inst, "offered");

    if (f == NULL || !fake_job_answer(f, f->offers, job, "offered", "offer"))
        return;
    fake_add(f, FAKE_OFFERED, job)->offered = fake_offered(&f->mem, offered);
}

static int is_released(const struct fake *f, const char *handoff)
{
    for (const struct fake_name *name = f->released; name != NULL; name = name->next) {
        if (strcmp(name->text, handoff) == 0)
            return 1;
    }
    return 0;
}

/* Reading is no act; a new conversation may be taken at any time. */
static int is_act(enum td_desk_op op)
{
    return op <= TD_OP_CLOSE || op == TD_OP_EXTEND || op == TD_OP_READ;
}

void fake_host_desk(struct td_instance *inst, uint64_t job, const struct td_desk_request *request)
{
    struct fake *f = fake_enter(inst, "desk");

    if (f == NULL)
        return;
    if (request->human == NULL && request->op != TD_OP_DECLINE)
        fake_fault(f, FAKE_RULE_DESK, "desk() came without a human: name who does it; only the "
                   "desk as a whole may decline");
    else if (is_act(request->op) && request->handoff == NULL)
        fake_fault(f, FAKE_RULE_DESK, "desk() came without a handoff: keep the id that offer() "
                   "brought");
    else if (is_act(request->op) && is_released(f, request->handoff))
        fake_fault(f, FAKE_RULE_DESK, "desk() acted on handoff %s after its release(): forget a "
                   "handoff that is released", request->handoff);
    fake_job_add(f, &f->asked, job);
    fake_add(f, FAKE_DESK, job)->desk = fake_desk_request(&f->mem, request);
}

const char *fake_host_human(struct td_instance *inst, const char *token)
{
    static const char front[] = "token-";
    struct fake *f = fake_enter(inst, "human");

    if (f == NULL || token == NULL || strncmp(token, front, sizeof front - 1) != 0)
        return NULL;
    return fake_str(&f->mem, token + sizeof front - 1);
}

/* ---- What the test calls ------------------------------------------------------------------ */

static const struct td_desk_ops *desk(const struct fake *f)
{
    if (f->self == NULL || f->plugin->kind != TD_DESK)
        fake_broken(f, "the test calls a desk that is not open");
    return f->plugin->ops;
}

void fake_offer(struct fake *f, uint64_t job, const struct td_handoff *handoff)
{
    fake_job_add(f, &f->offers, job);
    fake_before(f, "offer");
    desk(f)->offer(f->self, job, handoff);
    fake_after(f, "offer");
}

void fake_relay(struct fake *f, uint64_t job, const struct td_relay *relay)
{
    fake_job_add(f, &f->jobs, job);
    fake_before(f, "relay");
    desk(f)->relay(f->self, job, relay);
    fake_after(f, "relay");
}

void fake_release(struct fake *f, const char *handoff, const char *outcome)
{
    struct fake_name *name = fake_keep(&f->mem, NULL, sizeof *name);

    *name = (struct fake_name){ f->released, fake_str(&f->mem, handoff) };
    f->released = name;
    fake_before(f, "release");
    desk(f)->release(f->self, handoff, outcome);
    fake_after(f, "release");
}

void fake_desk_event(struct fake *f, const struct td_desk_event *event)
{
    if (desk(f)->event == NULL)
        return;
    fake_before(f, "event");
    desk(f)->event(f->self, event);
    fake_after(f, "event");
}

void fake_done(struct fake *f, uint64_t job, const struct td_desk_done *done)
{
    if (!fake_job_end(f->asked, job, JOB_ANSWERED))
        fake_broken(f, "the test answers a desk's request that is not open");
    fake_before(f, "done");
    desk(f)->done(f->self, job, done);
    fake_after(f, "done");
}
