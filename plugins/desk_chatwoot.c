/*
 * desk_chatwoot.c - a desk whose humans work in Chatwoot, by an inbox of the kind "API".
 *
 * A handoff becomes a conversation: the package as a private note and as custom attributes, what
 * the customer says as incoming messages. A human who is assigned has accepted; what they write
 * goes to the customer; "resolved" and "pending" give back to the agent; who writes into a
 * conversation that is over takes the customer over.
 */
#include "config.h"

#include "plugins/desk_chatwoot_private.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "plugins/shared/desk_hook.h"
#include "plugins/shared/sign.h"

#define MAX_TALKS 100000

static const char *const verifies[] = { "signature", "token", NULL };
static const char *const accepts[] = { "assigned", "answered", NULL };

static const struct td_conf_key conf_keys[] = {
    TD_CONF_STR(struct conf, url, TD_REQUIRED, NULL, "Of the Chatwoot, without a path."),
    TD_CONF_INT(struct conf, account, TD_REQUIRED, NULL, 1, INT64_MAX, "Number of the account."),
    TD_CONF_INT(struct conf, inbox, TD_REQUIRED, NULL, 1, INT64_MAX,
                "Number of an inbox of the kind API."),
    TD_CONF_SECRET(struct conf, token, TD_REQUIRED,
                   "Access token of the user in whose name notes are written."),
    TD_CONF_SECRET(struct conf, secret, TD_REQUIRED,
                   "Secret of the webhook; several with white space between all verify."),
    TD_CONF_ENUM(struct conf, verify, 0, "signature", verifies,
                 "Webhooks are signed with the secret, or, where Chatwoot does not sign, have it "
                 "as ?token= in their URL."),
    TD_CONF_ENUM(struct conf, accept, 0, "assigned", accepts,
                 "What makes a human the one who has it: the assignment, or the first answer."),
    TD_CONF_STR(struct conf, path, 0, NULL,
                "Where Chatwoot posts to; unset, /hooks/ and the name of the section."),
    TD_CONF_DURATION(struct conf, timeout, 0, "10s", 100, 120000, "Time for a request."),
    TD_CONF_DURATION(struct conf, tolerance, 0, "5min", 1000, 3600000,
                     "How far the timestamp of a signature may be from now."),
    TD_CONF_END,
};

/* ---- Talks ------------------------------------------------------------------------------- */

struct talk *talk_of(struct desk *desk, const char *handoff, const char *session)
{
    struct talk *talk;

    HASH_FIND_STR(desk->talks, handoff, talk);
    if (talk != NULL || HASH_COUNT(desk->talks) >= MAX_TALKS ||
        (talk = calloc(1, sizeof *talk)) == NULL)
        return talk;
    talk->desk = desk;
    talk->handoff = strdup(handoff);
    talk->session = strdup(session);
    if (talk->handoff == NULL || talk->session == NULL) {
        free(talk->handoff);
        free(talk->session);
        free(talk);
        return NULL;
    }
    HASH_ADD_KEYPTR(hh, desk->talks, talk->handoff, strlen(talk->handoff), talk);
    return talk;
}

static void talk_free(struct talk *talk)
{
    api_drop(talk);
    hook_drop(talk);
    HASH_DEL(talk->desk->talks, talk);
    free(talk->handoff);
    free(talk->session);
    free(talk->human);
    free(talk->source);
    free(talk->attributes);
    free(talk);
}

void talk_rename(struct talk *talk, const char *handoff)
{
    struct talk *other;
    char *copy = strdup(handoff);

    HASH_FIND_STR(talk->desk->talks, handoff, other);
    if (copy == NULL || other == talk) {
        free(copy);
        return;
    }
    if (other != NULL) /* nothing that is not found again */
        talk_free(other);
    HASH_DEL(talk->desk->talks, talk);
    free(talk->handoff);
    talk->handoff = copy;
    HASH_ADD_KEYPTR(hh, talk->desk->talks, talk->handoff, strlen(talk->handoff), talk);
    talk->over = talk->resolved = 0;
}

void talk_settle(struct talk *talk)
{
    if ((talk->over || !talk->known) && talk->tasks == NULL && talk->acts == NULL)
        talk_free(talk);
}

/* ---- What the host says ------------------------------------------------------------------ */

