/*
 * test_package.c - engine/package.c: what a desk gets. `test_package print N` prints N random
 * packages as JSON, one a line, for tests/e2e/contracts.mjs.
 */
#include "config.h"

#include "tests/check.h"

#include <tandem/json.h>

#include "base/arena.h"
#include "base/utf8.h"
#include "engine/package.h"

#define ALLOW(...) ((const char *const[]){ __VA_ARGS__, NULL })

static struct arena *arena;

static const struct package_pair entities[] = { { "order_id", "A-1" }, { "iban", "DK50" } };
static const struct package_step done[] = {
    { .step = "looked it up", .action = "order_lookup", .outcome = "ok", .receipt = "r1" },
};
static const struct package_said said[] = { { 3, 0, "one" }, { 5, 0, "two" }, { 7, 0, "three" },
                                            { 9, 0, "four" } };
static const struct package small = {
    .handoff = "01HANDOFF", .session = "01SESSION", .epoch = 4, .code = "customer_request",
    .confidence = 930, .intent = "refund", .customer_id = "c-88", .customer_name = "Dana",
    .tier = "gold", .locale = "en", .entities = entities, .n_entities = 2, .done = done,
    .n_done = 1, .last = said, .n_last = 4,
};

static const char *compile(const struct package *package, enum td_package_format format,
                           size_t bytes, const char *const *allow)
{
    return package_compile(package, &(struct package_target){ .format = format, .bytes = bytes,
                                                                 .allow = allow }, arena);
}

static void json_holds_what_is_known_and_permitted(void **state)
{
    (void)state;
    assert_string_equal(
        compile(&small, TD_PACKAGE_JSON, 0, ALLOW("order_id", "name")),
        "{\"version\":1,\"handoff_id\":\"01HANDOFF\",\"session_id\":\"01SESSION\",\"epoch\":4,"
        "\"reason\":{\"code\":\"customer_request\"},"
        "\"intent\":{\"name\":\"refund\",\"confidence\":0.930},"
        "\"summary\":\"Intent: refund. order_id: A-1. Done: looked it up.\","
        "\"customer\":{\"id\":\"c-88\",\"name\":\"Dana\",\"locale\":\"en\",\"verified\":false},"
        "\"entities\":{\"order_id\":\"A-1\"},\"done\":[{\"step\":\"looked it up\","
        "\"action\":\"order_lookup\",\"outcome\":\"ok\",\"receipt\":\"r1\"}],"
        "\"last_customer_messages\":[{\"seq\":5,\"text\":\"two\"},"
        "{\"seq\":7,\"text\":\"three\"},{\"seq\":9,\"text\":\"four\"}],"
        "\"dropped\":[{\"field\":\"customer.tier\",\"reason\":\"not_permitted\"},"
        "{\"field\":\"entities.iban\",\"reason\":\"not_permitted\"}]}");
}

static void the_newest_message_survives_longest(void **state)
{
    struct package_said long_ago[4];
    struct package package = small;
    const char *text, *less;

    (void)state;
    memcpy(long_ago, said, sizeof said);
    long_ago[1].text = "two, with so many words that leaving it out makes room for saying so, I hope";
    package.last = long_ago;
    text = compile(&package, TD_PACKAGE_JSON, 0, NULL);
    less = compile(&package, TD_PACKAGE_JSON, strlen(text) - 1, NULL);
    assert_null(strstr(less, "two, "));
    assert_non_null(strstr(less, "{\"seq\":7,\"text\":\"three\"},{\"seq\":9,\"text\":\"four\"}]"));
    assert_non_null(strstr(less, "\"last_customer_messages\",\"reason\":\"too_large\""));
}

