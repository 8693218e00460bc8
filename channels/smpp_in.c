/*
 * smpp_in.c - what customers send: receipts apart, wishes to the ledger, parts together, the rest to
 * the gateway; and a response only when it is on disk.
 *
 * A deliver_sm has no id. Whether it is a repetition follows from what the SMSC can know: it says a
 * message again only when our response did not reach it. So the hash of a message is kept ("d/TIME-HASH":
 * those of one time stand in one place of the store) with the id that it was given, until the SMSC has shown on the same connection that it
 * read past our response (it answered a later enquire_link). The same content is the same message as
 * long as the connection that brought it is gone or the response is still owed; else it is a new one.
 * Bounded in time by mo_dedupe and in number by MAX_SEENS, which an SMSC that answers does not reach: it
 * is asked out of turn after every ENQUIRE_AFTER messages.
 */
#include "config.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>
#include <tandem/json_write.h>
#include <uthash.h>

#include "channels/smpp_private.h"

#define MAX_MOS 1000 /* that wait for the gateway */
#define PREFIX "d/"
#define HASH 33 /* hex digits and NUL */
#define KEY 80
#define AGAIN_MS 1000
#define MAX_SEENS 50000
#define ENQUIRE_AFTER 1000

struct seen {
    UT_hash_handle hh;
    char hash[HASH];
    char id[40];
    int64_t at; /* wall ms */
    struct session *session; /* that brought it; NULL: it is not known any more */
    uint64_t generation, mark; /* of the connection; the mark when it was answered, 0: it is not */
};

/* A message that waits for the gateway. */
struct mo {
    UT_hash_handle hh;
    uint64_t delivery;
    struct smpp *smpp;
    struct session *session; /* NULL: the parts are acknowledged already, join has the rest */
    uint64_t generation;
    uint32_t command, sequence;
    char hash[HASH];
    struct join_set *set;
    struct td_timer *timer;
    char *text, *from, *to;
    char id[176];
};

/* ---- Identity ----------------------------------------------------------------------------- */

static void hash_of(const struct smpp_pdu *pdu, char out[HASH])
{
    const struct smpp_tlv *payload = smpp_tlv(pdu, SMPP_TAG_PAYLOAD);
    const int64_t sar[] = { smpp_tlv_number(pdu, SMPP_TAG_SAR_REF),
                            smpp_tlv_number(pdu, SMPP_TAG_SAR_SEQ) };
    const uint8_t head[] = { pdu->esm_class, pdu->data_coding, pdu->message_len };
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    uint8_t digest[EVP_MAX_MD_SIZE] = { 0 };

    EVP_DigestInit_ex(ctx, EVP_sha256(), NULL);
    EVP_DigestUpdate(ctx, pdu->source, strlen(pdu->source) + 1);
    EVP_DigestUpdate(ctx, pdu->dest, strlen(pdu->dest) + 1);
    EVP_DigestUpdate(ctx, head, sizeof head);
    EVP_DigestUpdate(ctx, sar, sizeof sar);
    if (pdu->message_len > 0)
        EVP_DigestUpdate(ctx, pdu->message, pdu->message_len);
    if (payload != NULL)
        EVP_DigestUpdate(ctx, payload->value, payload->len);
    EVP_DigestFinal_ex(ctx, digest, NULL);
    EVP_MD_CTX_free(ctx);
    for (int i = 0; i < 16; i++)
        snprintf(out + 2 * i, 3, "%02x", digest[i]);
}

/* The time, as in its id. */
static void key_of(const struct seen *seen, char key[KEY])
{
    snprintf(key, KEY, PREFIX "%" PRId64 "-%s", seen->at, seen->hash);
}

static void forget(struct smpp *smpp, const struct seen *seen)
{
    char key[KEY];

    key_of(seen, key);
    keeper_del(smpp->keeper, key, NULL, NULL);
}

static void seen_free(struct smpp *smpp, struct seen *seen)
{
    HASH_DEL(smpp->seens, seen);
    free(seen);
}

static int is_alive(const struct smpp *smpp, const struct seen *seen)
{
    for (size_t i = 0; i < smpp->n_sessions; i++) {
        if (smpp->sessions[i] == seen->session)
            return session_generation(seen->session) == seen->generation;
    }
    return 0;
}

/* In the store they end by themselves. */
static void seens_expire(struct smpp *smpp)
{
    const int64_t from = smpp_now(smpp) - smpp->conf->mo_dedupe;

    while (smpp->seens != NULL && smpp->seens->at <= from)
        seen_free(smpp, smpp->seens);
}

