/*
 * late.c - answers that come by themselves: POST /api/v1/turns/<turn>/answer.
 *
 * The agent that has the turn judges who asks and what was said; the request is answered when the
 * answer is on disk. Turns that are over, or wait to be asked, are remembered for a while, to tell
 * them from those that never were.
 */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include <tandem/json.h>

#include "base/mem.h"
#include "gate/gate_private.h"
#include "io/web.h"

#define PREFIX "/api/v1/turns/"
#define SUFFIX "/answer"
#define MAX_PASTS 10000
#define MAX_ERROR sizeof(((struct td_error *)0)->text)

struct past {
    UT_hash_handle hh; /* by turn */
    struct ulid turn, session;
    struct td_instance *inst;
};

/* ---- What is known of a turn -------------------------------------------------------------- */

static int can_be_late(const struct td_instance *inst)
{
    return inst->kind == TD_AGENT && instance_is_open(inst) && TD_HAS(instance_agent(inst), late) &&
           instance_agent(inst)->late != NULL;
}

static void remember(struct td_instance *inst, const struct ulid *turn, const struct ulid *session)
{
    struct gate *gate = inst->gate;
    struct past *past;

    HASH_FIND(hh, gate->pasts, turn, sizeof *turn, past);
    if (past == NULL && HASH_COUNT(gate->pasts) >= MAX_PASTS)
        past = gate->pasts; /* the oldest makes room */
    if (past != NULL)
        HASH_DEL(gate->pasts, past);
    else
        past = mem_alloc(sizeof *past);
    *past = (struct past){ .turn = *turn, .session = *session, .inst = inst };
    HASH_ADD(hh, gate->pasts, turn, sizeof past->turn, past);
}

static void forget(struct job *job)
{
    if (job->by_turn)
        HASH_DELETE(hh_turn, job->inst->gate->asked, job);
    job->by_turn = 0;
}

void late_asked(struct job *job)
{
    struct gate *gate = job->inst->gate;
    struct job *earlier;

    if (!can_be_late(job->inst))
        return;
    HASH_FIND(hh_turn, gate->asked, &job->turn, sizeof job->turn, earlier);
    if (earlier != NULL)
        forget(earlier);
    HASH_ADD(hh_turn, gate->asked, turn, sizeof job->turn, job);
    job->by_turn = 1;
}

void late_over(struct job *job)
{
    if (!job->by_turn)
        return;
    forget(job);
    if (!job->inst->gate->dead)
        remember(job->inst, &job->turn, &job->session);
}

void late_waiting(struct td_instance *inst, const struct waiting *waiting)
{
    if (can_be_late(inst))
        remember(inst, &waiting->turn, &waiting->session);
}

/* ---- Replies ------------------------------------------------------------------------------ */

static void reply(struct gate *gate, uint64_t request, int status, const struct td_json *json)
{
    static const struct td_header no_store = { "cache-control", "no-store" };
    const struct td_header headers[] = {
        no_store,
        status == 401   ? (struct td_header){ "www-authenticate", "Bearer" }
        : status == 405 ? (struct td_header){ "allow", "POST" }
                        : (struct td_header){ "retry-after", "2" },
    };

    web_reply(gate->conf.web, request, &(struct td_web_reply){
        .size = sizeof(struct td_web_reply), .status = status, .headers = headers,
        .n_headers = status == 401 || status == 405 || status == 503 ? 2 : 1,
        .body = td_json_text(json), .body_len = td_json_len(json),
    });
}

static void refuse(struct gate *gate, uint64_t request, int status, const char *why)
{
    const char *code = status == 401   ? "unauthorized"
                       : status == 404 ? "not_found"
                       : status == 405 ? "bad_method"
                       : status == 409 ? "conflict"
                       : status == 400 ? "bad_request"
                                       : "busy";
    struct td_json json = { 0 };

    td_json_object(&json);
    td_json_key(&json, "error");
    td_json_object(&json);
    td_json_key_str(&json, "code", code);
    td_json_key_str(&json, "message", why);
    td_json_object_end(&json);
    td_json_object_end(&json);
    reply(gate, request, status, &json);
    td_json_free(&json);
}

void late_done(struct gate *gate, struct item *item, int taken)
{
    struct td_json json = { 0 };
    uint64_t request = item->late;

    item->late = 0;
    if (request == 0 || gate->dead)
        return;
    if (taken <= 0) {
        refuse(gate, request, taken == 0 ? 409 : 503,
               taken == 0 ? "the turn is over" : "the answer could not be kept, try again");
        return;
    }
    td_json_object(&json);
    td_json_key_str(&json, "status", "taken");
    td_json_object_end(&json);
    reply(gate, request, 200, &json);
    td_json_free(&json);
}

