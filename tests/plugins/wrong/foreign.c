/* foreign.c - calls sent() from its own thread. */
#include "tests/plugins/wrong/wrong.h"

#include <pthread.h>

static void *work(void *arg)
{
    struct wrong *self = arg;

    answer(self, self->last);
    return NULL;
}

static void wrong_start(struct wrong *self)
{
    (void)self;
}

static void wrong_job(struct wrong *self, uint64_t job, const char *text)
{
    pthread_t thread;

    (void)text;
    self->last = job;
    if (pthread_create(&thread, NULL, work, self) == 0)
        pthread_join(thread, NULL);
    answer(self, job);
}

static void wrong_stop(struct wrong *self)
{
    (void)self;
}

WRONG_DEFINE("foreign");
