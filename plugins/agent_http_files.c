/* agent_http_files.c - files that stand in an answer as data are handed to the host before it. */
#include "config.h"

#include "plugins/agent_http_private.h"

#include <openssl/evp.h>
#include <stdio.h>

struct filing {
    struct http_answer answer;
    size_t left; /* files whose end is not known yet */
    enum td_status status;
    uint32_t retry_after_ms;
    char detail[400];
};

struct upload {
    UT_hash_handle hh;
    uint64_t number;
    struct job *job; /* NULL: not wanted any more */
    size_t at;       /* which file of the answer */
};

/* The bytes of base64, freed by the caller; NULL: it is not that, or memory is out. */
static uint8_t *decode(const char *text, size_t *len_r)
{
    const size_t len = strlen(text);
    const size_t letters = strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
                                        "0123456789+/");
    const size_t padding = len - letters;
    uint8_t *data;

    if (letters == 0 || len % 4 != 0 || padding > 2 ||
        strspn(text + letters, "=") != padding || (data = malloc(len / 4 * 3 + 1)) == NULL)
        return NULL;
    if (EVP_DecodeBlock(data, (const unsigned char *)text, (int)len) < 0) {
        free(data);
        return NULL;
    }
    *len_r = len / 4 * 3 - padding;
    return data;
}

static void fail(struct filing *filing, size_t at, enum td_status status, const char *why,
                 uint32_t retry_after_ms)
{
    const char *name = filing->answer.uploads[at].name;

    if (filing->status == TD_FAIL)
        return; /* the first of those that will not go is told */
    filing->status = status;
    filing->retry_after_ms = retry_after_ms;
    snprintf(filing->detail, sizeof filing->detail, "attachment '%.100s' was not taken: %s",
             name != NULL ? name : "", why);
}

static void filing_free(struct filing **filing)
{
    if (*filing == NULL)
        return;
    http_answer_fini(&(*filing)->answer);
    free(*filing);
    *filing = NULL;
}

static void finish(struct job *job)
{
    struct agent *agent = job->agent;
    struct filing *filing = job->filing;
    const uint64_t id = job->id;

    job->filing = NULL;
    job_free(job);
    if (filing->status == TD_OK)
        agent->host->answer(agent->inst, id, &filing->answer.answer);
    else
        job_refuse(agent, id, filing->status, filing->detail, filing->retry_after_ms);
    filing_free(&filing);
}

/* Counted down also for what never went to the host. */
static void file_one(struct job *job, size_t at)
{
    struct agent *agent = job->agent;
    struct filing *filing = job->filing;
    const struct http_upload *from = &filing->answer.uploads[at];
    struct upload *upload = calloc(1, sizeof *upload);
    size_t len = 0;
    uint8_t *data = decode(from->data, &len);

    if (upload == NULL || data == NULL) {
        fail(filing, at, upload == NULL ? TD_RETRY : TD_FAIL,
             upload == NULL ? "out of memory" : "its data is not base64", 0);
        filing->left--;
        free(upload);
        free(data);
        return;
    }
    *upload = (struct upload){ .number = ++agent->last_upload, .job = job, .at = at };
    HASH_ADD(hh, agent->uploads, number, sizeof upload->number, upload);
    agent->host->file(agent->inst, upload->number, &(struct td_file){
        .size = sizeof(struct td_file), .session = job->session, .name = from->name,
        .type = from->type, .data = data, .len = len });
    free(data);
}

void filing_start(struct job *job, struct http_answer *answer)
{
    struct filing *filing = calloc(1, sizeof *filing);

    if (filing == NULL) {
        struct agent *agent = job->agent;
        const uint64_t id = job->id;

        http_answer_fini(answer);
        job_free(job);
        job_refuse(agent, id, TD_RETRY, "out of memory", 0);
        return;
    }
    http_answer_move(&filing->answer, answer);
    filing->left = filing->answer.n_uploads;
    job->filing = filing;
    for (size_t i = 0; i < filing->answer.n_uploads; i++)
        file_one(job, i);
    if (filing->left == 0)
        finish(job);
}

void filing_filed(struct agent *agent, uint64_t number, const struct td_filed *filed)
{
    struct upload *upload;
    struct job *job;
    size_t at;

    HASH_FIND(hh, agent->uploads, &number, sizeof number, upload);
    if (upload == NULL)
        return;
    HASH_DEL(agent->uploads, upload);
    job = upload->job;
    at = upload->at;
    free(upload);
    if (job == NULL)
        return;
    if (filed->status == TD_OK)
        http_answer_set_id(&job->filing->answer, at, filed->attachment->id);
    else
        fail(job->filing, at, filed->status == TD_RETRY ? TD_RETRY : TD_FAIL, filed->detail,
             filed->retry_after_ms);
    if (--job->filing->left == 0)
        finish(job);
}

void filing_forget(struct job *job)
{
    struct upload *upload, *next;

    HASH_ITER(hh, job->agent->uploads, upload, next)
        if (upload->job == job)
            upload->job = NULL;
    filing_free(&job->filing);
}

void filing_close(struct agent *agent)
{
    struct upload *upload, *next;

    HASH_ITER(hh, agent->uploads, upload, next) {
        HASH_DEL(agent->uploads, upload);
        free(upload);
    }
}
