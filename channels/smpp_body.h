/*
 * smpp_body.h - what a PDU says: the user data of a message, and what stands in a receipt.
 *
 * Layer: channels/sms_smpp. Pure; borrows from the PDU. Both come from strangers: what makes no sense
 * is taken for the plainest thing it can be, and flagged.
 */
#ifndef SMPP_BODY_H
#define SMPP_BODY_H

#include "channels/shared/sms_text.h"
#include "channels/smpp_pdu.h"

struct smpp_body {
    enum sms_charset set;
    const uint8_t *bytes; /* without the header */
    size_t len;
    /* Of a message in parts; total 0: it is whole. */
    unsigned ref, total, seq;
    unsigned width; /* of the reference: 8, 16; SAR TLVs: 1 */
    int flawed;     /* its header or numbers made no sense and are left out */
};

/* standard: what the provider means by data_coding 0. */
void smpp_body(const struct smpp_pdu *pdu, enum sms_charset standard, struct smpp_body *body_r);

enum smpp_state {
    SMPP_STATE_NONE, /* not said, or not known */
    SMPP_ENROUTE,    /* on its way: ENROUTE, ACCEPTD, and any other that is not final */
    SMPP_DELIVERED,
    SMPP_FAILED,     /* UNDELIV, EXPIRED, DELETED, REJECTD */
};

struct smpp_receipt {
    char id[66];   /* "": none */
    enum smpp_state state;
    char stat[16]; /* the provider's word, such as "UNDELIV" */
    char err[16];  /* its number; "": none */
};

/* Is it a receipt, by its esm_class or a TLV? Its TLVs, where they are there, win over its text. */
int smpp_is_receipt(const struct smpp_pdu *pdu);
void smpp_receipt(const struct smpp_pdu *pdu, struct smpp_receipt *receipt_r);

/* How the id of a response and the id in its receipt may differ. */
enum smpp_match { SMPP_EXACT, SMPP_ICASE, SMPP_HEX2DEC, SMPP_DEC2HEX };

/* The form in which both are the same. HEX2DEC: the response has hexadecimal digits, the receipt
 * decimal ones; DEC2HEX the other way round. What is no such number is taken as it is, in lower
 * case. key_r: at least 66 bytes. */
void smpp_match(enum smpp_match mode, const char *id, int of_receipt, char *key_r);

#endif
