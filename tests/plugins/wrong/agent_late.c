/* agent_late.c - answers what was cancelled. */
#define WRONG_AGENT
#include "tests/plugins/wrong/wrong.h"

static void finish(void *arg)
{
    struct wrong *self = arg;

    self->timer = NULL;
    if (self->last != 0)
        answer(self, self->last);
    self->last = 0;
}

static void wrong_start(struct wrong *self)
{
    (void)self;
}

static void wrong_job(struct wrong *self, uint64_t job, const char *text)
{
    (void)text;
    if (self->last != 0)
        answer(self, self->last); /* one at a time: the one before is done at once */
    self->last = job;
    if (self->timer == NULL)
        self->timer = self->host->timer_add(self->inst, 10, finish, self);
}

static void wrong_stop(struct wrong *self)
{
    self->host->timer_del(&self->timer);
}

WRONG_DEFINE("late");
