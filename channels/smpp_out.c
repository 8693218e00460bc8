/*
 * smpp_out.c - messages to customers: parts, the order they leave in, and what became of them.
 *
 * With `resend_on_timeout` a message of which a part was not answered goes back to the gateway, which
 * hands it in again when it is on disk that the customer may get it twice. Meanwhile it is kept, so that
 * only those parts leave again.
 */
#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "channels/smpp_private.h"

#define MAX_MESSAGES 10000
#define UNBOUND_MS 30000   /* so long a message waits for a bind, then the gateway keeps it */
#define PARTED_MS 240000   /* the same when some parts have left; the gateway waits for 5 min */
#define AGE_MS 1000
#define BUSY_MS 1000
#define MAX_TRIES 5        /* of a part that the provider refuses for now, or leaves without answer */
#define MAX_RETURNS 20     /* of a message whose bind was lost each time before it was answered */

enum part_state { PART_NEW, PART_ASKED, PART_DONE, PART_UNCERTAIN, PART_FAILED };

struct part {
    struct message *message;
    enum part_state state;
    unsigned tries;
    const char *text;
    size_t len;
    unsigned seq, total; /* of the SMS that it belongs to; total 1: it is one */
    uint16_t reference;
    int is_gsm;
    uint32_t status;
};

struct message {
    struct message *next;
    struct smpp *smpp;
    uint64_t job; /* 0: it is answered, or nobody waits for it */
    int is_own;   /* said by the channel itself */
    unsigned returns; /* so often it went back with a part that was not answered */
    uint64_t seq;
    int64_t since_ms;
    char *text, *peer, *account, *session;
    unsigned n;
    struct part parts[];
};

static void message_free(struct message *m)
{
    free(m->text);
    free(m->peer);
    free(m->account);
    free(m->session);
    free(m);
}

/* ---- Ends --------------------------------------------------------------------------------- */

static void sent(struct smpp *smpp, uint64_t job, enum td_status status, uint32_t retry_ms,
                 const char *detail)
{
    if (job != 0)
        smpp->host->sent(smpp->inst, job, &(struct td_sent){
            .size = sizeof(struct td_sent), .status = status, .detail = detail,
            .retry_after_ms = retry_ms });
}

static int is_in(const char *const *list, uint32_t status)
{
    for (size_t i = 0; list[i] != NULL; i++) {
        if (strtoul(list[i], NULL, 0) == status)
            return 1;
    }
    return 0;
}

static void say_refused(struct message *m, uint32_t status)
{
    struct smpp *smpp = m->smpp;
    const char *what = is_in(smpp->conf->opted_out_errors, status) ? "opted_out"
                       : status == SMPP_RINVDSTADR                 ? "invalid_destination"
                       : status == SMPP_RINVSRCADR                 ? "invalid_source"
                                                                   : "refused";
    char text[160];

    if (strcmp(what, "opted_out") == 0)
        consent_provider_stop(smpp->consent, m->account, m->peer);
    snprintf(text, sizeof text, "%s: the provider answered %s (0x%02x)", what,
             smpp_status_name(status), status);
    smpp->host->sent(smpp->inst, m->job, &(struct td_sent){
        .size = sizeof(struct td_sent), .status = TD_REJECT, .detail = text,
        .unreachable = status == SMPP_RINVDSTADR });
}

static void go_back(struct message *m)
{
    const uint64_t job = m->job;

    m->job = 0;
    m->since_ms = smpp_now(m->smpp);
    m->returns++;
    m->smpp->host->sent(m->smpp->inst, job, &(struct td_sent){
        .size = sizeof(struct td_sent), .status = TD_RETRY, .uncertain = 1, .retry_after_ms = 1,
        .detail = "the provider did not answer" });
}

