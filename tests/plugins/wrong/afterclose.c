/* afterclose.c - calls the host after close() returned, from a thread. */
#include "tests/plugins/wrong/wrong.h"

#include <pthread.h>
#include <time.h>

static void *late(void *arg)
{
    struct wrong *copy = arg;

    nanosleep(&(struct timespec){ .tv_nsec = 30000000 }, NULL);
    copy->host->post(copy->inst, free, NULL);
    free(copy);
    return NULL;
}

static void wrong_start(struct wrong *self)
{
    (void)self;
}

static void wrong_job(struct wrong *self, uint64_t job, const char *text)
{
    (void)text;
    answer(self, job);
}

static void wrong_stop(struct wrong *self)
{
    struct wrong *copy = malloc(sizeof *copy);
    pthread_t thread;

    if (copy == NULL)
        return;
    *copy = *self;
    if (pthread_create(&thread, NULL, late, copy) == 0)
        pthread_detach(thread);
    else
        free(copy);
}

WRONG_DEFINE("afterclose");
