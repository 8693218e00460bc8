/*
 * test_smpp_oracle.c - the codec against libsmpp34, which nobody here wrote: what one writes the other
 * reads the same, and both write the same bytes.
 */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <netinet/in.h>
#include <smpp34.h>
#include <smpp34_structs.h>

#include "channels/smpp_pdu.h"

static uint64_t seed = 1;

static unsigned any(unsigned below)
{
    seed = seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (unsigned)(seed >> 33) % below;
}

static const char *some_text(char *out, size_t max)
{
    const size_t len = any((unsigned)max);

    for (size_t i = 0; i < len; i++)
        out[i] = (char)('0' + any(40));
    out[len] = '\0';
    return out;
}

static uint8_t some_plan(void) /* it knows these, and refuses others */
{
    static const uint8_t plans[] = { 0, 1, 3, 4, 6, 8, 9, 10, 14, 18 };

    return plans[any(sizeof plans)];
}

static void make(struct smpp_pdu *pdu, uint32_t command, uint8_t message[254])
{
    static char service[6], source[21], dest[21];

    *pdu = (struct smpp_pdu){
        .command = command, .sequence = 1 + any(1000000), .service_type = some_text(service, 6),
        .source_ton = (uint8_t)any(7), .source_npi = some_plan(),
        .source = some_text(source, 21), .dest_ton = (uint8_t)any(7),
        .dest_npi = some_plan(), .dest = some_text(dest, 21), .esm_class = (uint8_t)any(256),
        .protocol_id = (uint8_t)any(256), .priority = (uint8_t)any(4),
        .registered_delivery = (uint8_t)any(2), .data_coding = (uint8_t)any(256),
        .message = message, .message_len = (uint8_t)any(254),
    };
    for (size_t i = 0; i < pdu->message_len; i++)
        message[i] = (uint8_t)any(256);
}

#define SAME(theirs_, pdu_)                                                                 \
    do {                                                                                    \
        assert_string_equal((const char *)(theirs_).service_type, (pdu_).service_type);     \
        assert_string_equal((const char *)(theirs_).source_addr, (pdu_).source);            \
        assert_string_equal((const char *)(theirs_).destination_addr, (pdu_).dest);         \
        assert_int_equal((theirs_).source_addr_ton, (pdu_).source_ton);                     \
        assert_int_equal((theirs_).dest_addr_npi, (pdu_).dest_npi);                         \
        assert_int_equal((theirs_).esm_class, (pdu_).esm_class);                            \
        assert_int_equal((theirs_).data_coding, (pdu_).data_coding);                        \
        assert_int_equal((theirs_).registered_delivery, (pdu_).registered_delivery);        \
        assert_int_equal((theirs_).sequence_number, (pdu_).sequence);                       \
        assert_int_equal((theirs_).sm_length, (pdu_).message_len);                          \
        assert_memory_equal((theirs_).short_message, (pdu_).message, (pdu_).message_len);   \
    } while (0)

/* Both ways; theirs writes what it has read. */
#define CHECK(type_, id_, pdu_)                                                             \
    do {                                                                                    \
        type_ theirs;                                                                       \
        uint8_t ours[1024], again[1024];                                                    \
        int len = (int)smpp_encode(&(pdu_), ours, sizeof ours), len_again = 0;              \
        assert_true(len > 0);                                                               \
        memset(&theirs, 0, sizeof theirs);                                                  \
        if (smpp34_unpack((id_), &theirs, ours, len) != 0)                                  \
            fail_msg("%s", smpp34_strerror);                                                \
        SAME(theirs, pdu_);                                                                 \
        if (smpp34_pack((id_), again, sizeof again, &len_again, &theirs) != 0)              \
            fail_msg("%s", smpp34_strerror);                                                \
        assert_int_equal(len_again, len);                                                   \
        assert_memory_equal(again, ours, (size_t)len);                                      \
    } while (0)

static void messages_are_the_same_to_both(void **state)
{
    uint8_t message[254];
    struct smpp_pdu pdu;

    (void)state;
    for (int i = 0; i < 2000; i++) {
        make(&pdu, SMPP_SUBMIT, message);
        CHECK(submit_sm_t, SUBMIT_SM, pdu);
        make(&pdu, SMPP_DELIVER, message);
        CHECK(deliver_sm_t, DELIVER_SM, pdu);
    }
}

static void what_it_writes_is_read(void **state)
{
    (void)state;
    for (int i = 0; i < 1000; i++) {
        submit_sm_resp_t resp = { .command_id = SUBMIT_SM_RESP, .command_status = any(3),
                                  .sequence_number = 1 + any(1000) };
        uint8_t bytes[256];
        struct smpp_pdu pdu;
        char id[65];
        int len = 0;

        strcpy((char *)resp.message_id, some_text(id, 65));
        assert_int_equal(smpp34_pack(SUBMIT_SM_RESP, bytes, sizeof bytes, &len, &resp), 0);
        assert_int_equal(smpp_frame(bytes, (size_t)len), len);
        assert_int_equal(smpp_decode(bytes, (size_t)len, &pdu), SMPP_ROK);
        if (resp.command_status == 0 && id[0] != '\0') /* else it leaves the field out */
            assert_string_equal(pdu.message_id, id);
        assert_int_equal(pdu.status, resp.command_status);
        assert_int_equal(pdu.sequence, resp.sequence_number);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(messages_are_the_same_to_both),
        cmocka_unit_test(what_it_writes_is_read),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