uint64_t late_take(struct gate *gate, uint64_t job)
{
    uint64_t request = gate->late_job == job ? gate->late_request : 0;

    if (request != 0)
        gate->late_request = 0;
    return request;
}

/* ---- Requests ----------------------------------------------------------------------------- */

static int turn_of(const char *path, struct ulid *turn_r)
{
    char text[ULID_TEXT];

    if (strlen(path) != strlen(PREFIX) + ULID_TEXT - 1 + strlen(SUFFIX) ||
        strcmp(path + strlen(PREFIX) + ULID_TEXT - 1, SUFFIX) != 0)
        return -1;
    memcpy(text, path + strlen(PREFIX), ULID_TEXT - 1);
    text[ULID_TEXT - 1] = '\0';
    return ulid_parse(text, turn_r);
}

/* It is not open now, but it may be asked again. */
static int will_be_asked(const struct gate *gate, const struct past *past)
{
    struct slot *slot = slot_get((struct gate *)gate, &past->session);

    return slot != NULL && (slot->state != SLOT_READY ||
                            (slot->session.turn.active &&
                             ulid_cmp(&slot->session.turn.id, &past->turn) == 0));
}

static enum td_status ask(struct td_instance *inst, uint64_t job,
                          const struct td_web_request *request, struct td_error *error)
{
    struct gate *gate = inst->gate;
    enum td_status status;

    gate->late_request = job != 0 ? request->id : 0;
    gate->late_job = job;
    status = instance_agent(inst)->late(inst->self, job, request, error);
    error->text[MAX_ERROR - 1] = '\0';
    gate->late_job = 0;
    return status;
}

/* The agent has not taken it as an answer: why. */
static void explain(struct td_instance *inst, const struct past *past, uint64_t request,
                    enum td_status status, const char *why)
{
    struct gate *gate = inst->gate;

    gate->late_request = 0;
    if (status == TD_AUTH)
        refuse(gate, request, 401, "the token is not this agent's");
    else if (past != NULL && will_be_asked(gate, past))
        refuse(gate, request, 503, "the turn is about to be asked again");
    else if (past != NULL)
        refuse(gate, request, 409, "the turn is over");
    else if (status == TD_REJECT)
        refuse(gate, request, 400, why[0] != '\0' ? copy_detail(why) : "not an answer");
    else
        refuse(gate, request, 503, "the agent cannot take it now");
    if (past == NULL && status == TD_OK)
        instance_misuse(inst, "late() said it took an answer that it did not give");
}

static void on_turn(void *arg, const struct td_web_request *request)
{
    struct gate *gate = arg;
    struct td_error error = { "" };
    struct past *past = NULL;
    struct job *job = NULL;
    struct td_instance *inst;
    enum td_status status;
    struct ulid turn;

    if (turn_of(request->path, &turn) == 0) {
        HASH_FIND(hh_turn, gate->asked, &turn, sizeof turn, job);
        if (job == NULL)
            HASH_FIND(hh, gate->pasts, &turn, sizeof turn, past);
    }
    inst = job != NULL ? job->inst : past != NULL ? past->inst : NULL;
    if (inst == NULL && (gate->resume != NULL || gate->drained))
        refuse(gate, request->id, 503, "sessions are not all taken up");
    else if (inst == NULL)
        refuse(gate, request->id, 404, "there is no such turn");
    else if (strcmp(request->method, "POST") != 0)
        refuse(gate, request->id, 405, "an answer is posted");
    else if (!can_be_late(inst) || gate->drained)
        refuse(gate, request->id, 503, "the agent is closed");
    else {
        status = ask(inst, job != NULL ? job->id : 0, request, &error);
        if (job == NULL || gate->late_request != 0)
            explain(inst, past, request->id, status, error.text);
    }
}

void late_open(struct gate *gate)
{
    if (gate->conf.web != NULL)
        web_route(gate->conf.web, PREFIX, 0, on_turn, gate);
}

/* The listener is closed by now: its routes went with it. */
void late_fini(struct gate *gate)
{
    struct past *past, *next;

    HASH_ITER(hh, gate->pasts, past, next) {
        HASH_DEL(gate->pasts, past);
        free(past);
    }
}
