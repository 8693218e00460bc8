/* smpp_session.c - connecting, binding, matching, timing out, coming again. */
#include "config.h"

#include "channels/smpp_session.h"

#include <openssl/rand.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "channels/smpp_link.h"

#define MAX_BAD 10 /* malformed PDUs a minute, then the connection ends */
#define BAD_MS 60000
#define FINISH_MS 40 /* the plugin's close() must not hold the loop up */
#define STEADY_MS 60000 /* a bind that held so long was a good one: back-off begins anew */
#define MAX_OUT ((size_t)1 << 20) /* bytes that the peer does not take */

enum state { DOWN, CONNECTING, BINDING, BOUND };

struct pending {
    struct pending *next; /* in the order sent: the first is the first to be late */
    uint32_t command, sequence;
    int64_t sent_ms;
    void *what;
};

struct session {
    const struct td_host *host;
    struct td_instance *inst;
    struct session_conf conf;
    SSL_CTX *tls;
    const struct session_ops *ops;
    void *arg;
    enum state state;
    struct link *link;
    struct td_timer *again, *enquire, *late;
    struct pending *pending, **pending_end;
    unsigned n_asked; /* pending requests of the owner */
    uint32_t sequence;
    uint64_t generation, last_generation;
    uint64_t enquires, confirmed; /* sent; the newest that was answered */
    int64_t delay_ms, bound_ms, bad_ms;
    unsigned n_bad;
    int refused; /* credentials: the longest delay at once */
    struct smpp_stream in;
    char why[300];
};

static void connect_again(void *arg);
static void on_late(void *arg);

static int64_t now(const struct session *s)
{
    return s->host->now(s->inst);
}

/* ---- Losing and coming again -------------------------------------------------------------- */

/* Up to a fifth more or less, so that many do not come at the same moment. */
static uint32_t with_jitter(int64_t ms)
{
    uint16_t random = 0;

    RAND_bytes((unsigned char *)&random, sizeof random);
    return (uint32_t)(ms - ms / 5 + ms * 2 / 5 * random / 65536);
}

static void lose_pending(struct session *s)
{
    struct pending *p = s->pending, *next;

    s->pending = NULL;
    s->pending_end = &s->pending;
    s->n_asked = 0;
    for (; p != NULL; p = next) {
        next = p->next;
        if (p->what != NULL)
            s->ops->ended(s->arg, s, p->what, SESSION_LOST, NULL);
        free(p);
    }
}

static TD_PRINTF(2, 3) void lose(struct session *s, const char *fmt, ...)
{
    const int was_bound = s->state == BOUND;
    char text[sizeof s->why + 64];
    va_list ap;

    if (s->state == DOWN)
        return;
    va_start(ap, fmt);
    vsnprintf(s->why, sizeof s->why, fmt, ap);
    va_end(ap);
    link_close(&s->link);
    s->host->timer_del(&s->enquire);
    s->host->timer_del(&s->late);
    s->state = DOWN;
    s->generation = 0;
    s->in.at = s->in.len;
    if (was_bound && now(s) - s->bound_ms >= STEADY_MS)
        s->delay_ms = 0;
    s->delay_ms = s->delay_ms == 0 ? s->conf.reconnect_ms : s->delay_ms * 2;
    if (s->delay_ms > s->conf.reconnect_max_ms || s->refused)
        s->delay_ms = s->conf.reconnect_max_ms;
    snprintf(text, sizeof text, "%s; the next try is in about %lld ms", s->why,
             (long long)s->delay_ms);
    s->host->count(s->inst, was_bound ? "bind_lost" : "bind_failed", 1);
    s->host->notice(s->inst, TD_WARN, s->refused   ? "bind_refused"
                                      : was_bound  ? "bind_lost"
                                                   : "bind_failed", text);
    s->refused = 0;
    s->again = s->host->timer_add(s->inst, with_jitter(s->delay_ms), connect_again, s);
    lose_pending(s);
    s->ops->changed(s->arg, s);
}

/* ---- Sending ------------------------------------------------------------------------------ */