/* Takes the message out when all its parts have an end. */
static void check_end(struct message *m)
{
    struct smpp *smpp = m->smpp;
    struct message **at = &smpp->messages;
    const struct part *failed = NULL;
    int uncertain = 0, spent = m->returns + 1 >= MAX_RETURNS;

    for (unsigned i = 0; i < m->n; i++) {
        if (m->parts[i].state == PART_FAILED)
            failed = &m->parts[i];
        if (m->parts[i].state != PART_UNCERTAIN)
            continue;
        uncertain = 1;
        spent |= m->parts[i].tries >= MAX_TRIES;
    }
    for (unsigned i = 0; i < m->n; i++) {
        if (m->parts[i].state == PART_ASKED || (m->parts[i].state == PART_NEW && failed == NULL))
            return;
    }
    if (uncertain && failed == NULL && m->job != 0 && smpp->conf->resend_on_timeout &&
        !spent) {
        go_back(m);
        return;
    }
    while (*at != m)
        at = &(*at)->next;
    *at = m->next;
    if (*at == NULL)
        smpp->messages_end = at;
    smpp->n_messages--;
    if (m->is_own)
        consent_said(smpp->consent, m->account, m->peer);
    else if (m->job != 0 && failed != NULL)
        say_refused(m, failed->status);
    else if (m->job != 0)
        smpp->host->sent(smpp->inst, m->job, &(struct td_sent){
            .size = sizeof(struct td_sent), .status = TD_OK, .uncertain = uncertain });
    message_free(m);
}

/* ---- Responses ---------------------------------------------------------------------------- */

static void say_throttled(struct smpp *smpp, uint32_t status)
{
    char text[200];

    snprintf(text, sizeof text, "the provider has too much (%s): nothing goes for a second, then %u "
             "of %u parts a second; it grows back by itself", smpp_status_name(status),
             smpp->rate.now, smpp->rate.most);
    smpp->host->notice(smpp->inst, TD_WARN, "throttled", text);
}

static int is_done(const struct message *m)
{
    for (unsigned i = 0; i < m->n; i++)
        if (m->parts[i].state != PART_DONE)
            return 0;
    return 1;
}

static void on_response(struct part *part, const struct smpp_pdu *pdu)
{
    struct message *m = part->message;
    struct smpp *smpp = m->smpp;
    const int64_t now = smpp_now(smpp);

    switch (pdu->status) {
    case SMPP_ROK:
        part->state = PART_DONE;
        if (m->job != 0 && smpp->conf->dlr != DLR_NONE && pdu->message_id != NULL)
            track_sent(smpp, pdu->message_id, &(struct track_part){
                .session = m->session, .seq = m->seq, .part = (unsigned)(part - m->parts) + 1,
                .total = m->n, .completes = is_done(m) });
        break;
    case SMPP_RTHROTTLED: /* flow control, not a failure */
    case SMPP_RMSGQFUL:
        part->state = PART_NEW;
        smpp->host->count(smpp->inst, "throttled", 1);
        if (rate_throttled(&smpp->rate, now))
            say_throttled(smpp, pdu->status);
        break;
    case SMPP_RSYSERR:
    case SMPP_RX_T_APPN:
        part->state = ++part->tries < MAX_TRIES ? PART_NEW : PART_FAILED;
        part->status = pdu->status;
        rate_pause(&smpp->rate, now + BUSY_MS);
        break;
    default:
        part->state = PART_FAILED;
        part->status = pdu->status;
    }
}

void out_ended(void *arg, struct session *session, void *what, enum session_end how,
               const struct smpp_pdu *pdu)
{
    struct part *part = what;
    const struct smpp *smpp = arg;

    (void)session;
    if (how == SESSION_ANSWERED)
        on_response(part, pdu);
    else
        part->state = PART_UNCERTAIN;
    part->tries += how == SESSION_LATE;
    if (part->state == PART_UNCERTAIN && part->message->is_own && smpp->conf->resend_on_timeout &&
        part->tries < MAX_TRIES)
        part->state = PART_NEW; /* no journal knows of it */
    check_end(part->message);
}

/* ---- Leaving ------------------------------------------------------------------------------ */

static void add_tlv(struct smpp_pdu *pdu, uint16_t tag, const uint8_t *value, size_t len)
{
    pdu->tlvs[pdu->n_tlvs++] = (struct smpp_tlv){ .tag = tag, .len = (uint16_t)len,
                                                  .value = value };
}