static void make_room(struct smpp *smpp)
{
    if (HASH_COUNT(smpp->seens) < smpp->max_seens)
        return;
    smpp->host->count(smpp->inst, "forgotten", 1);
    if (smpp->n_forgotten++ % smpp->max_seens == 0)
        smpp->host->log(smpp->inst, TD_WARN, "%zu messages of customers wait for the provider to "
                        "read our responses: the oldest are forgotten before mo_dedupe, and would "
                        "be new if they were said again; does it answer enquire_link?", smpp->max_seens);
    forget(smpp, smpp->seens);
    seen_free(smpp, smpp->seens);
}

/* The newest; its hash is not known yet. */
static struct seen *seen_new(struct smpp *smpp, const char *hash, int64_t at)
{
    struct seen *seen = calloc(1, sizeof *seen);

    if (seen == NULL)
        return NULL;
    make_room(smpp);
    strcpy(seen->hash, hash);
    seen->at = at;
    HASH_ADD_STR(smpp->seens, hash, seen);
    return seen;
}

static void enquire(const struct smpp *smpp)
{
    for (size_t i = 0; i < smpp->n_sessions; i++)
        session_enquire(smpp->sessions[i]);
}

static struct seen *remember(struct smpp *smpp, const char *hash)
{
    struct seen *seen = seen_new(smpp, hash, smpp_now(smpp));
    char key[KEY];

    if (seen == NULL)
        return NULL;
    snprintf(seen->id, sizeof seen->id, "%" PRId64 "-%.16s", seen->at, hash);
    key_of(seen, key);
    keeper_put(smpp->keeper, key, seen->id, strlen(seen->id), seen->at + smpp->conf->mo_dedupe,
               NULL, NULL);
    if (++smpp->n_seen % ENQUIRE_AFTER == 0)
        enquire(smpp);
    return seen;
}

/* The id of the message: that of the first one when it is a repetition. NULL: out of memory. */
static const char *identify(struct smpp *smpp, struct session *session, const char *hash)
{
    struct seen *seen;

    seens_expire(smpp);
    HASH_FIND_STR(smpp->seens, hash, seen);
    if (seen != NULL && is_alive(smpp, seen) && seen->mark != 0) { /* it was another message */
        forget(smpp, seen);
        seen_free(smpp, seen);
        seen = NULL;
    }
    if (seen != NULL)
        smpp->host->count(smpp->inst, "repeated", 1);
    else if ((seen = remember(smpp, hash)) == NULL)
        return NULL;
    seen->session = session;
    seen->generation = session_generation(session);
    seen->mark = 0;
    return seen->id;
}

/* In the order of their time. */
static void on_pair(void *arg, const struct td_pair *pair)
{
    const size_t len = strlen(pair->key);
    const char *hash = len > HASH ? pair->key + len + 1 - HASH : "";
    struct smpp *smpp = arg;
    struct seen *seen;

    HASH_FIND_STR(smpp->seens, hash, seen);
    if (seen != NULL)
        seen_free(smpp, seen);
    seen = *hash != '\0' ? seen_new(smpp, hash, strtoll(pair->value, NULL, 10)) : NULL;
    if (seen != NULL)
        snprintf(seen->id, sizeof seen->id, "%s", (const char *)pair->value);
}

static void on_loaded(void *arg, enum td_status status)
{
    struct smpp *smpp = arg;

    if (status != TD_OK)
        smpp->host->log(smpp->inst, TD_WARN, "what was sent to us lately cannot be read: "
                        "repetitions of it will not be known");
    smpp->seens_loaded = 1;
    smpp_start(smpp);
}

/* Those whose response it has read are its no more. */
void in_changed(struct smpp *smpp, struct session *session)
{
    const uint64_t confirmed = session_confirmed(session);
    struct seen *seen, *next;
    size_t i = 0;

    while (smpp->sessions[i] != session)
        i++;
    if (smpp->confirmed[i] == confirmed)
        return;
    smpp->confirmed[i] = confirmed;
    HASH_ITER(hh, smpp->seens, seen, next) {
        if (seen->session == session && seen->mark != 0 && seen->mark <= confirmed &&
            seen->generation == session_generation(session)) {
            forget(smpp, seen);
            seen_free(smpp, seen);
        }
    }
}

/* ---- Responses ---------------------------------------------------------------------------- */

static void respond(const struct mo *mo, uint32_t status)
{
    struct seen *seen;

    if (mo->session == NULL)
        return;
    smpp_report(mo->smpp);
    session_answer(mo->session, mo->generation, mo->command, mo->sequence, status);
    HASH_FIND_STR(mo->smpp->seens, mo->hash, seen);
    if (seen != NULL && status == SMPP_ROK && seen->session == mo->session &&
        seen->generation == mo->generation)
        seen->mark = session_mark(mo->session);
}

static struct mo *mo_new(struct smpp *smpp, struct session *session, const struct smpp_pdu *pdu)
{
    struct mo *mo = smpp->n_mos < MAX_MOS ? calloc(1, sizeof *mo) : NULL;

