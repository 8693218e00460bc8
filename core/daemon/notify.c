/* notify.c - tells systemd how the daemon is. */
#include "config.h"

#include "daemon/notify.h"

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/mem.h"
#include "io/loop.h"

struct notify {
    struct loop *loop;
    struct loop_timer *timer;
    uint64_t beat_ms;
};

void notify_send(const char *state)
{
    const char *path = getenv("NOTIFY_SOCKET");
    struct sockaddr_un address = { .sun_family = AF_UNIX };

    if (!path || (*path != '/' && *path != '@') || strlen(path) >= sizeof address.sun_path)
        return;
    memcpy(address.sun_path, path, strlen(path));
    if (*path == '@')
        address.sun_path[0] = '\0';
    const int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return;
    /* Nobody to tell is no reason to stop. */
    (void)!sendto(fd, state, strlen(state), MSG_NOSIGNAL, (struct sockaddr *)&address,
                  (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(path)));
    close(fd);
}

static void beat(void *arg)
{
    struct notify *notify = arg;

    notify->timer = loop_timer_add(notify->loop, notify->beat_ms, beat, notify);
    notify_send("WATCHDOG=1");
}

struct notify *notify_new(struct loop *loop)
{
    struct notify *notify = mem_alloc(sizeof *notify);
    const char *usec = getenv("WATCHDOG_USEC"), *pid = getenv("WATCHDOG_PID");

    notify->loop = loop;
    if (usec && (!pid || strtol(pid, NULL, 10) == getpid()))
        notify->beat_ms = strtoull(usec, NULL, 10) / 2000;
    if (notify->beat_ms > 0)
        beat(notify);
    return notify;
}

void notify_free(struct notify **notify)
{
    if (!*notify)
        return;
    loop_timer_del(&(*notify)->timer);
    free(*notify);
    *notify = NULL;
}
