/*
 * agent_openai.c - an agent behind an OpenAI-compatible chat completions endpoint: vLLM, Ollama,
 * llama.cpp, a hosted one.
 *
 * One request an ask: when to ask again, for how long, and whom else, is the host's. What the model
 * says is read as hostile as any other text.
 */
#include "config.h"

#include <tandem/plugin.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uthash.h>

#include "plugins/agent_openai_reply.h"
#include "plugins/agent_openai_request.h"
#include "plugins/shared/ask.h"
#include "plugins/shared/http_events.h"
#include "plugins/shared/kb.h"

#define PROMPT_MAX (64 << 10)
#define PATH "/chat/completions"

struct conf {
    const char *url, *model, *key, *prompt, *kb, *language;
    int format, stream;
    int64_t snippets, max_tokens, max_history, connect_timeout, max_answer;
};

static const char *const formats[] = { "schema", "object", "text", NULL };

static const struct td_conf_key conf_keys[] = {
    TD_CONF_STR(struct conf, url, TD_REQUIRED, NULL,
                "Base of the API, such as http://127.0.0.1:11434/v1."),
    TD_CONF_STR(struct conf, model, TD_REQUIRED, NULL, "The model, as the server names it."),
    TD_CONF_SECRET(struct conf, key, 0, "Sent as bearer token."),
    TD_CONF_STR(struct conf, prompt, TD_PATH, NULL,
                "File with what the model is told about the business and its part in it."),
    TD_CONF_STR(struct conf, kb, TD_PATH, NULL,
                "Directory of what it may answer from, as of type = faq; read when it starts."),
    TD_CONF_STR(struct conf, language, 0, NULL,
                "With kb: the language of customers whose own is not known or not there."),
    TD_CONF_INT(struct conf, snippets, 0, "4", 0, KB_HITS_MAX,
                "Sections of the knowledge base that go with a question."),
    TD_CONF_ENUM(struct conf, format, 0, "schema", formats,
                 "How the answer is asked for: by a JSON schema, as a JSON object for servers without "
                 "schemas, or as plain text, which decides nothing and has no sources."),
    TD_CONF_BOOL(struct conf, stream, 0, "yes", "Show the answer as it comes."),
    TD_CONF_INT(struct conf, max_tokens, 0, "800", 1, 100000, "Tokens of an answer."),
    TD_CONF_SIZE(struct conf, max_history, 0, "16K", 0, 1048576,
                 "Bytes of earlier messages that go with a question; the oldest are left out."),
    TD_CONF_DURATION(struct conf, connect_timeout, 0, "2s", 1, 60000,
                     "How long a connection may take to come about."),
    TD_CONF_SIZE(struct conf, max_answer, 0, "1M", 1024, 16777216, "The largest answer taken."),
    TD_CONF_END,
};

struct agent {
    const struct td_host *host;
    struct td_instance *inst;
    const struct conf *conf;
    char *url, *bearer; /* bearer: NULL without a key */
    char *prompt;
    struct kb *kb; /* NULL: none */
    const struct kb_lang *fallback;
    struct td_json body; /* of the request that is being made; its memory stays */
    struct job *jobs;
};

struct job {
    UT_hash_handle hh;
    struct agent *agent;
    uint64_t id;
    char turn[64];
    struct td_http *http;
    struct http_events *events; /* NULL: it does not stream, or not yet */
    struct openai_reply *reply;
    const char *sources[KB_HITS_MAX]; /* that the model was shown; the knowledge base's */
    size_t n_sources;
};

static void job_free(struct job *job)
{
    HASH_DEL(job->agent->jobs, job);
    job->agent->host->http_cancel(&job->http);
    http_events_free(&job->events);
    openai_reply_free(&job->reply);
    free(job);
}

static void end_badly(struct job *job, enum td_status status, const char *why, int64_t later)
{
    struct agent *agent = job->agent;
    const uint64_t id = job->id;

    job_free(job);
    ask_refuse(agent->host, agent->inst, id, status, why, later);
}

/* ---- Answers --------------------------------------------------------------------------------- */

