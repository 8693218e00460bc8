/* floods.c - hands in without waiting for anybody. */
#include "tests/plugins/wrong/wrong.h"

static void flood(void *arg)
{
    struct wrong *self = arg;
    const struct td_message message = { .size = sizeof message, .id = "1", .text = "hello" };
    const struct td_inbound in = { .size = sizeof in, .peer = "ada", .message = &message };

    for (int i = 0; i < 200; i++)
        self->host->deliver(self->inst, self->last++, &in);
    self->timer = self->host->timer_add(self->inst, 100, flood, self);
}

static void wrong_start(struct wrong *self)
{
    self->timer = self->host->timer_add(self->inst, 100, flood, self);
}

static void wrong_job(struct wrong *self, uint64_t job, const char *text)
{
    (void)text;
    answer(self, job);
}

static void wrong_stop(struct wrong *self)
{
    self->host->timer_del(&self->timer);
}

WRONG_DEFINE("floods");
