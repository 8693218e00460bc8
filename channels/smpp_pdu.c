/* smpp_pdu.c - the table of PDUs, and what reads and writes by it. */
#include "config.h"

#include "channels/smpp_pdu.h"

#include <stdlib.h>
#include <string.h>

enum kind { STRING, BYTE, MESSAGE };

struct field {
    enum kind kind;
    size_t offset;
    size_t max; /* bytes of a string, its NUL included */
};

#define S(field_, max_) { STRING, offsetof(struct smpp_pdu, field_), (max_) }
#define B(field_) { BYTE, offsetof(struct smpp_pdu, field_), 1 }
#define END { .max = 0 }

static const struct field bind_fields[] = {
    S(system_id, 16), S(password, 9), S(system_type, 13), B(interface_version),
    B(source_ton), B(source_npi), S(address_range, 41), END,
};
static const struct field bind_resp_fields[] = { S(system_id, 16), END };
static const struct field sm_fields[] = {
    S(service_type, 6), B(source_ton), B(source_npi), S(source, 21), B(dest_ton), B(dest_npi),
    S(dest, 21), B(esm_class), B(protocol_id), B(priority), S(schedule, 17), S(validity, 17),
    B(registered_delivery), B(replace), B(data_coding), B(default_id),
    { MESSAGE, offsetof(struct smpp_pdu, message), 254 }, END,
};
static const struct field data_fields[] = {
    S(service_type, 6), B(source_ton), B(source_npi), S(source, 65), B(dest_ton), B(dest_npi),
    S(dest, 65), B(esm_class), B(registered_delivery), B(data_coding), END,
};
static const struct field id_fields[] = { S(message_id, 65), END };
static const struct field alert_fields[] = {
    B(source_ton), B(source_npi), S(source, 65), B(dest_ton), B(dest_npi), S(dest, 65), END,
};
static const struct field no_fields[] = { END };

static const struct row {
    uint32_t command;
    const struct field *fields;
} rows[] = {
    { SMPP_NACK, no_fields },
    { SMPP_BIND_RECEIVER, bind_fields },
    { SMPP_BIND_RECEIVER | SMPP_RESP, bind_resp_fields },
    { SMPP_BIND_TRANSMITTER, bind_fields },
    { SMPP_BIND_TRANSMITTER | SMPP_RESP, bind_resp_fields },
    { SMPP_BIND_TRANSCEIVER, bind_fields },
    { SMPP_BIND_TRANSCEIVER | SMPP_RESP, bind_resp_fields },
    { SMPP_SUBMIT, sm_fields },
    { SMPP_SUBMIT | SMPP_RESP, id_fields },
    { SMPP_DELIVER, sm_fields },
    { SMPP_DELIVER | SMPP_RESP, id_fields },
    { SMPP_DATA, data_fields },
    { SMPP_DATA | SMPP_RESP, id_fields },
    { SMPP_UNBIND, no_fields },
    { SMPP_UNBIND | SMPP_RESP, no_fields },
    { SMPP_ENQUIRE_LINK, no_fields },
    { SMPP_ENQUIRE_LINK | SMPP_RESP, no_fields },
    { SMPP_ALERT, alert_fields },
};

static const struct field *fields_of(uint32_t command)
{
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (rows[i].command == command)
            return rows[i].fields;
    }
    return NULL;
}