static void flat_keys_and_a_note_and_a_header(void **state)
{
    const struct package_pair odd[] = { { "a b", "1" }, { "a_b", "2" }, { "ok", "x\n\"y" } };
    const struct package package = { .handoff = "H", .session = "S", .code = "c d\r\nX: y",
                                     .confidence = -1, .summary = "All is\nwell.",
                                     .entities = odd, .n_entities = 3 };

    (void)state;
    assert_string_equal(compile(&package, TD_PACKAGE_FLAT, 0, ALLOW("a b", "a_b", "ok")),
                        "{\"version\":\"1\",\"handoff_id\":\"H\",\"session_id\":\"S\","
                        "\"epoch\":\"0\",\"reason_code\":\"c d  X: y\","
                        "\"summary\":\"All is well.\","
                        "\"customer_verified\":\"false\",\"entities_a_b\":\"1\","
                        "\"entities_ok\":\"x \\\"y\",\"dropped\":\"entities.a_b:unsupported\"}");
    assert_string_equal(compile(&package, TD_PACKAGE_TEXT, 0, ALLOW("ok")),
                        "Handoff: H\nSession: S\nEpoch: 0\nReason code: c d  X: y\n"
                        "Summary: All is well.\nCustomer verified: false\nGiven ok: x \"y\n"
                        "Left out: entities.a b (not permitted), entities.a_b (not permitted)\n");
    assert_string_equal(compile(&package, TD_PACKAGE_HEADER, 0, NULL),
                        "handoff=H;session=S;reason=c-d--X--y");
    assert_string_equal(compile(&package, TD_PACKAGE_HEADER, 20, NULL), "handoff=H;session=S");
}

static void the_summary_is_at_most_600_characters_and_never_missing(void **state)
{
    char text[2 * 700 + 1];
    struct package package = { .handoff = "H", .confidence = -1, .code = "legal" };
    const char *out;

    (void)state;
    assert_non_null(strstr(compile(&package, TD_PACKAGE_JSON, 0, NULL),
                           "\"summary\":\"Handed over: legal.\""));
    for (size_t i = 0; i < 700; i++)
        memcpy(text + 2 * i, "\xc3\xa6", 2);
    text[1400] = '\0';
    package.summary = text;
    out = strstr(compile(&package, TD_PACKAGE_JSON, 0, NULL), "\"summary\":\"") + 11;
    assert_int_equal(strcspn(out, "\""), 1200);
    assert_non_null(strstr(out, "{\"field\":\"summary\",\"reason\":\"too_large\"}"));
    out = compile(&package, TD_PACKAGE_JSON, 60, NULL);
    assert_true(strncmp(out, "{\"handoff_id\":\"H\",\"summary\":\"\xc3\xa6", 30) == 0);
}

/* ---- Properties -------------------------------------------------------------------------- */

static uint64_t seed;

static unsigned dice(unsigned sides)
{
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    return (unsigned)(seed >> 33) % sides;
}

static const char *word(const char *mark)
{
    static const char *const odd[] = { "\"", "\\", "\n", "\x01", "\xff", "\xc3\xa6", "{",
                                       "\xf0\x9f\x98\x80", "\xed\xa0\x80", "\x7f", "]", ",",
                                       "%s", "\xe2\x80\xa8", "x" };
    size_t n = dice(8) ? dice(12) : dice(8) ? dice(200) : dice(3000);
    char *text = arena_alloc(arena, 8 * n + strlen(mark) + 1);

    memcpy(text, mark, strlen(mark) + 1);
    for (size_t i = 0, len = strlen(mark); i < n; i++) {
        const char *next = odd[dice(sizeof odd / sizeof *odd)];
        memcpy(text + len, next, strlen(next));
        len += strlen(next);
    }
    return dice(6) || *mark ? text : NULL;
}

static const char *const *words(size_t *n_r)
{
    const char **list = arena_array(arena, 16, sizeof *list);

    *n_r = dice(16);
    for (size_t i = 0; i < *n_r; i++)
        list[i] = word("");
    return list;
}

/* Even ones are in `allow`, and say "fine"; odd ones are not, and say "SECRET". */
static const struct package_pair *pairs(size_t *n_r)
{
    struct package_pair *list = arena_array(arena, 70, sizeof *list);

    *n_r = dice(4) ? dice(8) : dice(70);
    for (size_t i = 0; i < *n_r; i++) {
        unsigned key = dice(40);
        list[i].name = dice(20) ? arena_printf(arena, "k%u", key) : word("hostile");
        list[i].value = list[i].name[0] == 'k' && key % 2 == 0 ? word("fine") : word("SECRET");
    }
    return list;
}