/* How long a header stands before the text of a part. */
static size_t put_udh(const struct smpp *smpp, const struct part *part, uint8_t *out)
{
    const uint8_t ref_low = (uint8_t)part->reference, total = (uint8_t)part->total;
    const uint8_t seq = (uint8_t)part->seq;

    if (part->total == 1 || smpp->conf->long_messages > LONG_UDH16)
        return 0;
    if (smpp->conf->long_messages == LONG_UDH8) {
        memcpy(out, (uint8_t[]){ 5, 0x00, 3, ref_low, total, seq }, 6);
        return 6;
    }
    memcpy(out, (uint8_t[]){ 6, 0x08, 4, (uint8_t)(part->reference >> 8), ref_low, total, seq }, 7);
    return 7;
}

static int submit(struct session *session, struct part *part)
{
    struct message *m = part->message;
    const struct smpp *smpp = m->smpp;
    const struct conf *conf = smpp->conf;
    const enum sms_charset set = part->is_gsm ? smpp_standard(smpp) : SMS_UCS2;
    const uint8_t sar[] = { (uint8_t)(part->reference >> 8), (uint8_t)part->reference,
                            (uint8_t)part->total, (uint8_t)part->seq };
    const int is_last = part->seq == part->total && part == &m->parts[m->n - 1];
    struct smpp_address source, dest;
    uint8_t *bytes = malloc(part->len * 2 + 16);
    size_t head, len;
    int rc;

    if (bytes == NULL)
        return -1;
    smpp_address(m->account != NULL ? m->account : conf->source, conf->source_ton,
                 conf->source_npi, &source);
    smpp_address(m->peer, conf->dest_ton, conf->dest_npi, &dest);
    head = put_udh(smpp, part, bytes);
    len = head + sms_encode(set, part->text, part->len, bytes + head);
    struct smpp_pdu pdu = {
        .command = SMPP_SUBMIT, .source = source.text, .source_ton = source.ton,
        .source_npi = source.npi, .dest = dest.text, .dest_ton = dest.ton, .dest_npi = dest.npi,
        .esm_class = head > 0 ? 0x40 : 0, .data_coding = part->is_gsm ? 0 : 8,
        .registered_delivery = conf->dlr == DLR_ALL || (conf->dlr == DLR_LAST && is_last),
        .message = bytes, .message_len = (uint8_t)len,
    };
    if (len > 254) {
        pdu.message_len = 0;
        add_tlv(&pdu, SMPP_TAG_PAYLOAD, bytes, len);
    }
    if (part->total > 1 && conf->long_messages == LONG_SAR) {
        add_tlv(&pdu, SMPP_TAG_SAR_REF, sar, 2);
        add_tlv(&pdu, SMPP_TAG_SAR_TOTAL, sar + 2, 1);
        add_tlv(&pdu, SMPP_TAG_SAR_SEQ, sar + 3, 1);
    }
    rc = session_ask(session, &pdu, part);
    free(bytes);
    return rc;
}

/* The session with the emptiest window; NULL: none has room. */
static struct session *free_session(const struct smpp *smpp)
{
    struct session *best = NULL;

    for (size_t i = 0; i < smpp->n_sessions; i++) {
        struct session *s = smpp->sessions[i];

        if (session_can_ask(s) &&
            (best == NULL || session_in_flight(s) < session_in_flight(best)))
            best = s;
    }
    return best;
}

static struct part *next_part(const struct smpp *smpp)
{
    for (struct message *m = smpp->messages; m != NULL; m = m->next) {
        for (unsigned i = 0; i < m->n; i++) {
            if (m->parts[i].state == PART_NEW)
                return &m->parts[i];
            if (m->parts[i].state == PART_FAILED)
                break; /* the rest does not go */
        }
    }
    return NULL;
}

static void on_pump(void *arg)
{
    struct smpp *smpp = arg;

    smpp->pump_timer = NULL;
    out_pump(smpp);
}

