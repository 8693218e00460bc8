/*
 * agent_http.c - an agent behind an HTTP endpoint: one POST a turn, the answer in its response.
 *
 * The response is the answer, or a stream of its parts that ends in it (text/event-stream), or 202:
 * then the agent posts the answer later (agent_late). One request an ask, no more: when to ask again, for how long, and whom else, is the host's.
 */
#include "config.h"

#include "plugins/agent_http_private.h"

#include <inttypes.h>
#include <stdio.h>
#include <strings.h>

static const struct td_conf_key conf_keys[] = {
    TD_CONF_STR(struct conf, url, TD_REQUIRED, NULL, "Where turns are posted to; http or https."),
    TD_CONF_SECRET(struct conf, secret, 0,
                   "Signs requests (Standard Webhooks): whsec_ and base64, or the key itself; as "
                   "bearer token it lets the agent answer later."),
    TD_CONF_DURATION(struct conf, connect_timeout, 0, "2s", 1, 60000,
                     "How long a connection may take to come about."),
    TD_CONF_SIZE(struct conf, max_answer, 0, "1M", 1024, 16777216, "The largest answer taken."),
    TD_CONF_END,
};

void job_free(struct job *job)
{
    filing_forget(job);
    HASH_DEL(job->agent->jobs, job);
    job->agent->host->http_cancel(&job->http);
    http_events_free(&job->events);
    free(job);
}

void job_refuse(struct agent *agent, uint64_t id, enum td_status status, const char *detail,
                int64_t retry_after_ms)
{
    ask_refuse(agent->host, agent->inst, id, status, detail, retry_after_ms);
}

/* ---- Answers --------------------------------------------------------------------------------- */

/* The job ends here, or when the files of its answer are taken. */
static void take_answer(struct job *job, const char *body, size_t len)
{
    struct agent *agent = job->agent;
    const uint64_t id = job->id;
    struct http_answer read;
    char why[HTTP_ANSWER_WHY];

    if (http_answer_read(&read, body, len, (size_t)agent->conf->max_answer, why) != 0) {
        job_free(job);
        job_refuse(agent, id, TD_FAIL, why, 0);
    } else if (read.n_uploads > 0) {
        agent->host->http_cancel(&job->http); /* a stream that goes on after its answer */
        filing_start(job, &read);
    } else {
        job_free(job);
        agent->host->answer(agent->inst, id, &read.answer);
        http_answer_fini(&read);
    }
}

static void on_response(void *arg, const struct td_http_response *response)
{
    struct job *job = arg;
    struct agent *agent = job->agent;
    const uint64_t id = job->id;
    const int streamed = job->events != NULL;
    char detail[128];

    job->http = NULL; /* it has ended: the host has freed it */
    if (response->failure == TD_HTTP_OK && response->status == 202 && agent->conf->secret != NULL)
        return; /* agent_late() or agent_cancel() ends it */
    if (response->failure == TD_HTTP_OK && response->status == 200 && !streamed) {
        take_answer(job, response->body, response->body_len);
        return;
    }
    job_free(job);
    if (response->failure != TD_HTTP_OK) {
        job_refuse(agent, id, ask_status_of_failure(response->failure), response->detail, 0);
    } else if (response->status != 200) {
        snprintf(detail, sizeof detail, "the agent answered HTTP %d%s", response->status,
                 response->status == 202  ? ", and without a secret it cannot answer later"
                 : response->status < 300   ? ", and only 200 carries an answer"
                 : response->status < 400 ? ", and redirects are not followed"
                                          : "");
        job_refuse(agent, id, ask_status_of_http(response->status), detail, response->retry_after_ms);
    } else {
        job_refuse(agent, id, TD_RETRY, "the stream ended before its answer", 0);
    }
}

/* ---- Streams --------------------------------------------------------------------------------- */

static void end_badly(struct job *job, const char *why)
{
    struct agent *agent = job->agent;
    const uint64_t id = job->id;

    job_free(job);
    job_refuse(agent, id, TD_FAIL, why, 0);
}

static int on_delta(struct job *job, const char *data, size_t len)
{
    char why[HTTP_ANSWER_WHY];
    cJSON *tree;
    const char *text = http_delta_read(data, len, &tree, why);

    if (text != NULL)
        job->agent->host->delta(job->agent->inst, job->id, text);
    cJSON_Delete(tree);
    if (text != NULL)
        return 0;
    end_badly(job, why);
    return 1;
}

/* What the parser holds, `data` too, goes with the job: that ends last. */
static int on_event(void *arg, const char *type, const char *data, size_t len)
{
    struct job *job = arg;
    char why[HTTP_EVENTS_TYPE + 64];

    if (strcmp(type, "delta") == 0)
        return on_delta(job, data, len);
    if (strcmp(type, "answer") == 0) {
        take_answer(job, data, len);
        return 1;
    }
    snprintf(why, sizeof why, "an event '%s' in the stream, which knows delta and answer", type);
    end_badly(job, why);
    return 1;
}

static void on_data(void *arg, const struct td_http_data *data)
{
    struct job *job = arg;
    const char *wrong = ask_stream(&job->events, data, (size_t)job->agent->conf->max_answer,
                                   on_event, job);

    if (wrong != NULL)
        end_badly(job, wrong);
}

/* ---- Questions ------------------------------------------------------------------------------- */