static void finish(struct job *job)
{
    struct agent *agent = job->agent;
    const struct td_answer *read;
    struct td_json state = { 0 };
    char why[OPENAI_WHY];

    if (openai_reply_answer(job->reply, job->turn, job->sources, job->n_sources, &read, why) != 0) {
        end_badly(job, TD_FAIL, why, 0);
        return;
    }
    struct td_answer answer = *read;
    openai_state_write(&state, &answer);
    answer.state = td_json_text(&state);
    agent->host->http_cancel(&job->http); /* a stream that goes on after its end */
    if (state.failed)
        ask_refuse(agent->host, agent->inst, job->id, TD_RETRY, "out of memory", 0);
    else
        agent->host->answer(agent->inst, job->id, &answer);
    job_free(job);
    td_json_free(&state);
}

static void refuse_status(struct job *job, const struct td_http_response *response)
{
    const int status = response->status;
    char said[200], why[400];

    openai_error_text(response->body, response->body_len, said, sizeof said);
    snprintf(why, sizeof why, "the server answered HTTP %d%s%s%s", status, said[0] != '\0' ? ": " : "",
             said,
             status == 401 || status == 403 ? "; is `key` good?"
             : status == 404                ? "; are `url` and `model` good?"
             : status == 400 && job->agent->conf->format == OPENAI_SCHEMA
                 ? "; does it know JSON schemas? Else set format = object"
                 : "");
    end_badly(job, ask_status_of_http(status), why, response->retry_after_ms);
}

static void on_response(void *arg, const struct td_http_response *response)
{
    struct job *job = arg;
    char why[OPENAI_WHY];

    job->http = NULL; /* it has ended: the host has freed it */
    if (response->failure != TD_HTTP_OK)
        end_badly(job, ask_status_of_failure(response->failure), response->detail, 0);
    else if (response->status != 200)
        refuse_status(job, response);
    else if (job->events != NULL) /* ended, or it would not be here any more */
        end_badly(job, TD_RETRY, "the stream ended before [DONE]", 0);
    else if (openai_reply_whole(job->reply, response->body, response->body_len, why) != 0)
        end_badly(job, TD_FAIL, why, 0);
    else
        finish(job);
}

/* ---- Streams --------------------------------------------------------------------------------- */

static void on_text(void *arg, const char *text)
{
    struct job *job = arg;

    job->agent->host->delta(job->agent->inst, job->id, text);
}

/* What the parser holds, `data` too, goes with the job: that ends last. */
static int on_event(void *arg, const char *type, const char *data, size_t len)
{
    struct job *job = arg;
    char why[OPENAI_WHY];

    (void)type; /* chunks are all of one */
    if (openai_reply_chunk(job->reply, data, len, why) != 0)
        end_badly(job, TD_FAIL, why, 0);
    else if (openai_reply_ended(job->reply))
        finish(job);
    else
        return 0;
    return 1;
}

static void on_data(void *arg, const struct td_http_data *data)
{
    struct job *job = arg;
    const char *wrong = ask_stream(&job->events, data, (size_t)job->agent->conf->max_answer,
                                   on_event, job);

    if (wrong != NULL)
        end_badly(job, TD_FAIL, wrong, 0);
}

/* ---- Questions ------------------------------------------------------------------------------- */

/* What the customer has just said, for the search; of a turn after an action what they said before. */
static void question_of(const struct td_turn *turn, char text[KB_WORDS_TEXT])
{
    const struct td_message *const *messages = turn->messages;
    size_t n = turn->n_messages, len = 0;

    text[0] = '\0';
    if (n == 0) {
        messages = turn->history;
        n = turn->n_history;
    }
    for (size_t i = n > 3 ? n - 3 : 0; i < n; i++) {
        if (messages[i]->author == TD_CUSTOMER && messages[i]->text != NULL &&
            len < KB_WORDS_TEXT - 1)
            len += (size_t)snprintf(text + len, KB_WORDS_TEXT - len, "%s\n", messages[i]->text);
    }
    len = strlen(text); /* cut off, perhaps within a character */
    while (len > 0 && ((unsigned char)text[len - 1] & 0x80) && len + 4 >= KB_WORDS_TEXT)
        text[--len] = '\0';
}

