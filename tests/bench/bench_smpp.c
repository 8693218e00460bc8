/* bench_smpp.c - what the codec costs a message: a deliver_sm in, its text, a submit_sm out; in ns. */
#include "config.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "channels/shared/sms_split.h"
#include "channels/smpp_body.h"
#include "channels/smpp_pdu.h"

#define TURNS 200000

static int64_t now_ns(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

/* The deliver_sm out of a stream, as text. */
static char *take(struct smpp_stream *stream, const uint8_t *wire, size_t len)
{
    const uint8_t *bytes;
    struct smpp_body body;
    struct smpp_pdu pdu;
    size_t n;
    int odd;

    if (smpp_stream_add(stream, wire, len) != 0 || smpp_stream_next(stream, &bytes, &n) != 1 ||
        smpp_decode(bytes, n, &pdu) != SMPP_ROK)
        abort();
    smpp_body(&pdu, SMS_GSM, &body);
    return sms_decode(body.set, body.bytes, body.len, &odd);
}

static size_t give(const char *text, uint8_t *wire, size_t size)
{
    struct sms_plan plan;
    uint8_t bytes[512];
    struct smpp_pdu pdu = { .command = SMPP_SUBMIT, .source = "12345", .dest = "4511223344",
                            .source_ton = 3, .dest_ton = 1, .dest_npi = 1, .message = bytes };

    sms_split(text, strlen(text), SMS_UDH8, &plan);
    pdu.data_coding = plan.is_gsm ? 0 : 8;
    pdu.message_len = (uint8_t)sms_encode(plan.is_gsm ? SMS_GSM : SMS_UCS2,
                                          text + plan.parts[0].from, plan.parts[0].len, bytes);
    return smpp_encode(&pdu, wire, size);
}

static void measure(const char *name, const char *said)
{
    struct smpp_stream stream = { 0 };
    uint8_t wire[1024], answer[1024];
    size_t len = give(said, wire, sizeof wire), sum = 0;
    int64_t begun = now_ns();

    wire[7] = SMPP_DELIVER;
    for (int i = 0; i < TURNS; i++) {
        char *text = take(&stream, wire, len);

        sum += give(text, answer, sizeof answer);
        free(text);
    }
    if (sum != TURNS * len)
        abort();
    printf("%s %lld\n", name, (long long)(now_ns() - begun) / TURNS);
    smpp_stream_fini(&stream);
}

int main(void)
{
    measure("gsm-40", "when does it come, I was told on Tuesday");
    measure("gsm-160", "Your order 4711 left our house this morning and should be with you on Tuesday between "
                       "ten and twelve. You can still change the day: answer LATER and we ask ");
    measure("ucs2-70", "Ваш заказ отправлен сегодня утром и будет у вас во вторник до обеда 😀.");
    return 0;
}