static void desk_offer(void *self, uint64_t job, const struct td_handoff *handoff)
{
    struct desk *desk = self;
    struct talk *talk = talk_of(desk, handoff->id, handoff->session);

    if (talk == NULL) {
        desk->host->offered(desk->inst, job, &(struct td_offered){
            .size = sizeof(struct td_offered), .status = TD_RETRY, .wait_ms = -1,
            .detail = "too many handoffs are under way" });
        return;
    }
    talk->known = 1;
    free(talk->human);
    talk->human = handoff->human != NULL ? strdup(handoff->human) : NULL;
    api_add(talk, TASK_OFFER, job, NULL, handoff->package);
}

/* Files are shown by their links. */
static void desk_relay(void *self, uint64_t job, const struct td_relay *relay)
{
    struct desk *desk = self;
    const struct td_message *m = relay->message;
    struct talk *talk = talk_of(desk, relay->handoff, relay->session);
    char *text = NULL;
    size_t len;
    FILE *out = talk != NULL ? open_memstream(&text, &len) : NULL;

    if (out == NULL) {
        desk->host->sent(desk->inst, job, &(struct td_sent){ .size = sizeof(struct td_sent),
                                                             .status = TD_RETRY,
                                                             .detail = "out of memory" });
        return;
    }
    talk->known = 1;
    fputs(m->text != NULL ? m->text : "", out);
    for (size_t i = 0; i < m->n_attachments; i++)
        fprintf(out, "%s%s: %s", i > 0 || m->text != NULL ? "\n" : "", m->attachments[i]->name,
                m->attachments[i]->url);
    for (size_t i = 0; i < m->n_parts; i++)
        fprintf(out, "\n%s", m->parts[i]->text);
    fclose(out);
    char id[64];
    snprintf(id, sizeof id, "%.30s.%llu", relay->session, (unsigned long long)m->seq);
    api_add(talk, TASK_RELAY, job, id, text);
    free(text);
}

static void desk_release(void *self, const char *handoff, const char *outcome)
{
    struct desk *desk = self;
    char text[200], id[64];
    struct talk *talk;

    HASH_FIND_STR(desk->talks, handoff, talk);
    if (talk == NULL || (talk->op_job != 0 && talk->doing == TD_OP_TAKE &&
                         strcmp(outcome, "taken") == 0))
        return; /* the handoff that follows is this conversation's as well */
    talk->over = 1;
    if (!talk->resolved) {
        snprintf(text, sizeof text, "This handoff is over (%.60s): what is written here now takes "
                                    "the customer over again.", outcome);
        snprintf(id, sizeof id, "%.30s.over", handoff);
        api_add(talk, TASK_NOTE, 0, id, text);
        api_add(talk, TASK_RESOLVE, 0, NULL, NULL);
    }
    talk_settle(talk);
}

static void desk_done(void *self, uint64_t job, const struct td_desk_done *done)
{
    hook_done(self, job, done);
}

/* ---- Open and close ---------------------------------------------------------------------- */

static void desk_close(void *self)
{
    struct desk *desk = self;
    struct talk *talk, *next;

    HASH_ITER(hh, desk->talks, talk, next) {
        talk_free(talk);
    }
    sign_keys_free(&desk->keys);
    free(desk);
}

static enum td_status desk_open(const struct td_host *host, struct td_instance *inst,
                                const void *conf, void **self_r, struct td_error *err)
{
    struct desk *desk = calloc(1, sizeof *desk);

    if (desk == NULL) {
        snprintf(err->text, sizeof err->text, "out of memory");
        return TD_RETRY;
    }
    *desk = (struct desk){ .host = host, .inst = inst, .conf = conf };
    if ((desk->keys = sign_keys_new(desk->conf->secret, 0, err)) != NULL &&
        desk_hook_open(host, inst, desk->conf->url, desk->conf->path, hook_request, desk, err) == 0) {
        *self_r = desk;
        return TD_OK;
    }
    desk_close(desk);
    return TD_CONF;
}

static const struct td_package_limits limits = {
    .size = sizeof limits, .format = TD_PACKAGE_FLAT, .bytes = 4096,
};

static const struct td_desk_ops ops = {
    .size = sizeof ops,
    .open = desk_open,
    .offer = desk_offer,
    .relay = desk_relay,
    .release = desk_release,
    .done = desk_done,
    .close = desk_close,
    .limits = &limits,
};

TD_PLUGIN_DEFINE(.kind = TD_DESK, .name = "chatwoot", .version = "1.0", .ops = &ops,
                 .conf_size = sizeof(struct conf), .conf_keys = conf_keys);
