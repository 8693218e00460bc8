/* test_ipc.c - core/ipc: what crosses to an isolated plugin is what stands in plugin.h, all of it. */
#include "config.h"

#include <tandem/plugin.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "ipc/about.h"
#include "ipc/guest_private.h"
#include "ipc/proxy_private.h"
#include "tests/check.h"

/* Of the guest, which is a program of its own: guest_host.c is looked at, not run. */
void guest_put(struct td_instance *inst, enum ipc_type type, uint64_t id, uint32_t a, int32_t b,
               const void *payload)
{
    (void)inst, (void)type, (void)id, (void)a, (void)b, (void)payload;
    abort();
}

void guest_flush(struct td_instance *inst)
{
    (void)inst;
    abort();
}

void guest_call(struct td_instance *inst, enum ipc_type type, uint32_t a, const void *payload,
                struct ipc_frame *frame_r)
{
    (void)inst, (void)type, (void)a, (void)payload, (void)frame_r;
    abort();
}

void guest_filed(struct td_instance *inst, uint64_t job, const struct td_filed *filed)
{
    (void)inst, (void)job, (void)filed;
    abort();
}

static size_t up(size_t at, size_t to)
{
    return (at + to - 1) / to * to;
}

static void the_rows_of_a_struct_are_all_its_fields(void **state)
{
    (void)state;
    for (size_t i = 0; ipc_structs[i] != NULL; i++) {
        const struct ipc_struct *type = ipc_structs[i];
        size_t at = sizeof(uint32_t); /* behind its size */

        for (const struct ipc_field *field = type->fields; field->name != NULL; field++) {
            if (field->offset != up(at, field->size))
                fail_msg("%s.%s: a field before it has no row in wire.c", type->name, field->name);
            at = field->offset + field->size;
            if (field->count != 0) {
                assert_int_equal(field->count, at);
                at += sizeof(size_t);
            }
        }
        if (type->size != up(at, sizeof(void *)) && type->size != up(at, sizeof(uint32_t)))
            fail_msg("%s has grown: wire.c lacks a row for what comes last", type->name);
    }
}

static void every_frame_has_a_name_and_a_known_payload(void **state)
{
    (void)state;
    for (unsigned type = 1; type < IPC_N_TYPES; type++) {
        size_t i = 0;

        assert_non_null(ipc_rows[type].name);
        if (ipc_rows[type].payload != IPC_A_STRUCT)
            continue;
        while (ipc_structs[i] != NULL && ipc_structs[i] != ipc_rows[type].type)
            i++;
        assert_non_null(ipc_structs[i]);
    }
}

static void check_slots(const char *what, const void *table, size_t from, size_t to)
{
    for (size_t at = from; at < to; at += sizeof(void *)) {
        void *slot;

        memcpy(&slot, (const char *)table + at, sizeof slot);
        if (slot == NULL)
            fail_msg("%s: function %zu has been added to plugin.h and is not forwarded", what,
                     (at - from) / sizeof(void *) + 1);
    }
}

static void the_guest_offers_every_function_of_the_host(void **state)
{
    (void)state;
    check_slots("guest_host", &guest_host, offsetof(struct td_host, name), sizeof guest_host);
}

static void the_proxy_has_every_op_of_its_kind(void **state)
{
    (void)state;
    check_slots("channel", proxy_ops(TD_CHANNEL), offsetof(struct td_channel_ops, open),
                sizeof(struct td_channel_ops));
    check_slots("agent", proxy_ops(TD_AGENT), offsetof(struct td_agent_ops, open),
                sizeof(struct td_agent_ops));
    check_slots("desk", proxy_ops(TD_DESK), offsetof(struct td_desk_ops, open),
                offsetof(struct td_desk_ops, limits));
    check_slots("desk", proxy_ops(TD_DESK), offsetof(struct td_desk_ops, kept),
                sizeof(struct td_desk_ops));
}

static void a_descriptor_tells_of_every_op(void **state)
{
    static const struct { enum td_kind kind; size_t end; } kinds[] = {
        { TD_CHANNEL, sizeof(struct td_channel_ops) },
        { TD_AGENT, sizeof(struct td_agent_ops) },
        { TD_DESK, sizeof(struct td_desk_ops) },
    };
    const size_t limits = (offsetof(struct td_desk_ops, limits) -
                           offsetof(struct td_desk_ops, open)) / sizeof(void *);
    struct arena *arena = arena_new(0);

    (void)state;
    for (size_t i = 0; i < 3; i++) {
        const struct td_plugin plugin = { .size = sizeof plugin, .kind = kinds[i].kind,
                                          .name = "x", .version = "1",
                                          .ops = proxy_ops(kinds[i].kind) };
        const size_t n = (kinds[i].end - offsetof(struct td_channel_ops, open)) / sizeof(void *);

        const uint64_t all = (UINT64_C(1) << n) - 1;

        /* What a desk can take is no op, and the proxy has none of its own. */
        assert_int_equal(about_of(&plugin, arena)->ops,
                         kinds[i].kind == TD_DESK ? all & ~(UINT64_C(1) << limits) : all);
    }
    arena_free(&arena);
}

/* ---- Bytes and back ----------------------------------------------------------------------- */

static const struct ipc_struct *type_of(const char *name)
{
    size_t i = 0;

    while (strcmp(ipc_structs[i]->name, name) != 0)
        i++;
    return ipc_structs[i];
}

