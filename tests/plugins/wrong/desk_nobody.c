/* desk_nobody.c - a desk that accepts in the name of nobody. */
#define WRONG_DESK
#include "tests/plugins/wrong/wrong.h"

static void wrong_start(struct wrong *self)
{
    (void)self;
}

static void wrong_job(struct wrong *self, uint64_t job, const char *text)
{
    answer(self, job);
    act(self, text, NULL);
}

static void wrong_released(struct wrong *self, const char *handoff)
{
    (void)self, (void)handoff;
}

static void wrong_stop(struct wrong *self)
{
    (void)self;
}

WRONG_DEFINE("nobody");