void out_pump(struct smpp *smpp)
{
    struct session *session;
    struct part *part;
    int64_t wait;

    while (!smpp->closing && consent_is_loaded(smpp->consent) && smpp->pump_timer == NULL &&
           (part = next_part(smpp)) != NULL && (session = free_session(smpp)) != NULL) {
        wait = rate_take(&smpp->rate, smpp_now(smpp));
        if (wait > 0) {
            smpp->pump_timer = smpp->host->timer_add(smpp->inst, (uint32_t)wait, on_pump, smpp);
            return;
        }
        part->state = PART_ASKED;
        smpp_report(smpp);
        if (submit(session, part) != 0) { /* an address that no PDU has room for */
            part->state = PART_FAILED;
            part->status = SMPP_RINVDSTADR;
            check_end(part->message);
        }
    }
}

/* ---- Waiting ------------------------------------------------------------------------------ */

static int is_under_way(const struct message *m, int *some_r)
{
    int asked = 0;

    *some_r = 0;
    for (unsigned i = 0; i < m->n; i++) {
        asked |= m->parts[i].state == PART_ASKED;
        *some_r |= m->parts[i].state != PART_NEW;
    }
    return asked;
}

/* What cannot leave is given back, whole; of what left in part, the wire knows more than we do. */
static void give_up(struct message *m, int some)
{
    struct smpp *smpp = m->smpp;
    const uint64_t job = m->job;

    for (unsigned i = 0; i < m->n; i++) {
        if (m->parts[i].state == PART_NEW)
            m->parts[i].state = PART_UNCERTAIN;
    }
    if (!some) {
        sent(smpp, job, TD_RETRY, 5000, "no bind with the provider");
        m->job = 0;
    }
    check_end(m);
}

static void on_age(void *arg)
{
    struct smpp *smpp = arg;
    const int64_t now = smpp_now(smpp);
    struct message *m = smpp->messages, *next;
    int some;

    smpp->age_timer = NULL;
    for (; m != NULL; m = next) {
        next = m->next;
        if (!is_under_way(m, &some) && !m->is_own &&
            now - m->since_ms > (some ? PARTED_MS : UNBOUND_MS))
            give_up(m, some);
    }
    if (smpp->messages != NULL)
        smpp->age_timer = smpp->host->timer_add(smpp->inst, AGE_MS, on_age, smpp);
}

/* ---- Coming from the gateway -------------------------------------------------------------- */

static struct sms_limits limits_of(const struct smpp *smpp)
{
    return (struct sms_limits){
        .header = smpp->conf->long_messages == LONG_UDH16 ? SMS_UDH16 : SMS_UDH8,
        .max_parts = (size_t)smpp->conf->max_parts,
        .max_messages = (size_t)smpp->conf->max_messages,
    };
}

static void add_parts(struct message *m, size_t from, size_t len)
{
    struct smpp *smpp = m->smpp;
    struct sms_plan plan;
    const uint16_t reference = ++smpp->reference;

    sms_split(m->text + from, len, limits_of(smpp).header, &plan);
    if (smpp->conf->long_messages == LONG_PAYLOAD) { /* the SMSC cuts it */
        plan.n = 1;
        plan.parts[0] = (struct sms_part){ 0, len, plan.units };
    }
    for (size_t i = 0; i < plan.n; i++)
        m->parts[m->n++] = (struct part){
            .message = m, .text = m->text + from + plan.parts[i].from,
            .len = plan.parts[i].len, .seq = (unsigned)i + 1, .total = (unsigned)plan.n,
            .reference = reference, .is_gsm = plan.is_gsm };
}

static char *copy(const char *s)
{
    return s != NULL ? strdup(s) : NULL;
}