static int put(struct session *s, const struct smpp_pdu *pdu)
{
    const size_t room = pdu->n_tlvs > 0 ? SMPP_MAX_PDU : 1024;
    uint8_t small[1024], *bytes = room > sizeof small ? malloc(room) : small;
    const size_t len = bytes != NULL ? smpp_encode(pdu, bytes, room) : 0;

    if (len > 0)
        link_write(s->link, bytes, len);
    if (bytes != small)
        free(bytes);
    return len > 0 ? 0 : -1;
}

static void arm_late(struct session *s)
{
    int64_t left;

    if (s->late != NULL || s->pending == NULL)
        return;
    left = s->pending->sent_ms + s->conf.response_ms - now(s);
    s->late = s->host->timer_add(s->inst, left > 0 ? (uint32_t)left : 0, on_late, s);
}

static int ask(struct session *s, struct smpp_pdu *pdu, void *what)
{
    struct pending *p = calloc(1, sizeof *p);

    if (p == NULL)
        return -1;
    s->sequence = s->sequence >= SMPP_MAX_SEQUENCE ? 1 : s->sequence + 1;
    pdu->sequence = s->sequence;
    if (put(s, pdu) != 0) {
        free(p);
        return -1;
    }
    *p = (struct pending){ .command = pdu->command, .sequence = pdu->sequence, .sent_ms = now(s),
                           .what = what };
    *s->pending_end = p;
    s->pending_end = &p->next;
    s->n_asked += what != NULL;
    arm_late(s);
    return 0;
}

static struct pending *take_pending(struct session *s, uint32_t sequence)
{
    struct pending **at = &s->pending, *p;

    while (*at != NULL && (*at)->sequence != sequence)
        at = &(*at)->next;
    if ((p = *at) == NULL)
        return NULL;
    *at = p->next;
    if (*at == NULL)
        s->pending_end = at;
    s->n_asked -= p->what != NULL;
    return p;
}

/* A response that has not come: of a bind or an enquire_link the connection ends by it. */
static void on_late(void *arg)
{
    struct session *s = arg;
    struct pending *p = s->pending;

    s->late = NULL;
    if (p != NULL && p->sent_ms + s->conf.response_ms > now(s)) {
        arm_late(s);
        return;
    }
    if (p == NULL)
        return;
    if (p->what == NULL) {
        lose(s, "%s did not answer %s within %lld ms", s->conf.host,
             p->command == SMPP_ENQUIRE_LINK ? "an enquire_link" : "the bind",
             (long long)s->conf.response_ms);
        return;
    }
    take_pending(s, p->sequence);
    arm_late(s);
    s->host->count(s->inst, "response_late", 1);
    s->ops->ended(s->arg, s, p->what, SESSION_LATE, NULL);
    free(p);
    s->ops->changed(s->arg, s);
}

static void enquire(struct session *s)
{
    if (s->enquires > s->confirmed) /* one is under way */
        return;
    s->enquires++;
    ask(s, &(struct smpp_pdu){ .command = SMPP_ENQUIRE_LINK }, NULL);
}

static void on_enquire(void *arg)
{
    struct session *s = arg;

    s->enquire = s->host->timer_add(s->inst, (uint32_t)s->conf.enquire_ms, on_enquire, s);
    enquire(s);
}

static void answer(struct session *s, uint32_t command, uint32_t sequence, uint32_t status)
{
    if (link_waiting(s->link) > MAX_OUT) { /* it asks and does not read */
        lose(s, "%s does not read what we answer", s->conf.host);
        return;
    }
    put(s, &(struct smpp_pdu){ .command = command, .sequence = sequence, .status = status });
}

/* ---- Receiving ---------------------------------------------------------------------------- */

