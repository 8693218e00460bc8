/*
 * notify.h - tells systemd how the daemon is, and that it still is.
 *
 * Layer: daemon. Does nothing without $NOTIFY_SOCKET; the beat needs $WATCHDOG_USEC. Loop thread
 * only.
 */
#ifndef DAEMON_NOTIFY_H
#define DAEMON_NOTIFY_H

struct loop;
struct notify;

struct notify *notify_new(struct loop *loop); /* the watchdog's beat begins here */
void notify_free(struct notify **notify);
void notify_send(const char *state); /* "READY=1", "STOPPING=1", ..: lines of sd_notify(3) */

#endif
