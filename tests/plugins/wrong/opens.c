/* opens.c - leaves a descriptor open. */
#include "tests/plugins/wrong/wrong.h"

#include <fcntl.h>

static void wrong_start(struct wrong *self)
{
    self->last = (uint64_t)open("/dev/null", O_RDONLY | O_CLOEXEC);
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

WRONG_DEFINE("opens");
