/* desk_grabs.c - a desk that accepts what was released. */
#define WRONG_DESK
#include "tests/plugins/wrong/wrong.h"

static void wrong_start(struct wrong *self)
{
    (void)self;
}

static void wrong_job(struct wrong *self, uint64_t job, const char *text)
{
    (void)text;
    answer(self, job);
}

static void wrong_released(struct wrong *self, const char *handoff)
{
    act(self, handoff, "ada");
}

static void wrong_stop(struct wrong *self)
{
    (void)self;
}

WRONG_DEFINE("grabs");