static void a_turn_comes_out_as_it_went_in(void **state)
{
    const struct td_attachment file = { .size = sizeof file, .id = "01", .name = "a.txt",
                                        .type = "text/plain", .bytes = UINT64_C(1) << 40 };
    const struct td_attachment *const files[] = { &file };
    const struct td_part part = { .size = sizeof part, .type = "location", .text = "there" };
    const struct td_part *const parts[] = { &part };
    const struct td_message message = { .size = sizeof message, .id = "m", .text = "",
                                        .author = TD_CUSTOMER, .seq = 7, .attachments = files,
                                        .n_attachments = 1, .parts = parts, .n_parts = 1 };
    const struct td_message *const messages[] = { &message };
    const struct td_turn turn = { .size = sizeof turn, .id = "t", .cause = TD_BY_ACTION,
                                  .messages = messages, .n_messages = 1 };
    struct arena *arena = arena_new(0);
    struct buf out = { 0 };
    const struct td_turn *copy;
    const char *flaw;

    (void)state;
    assert_int_equal(ipc_encode(&out, type_of("td_turn"), &turn, &flaw), 0);
    copy = ipc_decode(out.data, out.len, type_of("td_turn"), arena, &flaw);
    assert_non_null(copy);
    assert_string_equal(copy->id, "t");
    assert_int_equal(copy->cause, TD_BY_ACTION);
    assert_null(copy->session);
    assert_int_equal(copy->n_history, 0);
    assert_string_equal(copy->messages[0]->text, "");
    assert_null(copy->messages[0]->raw);
    assert_int_equal(copy->messages[0]->seq, 7);
    assert_int_equal(copy->messages[0]->attachments[0]->bytes, UINT64_C(1) << 40);
    assert_string_equal(copy->messages[0]->parts[0]->text, "there");
    assert_null(copy->messages[0]->parts[0]->data);
    buf_fini(&out);
    arena_free(&arena);
}

static void what_an_older_writer_does_not_have_is_not_there(void **state)
{
    const struct td_event event = { .size = offsetof(struct td_event, turn), .text = "x",
                                    .turn = "not to be read" };
    struct arena *arena = arena_new(0);
    struct buf out = { 0 };
    const struct td_event *copy;
    const char *flaw;

    (void)state;
    assert_int_equal(ipc_encode(&out, type_of("td_event"), &event, &flaw), 0);
    copy = ipc_decode(out.data, out.len, type_of("td_event"), arena, &flaw);
    assert_non_null(copy);
    assert_false(TD_HAS(copy, turn));
    assert_null(copy->turn);
    buf_fini(&out);
    arena_free(&arena);
}

static void every_cut_and_every_wild_length_is_refused(void **state)
{
    const struct td_message message = { .size = sizeof message, .id = "m", .text = "hello" };
    const struct td_inbound in = { .size = sizeof in, .peer = "p", .message = &message };
    struct arena *arena = arena_new(0);
    struct buf out = { 0 };
    const char *flaw;

    (void)state;
    assert_int_equal(ipc_encode(&out, type_of("td_inbound"), &in, &flaw), 0);
    for (size_t len = 0; len < out.len; len++) {
        char *cut = malloc(len + 1); /* of exactly that length, for a sanitizer to see */

        memcpy(cut, out.data, len);
        assert_null(ipc_decode(cut, len, type_of("td_inbound"), arena, &flaw));
        assert_non_null(flaw);
        free(cut);
    }
    for (size_t at = 0; at + 4 <= out.len; at++) {
        char *wild = malloc(out.len);

        memcpy(wild, out.data, out.len);
        memset(wild + at, 0x7f, 4);
        ipc_decode(wild, out.len, type_of("td_inbound"), arena, &flaw);
        free(wild);
    }
    buf_fini(&out);
    arena_free(&arena);
}

static void a_value_that_no_enum_has_is_refused_both_ways(void **state)
{
    struct td_sent sent = { .size = sizeof sent, .status = TD_FAIL };
    struct arena *arena = arena_new(0);
    struct buf out = { 0 };
    const char *flaw;

    (void)state;
    assert_int_equal(ipc_encode(&out, type_of("td_sent"), &sent, &flaw), 0);
    out.data[4] = 100;
    assert_null(ipc_decode(out.data, out.len, type_of("td_sent"), arena, &flaw));
    assert_string_equal(flaw, "its td_sent.status is not one");
    sent.status = (enum td_status)100;
    assert_int_equal(ipc_encode(&out, type_of("td_sent"), &sent, &flaw), -1);
    buf_fini(&out);
    arena_free(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_rows_of_a_struct_are_all_its_fields),
        cmocka_unit_test(every_frame_has_a_name_and_a_known_payload),
        cmocka_unit_test(the_guest_offers_every_function_of_the_host),
        cmocka_unit_test(the_proxy_has_every_op_of_its_kind),
        cmocka_unit_test(a_descriptor_tells_of_every_op),
        cmocka_unit_test(a_turn_comes_out_as_it_went_in),
        cmocka_unit_test(what_an_older_writer_does_not_have_is_not_there),
        cmocka_unit_test(every_cut_and_every_wild_length_is_refused),
        cmocka_unit_test(a_value_that_no_enum_has_is_refused_both_ways),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
