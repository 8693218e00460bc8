/* test_smpp.c - the codec of SMPP: PDUs, user data, receipts, ids; and the rate. */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "channels/smpp_body.h"
#include "channels/smpp_pdu.h"
#include "channels/shared/sms_rate.h"

static uint8_t bytes[SMPP_MAX_PDU];

/* 3.4, 2.7.2: the example of the specification. */
static void the_specifications_own_example_is_written_to_the_byte(void **state)
{
    static const uint8_t expected[] = {
        0x00, 0x00, 0x00, 0x2f, 0x00, 0x00, 0x00, 0x02, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
        0x01, 0x53, 0x4d, 0x50, 0x50, 0x33, 0x54, 0x45, 0x53, 0x54, 0x00, 0x73, 0x65, 0x63, 0x72,
        0x65, 0x74, 0x30, 0x38, 0x00, 0x53, 0x55, 0x42, 0x4d, 0x49, 0x54, 0x31, 0x00, 0x50, 0x01,
        0x01, 0x00,
    };
    const struct smpp_pdu bind = { .command = SMPP_BIND_TRANSMITTER, .sequence = 1,
                                   .system_id = "SMPP3TEST", .password = "secret08",
                                   .system_type = "SUBMIT1", .interface_version = 0x50,
                                   .source_ton = 1, .source_npi = 1 };
    struct smpp_pdu pdu;

    (void)state;
    assert_int_equal(smpp_encode(&bind, bytes, sizeof bytes), sizeof expected);
    assert_memory_equal(bytes, expected, sizeof expected);
    assert_int_equal(smpp_frame(expected, sizeof expected), sizeof expected);
    assert_int_equal(smpp_decode(expected, sizeof expected, &pdu), SMPP_ROK);
    assert_string_equal(pdu.system_id, "SMPP3TEST");
    assert_int_equal(smpp_encode(&bind, bytes, sizeof expected - 1), 0);
}

static size_t make(struct smpp_pdu *pdu)
{
    pdu->command = SMPP_DELIVER;
    pdu->source = "4511";
    pdu->dest = "12345";
    return smpp_encode(pdu, bytes, sizeof bytes);
}

static void every_cut_of_a_pdu_is_refused_and_none_is_read_beyond(void **state)
{
    struct smpp_pdu pdu = { .message = (const uint8_t *)"hello", .message_len = 5, .n_tlvs = 1,
                            .tlvs = { { SMPP_TAG_RECEIPTED_MESSAGE_ID, 3,
                                        (const uint8_t *)"id" } } };
    const size_t len = make(&pdu), fields = len - 7;

    (void)state;
    for (size_t cut = SMPP_HEAD; cut < len; cut++) {
        uint8_t *exact = malloc(cut); /* so that a sanitizer sees what is read beyond */
        struct smpp_pdu got;

        memcpy(exact, bytes, cut);
        assert_int_equal(smpp_decode(exact, cut, &got) == SMPP_ROK, cut == fields);
        free(exact);
    }
}

static void lengths_that_cannot_be_lose_the_stream(void **state)
{
    (void)state;
    assert_int_equal(smpp_frame((const uint8_t *)"\0\0\0", 3), 0);
    assert_int_equal(smpp_frame((const uint8_t *)"\0\0\0\x0f", 4), -1);
    assert_int_equal(smpp_frame((const uint8_t *)"\0\x01\x01\x01", 4), -1);
    assert_int_equal(smpp_frame((const uint8_t *)"\xff\xff\xff\xff", 4), -1);
    assert_int_equal(smpp_frame((const uint8_t *)"\0\x01\x01\0", 4), 0);
}

static void user_data(uint8_t esm_class, const char *data, size_t len, struct smpp_body *body_r)
{
    static struct smpp_pdu pdu;

    pdu = (struct smpp_pdu){ .esm_class = esm_class, .message = (const uint8_t *)data,
                             .message_len = (uint8_t)len };
    smpp_body(&pdu, SMS_GSM, body_r);
}

