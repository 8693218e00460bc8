/*
 * desk_hook.h - the path by which a desk of others speaks to us; linked into each.
 */
#ifndef SHARED_DESK_HOOK_H
#define SHARED_DESK_HOOK_H

#include <cjson/cJSON.h>
#include <tandem/plugin.h>

/* Judges the desk's own url and takes the route: `path`, or /hooks/ and the name of the section
 * when that is NULL. 0, or -1 with a sentence. */
int desk_hook_open(const struct td_host *host, struct td_instance *inst, const char *url,
                   const char *path, td_web_cb *cb, void *arg, struct td_error *err);
/* The JSON object of a POST, the caller's to delete. NULL: the request has its answer (405; 401,
 * counted as bad_signatures, unless is_theirs; 400). */
cJSON *desk_hook_body(const struct td_host *host, struct td_instance *inst,
                      const struct td_web_request *web, int is_theirs);

#endif
