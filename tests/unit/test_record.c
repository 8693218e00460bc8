/* test_record.c - engine/record.c: a record and its bytes are the same thing. */
#include "config.h"

#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "engine/engine.h"
#include "engine/record.h"
#include "engine/session.h"
#include "tests/check.h"

static const char *const hostile[] = {
    "", "a", "\"", "\\", "\\u0000", "\n\r\t\b\f\x01\x1f\x7f", "</script>", "null", "{\"a\":1}",
    "\xe2\x80\xa8\xe2\x80\xa9", "\xf0\x9f\x98\x80", "\xed\x9f\xbf\xee\x80\x80", "%s%n",
    "\xef\xbf\xbf\xf4\x8f\xbf\xbf",
};

static uint64_t rng = 1;

static uint64_t next(void)
{
    rng ^= rng << 13;
    rng ^= rng >> 7;
    rng ^= rng << 17;
    return rng;
}

static const char *word(void)
{
    return next() % 3 == 0 ? NULL : hostile[next() % (sizeof hostile / sizeof *hostile)];
}

static int64_t number(void)
{
    return next() % 3 == 0 ? 0 : (int64_t)(next() % 9000000000000000);
}

static const struct td_attachment *const files[] = {
    &(struct td_attachment){ .size = sizeof(struct td_attachment), .id = "f1", .name = "\"\\\n",
                             .type = "a/b", .bytes = 9000000000, .sha256 = "00" },
    &(struct td_attachment){ .size = sizeof(struct td_attachment), .id = "f2" },
};
static const struct td_part *const parts[] = {
    &(struct td_part){ .size = sizeof(struct td_part), .type = "location", .text = "\xf0\x9f\x98\x80",
                       .data = "{\"a\":\"\\u0000\"}" },
    &(struct td_part){ .size = sizeof(struct td_part), .type = "x-", .text = "" },
};

static struct record random_record(struct td_choice *choices, const struct td_choice **list)
{
    size_t n = next() % 4;
    struct record r = {
        .type = (enum record_type)(1 + next() % (RECORD_TYPES - 1)), .seq = 1 + next() % 1000,
        .at = -number(), .epoch = (uint64_t)number(), .channel = word(), .kind = word(),
        .account = word(), .verified = (int)(next() % 2), .owner = (int)(next() % 3),
        .name = word(), .cause = word(), .ext_id = word(), .agent = word(), .route = word(),
        .signals = word(), .policy = word(), .upto = (uint64_t)number(),
        .of = (uint64_t)number(), .attempt = (uint64_t)number(), .due = number(),
        .deadline = number(), .outcome = (int)(next() % HANDOFF_OUTCOMES), .decision = (int)(next() % 5),
        .author = (int)(next() % 4), .status = (int)(next() % 6), .score = (int)(next() % 6),
        .intent = word(), .code = word(), .queue = word(), .slot = word(), .language = word(),
        .also = word(), .evidence = word(), .detail = word(),
        .confidence = (int64_t)(next() % 1002), .grounded = (int)(next() % 3),
        .desk = word(), .category = word(), .title = word(), .call = word(), .receipt = word(),
        .state = (int)(next() % 8), .op = (int)(next() % 64), .pending = (int)(next() % 2),
        .said = (int)(next() % 64), .priority = -number(), .number = number(),
        .position = (uint64_t)number(), .wait = number(),
        .body = { .text = word(), .choice = word(), .peer = word(), .customer_id = word(),
                  .customer_name = word(), .customer_email = word(), .locale = word(),
                  .timezone = word(), .state = word(), .summary = word(), .entities = word(),
                  .sources = word(), .note = word(), .wrapup = word(), .arguments = word(),
                  .data = word(), .claims = word(), .raw = word(), .choices = list, .n_choices = n,
                  .attachments = files, .n_attachments = next() % 3, .parts = parts,
                  .n_parts = next() % 3 },
    };

    if (next() % 2)
        r.turn = ulid_make(number(), next(), next());
    if (next() % 2)
        r.message_id = ulid_make(number(), next(), next());
    if (next() % 2)
        r.handoff = r.from = ulid_make(number(), next(), next());
    for (size_t i = 0; i < n; i++) {
        choices[i] = (struct td_choice){ .size = sizeof choices[i], .title = hostile[next() % 13],
                                         .value = hostile[next() % 13] };
        list[i] = &choices[i];
    }
    return r;
}

