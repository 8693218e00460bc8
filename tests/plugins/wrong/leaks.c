/* leaks.c - leaves a thread running. */
#include "tests/plugins/wrong/wrong.h"

#include <pthread.h>
#include <unistd.h>

static void *stay(void *arg)
{
    for (;;)
        pause();
    return arg;
}

static void wrong_start(struct wrong *self)
{
    pthread_t thread;

    if (pthread_create(&thread, NULL, stay, self) == 0)
        pthread_detach(thread);
}

static void wrong_job(struct wrong *self, uint64_t job, const char *text)
{
    (void)text;
    answer(self, job);
}

static void wrong_stop(struct wrong *self)
{
    (void)self;
}

WRONG_DEFINE("leaks");
