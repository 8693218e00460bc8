/* fake_plugin.c - an instance of a plugin: opened, called, closed; and what it has said. */
#include "config.h"

#include "kit/fake_host.h"

#include <stdlib.h>
#include <string.h>

#include "kit/fake_host_private.h"

struct fake *fake_new(const char *name)
{
    struct fake *f = calloc(1, sizeof *f);

    if (f == NULL)
        abort();
    *f = (struct fake){ .thread = pthread_self(), .now_ms = FAKE_START_MS, .op = "" };
    pthread_mutex_init(&f->lock, NULL);
    f->inst.fake = f;
    f->posts_end = &f->posts;
    f->records_end = &f->records;
    f->name = fake_str(&f->mem, name);
    return f;
}

void fake_free(struct fake **fake)
{
    struct fake *f = *fake;

    if (f == NULL)
        return;
    if (f->self != NULL)
        fake_close(f);
    while (f->posts != NULL) {
        struct fake_post *post = f->posts;

        f->posts = post->next;
        free(post);
    }
    fake_mem_fini(&f->mem);
    pthread_mutex_destroy(&f->lock);
    free(f);
    *fake = NULL;
}

void fake_listen(struct fake *f, const struct fake_ear *ear)
{
    f->ear = *ear;
}

struct td_instance *fake_instance(struct fake *fake)
{
    return &fake->inst;
}

static const struct td_channel_ops *channel(const struct fake *f)
{
    if (f->self == NULL || f->plugin->kind != TD_CHANNEL)
        fake_broken(f, "the test calls a channel that is not open");
    return f->plugin->ops;
}

static const struct td_agent_ops *agent(const struct fake *f)
{
    if (f->self == NULL || f->plugin->kind != TD_AGENT)
        fake_broken(f, "the test calls an agent that is not open");
    return f->plugin->ops;
}

const void *fake_conf(struct fake *f, const struct td_plugin *plugin, const char *lines)
{
    return fake_conf_fill(&f->mem, plugin, lines);
}

enum td_status fake_open(struct fake *f, const struct td_plugin *plugin, const void *conf)
{
    enum td_status status;

    f->plugin = plugin;
    pthread_mutex_lock(&f->lock);
    f->closed = 0;
    pthread_mutex_unlock(&f->lock);
    f->err.text[0] = '\0';
    fake_before(f, "open");
    if (plugin->kind == TD_CHANNEL)
        status = ((const struct td_channel_ops *)plugin->ops)
                     ->open(fake_host(), &f->inst, conf, &f->self, &f->err);
    else if (plugin->kind == TD_AGENT)
        status = ((const struct td_agent_ops *)plugin->ops)
                     ->open(fake_host(), &f->inst, conf, &f->self, &f->err);
    else
        status = ((const struct td_desk_ops *)plugin->ops)
                     ->open(fake_host(), &f->inst, conf, &f->self, &f->err);
    fake_after(f, "open");
    if (status == TD_OK && f->self == NULL) {
        fake_fault(f, FAKE_RULE_OPEN, "open() gave TD_OK without an instance: set *self_r");
        status = TD_FAIL;
    }
    if (status != TD_OK && f->err.text[0] == '\0')
        fake_fault(f, FAKE_RULE_OPEN, "open() failed without a sentence: write into err->text what "
                   "the operator must do");
    if (status != TD_OK)
        f->self = NULL;
    return status;
}

const char *fake_error(const struct fake *f)
{
    return f->err.text;
}

void *fake_self(struct fake *f)
{
    return f->self;
}

unsigned fake_close(struct fake *f)
{
    unsigned forgotten = 0;

    fake_before(f, "close");
    if (f->plugin->kind == TD_CHANNEL)
        channel(f)->close(f->self);
    else if (f->plugin->kind == TD_AGENT)
        agent(f)->close(f->self);
    else
        ((const struct td_desk_ops *)f->plugin->ops)->close(f->self);
    fake_after(f, "close");
    f->self = NULL;
    for (; f->timers != NULL; f->timers = f->timers->next)
        forgotten++;
    for (; f->watches != NULL; f->watches = f->watches->next)
        forgotten++;
    for (struct fake_record *r = f->records; r != NULL; r = r->next) {
        forgotten += r->cb != NULL;
        r->cb = NULL;
    }
    f->jobs = f->asked = f->offers = NULL;
    f->released = NULL;
    f->conns = NULL;
    f->ws_conf = NULL;
    f->ws_ops = NULL;
    f->routes = NULL;
    pthread_mutex_lock(&f->lock);
    f->closed = 1;
    pthread_mutex_unlock(&f->lock);
    return forgotten;
}