static uint32_t get32(const uint8_t *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static void put32(uint8_t *p, uint32_t value)
{
    p[0] = (uint8_t)(value >> 24);
    p[1] = (uint8_t)(value >> 16);
    p[2] = (uint8_t)(value >> 8);
    p[3] = (uint8_t)value;
}

long smpp_frame(const uint8_t *bytes, size_t len)
{
    uint32_t whole;

    if (len < 4)
        return 0;
    whole = get32(bytes);
    if (whole < SMPP_HEAD || whole > SMPP_MAX_PDU)
        return -1;
    return len < whole ? 0 : (long)whole;
}

int smpp_stream_add(struct smpp_stream *stream, const uint8_t *bytes, size_t len)
{
    if (stream->at > 0) {
        memmove(stream->bytes, stream->bytes + stream->at, stream->len - stream->at);
        stream->len -= stream->at;
        stream->at = 0;
    }
    if (stream->len + len > stream->size) {
        const size_t size = (stream->len + len) * 2;
        uint8_t *more = realloc(stream->bytes, size);

        if (more == NULL)
            return -1;
        stream->bytes = more;
        stream->size = size;
    }
    if (len > 0)
        memcpy(stream->bytes + stream->len, bytes, len);
    stream->len += len;
    return 0;
}

int smpp_stream_next(struct smpp_stream *stream, const uint8_t **pdu_r, size_t *len_r)
{
    const long whole = stream->len == stream->at
                           ? 0 : smpp_frame(stream->bytes + stream->at, stream->len - stream->at);

    if (whole <= 0)
        return (int)whole;
    *pdu_r = stream->bytes + stream->at;
    *len_r = (size_t)whole;
    stream->at += (size_t)whole;
    return 1;
}

void smpp_stream_fini(struct smpp_stream *stream)
{
    free(stream->bytes);
    *stream = (struct smpp_stream){ .bytes = NULL };
}

/* ---- Reading ------------------------------------------------------------------------------ */

/* How many bytes the field takes of those left; 0: it does not fit into them. */
static size_t read_field(const struct field *field, const uint8_t *at, size_t left, void *pdu)
{
    char *to = (char *)pdu + field->offset;
    const uint8_t *message = at + 1;
    const void *end;

    switch (field->kind) {
    case STRING:
        end = memchr(at, '\0', left < field->max ? left : field->max);
        if (end == NULL)
            return 0;
        memcpy(to, &at, sizeof at);
        return (size_t)((const uint8_t *)end - at) + 1;
    case BYTE:
        if (left == 0)
            return 0;
        *(uint8_t *)to = at[0];
        return 1;
    case MESSAGE:
        if (left == 0 || at[0] > field->max || (size_t)at[0] + 1 > left)
            return 0;
        ((struct smpp_pdu *)pdu)->message_len = at[0];
        memcpy(to, &message, sizeof message);
        return (size_t)at[0] + 1;
    }
    return 0;
}

static int read_tlvs(const uint8_t *at, size_t left, struct smpp_pdu *pdu)
{
    while (left > 0) {
        struct smpp_tlv tlv;

        if (left < 4)
            return -1;
        tlv.tag = (uint16_t)(at[0] << 8 | at[1]);
        tlv.len = (uint16_t)(at[2] << 8 | at[3]);
        tlv.value = at + 4;
        if (tlv.len > left - 4)
            return -1;
        if (pdu->n_tlvs < SMPP_MAX_TLVS) /* more of them mean nothing to anybody */
            pdu->tlvs[pdu->n_tlvs++] = tlv;
        at += 4 + tlv.len;
        left -= 4 + (size_t)tlv.len;
    }
    return 0;
}

static void read_head(const uint8_t *bytes, struct smpp_pdu *pdu)
{
    *pdu = (struct smpp_pdu){ .command = get32(bytes + 4), .status = get32(bytes + 8),
                              .sequence = get32(bytes + 12) };
}

uint32_t smpp_decode(const uint8_t *bytes, size_t len, struct smpp_pdu *pdu_r)
{
    const struct field *field;
    size_t at = SMPP_HEAD, n;

    read_head(bytes, pdu_r);
    if ((field = fields_of(pdu_r->command)) == NULL)
        return SMPP_RINVCMDID;
    /* A refusal may come without a body, and a field that a response lacks does no harm. */
    if ((pdu_r->command & SMPP_RESP) != 0 && len == SMPP_HEAD)
        return SMPP_ROK;
    for (; field->max > 0; field++) {
        n = read_field(field, bytes + at, len - at, pdu_r);
        if (n == 0) {
            read_head(bytes, pdu_r);
            return field->kind == MESSAGE ? SMPP_RINVMSGLEN : SMPP_RINVCMDLEN;
        }
        at += n;
    }
    if (read_tlvs(bytes + at, len - at, pdu_r) == 0)
        return SMPP_ROK;
    read_head(bytes, pdu_r);
    return SMPP_RINVCMDLEN;
}

/* ---- Writing ------------------------------------------------------------------------------ */

static size_t write_field(const struct field *field, const void *pdu, uint8_t *at, size_t left)
{
    const char *from = (const char *)pdu + field->offset;
    const struct smpp_pdu *p = pdu;
    const char *text;
    size_t len;

    switch (field->kind) {
    case STRING:
        memcpy(&text, from, sizeof text);
        len = text != NULL ? strlen(text) : 0;
        if (len >= field->max || len >= left)
            return 0;
        memcpy(at, len > 0 ? text : "", len + 1);
        return len + 1;
    case BYTE:
        if (left == 0)
            return 0;
        at[0] = *(const uint8_t *)from;
        return 1;
    case MESSAGE:
        if (p->message_len > field->max || (size_t)p->message_len + 1 > left)
            return 0;
        at[0] = p->message_len;
        if (p->message_len > 0)
            memcpy(at + 1, p->message, p->message_len);
        return (size_t)p->message_len + 1;
    }
    return 0;
}

size_t smpp_encode(const struct smpp_pdu *pdu, uint8_t *out, size_t size)
{
    const struct field *field = fields_of(pdu->command);
    size_t at = SMPP_HEAD, n;

    if (field == NULL || size < SMPP_HEAD)
        return 0;
    for (; field->max > 0; field++) {
        if ((n = write_field(field, pdu, out + at, size - at)) == 0)
            return 0;
        at += n;
    }
    for (size_t i = 0; i < pdu->n_tlvs; i++) {
        const struct smpp_tlv *tlv = &pdu->tlvs[i];

        if ((size_t)tlv->len + 4 > size - at)
            return 0;
        out[at++] = (uint8_t)(tlv->tag >> 8);
        out[at++] = (uint8_t)tlv->tag;
        out[at++] = (uint8_t)(tlv->len >> 8);
        out[at++] = (uint8_t)tlv->len;
        if (tlv->len > 0)
            memcpy(out + at, tlv->value, tlv->len);
        at += tlv->len;
    }
    put32(out, (uint32_t)at);
    put32(out + 4, pdu->command);
    put32(out + 8, pdu->status);
    put32(out + 12, pdu->sequence);
    return at;
}

/* ---- Looking ------------------------------------------------------------------------------ */

const struct smpp_tlv *smpp_tlv(const struct smpp_pdu *pdu, uint16_t tag)
{
    for (size_t i = 0; i < pdu->n_tlvs; i++) {
        if (pdu->tlvs[i].tag == tag)
            return &pdu->tlvs[i];
    }
    return NULL;
}

int64_t smpp_tlv_number(const struct smpp_pdu *pdu, uint16_t tag)
{
    const struct smpp_tlv *tlv = smpp_tlv(pdu, tag);
    int64_t number = 0;

    if (tlv == NULL || (tlv->len != 1 && tlv->len != 2 && tlv->len != 4))
        return -1;
    for (size_t i = 0; i < tlv->len; i++)
        number = number << 8 | tlv->value[i];
    return number;
}

const char *smpp_status_name(uint32_t status)
{
    static const struct {
        uint32_t status;
        const char *name;
    } names[] = {
        { SMPP_ROK, "ESME_ROK" },
        { SMPP_RINVMSGLEN, "ESME_RINVMSGLEN" },
        { SMPP_RINVCMDLEN, "ESME_RINVCMDLEN" },
        { SMPP_RINVCMDID, "ESME_RINVCMDID" },
        { SMPP_RINVBNDSTS, "ESME_RINVBNDSTS" },
        { SMPP_RALYBND, "ESME_RALYBND" },
        { SMPP_RSYSERR, "ESME_RSYSERR" },
        { SMPP_RINVSRCADR, "ESME_RINVSRCADR" },
        { SMPP_RINVDSTADR, "ESME_RINVDSTADR" },
        { SMPP_RBINDFAIL, "ESME_RBINDFAIL" },
        { SMPP_RINVPASWD, "ESME_RINVPASWD" },
        { SMPP_RINVSYSID, "ESME_RINVSYSID" },
        { SMPP_RMSGQFUL, "ESME_RMSGQFUL" },
        { 0x45, "ESME_RSUBMITFAIL" },
        { SMPP_RTHROTTLED, "ESME_RTHROTTLED" },
        { SMPP_RX_T_APPN, "ESME_RX_T_APPN" },
        { SMPP_RX_P_APPN, "ESME_RX_P_APPN" },
        { SMPP_RX_R_APPN, "ESME_RX_R_APPN" },
        { 0xfe, "ESME_RDELIVERYFAILURE" },
        { 0xff, "ESME_RUNKNOWNERR" },
    };

    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (names[i].status == status)
            return names[i].name;
    }
    return "an unknown status";
}
