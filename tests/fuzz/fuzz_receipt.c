/*
 * fuzz_receipt.c - receipts as a provider may write them, in any order with the ids they name: what is
 * read out of one is bounded and printable, whole and in pieces the same; and what is said of a
 * message never goes back: nothing after it failed, nothing but failed after it was delivered.
 *
 * A line is a step: r TEXT (a receipt by its text), t STATE ID (by TLVs), s ID (a message was sent and got
 * this id; its parts by digits before it), k (the store answers), a (31 s pass).
 */
#include "config.h"

#include <ctype.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "channels/smpp_private.h"
#include "kit/fake_host.h"

#define SESSION "01JDA5K3Y8M2N4P6Q8R0S2T4V6"
#define MAX_SENT 64

extern const struct td_plugin td_plugin_0;

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static struct fake *fake;
static struct smpp *smpp;
static uint64_t n_sent;
static int last[MAX_SENT + 1]; /* what was said of each message; 0: nothing */

static void check_word(const char *word, size_t size)
{
    const size_t len = strnlen(word, size);

    if (len == size)
        abort();
    for (size_t i = 0; i < len; i++) {
        if (!isgraph((unsigned char)word[i]))
            abort();
    }
}

static void check_match(const char *id)
{
    for (int mode = SMPP_EXACT; mode <= SMPP_DEC2HEX; mode++) {
        for (int of_receipt = 0; of_receipt < 2; of_receipt++) {
            char key[66], again[66];

            memset(key, 'x', sizeof key);
            smpp_match((enum smpp_match)mode, id, of_receipt, key);
            if (memchr(key, '\0', sizeof key) == NULL)
                abort();
            smpp_match((enum smpp_match)mode, key, of_receipt, again);
            if (mode <= SMPP_ICASE && strcmp(key, again) != 0)
                abort();
        }
    }
}

static void read_receipt(const uint8_t *bytes, size_t len, size_t piece,
                         struct smpp_receipt *receipt_r)
{
    struct smpp_stream stream = { 0 };
    const uint8_t *whole;
    struct smpp_pdu pdu;
    size_t n;
    int rc = 0;

    for (size_t at = 0; at < len; at += piece) {
        if (rc != 0 || smpp_stream_add(&stream, bytes + at, len - at < piece ? len - at : piece) != 0)
            abort();
        rc = smpp_stream_next(&stream, &whole, &n);
    }
    if (rc != 1 || n != len || smpp_decode(whole, n, &pdu) != SMPP_ROK || !smpp_is_receipt(&pdu))
        abort();
    smpp_receipt(&pdu, receipt_r);
    smpp_stream_fini(&stream);
}

static void come(struct smpp_pdu *pdu)
{
    uint8_t bytes[2048];
    struct smpp_receipt receipt, in_pieces;
    size_t len;

    pdu->command = SMPP_DELIVER;
    pdu->esm_class |= 0x04;
    len = smpp_encode(pdu, bytes, sizeof bytes);
    if (len == 0)
        return;
    memset(&receipt, 'x', sizeof receipt);
    memset(&in_pieces, 'y', sizeof in_pieces);
    read_receipt(bytes, len, len, &receipt);
    read_receipt(bytes, len, 1 + pdu->message_len % 7, &in_pieces);
    if (strcmp(receipt.id, in_pieces.id) != 0 || strcmp(receipt.stat, in_pieces.stat) != 0 ||
        strcmp(receipt.err, in_pieces.err) != 0 || receipt.state != in_pieces.state)
        abort();
    check_word(receipt.id, sizeof receipt.id);
    check_word(receipt.stat, sizeof receipt.stat);
    check_word(receipt.err, sizeof receipt.err);
    check_match(receipt.id);
    track_came(smpp, &receipt);
}

static void by_text(const char *text, size_t len)
{
    struct smpp_pdu pdu = { .message = (const uint8_t *)text, .message_len = (uint8_t)len };

    if (len > 254) { /* message_payload */
        pdu.message_len = 0;
        pdu.tlvs[pdu.n_tlvs++] = (struct smpp_tlv){ SMPP_TAG_PAYLOAD, (uint16_t)len,
                                                    (const uint8_t *)text };
    } else if (len > 0 && text[0] == '\x40') {
        pdu.esm_class = 0x40; /* with a header in front */
    }
    come(&pdu);
}

static void by_tlv(const char *text, size_t len)
{
    const uint8_t *bytes = (const uint8_t *)text;
    struct smpp_pdu pdu = { .n_tlvs = 2, .tlvs = {
        { SMPP_TAG_MESSAGE_STATE, 1, bytes },
        { SMPP_TAG_RECEIPTED_MESSAGE_ID, (uint16_t)(len - 1), bytes + 1 },
    } };

    come(&pdu);
}

static void is_sent(const char *text, size_t len)
{
    char id[100];
    unsigned total;

    snprintf(id, sizeof id, "%.*s", (int)len, text);
    if (n_sent == MAX_SENT)
        return;
    n_sent++;
    total = isdigit((unsigned char)id[0]) && id[0] != '0' ? (unsigned)(id[0] - '0') : 1;
    for (unsigned part = 1; part <= total; part++) {
        id[0] = (char)('0' + part);
        track_sent(smpp, total > 1 ? id : id + (total == 1 && isdigit((unsigned char)text[0])),
                   &(struct track_part){ .session = SESSION, .seq = n_sent, .part = part,
                                         .total = total, .completes = part == total });
    }
}

static void check_said(void)
{
    const struct fake_call *call;

    while ((call = fake_next(fake, FAKE_EVENT)) != NULL) {
        const struct td_event *event = call->event;

        if (event->of == 0 || event->of > n_sent || strcmp(event->session, SESSION) != 0 ||
            (event->status != TD_DELIVERED && event->status != TD_FAILED) ||
            last[event->of] >= (int)event->status)
            abort();
        last[event->of] = (int)event->status;
    }
}

static void step(const char *line, size_t len)
{
    switch (len > 0 ? line[0] : 0) {
    case 'r': by_text(line + 1, len - 1 < 1500 ? len - 1 : 1500); break;
    case 't':
        if (len > 1)
            by_tlv(line + 1, len - 1 < 200 ? len - 1 : 200);
        break;
    case 's':
        if (len > 1)
            is_sent(line + 1, len - 1 < 90 ? len - 1 : 90);
        break;
    case 'k': fake_keeps(fake); break;
    case 'a': fake_advance(fake, 31000); break;
    }
    check_said();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    const char *at = (const char *)data, *end = at + len, *nl;

    if (len > 8192)
        return 0;
    fake = fake_new("sms");
    if (fake_open(fake, &td_plugin_0, fake_conf(fake, &td_plugin_0,
                                               "host = 127.0.0.1\nport = 1\nsystem_id = a\n"
                                               "password = b\nsource = 12345\n")) != TD_OK)
        abort();
    smpp = fake_self(fake); /* what it reads at its start is answered with the first k: no session */
    n_sent = 0;
    memset(last, 0, sizeof last);
    for (; at < end; at = nl + 1) {
        if ((nl = memchr(at, '\n', (size_t)(end - at))) == NULL)
            nl = end;
        step(at, (size_t)(nl - at));
    }
    fake_free(&fake);
    return 0;
}
