/* smpp_body.c - user data headers, SAR TLVs, data codings, receipts. */
#include "config.h"

#include "channels/smpp_body.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define ESM_TYPE 0x3c
#define ESM_RECEIPT 0x04
#define ESM_NOTIFICATION 0x20
#define ESM_UDHI 0x40

/* 3.4 §5.2.19; from 0x10 on 3GPP TS 23.038, 4. */
static enum sms_charset charset_of(uint8_t coding, enum sms_charset standard)
{
    if (coding >= 0xf0)
        return (coding & 0x04) != 0 ? SMS_BINARY : standard;
    if (coding >= 0x10 && coding < 0x40)
        return (coding & 0x0c) == 0x08 ? SMS_UCS2 : (coding & 0x0c) == 0 ? standard : SMS_BINARY;
    switch (coding) {
    case 0x00: return standard;
    case 0x01: return SMS_ASCII;
    case 0x03: return SMS_LATIN1;
    case 0x08: return SMS_UCS2;
    default: return SMS_BINARY;
    }
}

static int is_sane(unsigned total, unsigned seq)
{
    return total > 0 && seq > 0 && seq <= total;
}

/* Of one part there is nothing to wait for. */
static void set_parts(struct smpp_body *body, unsigned ref, unsigned total, unsigned seq,
                      unsigned width)
{
    if (!is_sane(total, seq)) {
        body->flawed = 1;
    } else if (total > 1) {
        body->ref = ref;
        body->total = total;
        body->seq = seq;
        body->width = width;
    }
}

/* 3GPP TS 23.040, 9.2.3.24: other elements may stand before those of the parts. */
static void read_udh(struct smpp_body *body)
{
    const size_t whole = body->len > 0 ? (size_t)body->bytes[0] + 1 : 0;
    const uint8_t *at, *end;

    if (whole == 0 || whole > body->len) {
        body->flawed = 1;
        return;
    }
    at = body->bytes + 1;
    end = body->bytes + whole;
    while (end - at >= 2 && end - at - 2 >= at[1]) {
        if (at[0] == 0x00 && at[1] == 3)
            set_parts(body, at[2], at[3], at[4], 8);
        else if (at[0] == 0x08 && at[1] == 4)
            set_parts(body, (unsigned)at[2] << 8 | at[3], at[4], at[5], 16);
        at += 2 + at[1];
    }
    body->flawed |= at != end;
    body->bytes = end;
    body->len -= whole;
}

static void read_sar(const struct smpp_pdu *pdu, struct smpp_body *body)
{
    const int64_t ref = smpp_tlv_number(pdu, SMPP_TAG_SAR_REF);
    const int64_t total = smpp_tlv_number(pdu, SMPP_TAG_SAR_TOTAL);
    const int64_t seq = smpp_tlv_number(pdu, SMPP_TAG_SAR_SEQ);

    if (ref >= 0 && total >= 0 && seq >= 0 && total <= 255 && seq <= 255)
        set_parts(body, (unsigned)ref & 0xffff, (unsigned)total, (unsigned)seq, 1);
    else if (ref >= 0 || total >= 0 || seq >= 0)
        body->flawed = 1;
}

void smpp_body(const struct smpp_pdu *pdu, enum sms_charset standard, struct smpp_body *body_r)
{
    const struct smpp_tlv *payload = smpp_tlv(pdu, SMPP_TAG_PAYLOAD);

    *body_r = (struct smpp_body){ .set = charset_of(pdu->data_coding, standard),
                                  .bytes = pdu->message, .len = pdu->message_len };
    if (payload != NULL && pdu->message_len == 0) {
        body_r->bytes = payload->value;
        body_r->len = payload->len;
    }
    if ((pdu->esm_class & ESM_UDHI) != 0)
        read_udh(body_r);
    if (body_r->total == 0)
        read_sar(pdu, body_r);
}

/* ---- Receipts ----------------------------------------------------------------------------- */

int smpp_is_receipt(const struct smpp_pdu *pdu)
{
    const unsigned type = pdu->esm_class & ESM_TYPE;

    return type == ESM_RECEIPT || type == ESM_NOTIFICATION ||
           smpp_tlv(pdu, SMPP_TAG_RECEIPTED_MESSAGE_ID) != NULL;
}