static const struct package_step *steps(size_t *n_r)
{
    struct package_step *list = arena_array(arena, 30, sizeof *list);

    *n_r = dice(30);
    for (size_t i = 0; i < *n_r; i++)
        list[i] = (struct package_step){ word(""), word(""), word(""), word(""), dice(1000) };
    return list;
}

static struct package random_package(void)
{
    struct package p = {
        .handoff = "01JDZ8RQ2V5M3N6P7Q8R9S0T1V", .session = "01JDZ8RQ2V5M3N6P7Q8R9S0T1W",
        .epoch = dice(9), .code = word("code"), .category = word("class"), .reason = word(""),
        .intent = word(""), .intent_status = dice(2) ? "clarifying" : NULL,
        .confidence = (int64_t)dice(1200) - 100,
        .status = dice(2) ? "urgent" : NULL, .summary = word(""), .customer_id = word(""),
        .customer_name = word("SECRET"), .tier = word("fine"), .locale = word(""),
        .verified = (int)dice(2), .open_question = word(""), .channel = word("web"),
        .channel_kind = "webchat", .channel_caps = dice(256), .reply_until = dice(2),
        .transcript_url = word("https://"), .transcript_count = dice(100),
    };
    struct package_said *last = arena_array(arena, 5, sizeof *last);
    struct package_evidence *evidence = arena_array(arena, 8, sizeof *evidence);
    struct package_promise *promises = arena_array(arena, 12, sizeof *promises);
    const struct td_attachment **files = arena_array(arena, 12, sizeof *files);

    p.fields = pairs(&p.n_fields);
    p.entities = pairs(&p.n_entities);
    p.done = steps(&p.n_done);
    p.failed = steps(&p.n_failed);
    p.risk_flags = words(&p.n_risk_flags);
    p.also = words(&p.n_also);
    p.open_intents = words(&p.n_open_intents);
    p.last = last;
    p.n_last = dice(6);
    for (size_t i = 0; i < p.n_last; i++)
        last[i] = (struct package_said){ i, 1, word("") };
    p.evidence = evidence;
    p.n_evidence = dice(8);
    for (size_t i = 0; i < p.n_evidence; i++)
        evidence[i] = (struct package_evidence){ i, word("") };
    p.promises = promises;
    p.n_promises = dice(12);
    for (size_t i = 0; i < p.n_promises; i++)
        promises[i] = (struct package_promise){ "p", word(""), word(""), "open", dice(2000) };
    p.attachments = files;
    p.n_attachments = dice(12);
    for (size_t i = 0; i < p.n_attachments; i++) {
        struct td_attachment *file = arena_alloc(arena, sizeof *file);
        *file = (struct td_attachment){ .size = sizeof *file, .id = "f", .name = word("") };
        files[i] = file;
    }
    return p;
}

static const char *const *allowed(void)
{
    const char **list = arena_array(arena, 23, sizeof *list);

    for (size_t i = 0; i < 20; i++)
        list[i] = arena_printf(arena, "k%zu", 2 * i);
    list[20] = "tier";
    return list;
}

static const char *const top[] = {
    "handoff_id", "session_id", "epoch", "reason", "intent", "status", "summary", "customer",
    "entities", "done", "failed", "risk_flags", "last_customer_messages", "open_question",
    "channel", "attachments", "promises", "open_intents", "transcript",
};
#define TOP (sizeof top / sizeof *top)

static int names(const cJSON *dropped, const char *field)
{
    const cJSON *item;
    size_t len = strlen(field);

    cJSON_ArrayForEach(item, dropped) {
        const char *name = td_json_get_str(item, "field");
        if (strcmp(name, "*") == 0 ||
            (strncmp(name, field, len) == 0 && (!name[len] || name[len] == '.')))
            return 1;
    }
    return 0;
}