static size_t search(struct job *job, const struct td_turn *turn,
                     struct kb_hit hits[KB_HITS_MAX])
{
    struct agent *agent = job->agent;
    char text[KB_WORDS_TEXT];
    size_t n = 0;

    if (agent->kb == NULL)
        return 0;
    question_of(turn, text);
    n = kb_search(kb_lang_of(agent->kb, text, NULL, turn->session->locale, agent->fallback), text,
                  hits);
    if (n > (size_t)agent->conf->snippets)
        n = (size_t)agent->conf->snippets;
    for (size_t i = 0; i < n; i++)
        job->sources[i] = hits[i].section->source;
    job->n_sources = n;
    return n;
}

static struct td_http *post(struct job *job, const struct td_turn *turn)
{
    struct agent *agent = job->agent;
    const struct conf *conf = agent->conf;
    struct kb_hit hits[KB_HITS_MAX];
    const struct openai_ask ask = {
        .model = conf->model, .prompt = agent->prompt, .format = (enum openai_format)conf->format,
        .stream = conf->stream, .max_tokens = conf->max_tokens, .max_history = conf->max_history,
        .snippets = hits, .n_snippets = search(job, turn, hits),
    };
    const struct td_header headers[] = {
        { "Content-Type", "application/json" },
        { "Accept", conf->stream ? "text/event-stream, application/json" : "application/json" },
        { "Idempotency-Key", turn->id },
        { "Authorization", agent->bearer },
    };
    struct td_http_request request = {
        .size = sizeof request,
        .method = "POST",
        .url = agent->url,
        .headers = headers,
        .n_headers = agent->bearer != NULL ? 4 : 3,
        .timeout_ms = turn->deadline_ms,
        .connect_timeout_ms = (uint32_t)conf->connect_timeout,
        .max_response = (size_t)conf->max_answer,
        .on_data = on_data,
    };

    openai_request_write(&agent->body, &ask, turn);
    if (agent->body.failed)
        return NULL;
    request.body = td_json_text(&agent->body);
    request.body_len = td_json_len(&agent->body);
    return agent->host->http_start(agent->inst, &request, on_response, job);
}

static void agent_ask(void *self, uint64_t id, const struct td_turn *turn)
{
    struct agent *agent = self;
    struct job *job = NULL;

    if (turn->deadline_ms > 0) /* 0, which http_start() would take for its default: no time is left */
        job = calloc(1, sizeof *job);
    if (job == NULL) {
        ask_refuse(agent->host, agent->inst, id, TD_RETRY,
                   turn->deadline_ms > 0 ? "out of memory" : "no time is left to ask", 0);
        return;
    }
    job->agent = agent;
    job->id = id;
    snprintf(job->turn, sizeof job->turn, "%s", turn->id);
    HASH_ADD(hh, agent->jobs, id, sizeof job->id, job);
    job->reply = openai_reply_new(agent->conf->format == OPENAI_TEXT,
                                  agent->conf->stream ? on_text : NULL, job);
    job->http = job->reply != NULL ? post(job, turn) : NULL;
    if (job->http == NULL)
        end_badly(job, TD_RETRY, "the request could not be made or queued", 0);
}

static void agent_cancel(void *self, uint64_t id)
{
    struct agent *agent = self;
    struct job *job;

    HASH_FIND(hh, agent->jobs, &id, sizeof id, job);
    if (job != NULL)
        job_free(job);
}

/* ---- The instance ---------------------------------------------------------------------------- */

/* a and b joined; NULL: out of memory. */
static char *join(const char *a, const char *b)
{
    const size_t size = strlen(a) + strlen(b) + 1;
    char *joined = malloc(size);

    if (joined != NULL)
        snprintf(joined, size, "%s%s", a, b);
    return joined;
}

