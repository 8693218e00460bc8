/* shares.c - has one global for all instances. */
#include "tests/plugins/wrong/wrong.h"

static struct wrong *newest;

static void wrong_start(struct wrong *self)
{
    newest = self;
}

static void wrong_job(struct wrong *self, uint64_t job, const char *text)
{
    (void)self, (void)text;
    answer(newest, job);
}

static void wrong_stop(struct wrong *self)
{
    (void)self;
}

WRONG_DEFINE("shares");