static void there_and_back(const struct record *record)
{
    struct arena *arena = arena_new(0);
    struct buf facts = { 0 }, body = { 0 }, facts2 = { 0 }, body2 = { 0 };
    struct record read;
    struct err err = { "" };

    record_encode(record, &facts);
    record_encode_body(&record->body, &body);
    if (record_decode(facts.data, facts.len, arena, &read, &err) != 0 ||
        record_decode_body(body.data, body.len, arena, &read.body, &err) != 0)
        fail_msg("%s: %s", err.text, facts.data);
    record_encode(&read, &facts2);
    record_encode_body(&read.body, &body2);
    assert_int_equal(facts.len, facts2.len);
    assert_memory_equal(facts.data, facts2.data, facts.len);
    assert_int_equal(body.len, body2.len);
    if (body.len > 0)
        assert_memory_equal(body.data, body2.data, body.len);
    assert_int_equal(read.type, record->type);
    assert_int_equal(ulid_cmp(&read.turn, &record->turn), 0);
    buf_fini(&facts);
    buf_fini(&body);
    buf_fini(&facts2);
    buf_fini(&body2);
    arena_free(&arena);
}

static void every_type_comes_back_as_the_same_bytes(void **state)
{
    (void)state;
    for (int type = 1; type < RECORD_TYPES; type++) {
        const struct record record = { .type = (enum record_type)type, .seq = 7, .at = 1 };
        assert_string_not_equal(record_type_name(record.type), "unknown");
        there_and_back(&record);
    }
}

static void random_records_with_hostile_texts_come_back_too(void **state)
{
    struct td_choice choices[4];
    const struct td_choice *list[4];

    (void)state;
    for (int i = 0; i < 20000; i++) {
        const struct record record = random_record(choices, list);
        there_and_back(&record);
    }
}

static int decode(const char *text, struct record *record_r, struct err *err)
{
    static struct arena *arena;

    arena_free(&arena);
    if (text == NULL)
        return 0;
    arena = arena_new(0);
    return record_decode(text, strlen(text), arena, record_r, err);
}

static void an_unknown_field_is_skipped(void **state)
{
    struct record r;
    struct err err = { "" };

    (void)state;
    assert_int_equal(
        decode("{\"type\":\"read\",\"seq\":3,\"of\":2,\"mood\":{\"a\":[1]}}", &r, &err), 0);
    assert_int_equal(r.type, RECORD_READ);
    assert_int_equal(r.of, 2);
    decode(NULL, NULL, NULL);
}

static void what_is_wrong_is_named(void **state)
{
    static const struct {
        const char *text, *says;
    } wrong[] = {
        { "{\"type\":\"moved\",\"seq\":3}", "unknown type 'moved'" },
        { "{\"seq\":3}", "unknown type ''" },
        { "{\"type\":\"read\"}", "without seq" },
        { "{\"type\":\"read\",\"seq\":\"3\"}", "'seq' has the wrong type" },
        { "{\"type\":\"read\",\"seq\":-3}", "'seq' is out of range" },
        { "{\"type\":\"read\",\"seq\":1e300}", "'seq' is out of range" },
        { "{\"type\":\"read\",\"seq\":3,\"name\":4}", "'name' has the wrong type" },
        { "{\"type\":\"turn\",\"seq\":3,\"turn\":\"x\"}", "'turn' is not an id" },
        { "{\"type\":\"reply\",\"seq\":3,\"author\":9}", "'author' is out of range" },
        { "{\"type\":\"reply\",\"seq\":3,\"author\":-1}", "'author' is out of range" },
        { "[]", "not an object" },
        { "{", "at byte" },
        { "", "at byte" },
    };
    struct record r;
    struct err err;

    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        err.text[0] = '\0';
        assert_int_equal(decode(wrong[i].text, &r, &err), -1);
        if (strstr(err.text, wrong[i].says) == NULL)
            fail_msg("%s: %s", wrong[i].text, err.text);
    }
    decode(NULL, NULL, NULL);
}

static void names_are(const char *facts, const char *names)
{
    struct record r;
    struct err err = { "" };
    struct buf out = { 0 };

    if (decode(facts, &r, &err) != 0)
        fail_msg("%s: %s", err.text, facts);
    record_encode_names(&r, &out);
    assert_string_equal(out.len > 0 ? out.data : "", names);
    buf_fini(&out);
    decode(NULL, NULL, NULL);
}

