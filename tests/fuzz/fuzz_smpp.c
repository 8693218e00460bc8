/*
 * fuzz_smpp.c - a stream of PDUs, whole and in pieces: both give the same PDUs; what was decoded can
 * be encoded, and then is the same again.
 */
#include "config.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "channels/smpp_body.h"
#include "channels/smpp_pdu.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static uint64_t mix(uint64_t hash, const void *p, size_t len)
{
    for (size_t i = 0; i < len; i++)
        hash = (hash ^ ((const uint8_t *)p)[i]) * UINT64_C(0x100000001b3);
    return hash;
}

/* Once decoded, a PDU written and read again is written the same. */
static void check_again(const struct smpp_pdu *pdu)
{
    static uint8_t once[SMPP_MAX_PDU], twice[SMPP_MAX_PDU];
    const size_t len = smpp_encode(pdu, once, sizeof once);
    struct smpp_pdu again;

    if (len == 0) /* TLVs beyond those that are kept do not come back, so it is never longer */
        abort();
    if (smpp_decode(once, len, &again) != SMPP_ROK || again.n_tlvs != pdu->n_tlvs ||
        smpp_encode(&again, twice, sizeof twice) != len || memcmp(once, twice, len) != 0)
        abort();
}

static uint64_t take(uint64_t hash, const uint8_t *bytes, size_t len)
{
    struct smpp_receipt receipt;
    struct smpp_body body;
    struct smpp_pdu pdu;
    const uint32_t status = smpp_decode(bytes, len, &pdu);

    hash = mix(hash, &status, sizeof status);
    hash = mix(hash, bytes, len);
    if (status != SMPP_ROK)
        return hash;
    check_again(&pdu);
    smpp_body(&pdu, SMS_GSM, &body);
    if (body.len > 0)
        hash = mix(hash, body.bytes, body.len);
    if (body.total > 0 && (body.seq == 0 || body.seq > body.total || body.total < 2))
        abort();
    smpp_receipt(&pdu, &receipt);
    return mix(hash, receipt.id, strlen(receipt.id));
}

/* Fed in pieces as the bytes themselves say; step 0: at once. */
static uint64_t feed(const uint8_t *data, size_t len, size_t step)
{
    struct smpp_stream stream = { 0 };
    uint64_t hash = 1;
    const uint8_t *pdu;
    size_t n;
    int rc = 0;

    for (size_t at = 0; at < len && rc >= 0;) {
        const size_t want = step == 0 ? len : 1 + data[at] % step;
        const size_t piece = want < len - at ? want : len - at;

        if (smpp_stream_add(&stream, data + at, piece) != 0)
            abort();
        at += piece;
        while ((rc = smpp_stream_next(&stream, &pdu, &n)) > 0)
            hash = take(hash, pdu, n);
    }
    smpp_stream_fini(&stream);
    return mix(hash, &rc, sizeof rc);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    const uint64_t whole = feed(data, len, 0);

    if (feed(data, len, 7) != whole || feed(data, len, 100) != whole)
        abort();
    return 0;
}