/* The base with the path behind it, unless that stands there already. */
static char *url_of(const char *base)
{
    size_t len = strlen(base);
    const size_t path = sizeof PATH - 1;
    char *url = join(base, PATH);

    if (url == NULL || (len >= path && strcmp(base + len - path, PATH) == 0)) {
        free(url);
        return join(base, "");
    }
    if (len > 0 && base[len - 1] == '/')
        memmove(url + len - 1, url + len, path + 1);
    return url;
}

static char *read_prompt(const char *path, struct td_error *err)
{
    FILE *file = path != NULL ? fopen(path, "re") : NULL;
    char *text = calloc(1, PROMPT_MAX + 2);
    size_t len = 0, at = 0, n = 1;

    if (text != NULL && file != NULL)
        len = fread(text, 1, PROMPT_MAX + 1, file);
    while (at < len && text[at] != '\0' && (n = td_utf8_step(text + at, len - at)) > 0)
        at += n;
    if (text == NULL)
        snprintf(err->text, sizeof err->text, "out of memory");
    else if (path != NULL && (file == NULL || ferror(file)))
        snprintf(err->text, sizeof err->text, "prompt %.300s cannot be read: %s", path,
                 strerror(errno));
    else if (len > PROMPT_MAX || at < len)
        snprintf(err->text, sizeof err->text, "prompt %.300s is not a UTF-8 text of at most %d bytes",
                 path, PROMPT_MAX);
    else
        err = NULL; /* nothing is wrong */
    if (file != NULL)
        fclose(file);
    if (err != NULL) {
        free(text);
        return NULL;
    }
    while (len > 0 && strchr(" \t\r\n", text[len - 1]))
        text[--len] = '\0';
    return text;
}

static void agent_close(void *self)
{
    struct agent *agent = self;
    struct job *job, *next;

    HASH_ITER (hh, agent->jobs, job, next)
        job_free(job); /* the host answers them itself */
    kb_close(&agent->kb);
    td_json_free(&agent->body);
    free(agent->url);
    free(agent->bearer);
    free(agent->prompt);
    free(agent);
}

/* 0, or -1 with a sentence. */
static int take_conf(struct agent *agent, struct td_error *err)
{
    const struct conf *conf = agent->conf;

    if (strncmp(conf->url, "http://", 7) != 0 && strncmp(conf->url, "https://", 8) != 0) {
        snprintf(err->text, sizeof err->text,
                 "url '%.256s' does not begin with http:// or https://", conf->url);
        return -1;
    }
    snprintf(err->text, sizeof err->text, "out of memory");
    if ((agent->url = url_of(conf->url)) == NULL ||
        (conf->key != NULL && (agent->bearer = join("Bearer ", conf->key)) == NULL) ||
        (agent->prompt = read_prompt(conf->prompt, err)) == NULL)
        return -1;
    if (conf->kb == NULL)
        return 0;
    if ((agent->kb = kb_open(conf->kb, err)) == NULL)
        return -1;
    agent->fallback = kb_lang_fallback(agent->kb, conf->language, err);
    return agent->fallback != NULL ? 0 : -1;
}

static enum td_status agent_open(const struct td_host *host, struct td_instance *inst,
                                 const void *conf, void **self_r, struct td_error *err)
{
    struct agent *agent = malloc(sizeof *agent);

    if (agent == NULL) {
        snprintf(err->text, sizeof err->text, "out of memory");
        return TD_RETRY;
    }
    *agent = (struct agent){ .host = host, .inst = inst, .conf = conf };
    if (take_conf(agent, err) != 0) {
        agent_close(agent);
        return TD_CONF;
    }
    *self_r = agent;
    return TD_OK;
}

static const struct td_agent_ops ops = {
    .size = sizeof ops,
    .open = agent_open,
    .ask = agent_ask,
    .cancel = agent_cancel,
    .close = agent_close,
};

TD_PLUGIN_DEFINE(.kind = TD_AGENT, .name = "openai", .version = "1.0", .ops = &ops,
                 .conf_size = sizeof(struct conf), .conf_keys = conf_keys);