static void headers_are_read_and_those_without_sense_left_out(void **state)
{
    struct smpp_body body;

    (void)state;
    user_data(0x40, "\x05\x00\x03\x07\x03\x02hi", 8, &body);
    assert_int_equal(body.ref, 7);
    assert_int_equal(body.total, 3);
    assert_int_equal(body.seq, 2);
    assert_int_equal(body.len, 2);
    user_data(0x40, "\x06\x08\x04\x01\x02\x02\x01hi", 9, &body);
    assert_int_equal(body.ref, 0x102);
    assert_int_equal(body.width, 16);
    user_data(0x40, "\x05\x00\x03\x07\x01\x01hi", 8, &body); /* one of one */
    assert_int_equal(body.total, 0);
    assert_false(body.flawed);
    user_data(0x40, "\x05\x00\x03\x07\x00\x01hi", 8, &body);
    assert_int_equal(body.total, 0);
    assert_true(body.flawed);
    user_data(0x40, "\x09hi", 3, &body);
    assert_true(body.flawed);
    assert_int_equal(body.len, 3);
    user_data(0x40, "", 0, &body);
    assert_true(body.flawed);
    user_data(0x00, "\x05\x00\x03\x07\x03\x02hi", 8, &body); /* no header is announced */
    assert_int_equal(body.len, 8);
}

static void data_codings_are_those_of_both_standards(void **state)
{
    static const struct {
        uint8_t coding;
        enum sms_charset set;
    } rows[] = { { 0, SMS_LATIN1 },  { 1, SMS_ASCII },    { 3, SMS_LATIN1 }, { 4, SMS_BINARY },
                 { 8, SMS_UCS2 },    { 5, SMS_BINARY },   { 0x10, SMS_LATIN1 }, { 0x18, SMS_UCS2 },
                 { 0x14, SMS_BINARY }, { 0xf0, SMS_LATIN1 }, { 0xf4, SMS_BINARY }, { 0xf1, SMS_LATIN1 } };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const struct smpp_pdu pdu = { .data_coding = rows[i].coding };
        struct smpp_body body;

        smpp_body(&pdu, SMS_LATIN1, &body);
        assert_int_equal(body.set, rows[i].set);
    }
}

static void receipts_are_read_however_they_are_written(void **state)
{
    static const struct {
        const char *text, *id, *stat, *err;
        enum smpp_state state;
    } rows[] = {
        { "id:42 sub:001 dlvrd:001 submit date:2611230600 done date:2611230601 stat:DELIVRD err:000 "
          "text:hello", "42", "DELIVRD", "000", SMPP_DELIVERED },
        { "ID:AbC stat:UNDELIV", "AbC", "UNDELIV", "", SMPP_FAILED },
        { "id:1 stat:EXPIRED", "1", "EXPIRED", "", SMPP_FAILED },
        { "id:1 stat:REJECTD", "1", "REJECTD", "", SMPP_FAILED },
        { "id:1 stat:DELETED", "1", "DELETED", "", SMPP_FAILED },
        { "id:1 stat:ACCEPTD", "1", "ACCEPTD", "", SMPP_ENROUTE },
        { "id:1 stat:ENROUTE", "1", "ENROUTE", "", SMPP_ENROUTE },
        { "id:1 stat:UNKNOWN", "1", "UNKNOWN", "", SMPP_STATE_NONE },
        { "stat: DELIVRD id: 7", "7", "DELIVRD", "", SMPP_DELIVERED },
        { "Text:id:9", "9", "", "", SMPP_STATE_NONE },
        { "invalid:5", "", "", "", SMPP_STATE_NONE },
        { "", "", "", "", SMPP_STATE_NONE },
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const struct smpp_pdu pdu = { .esm_class = 4, .message = (const uint8_t *)rows[i].text,
                                      .message_len = (uint8_t)strlen(rows[i].text) };
        struct smpp_receipt receipt;

        assert_true(smpp_is_receipt(&pdu));
        smpp_receipt(&pdu, &receipt);
        assert_string_equal(receipt.id, rows[i].id);
        assert_string_equal(receipt.stat, rows[i].stat);
        assert_string_equal(receipt.err, rows[i].err);
        assert_int_equal(receipt.state, rows[i].state);
    }
}

