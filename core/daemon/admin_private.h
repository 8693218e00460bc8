/*
 * admin_private.h - shared by the files of daemon/admin: answers, and what is asked of sessions.
 *
 * Layer: daemon. Loop thread only.
 */
#ifndef DAEMON_ADMIN_PRIVATE_H
#define DAEMON_ADMIN_PRIVATE_H

#include <stddef.h>
#include <stdint.h>

#include <tandem/plugin.h>

#include "base/crypt.h"
#include "daemon/admin.h"

struct pending;

struct admin {
    struct admin_conf conf;
    struct events *events;
    struct reports *reports;
    struct policy_api *policy;
    int has_token;
    uint8_t token[CRYPT_HASH]; /* its hash: compared in constant time, whatever the lengths */
};

void admin_error(struct admin *admin, uint64_t request, int status, const char *code,
                 const char *message);
/* For what answers later: a gate_json_fn, and its arg for one request; NULL: JSON. */
void admin_reply_later(void *arg, int status, const char *json, size_t len);
struct pending *admin_later(struct admin *admin, const struct td_web_request *request,
                            const char *content_type);

void admin_sessions(struct admin *admin, const struct td_web_request *request); /* the list */
/* /sessions/ID, /sessions/ID/what: path is from ID on; 1 when it is one of them. */
int admin_session(struct admin *admin, const struct td_web_request *request, const char *path,
                  int is_post);

#endif
