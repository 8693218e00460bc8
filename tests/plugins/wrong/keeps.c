/* keeps.c - keeps a borrowed text. */
#include "tests/plugins/wrong/wrong.h"

static void wrong_start(struct wrong *self)
{
    (void)self;
}

static void wrong_job(struct wrong *self, uint64_t job, const char *text)
{
    self->last += self->kept != NULL ? strlen(self->kept) : 0;
    self->kept = text;
    answer(self, job);
}

static void wrong_stop(struct wrong *self)
{
    (void)self;
}

WRONG_DEFINE("keeps");