static void ids_match_as_the_provider_writes_them(void **state)
{
    static const struct {
        enum smpp_match mode;
        const char *response, *receipt;
        int same;
    } rows[] = {
        { SMPP_EXACT, "Ab", "Ab", 1 },          { SMPP_EXACT, "Ab", "ab", 0 },
        { SMPP_EXACT, "01", "1", 0 },           { SMPP_ICASE, "0Ab", "aB", 1 },
        { SMPP_HEX2DEC, "1F4", "500", 1 },      { SMPP_HEX2DEC, "1f4", "0000500", 1 },
        { SMPP_HEX2DEC, "500", "1F4", 0 },      { SMPP_DEC2HEX, "500", "1F4", 1 },
        { SMPP_DEC2HEX, "0500", "01f4", 1 },    { SMPP_HEX2DEC, "x-y", "X-Y", 1 },
        { SMPP_HEX2DEC, "12345678901234567890123", "12345678901234567890123", 1 },
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char a[66], b[66];

        smpp_match(rows[i].mode, rows[i].response, 0, a);
        smpp_match(rows[i].mode, rows[i].receipt, 1, b);
        assert_int_equal(strcmp(a, b) == 0, rows[i].same);
    }
}

static void no_second_has_more_than_the_rate(void **state)
{
    static struct rate rate;
    int64_t times[200], now = 1000000;
    size_t n = 0;

    (void)state;
    rate_init(&rate, 20);
    while (n < 200) {
        const int64_t wait = rate_take(&rate, now);

        assert_true(wait >= 0 && wait <= 1000);
        if (wait == 0)
            times[n++] = now;
        now += wait > 0 ? wait : (int64_t)n % 3;
    }
    for (size_t i = 20; i < n; i++)
        assert_true(times[i] - times[i - 20] >= 1000);
    assert_true(times[199] - times[0] <= 9500);
}

static void throttling_halves_it_and_time_gives_it_back(void **state)
{
    static struct rate rate;
    int64_t now = 1000000;

    (void)state;
    rate_init(&rate, 20);
    for (int i = 0; i < 5; i++) /* a window full of refusals is one */
        rate_throttled(&rate, now);
    assert_int_equal(rate.now, 10);
    assert_int_equal(rate_take(&rate, now), 1000);
    rate_throttled(&rate, now + 1000);
    assert_int_equal(rate.now, 5);
    for (int i = 0; i < 5; i++)
        rate_throttled(&rate, now += 2000);
    assert_int_equal(rate.now, 1);
    assert_int_equal(rate_take(&rate, now + 31000), 0);
    assert_int_equal(rate.now, 2);
    assert_int_equal(rate_take(&rate, now - 5000000), 0); /* the clock was set back */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_specifications_own_example_is_written_to_the_byte),
        cmocka_unit_test(every_cut_of_a_pdu_is_refused_and_none_is_read_beyond),
        cmocka_unit_test(lengths_that_cannot_be_lose_the_stream),
        cmocka_unit_test(headers_are_read_and_those_without_sense_left_out),
        cmocka_unit_test(data_codings_are_those_of_both_standards),
        cmocka_unit_test(receipts_are_read_however_they_are_written),
        cmocka_unit_test(ids_match_as_the_provider_writes_them),
        cmocka_unit_test(no_second_has_more_than_the_rate),
        cmocka_unit_test(throttling_halves_it_and_time_gives_it_back),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
