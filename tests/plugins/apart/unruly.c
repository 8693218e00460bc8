/* unruly.c - a channel that misbehaves as soon as it is open; only for a process of its own. */
#include "config.h"

#include <tandem/plugin.h>

#include <fcntl.h>
#include <linux/landlock.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

static const char *const ways[] = { "crash", "flood", "escape", NULL };
enum { CRASH, FLOOD, ESCAPE };

struct conf {
    int does;
    const char *theirs;
};

static const struct td_conf_key conf_keys[] = {
    TD_CONF_ENUM(struct conf, does, 0, "crash", ways, "What it does."),
    TD_CONF_STR(struct conf, theirs, 0, NULL, "A file of somebody else's, to read and to write."),
    TD_CONF_END,
};

struct unruly {
    const struct td_host *host;
    struct td_instance *inst;
    const struct conf *conf;
};

static void tried(const struct unruly *self, const char *what, int worked)
{
    if (worked)
        self->host->log(self->inst, TD_ERROR, "escaped: %s", what);
}

static void escape_to_files(const struct unruly *self)
{
    char environ_of[64];

    if (syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION) < 1) {
        self->host->log(self->inst, TD_WARN, "this kernel has no Landlock");
        return;
    }
    snprintf(environ_of, sizeof environ_of, "/proc/%ld/environ", (long)getppid());
    tried(self, "reads another's file", open(self->conf->theirs, O_RDONLY) >= 0);
    tried(self, "writes another's file", open(self->conf->theirs, O_WRONLY) >= 0);
    tried(self, "reads the gateway's environment", open(environ_of, O_RDONLY) >= 0);
    tried(self, "lists /etc", open("/etc", O_RDONLY | O_DIRECTORY) >= 0);
    tried(self, "reads /etc/shadow", open("/etc/shadow", O_RDONLY) >= 0);
    tried(self, "makes a file", open("/tmp/tandem-escaped", O_CREAT | O_WRONLY, 0600) >= 0);
}

/* What belongs to others, and what it does not need. */
static void escape(const struct unruly *self)
{
    static char *const argv[] = { "true", NULL };
    const struct rlimit more = { RLIM_INFINITY, RLIM_INFINITY };
    const pid_t child = fork();

    if (child == 0)
        _exit(0);
    escape_to_files(self);
    tried(self, "makes a process", child > 0);
    tried(self, "runs a program", execv("/bin/true", argv) == 0);
    tried(self, "signals the gateway", kill(getppid(), 0) == 0);
    tried(self, "opens a unix socket", socket(AF_UNIX, SOCK_STREAM, 0) >= 0);
    tried(self, "raises its limits", setrlimit(RLIMIT_NOFILE, &more) == 0);
    tried(self, "becomes somebody else", setuid(65534) == 0);
    tried(self, "sees the gateway's environment", getenv("TANDEM_CANARY") != NULL);
    self->host->log(self->inst, TD_INFO, "tried it all");
}

static void misbehave(void *arg)
{
    struct unruly *self = arg;

    if (self->conf->does == ESCAPE) {
        escape(self);
        return;
    }
    if (self->conf->does == CRASH)
        raise(SIGSEGV);
    for (uint64_t i = 0; i < 1000000; i++) {
        char id[48];
        const struct td_message message = { .size = sizeof message, .id = id, .text = "hello" };
        const struct td_inbound in = { .size = sizeof in, .peer = "ada", .message = &message };

        snprintf(id, sizeof id, "%ld-%llu", (long)getpid(), (unsigned long long)i);
        self->host->deliver(self->inst, i, &in);
    }
}

static enum td_status unruly_open(const struct td_host *host, struct td_instance *inst,
                                  const void *conf, void **self_r, struct td_error *err)
{
    struct unruly *self = calloc(1, sizeof *self);

    (void)err;
    if (self == NULL)
        return TD_RETRY;
    *self = (struct unruly){ .host = host, .inst = inst, .conf = conf };
    host->timer_add(inst, 1, misbehave, self);
    *self_r = self;
    return TD_OK;
}

static void unruly_send(void *arg, uint64_t job, const struct td_outbound *out)
{
    struct unruly *self = arg;
    const struct td_sent sent = { .size = sizeof sent, .status = TD_OK };

    (void)out;
    self->host->sent(self->inst, job, &sent);
}

static void unruly_accepted(void *arg, uint64_t delivery, const struct td_accepted *accepted)
{
    (void)arg, (void)delivery, (void)accepted;
}

static void unruly_close(void *arg)
{
    free(arg);
}

static const struct td_channel_ops ops = { .size = sizeof ops, .open = unruly_open,
                                           .send = unruly_send, .accepted = unruly_accepted,
                                           .close = unruly_close };

TD_PLUGIN_DEFINE(.kind = TD_CHANNEL, .name = "unruly", .version = "1.0", .ops = &ops,
                 .conf_size = sizeof(struct conf), .conf_keys = conf_keys);
