/* blocks.c - sleeps in send(). */
#include "tests/plugins/wrong/wrong.h"

#include <time.h>

static void wrong_start(struct wrong *self)
{
    (void)self;
}

static void wrong_job(struct wrong *self, uint64_t job, const char *text)
{
    nanosleep(&(struct timespec){ .tv_nsec = 100000000 }, NULL);
    (void)text;
    answer(self, job);
}

static void wrong_stop(struct wrong *self)
{
    (void)self;
}

WRONG_DEFINE("blocks");
