/*
 * isolate.h - instances whose plugin runs in a process of its own.
 *
 * Layer: daemon. To the gate they are as any other: only the plugin and the conf differ.
 */
#ifndef DAEMON_ISOLATE_H
#define DAEMON_ISOLATE_H

#include <tandem/plugin.h>

struct conf_section;
struct err;
struct gate;
struct instance;
struct isolated;
struct loader;
struct td_json;

/* Does the section ask for it? Its value is checked elsewhere. */
int isolate_is_on(const struct conf_section *section);
const struct td_plugin *isolate_get(struct loader *loader, enum td_kind kind, const char *type,
                                    struct err *err);
struct isolated *isolate_new(const struct instance *instance); /* free() frees it */
/* What its open() gets as conf. */
const void *isolate_conf_of(struct isolated *isolated, struct gate *gate);
void isolate_json(const struct instance *instance, struct td_json *out); /* an object */

#endif