const struct fake_call *fake_next(struct fake *f, enum fake_what what)
{
    for (struct fake_record *r = f->records; r != NULL; r = r->next) {
        if (r->call.what == what && !r->taken) {
            r->taken = 1;
            return &r->call;
        }
    }
    return NULL;
}

unsigned fake_waiting(const struct fake *f, enum fake_what what)
{
    unsigned n = 0;

    for (const struct fake_record *r = f->records; r != NULL; r = r->next)
        n += r->call.what == what && !r->taken;
    return n;
}

void fake_forget(struct fake *f)
{
    for (struct fake_record *r = f->records; r != NULL; r = r->next)
        r->taken = 1;
}

uint64_t fake_counted(const struct fake *f, const char *what)
{
    for (const struct fake_counter *c = f->counters; c != NULL; c = c->next) {
        if (strcmp(c->what, what) == 0)
            return c->n;
    }
    return 0;
}

void fake_send(struct fake *f, uint64_t job, const struct td_outbound *out)
{
    fake_job_add(f, &f->jobs, job);
    fake_before(f, "send");
    channel(f)->send(f->self, job, out);
    fake_after(f, "send");
}

void fake_filed(struct fake *f, uint64_t job, const struct td_filed *filed)
{
    if (!fake_job_end(f->asked, job, JOB_ANSWERED))
        fake_broken(f, "the test answers a file that is not open");
    fake_before(f, "filed");
    if (f->plugin->kind == TD_CHANNEL)
        channel(f)->filed(f->self, job, filed);
    else if (f->plugin->kind == TD_DESK)
        ((const struct td_desk_ops *)f->plugin->ops)->filed(f->self, job, filed);
    else
        agent(f)->filed(f->self, job, filed);
    fake_after(f, "filed");
}

void fake_accepted(struct fake *f, uint64_t delivery, const struct td_accepted *accepted)
{
    if (!fake_job_end(f->asked, delivery, JOB_ANSWERED))
        fake_broken(f, "the test accepts a delivery that is not open");
    fake_before(f, "accepted");
    channel(f)->accepted(f->self, delivery, accepted);
    fake_after(f, "accepted");
}

void fake_attached(struct fake *f, uint64_t job, const struct td_attached *attached)
{
    if (!fake_job_end(f->asked, job, JOB_ANSWERED))
        fake_broken(f, "the test answers an attach that is not open");
    fake_before(f, "attached");
    channel(f)->attached(f->self, job, attached);
    fake_after(f, "attached");
}

void fake_event(struct fake *f, const struct td_event *event)
{
    if (channel(f)->event == NULL)
        return;
    fake_before(f, "event");
    channel(f)->event(f->self, event);
    fake_after(f, "event");
}

void fake_pause(struct fake *f, int on)
{
    if (channel(f)->pause == NULL)
        return;
    fake_before(f, "pause");
    channel(f)->pause(f->self, on);
    fake_after(f, "pause");
}

void fake_ask(struct fake *f, uint64_t job, const struct td_turn *turn)
{
    fake_job_add(f, &f->jobs, job);
    fake_before(f, "ask");
    agent(f)->ask(f->self, job, turn);
    fake_after(f, "ask");
}

void fake_cancel(struct fake *f, uint64_t job)
{
    if (!fake_job_end(f->jobs, job, JOB_CANCELLED))
        fake_broken(f, "the test cancels a job that is not open");
    fake_before(f, "cancel");
    agent(f)->cancel(f->self, job);
    fake_after(f, "cancel");
}

enum td_status fake_late(struct fake *f, uint64_t job, const struct td_web_request *request,
                         struct td_error *err_r)
{
    *err_r = (struct td_error){ "" };
    return agent(f)->late(f->self, job, request, err_r);
}
