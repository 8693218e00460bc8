/* crashes.c - writes where nothing is. */
#include "tests/plugins/wrong/wrong.h"

static void wrong_start(struct wrong *self)
{
    (void)self;
}

static void wrong_job(struct wrong *self, uint64_t job, const char *text)
{
    (void)text, (void)job;
    *(volatile int *)(uintptr_t)(self->last + 8) = 1;
}

static void wrong_stop(struct wrong *self)
{
    (void)self;
}

WRONG_DEFINE("crashes");
