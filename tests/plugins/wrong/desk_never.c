/* desk_never.c - a desk that keeps offers to itself. */
#define WRONG_DESK
#include "tests/plugins/wrong/wrong.h"

static void wrong_start(struct wrong *self)
{
    (void)self;
}

static void wrong_job(struct wrong *self, uint64_t job, const char *text)
{
    (void)self, (void)job, (void)text;
}

static void wrong_released(struct wrong *self, const char *handoff)
{
    (void)self, (void)handoff;
}

static void wrong_stop(struct wrong *self)
{
    (void)self;
}

WRONG_DEFINE("never");