static void on_bind_resp(struct session *s, const struct smpp_pdu *pdu)
{
    char text[300];

    if (pdu->status == SMPP_RINVPASWD || pdu->status == SMPP_RINVSYSID ||
        pdu->status == SMPP_RBINDFAIL) {
        s->refused = 1; /* trying fast with a wrong password gets the account blocked */
        s->host->count(s->inst, "bind_refused", 1);
    }
    if (pdu->status != SMPP_ROK) {
        lose(s, "%s refused the bind of system_id %s with %s (0x%02x)%s", s->conf.host,
             s->conf.system_id, smpp_status_name(pdu->status), pdu->status,
             s->refused ? ": check system_id, password and what the account may bind as" : "");
        return;
    }
    s->state = BOUND;
    s->generation = ++s->last_generation;
    s->bound_ms = now(s);
    s->confirmed = s->enquires; /* what the last connection did not answer */
    s->why[0] = '\0';
    snprintf(text, sizeof text, "bound to %s port %d", s->conf.host, s->conf.port);
    s->host->notice(s->inst, TD_INFO, "bound", text);
    s->host->count(s->inst, "bound", 1);
    s->enquire = s->host->timer_add(s->inst, (uint32_t)s->conf.enquire_ms, on_enquire, s);
    s->ops->changed(s->arg, s);
}

static void on_response(struct session *s, const struct smpp_pdu *pdu)
{
    struct pending *p = take_pending(s, pdu->sequence);

    if (p == NULL) { /* late, or nobody's: a sequence is not used again for a long time */
        s->host->count(s->inst, "response_unknown", 1);
        return;
    }
    if (p->what != NULL) {
        s->ops->ended(s->arg, s, p->what, SESSION_ANSWERED, pdu);
        s->ops->changed(s->arg, s);
    } else if (p->command == SMPP_ENQUIRE_LINK) {
        s->confirmed = s->enquires;
        s->ops->changed(s->arg, s);
    } else if (s->state == BINDING) {
        on_bind_resp(s, pdu);
    }
    free(p);
}

static void on_request(struct session *s, const struct smpp_pdu *pdu)
{
    switch (pdu->command) {
    case SMPP_ENQUIRE_LINK:
        answer(s, SMPP_ENQUIRE_LINK | SMPP_RESP, pdu->sequence, SMPP_ROK);
        break;
    case SMPP_UNBIND:
        answer(s, SMPP_UNBIND | SMPP_RESP, pdu->sequence, SMPP_ROK);
        lose(s, "%s unbound us", s->conf.host);
        break;
    case SMPP_DELIVER:
    case SMPP_DATA:
        if (s->state == BOUND)
            s->ops->came(s->arg, s, pdu);
        else
            answer(s, pdu->command | SMPP_RESP, pdu->sequence, SMPP_RINVBNDSTS);
        break;
    case SMPP_ALERT:
        break;
    default:
        answer(s, SMPP_NACK, pdu->sequence, SMPP_RINVCMDID);
    }
}

static void on_bad(struct session *s, const struct smpp_pdu *pdu, uint32_t status)
{
    if (status == SMPP_RINVCMDID) {
        answer(s, SMPP_NACK, pdu->sequence, status);
        return;
    }
    if (s->n_bad == 0 || now(s) - s->bad_ms > BAD_MS) {
        s->bad_ms = now(s);
        s->n_bad = 0;
    }
    s->n_bad++;
    s->host->count(s->inst, "pdu_malformed", 1);
    if (s->n_bad >= MAX_BAD) {
        lose(s, "%s sent %d malformed PDUs within a minute", s->conf.host, MAX_BAD);
        return;
    }
    if ((pdu->command & SMPP_RESP) == 0)
        answer(s, pdu->command | SMPP_RESP, pdu->sequence, status);
}

static void on_pdu(struct session *s, const uint8_t *bytes, size_t len)
{
    struct smpp_pdu pdu;
    const uint32_t status = smpp_decode(bytes, len, &pdu);

    if (status != SMPP_ROK)
        on_bad(s, &pdu, status);
    else if ((pdu.command & SMPP_RESP) != 0)
        on_response(s, &pdu);
    else
        on_request(s, &pdu);
}

