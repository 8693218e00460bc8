/*
 * smpp_pdu.h - PDUs of SMPP 3.4 (Short Message Peer to Peer, issue 1.2) as structs and back.
 *
 * Layer: channels/sms_smpp. Pure. One table says which fields a PDU has, for both ways. What is
 * decoded borrows from the bytes. Nothing is trusted: every length is held against what is left, and
 * every string ends within the field's own limit.
 */
#ifndef SMPP_PDU_H
#define SMPP_PDU_H

#include <stddef.h>
#include <stdint.h>

#define SMPP_HEAD 16
#define SMPP_MAX_PDU (65536 + 256)
#define SMPP_MAX_TLVS 48
#define SMPP_MAX_SEQUENCE 0x7fffffffu

enum smpp_command {
    SMPP_NACK = 0x80000000,
    SMPP_BIND_RECEIVER = 0x00000001,
    SMPP_BIND_TRANSMITTER = 0x00000002,
    SMPP_SUBMIT = 0x00000004,
    SMPP_DELIVER = 0x00000005,
    SMPP_UNBIND = 0x00000006,
    SMPP_BIND_TRANSCEIVER = 0x00000009,
    SMPP_ENQUIRE_LINK = 0x00000015,
    SMPP_ALERT = 0x00000102,
    SMPP_DATA = 0x00000103,
    SMPP_RESP = 0x80000000, /* set in the id of a response */
};

enum smpp_status {
    SMPP_ROK = 0x00,
    SMPP_RINVMSGLEN = 0x01,
    SMPP_RINVCMDLEN = 0x02,
    SMPP_RINVCMDID = 0x03,
    SMPP_RINVBNDSTS = 0x04,
    SMPP_RALYBND = 0x05,
    SMPP_RSYSERR = 0x08,
    SMPP_RINVSRCADR = 0x0a,
    SMPP_RINVDSTADR = 0x0b,
    SMPP_RBINDFAIL = 0x0d,
    SMPP_RINVPASWD = 0x0e,
    SMPP_RINVSYSID = 0x0f,
    SMPP_RMSGQFUL = 0x14,
    SMPP_RTHROTTLED = 0x58,
    SMPP_RX_T_APPN = 0x64,
    SMPP_RX_P_APPN = 0x65,
    SMPP_RX_R_APPN = 0x66,
};

enum smpp_tag {
    SMPP_TAG_RECEIPTED_MESSAGE_ID = 0x001e,
    SMPP_TAG_SAR_REF = 0x020c,
    SMPP_TAG_SAR_TOTAL = 0x020e,
    SMPP_TAG_SAR_SEQ = 0x020f,
    SMPP_TAG_NETWORK_ERROR = 0x0423,
    SMPP_TAG_PAYLOAD = 0x0424,
    SMPP_TAG_MESSAGE_STATE = 0x0427,
};

struct smpp_tlv {
    uint16_t tag, len;
    const uint8_t *value;
};

/* Which fields a PDU has depends on its command; the others are 0. A string that is NULL is written
 * as an empty one. */
struct smpp_pdu {
    uint32_t command, status, sequence;
    const char *system_id, *password, *system_type, *address_range; /* bind, and its response */
    uint8_t interface_version;
    const char *service_type;
    uint8_t source_ton, source_npi, dest_ton, dest_npi;
    const char *source, *dest;
    uint8_t esm_class, protocol_id, priority, registered_delivery, replace, data_coding, default_id;
    const char *schedule, *validity;
    const uint8_t *message; /* short_message */
    uint8_t message_len;
    const char *message_id; /* responses to submit_sm, deliver_sm, data_sm */
    struct smpp_tlv tlvs[SMPP_MAX_TLVS];
    size_t n_tlvs;
};

/* How long the PDU is whose beginning stands at bytes. 0: more bytes are needed to tell or to have
 * it whole; -1: there is no such length, and where the next PDU begins is lost. */
long smpp_frame(const uint8_t *bytes, size_t len);

/* PDUs out of bytes that come in pieces. Zeroed it is empty. */
struct smpp_stream {
    uint8_t *bytes;
    size_t at, len, size; /* what is between at and len has not been taken */
};

int smpp_stream_add(struct smpp_stream *stream, const uint8_t *bytes, size_t len); /* -1: no memory */
/* 1: the next PDU, borrowed until the next call; 0: it is not whole yet; -1: the stream is lost. */
int smpp_stream_next(struct smpp_stream *stream, const uint8_t **pdu_r, size_t *len_r);
void smpp_stream_fini(struct smpp_stream *stream);

/* Decodes a whole PDU, its length as smpp_frame() said. 0; else the status for its response: the
 * head is decoded then, and nothing else. SMPP_RINVCMDID: no such command. */
uint32_t smpp_decode(const uint8_t *bytes, size_t len, struct smpp_pdu *pdu_r);

/* Appends the PDU to out, of size bytes: how many they are, 0 when there is no room or a string is
 * longer than its field may be. */
size_t smpp_encode(const struct smpp_pdu *pdu, uint8_t *out, size_t size);

const struct smpp_tlv *smpp_tlv(const struct smpp_pdu *pdu, uint16_t tag); /* NULL: none */
/* A TLV's number of 1, 2 or 4 bytes; -1: it is not there, or of another length. */
int64_t smpp_tlv_number(const struct smpp_pdu *pdu, uint16_t tag);

/* The specification's name of a status, such as "ESME_RTHROTTLED"; "an unknown status" else. */
const char *smpp_status_name(uint32_t status);

#endif
