/*
 * policy_api.h - what operators ask about rules: why, and what if.
 *
 *   GET  /api/v1/sessions/ID/policy[?seq=N]   what the rules saw and did, a point at a time
 *   POST /api/v1/policy/try  {"rules": text of a file, "since_s": seconds}   202 {"id"}
 *   GET  /api/v1/policy/try/ID                how far it is; with "result" at the end
 *
 * A trial reads the journal a session at a time between other work; one at a time. Loop thread only.
 */
#ifndef DAEMON_POLICY_API_H
#define DAEMON_POLICY_API_H

#include <stddef.h>
#include <stdint.h>

struct buf;
struct gate;
struct policy;
struct policy_api;
struct store;
struct ulid;

struct policy_api_conf {
    struct gate *gate;
    struct store *store;
    /* The policy under these rules instead of those installed; NULL with a report. The caller of
     * policy_api gives it back with `drop`. */
    const struct policy *(*build)(void *arg, const char *rules, struct buf *report);
    void (*drop)(const struct policy *policy);
    void *arg;
};

typedef void policy_reply_fn(void *arg, int status, const char *json, size_t len);

struct policy_api *policy_api_new(const struct policy_api_conf *conf);
/* What is under way ends without an answer, its arg is freed. */
void policy_api_free(struct policy_api **api);

/* seq 0: the whole session. fn once, later. */
void policy_explain(struct policy_api *api, const struct ulid *session, uint64_t seq,
                    policy_reply_fn *fn, void *arg);
/* fn once, from inside the call. status: 202, 400, 409, as for HTTP; a sentence when not 202. */
void policy_try_start(struct policy_api *api, const char *body, size_t len, policy_reply_fn *fn,
                      void *arg);
void policy_try_state(struct policy_api *api, const char *id, policy_reply_fn *fn, void *arg);

#endif
