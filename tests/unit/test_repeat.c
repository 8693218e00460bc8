/* test_repeat.c - measure/repeat.c: does the customer have to say it again? */
#include "config.h"

#include "base/arena.h"
#include "base/err.h"
#include "engine/phrases.h"
#include "measure/repeat.h"
#include "tests/check.h"

static struct arena *arena;

static int set_up(void **state)
{
    (void)state;
    arena = arena_new(0);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    arena_free(&arena);
    return 0;
}

static struct repeat *fresh(void)
{
    return repeat_new(arena, NULL);
}

static void an_identifier_that_the_package_holds_is_known_however_it_is_written(void **state)
{
    (void)state;
    struct repeat *r = fresh();
    repeat_entities(r, "{\"order_id\":\"A-10023\",\"phone\":\"+45 12 34 56 78\",\"n\":99812}");
    assert_int_equal(repeat_find(r, "it is a10023"), REPEAT_IDENTIFIER);
    assert_int_equal(repeat_find(r, "My order: A 10023."), REPEAT_IDENTIFIER);
    assert_int_equal(repeat_find(r, "call 4512345678 please"), REPEAT_IDENTIFIER);
    assert_int_equal(repeat_find(r, "99812"), REPEAT_IDENTIFIER);
    assert_int_equal(repeat_find(r, "it is A-100234"), 0); /* another order */
    assert_int_equal(repeat_find(r, "no 199812"), 0);
    assert_int_equal(repeat_find(r, "hello"), 0);
}

static void what_was_written_just_before_is_in_the_package_too(void **state)
{
    (void)state;
    struct repeat *r = fresh();
    repeat_said(r, "order K-771 is broken"); /* goes out of the last three */
    repeat_said(r, "I bought it at mia@example.com");
    repeat_said(r, "on 2026-11-02");
    repeat_said(r, "yes");
    assert_int_equal(repeat_find(r, "K-771"), 0);
    assert_int_equal(repeat_find(r, "mia@example.com"), REPEAT_IDENTIFIER);
    assert_int_equal(repeat_find(r, "2026-11-02!"), REPEAT_IDENTIFIER);
    repeat_known(r, "dana@example.com");
    assert_int_equal(repeat_find(r, "Dana@Example.com"), REPEAT_IDENTIFIER);
}

/* Said: washing, machine, leaks, water, kitchen, floor. Again: 3 of 5 are 60 %, 2 of 5 are not;
 * 4 of 4 are too few words. */
static void sixty_percent_of_at_least_five_words_are_a_repetition(void **state)
{
    (void)state;
    struct repeat *r = fresh();
    repeat_said(r, "The washing machine leaks water on the kitchen floor");
    assert_int_equal(repeat_find(r, "washing machine leaks, bought yesterday"), REPEAT_WORDS);
    r = fresh();
    repeat_said(r, "The washing machine leaks water on the kitchen floor");
    assert_int_equal(repeat_find(r, "washing machine bought yesterday downtown"), 0);
    r = fresh();
    repeat_said(r, "The washing machine leaks water on the kitchen floor");
    assert_int_equal(repeat_find(r, "Washing machine leaks water"), 0);
    /* What was asked about once is said, too: the second time it is a repetition. */
    assert_int_equal(repeat_find(r, "delivered from Aarhus broken since Tuesday"), 0);
    assert_int_equal(repeat_find(r, "broken! delivered Tuesday, from Aarhus, since then"),
                     REPEAT_WORDS);
}

static void words_count_once_and_in_any_case_and_script(void **state)
{
    (void)state;
    struct repeat *r = fresh();
    repeat_said(r, "k\xc3\xb8leskab");
    /* five words, one of them said before, however often it comes */
    assert_int_equal(repeat_find(r, "K\xc3\x98LESKAB k\xc3\xb8leskab k\xc3\xb8leskab "
                                    "alpha bravo delta gamma"), 0);
}

static void the_packs_say_when_somebody_says_so(void **state)
{
    (void)state;
    static const char pack[] = "match already told\nyes i already told you\nno hello\n";
    struct phrases *phrases = phrases_new();
    struct err err = { "" };
    if (phrases_add(phrases, "en", "already_told", pack, strlen(pack), &err) != 0 ||
        phrases_add_words(phrases, "en", "the have that with", 18, &err) != 0)
        fail_msg("%s", err.text);
    struct repeat *r = repeat_new(arena, phrases);
    assert_int_equal(repeat_find(r, "I already told you"), REPEAT_TOLD);
    assert_int_equal(repeat_find(r, "I have it"), 0);
    /* Small words are no content: here only four words are. */
    r = repeat_new(arena, phrases);
    repeat_said(r, "alpha bravo delta gamma with that");
    assert_int_equal(repeat_find(r, "alpha bravo delta gamma with that have"), 0);
    assert_true(phrases_small_word(phrases, "with", 4));
    assert_false(phrases_small_word(phrases, "without", 7));
    phrases_free(&phrases);
}

static void a_human_who_asks_for_what_the_package_holds_is_seen(void **state)
{
    (void)state;
    struct repeat *r = fresh();
    repeat_entities(r, "{\"order_id\":\"A-10023\",\"email\":\"x\",\"delivery address\":\"y\"}");
    assert_int_equal(repeat_asks(r, "Hello! What is your order number?"), REPEAT_ASKED);
    assert_int_equal(repeat_asks(r, "May I have your email?"), REPEAT_ASKED);
    assert_int_equal(repeat_asks(r, "And the delivery address?"), REPEAT_ASKED);
    assert_int_equal(repeat_asks(r, "I see your order number. How can I help?"), 0);
    assert_int_equal(repeat_asks(r, "Did the order arrive?"), 0); /* not asked for */
    assert_int_equal(repeat_asks(r, "What is your address?"), 0); /* a part of the name */
    assert_int_equal(repeat_asks(r, "I have your email."), 0);
    assert_int_equal(repeat_asks(r, NULL), 0);
}

static void what_is_no_json_or_too_much_is_ignored(void **state)
{
    (void)state;
    struct repeat *r = fresh();
    char name[32];
    repeat_entities(r, "{\"order_id\":");
    repeat_entities(r, "[1,2]");
    for (int i = 0; i < 100; i++) {
        snprintf(name, sizeof name, "{\"slot%d\":\"AB%04d\"}", i, i);
        repeat_entities(r, name);
    }
    assert_int_equal(repeat_find(r, "AB0031"), REPEAT_IDENTIFIER);
    assert_int_equal(repeat_find(r, "AB0099"), 0);
    char *many = arena_alloc(arena, 200000);
    for (int i = 0; i < 20000; i++)
        sprintf(many + i * 9, "word%04d ", i % 10000);
    repeat_said(r, many);
    assert_int_equal(repeat_find(r, "\xff\xfe"), 0); /* no UTF-8 */
    assert_int_equal(repeat_find(r, ""), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(
            an_identifier_that_the_package_holds_is_known_however_it_is_written, set_up,
            tear_down),
        cmocka_unit_test_setup_teardown(what_was_written_just_before_is_in_the_package_too, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(sixty_percent_of_at_least_five_words_are_a_repetition,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(words_count_once_and_in_any_case_and_script, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(the_packs_say_when_somebody_says_so, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_human_who_asks_for_what_the_package_holds_is_seen,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_is_no_json_or_too_much_is_ignored, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
