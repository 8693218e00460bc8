/*
 * desk_reply.h - what came of a td_desk_request, as the answer to the HTTP request it came by.
 *
 * For desks that are spoken to over HTTP; linked into each.
 */
#ifndef SHARED_DESK_REPLY_H
#define SHARED_DESK_REPLY_H

#include <tandem/plugin.h>

/* 200 with done->json, or {"ok":true,"handoff"?,"session"?,"seq"?}; else an error of these: 400
 * bad_request, 401, 403 not_eligible and not_yours, 404 not_found, 409 (with the holder when it is
 * taken), 503 with Retry-After. */
void desk_reply_done(const struct td_host *host, struct td_instance *inst, uint64_t request,
                     const struct td_desk_done *done);
/* {"error":{"code","message","holder"?}}; holder may be NULL; retry_after_ms 0: none. */
void desk_reply_error(const struct td_host *host, struct td_instance *inst, uint64_t request,
                      int status, const char *code, const char *message, const char *holder,
                      uint32_t retry_after_ms);
void desk_reply_json(const struct td_host *host, struct td_instance *inst, uint64_t request,
                     const char *json);

#endif