static void on_data(void *arg, const uint8_t *bytes, size_t len)
{
    struct session *s = arg;
    const uint8_t *pdu;
    size_t n;
    int rc = 0;

    if (smpp_stream_add(&s->in, bytes, len) != 0) {
        lose(s, "out of memory");
        return;
    }
    while (s->state != DOWN && (rc = smpp_stream_next(&s->in, &pdu, &n)) > 0)
        on_pdu(s, pdu, n);
    if (s->state == DOWN || rc == 0)
        return;
    answer(s, SMPP_NACK, 0, SMPP_RINVCMDLEN);
    s->host->count(s->inst, "pdu_malformed", 1);
    lose(s, "%s sent a PDU of a length that cannot be", s->conf.host);
}

/* ---- Connecting --------------------------------------------------------------------------- */

static void on_up(void *arg)
{
    struct session *s = arg;

    s->state = BINDING;
    s->sequence = 0;
    ask(s, &(struct smpp_pdu){ .command = s->conf.bind, .system_id = s->conf.system_id,
                               .password = s->conf.password, .system_type = s->conf.system_type,
                               .interface_version = 0x34,
                               .address_range = s->conf.address_range }, NULL);
}

static void on_down(void *arg, const char *why)
{
    char text[256];

    snprintf(text, sizeof text, "%s", why); /* it goes with the link */
    lose(arg, "%s", text);
}

static void connect_again(void *arg)
{
    static const struct link_ops ops = { on_up, on_data, on_down };
    struct session *s = arg;

    s->again = NULL;
    s->state = CONNECTING;
    s->link = link_open(s->host, s->inst, s->conf.host, s->conf.port, s->tls, &ops, s);
    if (s->link == NULL)
        lose(s, "out of memory");
}

struct session *session_new(const struct td_host *host, struct td_instance *inst,
                            const struct session_conf *conf, SSL_CTX *tls,
                            const struct session_ops *ops, void *arg)
{
    struct session *s = calloc(1, sizeof *s);

    if (s == NULL)
        return NULL;
    *s = (struct session){ .host = host, .inst = inst, .conf = *conf, .tls = tls, .ops = ops,
                           .arg = arg };
    s->pending_end = &s->pending;
    s->again = host->timer_add(inst, 0, connect_again, s);
    return s;
}

void session_free(struct session **session)
{
    struct session *s = *session;

    if (s == NULL)
        return;
    if (s->state == BOUND) {
        put(s, &(struct smpp_pdu){ .command = SMPP_UNBIND, .sequence = s->sequence + 1 });
        link_finish(s->link, FINISH_MS);
    }
    link_close(&s->link);
    s->host->timer_del(&s->again);
    s->host->timer_del(&s->enquire);
    s->host->timer_del(&s->late);
    while (s->pending != NULL)
        free(take_pending(s, s->pending->sequence));
    smpp_stream_fini(&s->in);
    free(s);
    *session = NULL;
}

/* ---- For the owner ------------------------------------------------------------------------ */

int session_is_bound(const struct session *s)
{
    return s->state == BOUND;
}

int session_can_ask(const struct session *s)
{
    return s->state == BOUND && s->conf.bind != SMPP_BIND_RECEIVER && s->n_asked < s->conf.window;
}

unsigned session_in_flight(const struct session *s)
{
    return s->n_asked;
}

const char *session_state(const struct session *s)
{
    static const char *const words[] = { "waiting", "connecting", "binding", "bound" };

    return s->state == DOWN && s->why[0] != '\0' ? s->why : words[s->state];
}

uint64_t session_generation(const struct session *s)
{
    return s->generation;
}

uint64_t session_mark(struct session *s)
{
    return s->enquires + 1;
}

uint64_t session_confirmed(const struct session *s)
{
    return s->confirmed;
}

void session_enquire(struct session *s)
{
    if (s->state == BOUND)
        enquire(s);
}

int session_ask(struct session *s, struct smpp_pdu *pdu, void *what)
{
    return ask(s, pdu, what);
}

void session_answer(struct session *s, uint64_t generation, uint32_t command, uint32_t sequence,
                    uint32_t status)
{
    if (s->state == BOUND && s->generation == generation)
        answer(s, command | SMPP_RESP, sequence, status);
}
