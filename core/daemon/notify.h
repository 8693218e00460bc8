/*
 * notify.h - tells systemd how the daemon is ($NOTIFY_SOCKET), and that it still is ($WATCHDOG_USEC).
 *
 * Layer: daemon. Does nothing when nobody listens. Loop thread only.
 */
#ifndef DAEMON_NOTIFY_H
#define DAEMON_NOTIFY_H

struct loop;
struct notify;

struct notify *notify_new(struct loop *loop); /* the watchdog's beat begins here */
void notify_free(struct notify **notify);
void notify_send(const char *state); /* "READY=1", "STOPPING=1", ..: lines of sd_notify(3) */

#endif
