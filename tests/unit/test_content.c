/* test_content.c - engine/content.c: files, parts and raw data go with their message everywhere. */
#include "config.h"

#include <string.h>

#include "tests/check.h"
#include "tests/same.h"
#include "tests/unit/engine_rig.h"

static const struct td_attachment picture = {
    .size = sizeof picture, .id = "01HF7YAT00041061050R3GG28A", .name = "a \"b\".png",
    .type = "image/png", .bytes = 10485760,
    .sha256 = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
};
static const struct td_attachment *const files[] = { &picture };
static const struct td_part place = { .size = sizeof place, .type = "location", .text = "Oslo",
                                      .data = "{\"lat\":59.9}" };
static const struct td_part wave = { .size = sizeof wave, .type = "x-wave", .text = "" };
static const struct td_part *const parts[] = { &place, &wave };

static enum verdict send(struct rig *rig, const struct td_message *message)
{
    return rig_do(rig, (struct event){ .type = EVENT_MESSAGE, .message = message,
                                       .from = { .channel = "web", .peer = "p1" } });
}

static enum verdict reply(struct rig *rig, const struct td_message *message)
{
    const struct td_message *const list[] = { message };

    return rig_answer(rig, &(struct td_answer){ .messages = list, .n_messages = 1,
                                                .confidence = -1, .grounded = -1 });
}

static void assert_picture(const struct td_message *m)
{
    assert_int_equal(m->n_attachments, 1);
    assert_string_equal(m->attachments[0]->id, picture.id);
    assert_string_equal(m->attachments[0]->name, picture.name);
    assert_string_equal(m->attachments[0]->type, picture.type);
    assert_string_equal(m->attachments[0]->sha256, picture.sha256);
    assert_int_equal(m->attachments[0]->bytes, picture.bytes);
    assert_null(m->attachments[0]->url);
}

static void assert_kept(struct rig *rig)
{
    struct session restored, folded;

    rig_restore(rig, &restored);
    rig_fold(rig, &folded);
    assert_true(session_same(&rig->session, &restored));
    assert_true(session_same(&rig->session, &folded));
    session_fini(&restored);
    session_fini(&folded);
}

static void a_message_that_is_only_a_file_gets_its_turn(void **state)
{
    const struct td_message m = { .size = sizeof m, .id = "m1", .attachments = files,
                                  .n_attachments = 1, .raw = "{\"wire\":[1,2]}" };
    struct rig *rig = rig_new();
    const struct td_turn *turn;

    (void)state;
    assert_int_equal(send(rig, &m), VERDICT_OK);
    assert_non_null(rig_effect(rig, EFFECT_ASK));
    assert_string_equal(rig_record(rig, RECORD_MESSAGE)->body.raw, "{\"wire\":[1,2]}");
    turn = engine_turn(&rig->session, &rig->policy, rig->now, rig->arena);
    assert_int_equal(turn->n_messages, 1);
    assert_picture(turn->messages[0]);
    assert_kept(rig);
    rig_free(&rig);
}

static void an_answer_that_is_only_a_file_is_sent(void **state)
{
    const struct td_message m = { .size = sizeof m, .attachments = files, .n_attachments = 1,
                                  .parts = parts, .n_parts = 2 };
    struct rig *rig = rig_new();
    const struct td_message *out;

    (void)state;
    rig_message(rig, "m1", "send it");
    assert_int_equal(reply(rig, &m), VERDICT_OK);
    assert_non_null(rig_effect(rig, EFFECT_SEND));
    assert_kept(rig);
    out = engine_reply(&rig->session, rig_record(rig, RECORD_REPLY)->seq, rig->arena);
    assert_picture(out);
    assert_int_equal(out->n_parts, 2);
    assert_string_equal(out->parts[0]->data, "{\"lat\":59.9}");
    assert_null(out->parts[1]->data);
    rig_message(rig, "m2", "thanks");
    assert_picture(engine_turn(&rig->session, &rig->policy, rig->now, rig->arena)->history[1]);
    rig_free(&rig);
}

static void too_much_is_refused_whole(void **state)
{
    static char long_data[16386];
    const struct td_attachment *many[11];
    const struct td_part fat = { .size = sizeof fat, .type = "x", .text = "", .data = long_data };
    const struct td_part *const one[] = { &fat };
    const struct td_message full = { .size = sizeof full, .id = "m1", .attachments = many,
                                     .n_attachments = 11 };
    const struct td_message heavy = { .size = sizeof heavy, .id = "m1", .parts = one,
                                      .n_parts = 1 };
    struct rig *rig = rig_new();

    (void)state;
    for (size_t i = 0; i < 11; i++)
        many[i] = &picture;
    memset(long_data, ' ', sizeof long_data - 1);
    assert_int_equal(send(rig, &full), VERDICT_REJECT);
    assert_int_equal(send(rig, &heavy), VERDICT_REJECT);
    rig_message(rig, "m2", "hi");
    reply(rig, &full);
    assert_int_equal(rig_record(rig, RECORD_TURN_END)->outcome, TURN_FAILED);
    rig_free(&rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_message_that_is_only_a_file_gets_its_turn),
        cmocka_unit_test(an_answer_that_is_only_a_file_is_sent),
        cmocka_unit_test(too_much_is_refused_whole),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
