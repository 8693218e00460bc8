/*
 * agent_http_private.h - what agent_http.c and agent_http_files.c share.
 *
 * A job lives from ask() to its answer. While the files of its answer are being taken in, it holds
 * that answer in `filing`.
 */
#ifndef AGENT_HTTP_PRIVATE_H
#define AGENT_HTTP_PRIVATE_H

#include <tandem/plugin.h>

#include <uthash.h>

#include "plugins/agent_http_answer.h"
#include "plugins/agent_http_request.h"
#include "plugins/shared/ask.h"
#include "plugins/shared/http_events.h"
#include "plugins/shared/sign.h"

struct conf {
    const char *url, *secret;
    int64_t connect_timeout, max_answer;
};

struct agent {
    const struct td_host *host;
    struct td_instance *inst;
    const struct conf *conf;
    struct sign_keys *keys; /* NULL: requests are not signed */
    struct td_json body;        /* of the request that is being made; its memory stays */
    struct job *jobs;           /* by id */
    struct upload *uploads;     /* by number */
    uint64_t last_upload;
};

struct job {
    UT_hash_handle hh;
    struct agent *agent;
    uint64_t id;
    char session[32];
    struct td_http *http;       /* NULL: answered with 202, or whole */
    struct http_events *events; /* NULL: it does not stream, or not yet */
    struct filing *filing;      /* NULL: no files are on their way */
};

void job_free(struct job *job);
void job_refuse(struct agent *agent, uint64_t id, enum td_status status, const char *detail,
                int64_t retry_after_ms);

/* The answer has files that came as data: hands them to the host, answers when all are taken. The
 * job and the answer are its own from now on. */
void filing_start(struct job *job, struct http_answer *answer);
void filing_forget(struct job *job); /* what still comes of its files means nothing then */
void filing_filed(struct agent *agent, uint64_t number, const struct td_filed *filed);
void filing_close(struct agent *agent);

#endif