/* The word after "key:" in the text, whatever stands around it. */
static void text_field(const char *text, size_t len, const char *key, char *out, size_t size)
{
    const size_t n = strlen(key);
    size_t to = 0;

    for (size_t i = 0; i + n <= len; i++) {
        if (strncasecmp(text + i, key, n) != 0 || (i > 0 && isalnum((unsigned char)text[i - 1])))
            continue;
        for (i += n; i < len && text[i] == ' ';)
            i++;
        while (i < len && to < size - 1 && isgraph((unsigned char)text[i]))
            out[to++] = text[i++];
        break;
    }
    out[to] = '\0';
}

static enum smpp_state state_of(const char *stat)
{
    static const char *const failed[] = { "UNDELIV", "EXPIRED", "DELETED", "REJECTD", "REJECTED",
                                          "FAILED" };

    if (stat[0] == '\0' || strcasecmp(stat, "UNKNOWN") == 0)
        return SMPP_STATE_NONE;
    if (strncasecmp(stat, "DELIV", 5) == 0)
        return SMPP_DELIVERED;
    for (size_t i = 0; i < sizeof failed / sizeof failed[0]; i++) {
        if (strncasecmp(stat, failed[i], strlen(failed[i])) == 0)
            return SMPP_FAILED;
    }
    return SMPP_ENROUTE;
}

static void tlv_text(const struct smpp_pdu *pdu, uint16_t tag, char *out, size_t size)
{
    const struct smpp_tlv *tlv = smpp_tlv(pdu, tag);
    size_t n = 0;

    if (tlv == NULL)
        return;
    while (n < tlv->len && n < size - 1 && isgraph(tlv->value[n])) {
        out[n] = (char)tlv->value[n];
        n++;
    }
    out[n] = '\0';
}

void smpp_receipt(const struct smpp_pdu *pdu, struct smpp_receipt *receipt_r)
{
    static const char *const words[] = { "", "ENROUTE", "DELIVRD", "EXPIRED", "DELETED", "UNDELIV",
                                         "ACCEPTD", "UNKNOWN", "REJECTD" };
    const int64_t state = smpp_tlv_number(pdu, SMPP_TAG_MESSAGE_STATE);
    const struct smpp_tlv *error = smpp_tlv(pdu, SMPP_TAG_NETWORK_ERROR);
    struct smpp_body body;
    const char *text;

    smpp_body(pdu, SMS_LATIN1, &body);
    text = (const char *)body.bytes;
    *receipt_r = (struct smpp_receipt){ .state = SMPP_STATE_NONE };
    if (body.len > 0) {
        text_field(text, body.len, "id:", receipt_r->id, sizeof receipt_r->id);
        text_field(text, body.len, "stat:", receipt_r->stat, sizeof receipt_r->stat);
        text_field(text, body.len, "err:", receipt_r->err, sizeof receipt_r->err);
    }
    tlv_text(pdu, SMPP_TAG_RECEIPTED_MESSAGE_ID, receipt_r->id, sizeof receipt_r->id);
    if (state > 0 && state < (int64_t)(sizeof words / sizeof words[0]))
        snprintf(receipt_r->stat, sizeof receipt_r->stat, "%s", words[state]);
    if (error != NULL && error->len == 3)
        snprintf(receipt_r->err, sizeof receipt_r->err, "%u",
                 (unsigned)error->value[1] << 8 | error->value[2]);
    receipt_r->state = state_of(receipt_r->stat);
}

void smpp_match(enum smpp_match mode, const char *id, int of_receipt, char *key_r)
{
    const int is_hex = (mode == SMPP_HEX2DEC) != (of_receipt != 0);
    unsigned long long number;
    char *end;
    size_t n = 0;

    if ((mode == SMPP_HEX2DEC || mode == SMPP_DEC2HEX) && strlen(id) <= (is_hex ? 16 : 19) &&
        isxdigit((unsigned char)id[0])) {
        number = strtoull(id, &end, is_hex ? 16 : 10);
        if (*end == '\0') {
            snprintf(key_r, 66, "%llu", number);
            return;
        }
    }
    while (mode != SMPP_EXACT && id[0] == '0' && id[1] != '\0')
        id++;
    for (; n < 65 && id[n] != '\0'; n++)
        key_r[n] = mode == SMPP_EXACT ? id[n] : (char)tolower((unsigned char)id[n]);
    key_r[n] = '\0';
}
