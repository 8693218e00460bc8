/*
 * drive.h - one plugin, opened, driven in and out of order, and closed: what a child does.
 *
 * Layer: kit. Threads: one; the plugin may start more.
 */
#ifndef KIT_DRIVE_H
#define KIT_DRIVE_H

#include <tandem/plugin.h>

struct drive {
    const struct td_plugin *plugin;
    const void *conf[2]; /* of two instances */
};

void drive_open_close(void *drive); /* opens and closes, again and again */
void drive_talk(void *drive);       /* two instances in a conversation, with faults */
void drive_mute(void *drive);       /* a host that answers nothing */

#endif