/* whole: the same with room for everything; what is missing beside it must be named. */
static void check_json(const char *text, const char *whole)
{
    char why[200] = "";
    cJSON *tree = td_json_parse(text, strlen(text), NULL, why, sizeof why);
    cJSON *all = td_json_parse(whole, strlen(whole), NULL, why, sizeof why);
    const cJSON *dropped = td_json_get(tree, "dropped");
    int cut_off = 0;

    if (!tree || !all)
        fail_msg("%s: %s", why, text);
    if (td_json_get(tree, "version"))
        assert_true(cJSON_IsArray(dropped));
    for (size_t i = 0; dropped && i < TOP; i++) {
        const cJSON *one = td_json_get(tree, top[i]), *other = td_json_get(all, top[i]);
        if ((one || other) && !cJSON_Compare(one, other, 1))
            assert_true(names(dropped, top[i]));
        if (strcmp(top[i], "handoff_id") == 0 || strcmp(top[i], "summary") == 0)
            assert_non_null(one);
        else if (one)
            assert_false(cut_off); /* nothing survives what is before it */
        else if (other)
            cut_off = 1;
    }
    cJSON_Delete(tree);
    cJSON_Delete(all);
}

static void any_package_keeps_to_limit_permission_order_and_names_what_it_dropped(void **state)
{
    (void)state;
    seed = 20261123;
    for (unsigned round = 0; round < 150; round++) {
        arena_reset(arena);
        struct package p = random_package();
        const char *const *allow = allowed();
        const char *whole = compile(&p, TD_PACKAGE_JSON, 1000000, allow);
        for (unsigned i = 0; i < 4; i++) {
            size_t limit = dice(4) ? 300 + dice(6000) : 1 + dice(400);
            for (int format = TD_PACKAGE_JSON; format <= TD_PACKAGE_HEADER; format++) {
                enum td_package_format as = (enum td_package_format)format;
                const char *text = compile(&p, as, limit, allow);
                assert_true(strlen(text) <= limit);
                assert_true(utf8_valid(text, strlen(text)));
                assert_null(strstr(text, "SECRET"));
                assert_string_equal(text, compile(&p, as, limit, allow));
                if (format == TD_PACKAGE_JSON && limit >= 2)
                    check_json(text, whole);
                if (format == TD_PACKAGE_FLAT && limit >= 2) {
                    cJSON *tree = td_json_parse(text, strlen(text), &(struct td_json_limits){
                                                    .keys = 1000 }, NULL, 0);
                    const cJSON *value;
                    assert_non_null(tree);
                    cJSON_ArrayForEach(value, tree)
                        assert_true(cJSON_IsString(value));
                    cJSON_Delete(tree);
                }
                for (const char *c = text; *c; c++)
                    assert_true((unsigned char)*c >= 0x20 || *c == '\n');
            }
        }
    }
}

static int open_arena(void **state)
{
    (void)state;
    arena = arena_new(1 << 16);
    return 0;
}

static int close_arena(void **state)
{
    (void)state;
    arena_free(&arena);
    return 0;
}

int main(int argc, char **argv)
{
#define TEST(fn) cmocka_unit_test_setup_teardown(fn, open_arena, close_arena)
    const struct CMUnitTest tests[] = {
        TEST(json_holds_what_is_known_and_permitted),
        TEST(the_newest_message_survives_longest),
        TEST(flat_keys_and_a_note_and_a_header),
        TEST(the_summary_is_at_most_600_characters_and_never_missing),
        TEST(any_package_keeps_to_limit_permission_order_and_names_what_it_dropped),
    };
    if (argc == 3 && strcmp(argv[1], "print") == 0) {
        open_arena(NULL);
        for (long n = strtol(argv[2], NULL, 10); n > 0; n--) {
            struct package p = random_package();
            puts(compile(&p, TD_PACKAGE_JSON, n % 2 ? 4096 : 1000000, allowed()));
            arena_reset(arena);
        }
        return close_arena(NULL);
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
