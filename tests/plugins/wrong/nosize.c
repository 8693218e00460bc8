/* nosize.c - leaves the size of a struct out. */
#include "tests/plugins/wrong/wrong.h"

static void wrong_start(struct wrong *self)
{
    (void)self;
}

static void wrong_job(struct wrong *self, uint64_t job, const char *text)
{
    const struct td_sent sent = { .status = TD_OK };

    (void)text;
    self->host->sent(self->inst, job, &sent);
}

static void wrong_stop(struct wrong *self)
{
    (void)self;
}

WRONG_DEFINE("nosize");