static struct td_http *post(struct job *job, const struct td_turn *turn)
{
    struct agent *agent = job->agent;
    char timestamp[24], signature[SIGN_STANDARD];
    const struct td_header headers[] = {
        { "Content-Type", "application/json" },
        { "Accept", "application/json, text/event-stream" },
        { "Idempotency-Key", turn->id },
        { "webhook-id", turn->id },
        { "webhook-timestamp", timestamp },
        { "webhook-signature", signature },
    };
    struct td_http_request request = {
        .size = sizeof request,
        .method = "POST",
        .url = agent->conf->url,
        .headers = headers,
        .n_headers = 3,
        .timeout_ms = turn->deadline_ms,
        .connect_timeout_ms = (uint32_t)agent->conf->connect_timeout,
        .max_response = (size_t)agent->conf->max_answer,
        .on_data = on_data,
    };

    http_request_write(&agent->body, turn);
    if (agent->body.failed)
        return NULL;
    request.body = td_json_text(&agent->body);
    request.body_len = td_json_len(&agent->body);
    if (agent->keys != NULL) {
        snprintf(timestamp, sizeof timestamp, "%" PRId64, agent->host->now(agent->inst) / 1000);
        if (sign_standard(agent->keys, turn->id, timestamp, request.body, request.body_len,
                          signature) != 0)
            return NULL;
        request.n_headers = sizeof headers / sizeof headers[0];
    }
    return agent->host->http_start(agent->inst, &request, on_response, job);
}

static void agent_ask(void *self, uint64_t id, const struct td_turn *turn)
{
    struct agent *agent = self;
    struct job *job;

    if (turn->deadline_ms == 0) { /* which http_start() would take for its default */
        job_refuse(agent, id, TD_RETRY, "no time is left to ask", 0);
        return;
    }
    job = calloc(1, sizeof *job);
    if (job == NULL) {
        job_refuse(agent, id, TD_RETRY, "out of memory", 0);
        return;
    }
    job->agent = agent;
    job->id = id;
    snprintf(job->session, sizeof job->session, "%s", turn->session->id);
    HASH_ADD(hh, agent->jobs, id, sizeof job->id, job);
    job->http = post(job, turn);
    if (job->http == NULL) {
        job_free(job);
        job_refuse(agent, id, TD_RETRY, "the request could not be made or queued", 0);
    }
}

static void agent_cancel(void *self, uint64_t id)
{
    struct agent *agent = self;
    struct job *job;

    HASH_FIND(hh, agent->jobs, &id, sizeof id, job);
    if (job != NULL)
        job_free(job);
}

/* ---- Late answers ---------------------------------------------------------------------------- */

static const char *bearer_of(const struct td_web_request *request)
{
    for (size_t i = 0; i < request->n_headers; i++) {
        const struct td_header *header = &request->headers[i];

        if (strcmp(header->name, "authorization") == 0 &&
            strncasecmp(header->value, "bearer ", 7) == 0)
            return header->value + 7;
    }
    return NULL;
}

/* The answer may come before its 202: then the request is still under way, and ends here. */
static enum td_status agent_late(void *self, uint64_t id, const struct td_web_request *request,
                                 struct td_error *err)
{
    struct agent *agent = self;
    const char *token = bearer_of(request);
    char why[HTTP_ANSWER_WHY];
    struct http_answer read;
    struct job *job;

    if (agent->keys == NULL || token == NULL || !sign_is_token(agent->keys, token))
        return TD_AUTH;
    HASH_FIND(hh, agent->jobs, &id, sizeof id, job);
    if (job == NULL)
        return TD_RETRY;
    if (http_answer_read(&read, request->body, request->body_len,
                         (size_t)agent->conf->max_answer, why) != 0) {
        snprintf(err->text, sizeof err->text, "%s", why);
        return TD_REJECT;
    }
    if (read.n_uploads > 0) { /* the host takes a late answer within this call only */
        http_answer_fini(&read);
        snprintf(err->text, sizeof err->text,
                 "an answer that is posted later names its attachments by id: data goes into the "
                 "response itself");
        return TD_REJECT;
    }
    job_free(job);
    agent->host->answer(agent->inst, id, &read.answer);
    http_answer_fini(&read);
    return TD_OK;
}

/* ---- The instance ---------------------------------------------------------------------------- */

static enum td_status agent_open(const struct td_host *host, struct td_instance *inst,
                                 const void *conf, void **self_r, struct td_error *err)
{
    struct agent *agent = malloc(sizeof *agent);

    if (agent == NULL) {
        snprintf(err->text, sizeof err->text, "out of memory");
        return TD_RETRY;
    }
    *agent = (struct agent){ .host = host, .inst = inst, .conf = conf };
    if (strncmp(agent->conf->url, "http://", 7) != 0 &&
        strncmp(agent->conf->url, "https://", 8) != 0) {
        snprintf(err->text, sizeof err->text,
                 "url '%.256s' does not begin with http:// or https://", agent->conf->url);
        free(agent);
        return TD_CONF;
    }
    if (agent->conf->secret != NULL &&
        (agent->keys = sign_keys_new(agent->conf->secret, 1, err)) == NULL) {
        free(agent);
        return TD_CONF;
    }
    *self_r = agent;
    return TD_OK;
}

static void agent_close(void *self)
{
    struct agent *agent = self;
    struct job *job, *next;

    HASH_ITER (hh, agent->jobs, job, next)
        job_free(job); /* the host answers them itself */
    filing_close(agent);
    sign_keys_free(&agent->keys);
    td_json_free(&agent->body);
    free(agent);
}

static void agent_filed(void *self, uint64_t number, const struct td_filed *filed)
{
    filing_filed(self, number, filed);
}

static const struct td_agent_ops ops = {
    .size = sizeof ops,
    .open = agent_open,
    .ask = agent_ask,
    .cancel = agent_cancel,
    .close = agent_close,
    .late = agent_late,
    .filed = agent_filed,
};

TD_PLUGIN_DEFINE(.kind = TD_AGENT, .name = "http", .version = "1.0", .ops = &ops,
                 .conf_size = sizeof(struct conf), .conf_keys = conf_keys);