    if (mo == NULL)
        return NULL;
    mo->smpp = smpp;
    mo->delivery = ++smpp->last_delivery;
    if (session != NULL) {
        mo->session = session;
        mo->generation = session_generation(session);
        mo->command = pdu->command;
        mo->sequence = pdu->sequence;
    }
    HASH_ADD(hh, smpp->mos, delivery, sizeof mo->delivery, mo);
    smpp->n_mos++;
    return mo;
}

static void mo_free(struct mo *mo)
{
    HASH_DEL(mo->smpp->mos, mo);
    mo->smpp->n_mos--;
    mo->smpp->host->timer_del(&mo->timer);
    free(mo->text);
    free(mo->from);
    free(mo->to);
    free(mo);
}

static void end(struct mo *mo, uint32_t status)
{
    respond(mo, status);
    if (mo->set != NULL)
        join_done(mo->smpp->join, mo->set);
    mo_free(mo);
}

/* ---- To the gateway ----------------------------------------------------------------------- */

/* Our address, unless it is the only one: that of the conf. */
static const char *account_of(const struct smpp *smpp, const char *to)
{
    struct smpp_address ours, theirs;

    smpp_address(smpp->conf->source, -1, -1, &ours);
    smpp_address(to, -1, -1, &theirs);
    return to[0] == '\0' || strcmp(ours.text, theirs.text) == 0 ? NULL : to;
}

static void deliver(const struct mo *mo)
{
    struct smpp *smpp = mo->smpp;
    const struct td_message message = { .size = sizeof message, .id = mo->id, .text = mo->text,
                                        .author = TD_CUSTOMER };
    const struct td_customer customer = { .size = sizeof customer, .id = mo->from };
    const struct td_inbound in = { .size = sizeof in, .account = account_of(smpp, mo->to),
                                   .peer = mo->from, .customer = &customer, .message = &message };

    smpp->host->deliver(smpp->inst, mo->delivery, &in);
}

static void hand_in(struct mo *mo);

static void again(void *arg)
{
    struct mo *mo = arg;

    mo->timer = NULL;
    hand_in(mo);
}

static void on_wish(void *arg, enum td_status status)
{
    struct mo *mo = arg;

    if (status == TD_OK) {
        end(mo, SMPP_ROK);
    } else if (mo->session != NULL) {
        end(mo, SMPP_RX_T_APPN);
    } else { /* the parts are acknowledged: it is ours to try again */
        mo->timer = mo->smpp->host->timer_add(mo->smpp->inst, AGAIN_MS, again, mo);
    }
}

/* A whole message, its text in mo. */
static void hand_in(struct mo *mo)
{
    struct smpp *smpp = mo->smpp;

    if (!consent_hear(smpp->consent, account_of(smpp, mo->to), mo->from, mo->text, on_wish, mo))
        deliver(mo);
}

void in_accepted(struct smpp *smpp, uint64_t delivery, const struct td_accepted *accepted)
{
    struct mo *mo;

    HASH_FIND(hh, smpp->mos, &delivery, sizeof delivery, mo);
    if (mo == NULL)
        return;
    if (accepted->status == TD_RETRY && mo->session == NULL) {
        mo->timer = smpp->host->timer_add(
            smpp->inst, accepted->retry_after_ms > 0 ? accepted->retry_after_ms : AGAIN_MS,
            again, mo);
        return;
    }
    if (accepted->status != TD_OK)
        smpp->host->log(smpp->inst, TD_WARN, "a message of a customer was not taken: %s",
                        accepted->detail);
    end(mo, accepted->status == TD_OK      ? SMPP_ROK
            : accepted->status == TD_RETRY ? SMPP_RX_T_APPN
                                           : SMPP_RX_P_APPN);
}

void in_whole(void *arg, struct join_set *set, const char *from, const char *to, const char *id,
              char *text)
{
    struct smpp *smpp = arg;
    struct mo *mo = calloc(1, sizeof *mo);

    if (mo == NULL) {
        free(text);
        return; /* the next start has it */
    }
    *mo = (struct mo){ .smpp = smpp, .delivery = ++smpp->last_delivery, .set = set, .text = text,
                       .from = strdup(from), .to = strdup(to) };
    snprintf(mo->id, sizeof mo->id, "%s", id);
    HASH_ADD(hh, smpp->mos, delivery, sizeof mo->delivery, mo);
    smpp->n_mos++;
    hand_in(mo);
}

/* ---- From the wire ------------------------------------------------------------------------ */

static void on_part(void *arg, enum td_status status)
{
    struct mo *mo = arg;

    end(mo, status == TD_OK ? SMPP_ROK : SMPP_RX_T_APPN);
}

