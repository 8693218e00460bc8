/* admin_sessions.c - what operators ask of sessions: lists, journals, and who has them next. */
#include "config.h"

#include "daemon/admin_private.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <tandem/json.h>

#include "base/ulid.h"
#include "daemon/events.h"
#include "daemon/policy_api.h"
#include "gate/gate.h"

#define MAX_PAGE 1000 /* sessions or records of one answer */

static size_t query_max(const char *query)
{
    char text[16];
    const unsigned long max = query_get(query, "max", text, sizeof text) ? strtoul(text, NULL, 10)
                                                                         : 100;
    return max < 1 ? 1 : max > MAX_PAGE ? MAX_PAGE : max;
}

void admin_sessions(struct admin *admin, const struct td_web_request *request)
{
    char state[16], text[ULID_TEXT];
    struct ulid after;
    const int has_state = query_get(request->query, "state", state, sizeof state);
    const int has_after = query_get(request->query, "after", text, sizeof text);

    if (has_state && strcmp(state, "open") != 0 && strcmp(state, "closed") != 0) {
        admin_error(admin, request->id, 400, "bad_request", "state is open or closed");
    } else if (has_after && ulid_parse(text, &after) != 0) {
        admin_error(admin, request->id, 400, "bad_request", "after is not a session's id");
    } else {
        gate_sessions(admin->conf.gate, has_state ? state : NULL, has_after ? &after : NULL,
                      query_max(request->query), admin_reply_later,
                      admin_later(admin, request, NULL));
    }
}

static void get_journal(struct admin *admin, const struct td_web_request *request,
                        const struct ulid *id)
{
    char after[24] = "0", bodies[2] = "0";

    query_get(request->query, "after", after, sizeof after);
    query_get(request->query, "bodies", bodies, sizeof bodies);
    gate_journal(admin->conf.gate, id, strtoull(after, NULL, 10), query_max(request->query),
                 bodies[0] == '1', admin_reply_later,
                 admin_later(admin, request, "application/x-ndjson"));
}

static void get_policy(struct admin *admin, const struct td_web_request *request,
                       const struct ulid *id)
{
    char seq[24] = "0";

    query_get(request->query, "seq", seq, sizeof seq);
    policy_explain(admin->policy, id, strtoull(seq, NULL, 10), admin_reply_later,
                   admin_later(admin, request, NULL));
}

/* Idempotency-Key makes an order that is sent again the same order. */
static struct gate_order order_of(const struct td_web_request *request)
{
    struct gate_order order = { .by = "operator" };

    for (size_t i = 0; i < request->n_headers; i++) {
        if (strcmp(request->headers[i].name, "idempotency-key") == 0)
            order.key = request->headers[i].value;
    }
    return order;
}

static void post_pass(struct admin *admin, const struct td_web_request *request,
                      const struct ulid *id)
{
    char why[128] = "";
    cJSON *body = td_json_parse(request->body, request->body_len, NULL, why, sizeof why);
    const char *agent = td_json_get_str(body, "agent");
    const struct gate_order order = order_of(request);

    if (agent)
        gate_pass(admin->conf.gate, id, agent, &order, admin_reply_later,
                  admin_later(admin, request, NULL));
    else
        admin_error(admin, request->id, 400, "bad_request",
                    "the body must say who goes on: {\"agent\":\"NAME\"}");
    cJSON_Delete(body);
}

/* {"queue"?, "reason"?}; an empty body is fine. */
static void post_request(struct admin *admin, const struct td_web_request *request,
                         const struct ulid *id)
{
    char why[128] = "";
    const struct gate_order order = order_of(request);
    cJSON *body = request->body_len > 0
                      ? td_json_parse(request->body, request->body_len, NULL, why, sizeof why)
                      : NULL;

    if (request->body_len > 0 && !cJSON_IsObject(body))
        admin_error(admin, request->id, 400, "bad_request", "the body must be a JSON object");
    else
        gate_request(admin->conf.gate, id, td_json_get_str(body, "queue"),
                     td_json_get_str(body, "reason"), &order, admin_reply_later,
                     admin_later(admin, request, NULL));
    cJSON_Delete(body);
}

/* Printable ASCII only: it is said to customers as it is. */
static int is_link(const char *link)
{
    const size_t len = strlen(link);

    for (size_t i = 0; i < len; i++)
        if (link[i] <= ' ' || link[i] == '#' || link[i] == '\x7f')
            return 0;
    return len <= 400 &&
           (strncmp(link, "https://", 8) == 0 || strncmp(link, "http://", 7) == 0);
}

/* {"channel"?, "link"?}; an empty body is fine. */
static void post_bridge(struct admin *admin, const struct td_web_request *request,
                        const struct ulid *id)
{
    char why[128] = "";
    cJSON *body = request->body_len > 0
                      ? td_json_parse(request->body, request->body_len, NULL, why, sizeof why)
                      : NULL;
    const char *channel = td_json_get_str(body, "channel"), *link = td_json_get_str(body, "link");
    const struct gate_order order = order_of(request);

    if (request->body_len > 0 && !cJSON_IsObject(body))
        admin_error(admin, request->id, 400, "bad_request", "the body must be a JSON object");
    else if (link != NULL && !is_link(link))
        admin_error(admin, request->id, 400, "bad_request",
                    "'link' must be the http(s) address of a page, at most 400 bytes, without '#'");
    else
        gate_bridge(admin->conf.gate, id, channel, link, &order, admin_reply_later,
                    admin_later(admin, request, NULL));
    cJSON_Delete(body);
}

int admin_session(struct admin *admin, const struct td_web_request *request, const char *path,
                      int is_post)
{
    const char *slash = strchr(path, '/');
    const char *what = slash ? slash + 1 : "";
    const size_t len = slash ? (size_t)(slash - path) : strlen(path);
    const struct gate_order order = order_of(request);
    char text[ULID_TEXT];
    struct ulid id;

    snprintf(text, sizeof text, "%.*s", (int)(len < ULID_TEXT ? len : 0), path);
    if (ulid_parse(text, &id) != 0)
        admin_error(admin, request->id, 404, "not_found", "that is not a session's id");
    else if (!is_post && !*what)
        gate_session(admin->conf.gate, &id, admin_reply_later, admin_later(admin, request, NULL));
    else if (!is_post && strcmp(what, "journal") == 0)
        get_journal(admin, request, &id);
    else if (!is_post && strcmp(what, "policy") == 0)
        get_policy(admin, request, &id);
    else if (is_post && strcmp(what, "pass") == 0)
        post_pass(admin, request, &id);
    else if (is_post && strcmp(what, "request") == 0)
        post_request(admin, request, &id);
    else if (is_post && strcmp(what, "release") == 0)
        gate_release(admin->conf.gate, &id, &order, admin_reply_later,
                     admin_later(admin, request, NULL));
    else if (is_post && strcmp(what, "bridge") == 0)
        post_bridge(admin, request, &id);
    else if (is_post && strcmp(what, "close") == 0)
        gate_close_session(admin->conf.gate, &id, &order, admin_reply_later,
                           admin_later(admin, request, NULL));
    else
        return 0;
    return 1;
}
