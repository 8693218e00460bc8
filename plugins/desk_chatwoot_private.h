/*
 * desk_chatwoot_private.h - what the files of the desk in a Chatwoot share. Nobody else includes it.
 *
 *   desk_chatwoot.c       the plugin: conf, what the host says, open and close
 *   desk_chatwoot_api.c   out: what a handoff has to have told Chatwoot, one request at a time
 *   desk_chatwoot_hook.c  in: webhooks, one operation at a time a handoff
 *
 * Source: Chatwoot's public API documents (swagger, "Application" part: contacts, conversations,
 * messages; "Webhook events"). The inbox is one of the kind "API". A handoff is a conversation
 * whose custom attributes tandem_handoff_id and tandem_session_id say so; they make the plugin
 * find it again after a restart. Each message that it posts carries content_attributes.tandem_id:
 * by that it is not posted twice, and not taken for one of a human.
 */
#ifndef DESK_CHATWOOT_PRIVATE_H
#define DESK_CHATWOOT_PRIVATE_H

#include <tandem/json.h>
#include <tandem/plugin.h>
#include <uthash.h>

struct sign_keys;

enum verify { VERIFY_SIGNATURE, VERIFY_TOKEN };
enum accept { ACCEPT_ASSIGNED, ACCEPT_ANSWERED };

struct conf {
    const char *url, *token, *secret, *path;
    int64_t account, inbox, timeout, tolerance;
    int verify, accept;
};

/* What Chatwoot has to be told; in order a handoff. */
enum task_kind {
    TASK_OFFER,   /* job; text: the package, flat */
    TASK_RELAY,   /* job, id, text */
    TASK_NOTE,    /* id, text: for humans only */
    TASK_RENAME,  /* the conversation's attributes name the handoff that followed */
    TASK_RESOLVE,
};
struct task {
    struct task *prev, *next;
    enum task_kind kind;
    uint64_t job;
    unsigned tries;
    int checked; /* it is not there yet */
    char *id, *text;
};

/* What a human did; in order a handoff. */
struct act {
    struct act *prev, *next;
    enum td_desk_op op;
    uint64_t request; /* of the webhook; 0: it has its answer */
    char *id, *human, *text;
    int on, took;
    unsigned tries;
};

struct talk {
    UT_hash_handle hh; /* by handoff */
    struct desk *desk;
    char *handoff, *session;
    char *human; /* who has it, as far as this desk knows; NULL: nobody */
    int known;    /* the host has it under way */
    int over;     /* the host needs it no more */
    int resolved; /* Chatwoot's humans ended it themselves */

    int64_t contact, conversation; /* 0: not looked for */
    char *source;                  /* of the contact in the inbox */
    int no_contact, no_conversation; /* looked for, and not there */
    int doubt; /* what is to be posted may be there already */
    char *attributes; /* JSON object of the conversation */
    struct task *tasks;
    struct td_http *http;
    struct td_timer *again;
    void (*answered)(struct talk *talk, const cJSON *body);

    struct act *acts;
    UT_hash_handle hop; /* by op_job, while it is not 0 */
    uint64_t op_job;
    enum td_desk_op doing;
    struct td_timer *op_again;
};

struct desk {
    const struct td_host *host;
    struct td_instance *inst;
    const struct conf *conf;
    struct sign_keys *keys;
    struct talk *talks, *doing;
    uint64_t last_job;
};

/* NULL: too many. */
struct talk *talk_of(struct desk *desk, const char *handoff, const char *session);
void talk_rename(struct talk *talk, const char *handoff);
void talk_settle(struct talk *talk); /* freed when nothing is under way or left to do */

/* desk_chatwoot_api.c. id, text: copied. */
void api_add(struct talk *talk, enum task_kind kind, uint64_t job, const char *id, const char *text);
void api_drop(struct talk *talk); /* all tasks; their jobs are to be asked again */

/* desk_chatwoot_hook.c */
void hook_request(void *desk, const struct td_web_request *request);
void hook_done(struct desk *desk, uint64_t job, const struct td_desk_done *done);
void hook_drop(struct talk *talk);

#endif