/* Bytes of an alphabet that is none of ours: kept for the operator, no turn for anybody. */
static void on_unreadable(void *arg, const struct td_kept *kept)
{
    struct mo *mo = arg;

    end(mo, kept->status == TD_OK ? SMPP_ROK : SMPP_RX_T_APPN);
}

static void keep_unreadable(struct mo *mo, const struct smpp_pdu *pdu, const struct smpp_body *body)
{
    static const char hex[] = "0123456789abcdef";
    struct smpp *smpp = mo->smpp;
    struct td_json j = { 0 };
    char key[64], bytes[2 * 1400 + 1];
    const size_t n = body->len < 1400 ? body->len : 1400;
    int odd;
    char *text = sms_decode(SMS_LATIN1, body->bytes, n < 300 ? n : 300, &odd);

    for (size_t i = 0; i < n; i++) {
        bytes[2 * i] = hex[body->bytes[i] >> 4];
        bytes[2 * i + 1] = hex[body->bytes[i] & 15];
    }
    bytes[2 * n] = '\0';
    smpp->host->count(smpp->inst, "undecodable", 1);
    td_json_object(&j);
    td_json_key_str(&j, "from", mo->from);
    td_json_key_str(&j, "to", mo->to);
    td_json_key_int(&j, "data_coding", pdu->data_coding);
    td_json_key_str(&j, "undecodable", text != NULL ? text : "");
    td_json_key_str(&j, "bytes", bytes);
    td_json_object_end(&j);
    snprintf(key, sizeof key, "u/%" PRId64 "/%" PRIu64, smpp_now(smpp), mo->delivery);
    keeper_put(smpp->keeper, key, td_json_text(&j), td_json_len(&j),
               smpp_now(smpp) + smpp->conf->dlr_timeout, on_unreadable, mo);
    td_json_free(&j);
    free(text);
}

static void take_message(struct mo *mo, const struct smpp_pdu *pdu)
{
    struct smpp *smpp = mo->smpp;
    struct smpp_body body;
    int odd;

    smpp_body(pdu, smpp_standard(smpp), &body);
    const struct join_part part = { .from = mo->from, .to = mo->to, .ref = body.ref,
                                    .total = body.total, .seq = body.seq, .width = body.width,
                                    .charset = body.set, .bytes = body.bytes, .len = body.len };

    if (body.flawed)
        smpp->host->count(smpp->inst, "header_flawed", 1);
    if (body.set == SMS_BINARY) {
        keep_unreadable(mo, pdu, &body);
        return;
    }
    if (body.total > 0 && join_fits(&part)) {
        join_add(smpp->join, &part, on_part, mo);
        return;
    }
    mo->text = sms_decode(body.set, body.bytes, body.len, &odd);
    if (odd)
        smpp->host->count(smpp->inst, "odd_byte", 1);
    if (mo->text == NULL)
        end(mo, SMPP_RX_T_APPN);
    else
        hand_in(mo);
}

void in_came(void *arg, struct session *session, const struct smpp_pdu *pdu)
{
    struct smpp *smpp = arg;
    const uint64_t generation = session_generation(session);
    struct smpp_receipt receipt;
    char from[32], hash[HASH];
    const char *id;
    struct mo *mo;

    if (smpp_is_receipt(pdu)) {
        smpp_receipt(pdu, &receipt);
        track_came(smpp, &receipt);
        smpp_report(smpp);
        session_answer(session, generation, pdu->command, pdu->sequence, SMPP_ROK);
        return;
    }
    hash_of(pdu, hash);
    mo = consent_is_loaded(smpp->consent) ? mo_new(smpp, session, pdu) : NULL;
    id = mo != NULL ? identify(smpp, session, hash) : NULL;
    if (id == NULL) {
        if (mo != NULL)
            mo_free(mo);
        session_answer(session, generation, pdu->command, pdu->sequence, SMPP_RX_T_APPN);
        return;
    }
    strcpy(mo->hash, hash);
    snprintf(mo->id, sizeof mo->id, "%s", id);
    smpp_peer(pdu->source, pdu->source_ton, from, sizeof from);
    mo->from = strdup(from[0] != '\0' ? from : "unknown");
    mo->to = strdup(pdu->dest);
    if (mo->from == NULL || mo->to == NULL)
        end(mo, SMPP_RX_T_APPN);
    else
        take_message(mo, pdu);
}

void in_open(struct smpp *smpp)
{
    smpp->max_seens = MAX_SEENS;
    keeper_each(smpp->keeper, PREFIX, on_pair, on_loaded, smpp);
}

void in_close(struct smpp *smpp)
{
    struct mo *mo, *next;
    struct seen *seen, *next_seen;

    HASH_ITER(hh, smpp->mos, mo, next)
        mo_free(mo);
    HASH_ITER(hh, smpp->seens, seen, next_seen)
        seen_free(smpp, seen);
}