/* NULL: no memory. What of the text has no room is left out, and the message says so. */
static struct message *message_new(struct smpp *smpp, const char *said, const char *account,
                                   const char *peer)
{
    const struct sms_limits limits = limits_of(smpp);
    char *plain = smpp->conf->transliterate ? sms_transliterate(said) : NULL;
    char *text = sms_fit(plain != NULL ? plain : said, &limits, smpp->conf->cut_text);
    struct message *m = NULL;
    struct sms_cuts cuts;

    free(plain);
    if (text != NULL) {
        sms_messages(text, &limits, &cuts);
        m = calloc(1, sizeof *m + cuts.n * limits.max_parts * sizeof m->parts[0]);
    }
    if (m == NULL) {
        free(text);
        return NULL;
    }
    m->smpp = smpp;
    m->text = text;
    m->account = copy(account);
    m->peer = copy(peer);
    m->since_ms = smpp_now(smpp);
    for (size_t i = 0; i < cuts.n; i++)
        add_parts(m, cuts.cuts[i].from, cuts.cuts[i].len);
    return m;
}

static void enqueue(struct smpp *smpp, struct message *m)
{
    *smpp->messages_end = m;
    smpp->messages_end = &m->next;
    smpp->n_messages++;
    if (smpp->age_timer == NULL)
        smpp->age_timer = smpp->host->timer_add(smpp->inst, AGE_MS, on_age, smpp);
    out_pump(smpp);
}

/* One that went back; NULL: none, or it is of before a restart. */
static struct message *kept(const struct smpp *smpp, const struct td_outbound *out)
{
    struct message *m = out->maybe_duplicate && out->session != NULL ? smpp->messages : NULL;

    while (m != NULL && (m->job != 0 || m->is_own || m->seq != out->message->seq ||
                         m->session == NULL || strcmp(m->session, out->session) != 0))
        m = m->next;
    return m;
}

static void go_on(struct message *m, uint64_t job)
{
    m->job = job;
    m->since_ms = smpp_now(m->smpp);
    for (unsigned i = 0; i < m->n; i++) {
        if (m->parts[i].state == PART_UNCERTAIN)
            m->parts[i].state = PART_NEW;
    }
    out_pump(m->smpp);
}

void out_send(struct smpp *smpp, uint64_t job, const struct td_outbound *out)
{
    const char *said = out->message->text != NULL ? out->message->text : "";
    struct message *m;

    if (!consent_is_loaded(smpp->consent) || smpp->n_messages >= MAX_MESSAGES) {
        sent(smpp, job, TD_RETRY, 1000, "there are too many messages under way, or it has just "
                                        "begun");
        return;
    }
    if (out->peer == NULL || *said == '\0') {
        sent(smpp, job, TD_REJECT, 0, "there is no text, or nobody to send it to");
        return;
    }
    if (consent_refuses(smpp->consent, out->account, out->peer)) {
        smpp->host->count(smpp->inst, "opted_out", 1);
        sent(smpp, job, TD_REJECT, 0, "opted_out: the customer wants no messages (STOP)");
        return;
    }
    if ((m = kept(smpp, out)) != NULL) {
        go_on(m, job);
        return;
    }
    m = message_new(smpp, said, out->account, out->peer);
    if (m == NULL) {
        sent(smpp, job, TD_RETRY, 1000, "out of memory");
        return;
    }
    m->job = job;
    m->seq = out->message->seq;
    m->session = copy(out->session);
    enqueue(smpp, m);
}

void out_say(void *arg, const char *account, const char *peer, const char *text)
{
    struct smpp *smpp = arg;
    struct message *m = message_new(smpp, text, account, peer);

    if (m == NULL)
        return;
    m->is_own = 1;
    enqueue(smpp, m);
}

void out_open(struct smpp *smpp)
{
    smpp->messages_end = &smpp->messages;
    rate_init(&smpp->rate, (unsigned)smpp->conf->tps);
    smpp->reference = (uint16_t)smpp_now(smpp); /* not the same as before a restart */
}

void out_close(struct smpp *smpp)
{
    smpp->host->timer_del(&smpp->pump_timer);
    smpp->host->timer_del(&smpp->age_timer);
    while (smpp->messages != NULL) {
        struct message *m = smpp->messages;

        smpp->messages = m->next;
        message_free(m);
    }
}