static void what_numbers_mean_is_said_by_the_kind_of_record(void **state)
{
    (void)state;
    names_are("{\"type\":\"turn_end\",\"seq\":3,\"outcome\":1,\"decision\":2}",
              "{\"outcome\":\"answered\",\"decision\":\"clarify\"}");
    names_are("{\"type\":\"handoff_end\",\"seq\":3,\"outcome\":1}", "{\"outcome\":\"returned\"}");
    names_are("{\"type\":\"rule\",\"seq\":3,\"outcome\":1}", "{\"outcome\":\"handoff\"}");
    names_are("{\"type\":\"promise\",\"seq\":3,\"outcome\":3}", "{\"outcome\":\"broken\"}");
    names_are("{\"type\":\"delivery\",\"seq\":3,\"status\":5}", "{\"status\":\"failed\"}");
    names_are("{\"type\":\"delivery\",\"seq\":3}", "{\"status\":\"queued\"}");
    names_are("{\"type\":\"control\",\"seq\":3}", "{\"op\":\"accept\",\"outcome\":\"done\"}");
    names_are("{\"type\":\"reply\",\"seq\":3,\"author\":3,\"said\":5}",
              "{\"author\":\"system\",\"said\":\"queued\"}");
}

static void a_number_without_a_meaning_has_no_name(void **state)
{
    (void)state;
    names_are("{\"type\":\"message\",\"seq\":3,\"outcome\":1,\"status\":2}", "");
    names_are("{\"type\":\"bridge\",\"seq\":3,\"outcome\":12}", "");
    names_are("{\"type\":\"turn_end\",\"seq\":3}", "");
    assert_string_equal(record_word(RECORD_BRIDGE, "outcome", 12), "unknown");
    assert_string_equal(record_word(RECORD_READ, "outcome", 1), "unknown");
}

static void every_number_that_is_written_has_a_name(void **state)
{
    static const struct {
        enum record_type type;
        const char *field;
        int last;
        const char *name; /* of the last one, so that none was added in between */
    } lists[] = {
        { RECORD_TURN_END, "outcome", TURN_WITHHELD, "withheld" },
        { RECORD_TURN_END, "decision", TD_REFUSE, "refuse" },
        { RECORD_REPLY, "author", TD_SYSTEM, "system" },
        { RECORD_DELIVERY, "status", TD_FAILED, "failed" },
        { RECORD_HANDOFF_STATE, "state", HANDOFF_LIVE, "live" },
        { RECORD_HANDOFF_END, "outcome", HANDOFF_OUTCOMES - 1, "cancelled" },
        { RECORD_STRETCH, "outcome", STRETCH_ENDED, "ended" },
        { RECORD_PROMISE, "outcome", PROMISE_VOID, "void" },
        { RECORD_CONTROL, "op", CONTROL_TOLD, "told" },
        { RECORD_CONTROL, "outcome", CONTROL_NO_PAGE, "no_page" },
        { RECORD_RULE, "outcome", RULE_OUTCOMES - 1, "lapsed" },
        { RECORD_BRIDGE, "outcome", BRIDGE_UNTOLD, "untold" },
    };

    (void)state;
    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++) {
        for (int value = 1; value <= lists[i].last; value++)
            assert_string_not_equal(record_word(lists[i].type, lists[i].field, value), "unknown");
        assert_string_equal(record_word(lists[i].type, lists[i].field, lists[i].last),
                            lists[i].name);
        assert_string_equal(record_word(lists[i].type, lists[i].field, lists[i].last + 1),
                            "unknown");
    }
}

static void an_empty_body_is_no_bytes(void **state)
{
    struct record_body body = { .text = NULL };
    struct arena *arena = arena_new(0);
    struct buf out = { 0 };
    struct err err;

    (void)state;
    record_encode_body(&body, &out);
    assert_int_equal(out.len, 0);
    assert_int_equal(record_decode_body(NULL, 0, arena, &body, &err), 0);
    assert_int_equal(record_decode_body("{\"choices\":3}", 13, arena, &body, &err), -1);
    assert_int_equal(record_decode_body("{\"choices\":[{}]}", 16, arena, &body, &err), -1);
    buf_fini(&out);
    arena_free(&arena);
}

static void facts_never_hold_what_a_person_said(void **state)
{
    const struct record record = { .type = RECORD_MESSAGE, .seq = 1,
                                   .body = { .text = "secret", .peer = "secret",
                                             .state = "secret", .customer_name = "secret" } };
    struct buf facts = { 0 };

    (void)state;
    record_encode(&record, &facts);
    assert_null(strstr(facts.data, "secret"));
    buf_fini(&facts);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_type_comes_back_as_the_same_bytes),
        cmocka_unit_test(random_records_with_hostile_texts_come_back_too),
        cmocka_unit_test(an_unknown_field_is_skipped),
        cmocka_unit_test(what_is_wrong_is_named),
        cmocka_unit_test(what_numbers_mean_is_said_by_the_kind_of_record),
        cmocka_unit_test(a_number_without_a_meaning_has_no_name),
        cmocka_unit_test(every_number_that_is_written_has_a_name),
        cmocka_unit_test(an_empty_body_is_no_bytes),
        cmocka_unit_test(facts_never_hold_what_a_person_said),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
