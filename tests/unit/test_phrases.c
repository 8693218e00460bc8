/* test_phrases.c - engine/pack.c, engine/phrases.c, engine/plain.c: what words show. */
#include "config.h"

#include "base/buf.h"
#include "base/err.h"
#include "engine/pack.h"
#include "engine/phrases.h"
#include "engine/plain.h"
#include "tests/check.h"

#define HUMAN "let PERSON person|human\nmatch an? {PERSON}\nyes get me a human\nno hello\n"

static const char *plain(const char *text)
{
    static char copy[256];
    struct buf out = { 0 };

    plain_text(text, strlen(text), &out);
    snprintf(copy, sizeof copy, "%s", out.data);
    buf_fini(&out);
    return copy;
}

static void what_looks_the_same_is_the_same(void **state)
{
    (void)state;
    assert_string_equal(plain("  I\t want\n\nA  HUMAN  "), "i want a human");
    assert_string_equal(plain("don\xe2\x80\x99t \xe2\x80\x9cme\xe2\x80\x9d"), "don't \"me\"");
    assert_string_equal(plain("hu\xe2\x80\x8bman\xc2\xa0now"), "human now");
    assert_string_equal(plain("\xef\xbc\xa8\xef\xbd\x95man"), "human"); /* full width */
    assert_string_equal(plain("E\xcc\x81t\xc3\x89"), "\xc3\xa9t\xc3\xa9");
    assert_string_equal(plain(""), "");
    assert_string_equal(plain("a\xff"), "");
}

static const char *bare(const char *text)
{
    static char copy[256];
    struct buf out = { 0 };

    plain_text(text, strlen(text), &out);
    plain_bare(&out);
    assert_int_equal(strlen(out.data), out.len);
    snprintf(copy, sizeof copy, "%s", out.data);
    buf_fini(&out);
    return copy;
}

static void who_has_not_every_key_writes_the_same(void **state)
{
    (void)state;
    assert_string_equal(bare("P\xc3\xa9simo a\xc3\xb1o"), "pesimo ano");
    assert_string_equal(bare("M\xc3\xb6" "chte \xc3\xbc" "ber Stra\xc3\x9f" "e"),
                        bare("Moechte ueber Strasse"));
    assert_string_equal(bare("\xc3\xa5 \xc3\xa6 \xc3\xb8 \xc5\x93uf"), "aa ae oe oeuf");
    assert_string_equal(bare("\xc3\xb7 \xe2\x82\xac \xd0\xb4 x"), "\xc3\xb7 \xe2\x82\xac \xd0\xb4 x");
    assert_string_equal(bare(""), "");
}

static struct phrases *of(const char *want_human, const char *asks_if_bot)
{
    struct phrases *phrases = phrases_new();
    struct err err;

    assert_int_equal(phrases_add(phrases, "en", "want_human", want_human, strlen(want_human), &err),
                     0);
    if (asks_if_bot)
        assert_int_equal(phrases_add(phrases, "en", "asks_if_bot", asks_if_bot,
                                     strlen(asks_if_bot), &err), 0);
    return phrases;
}

static int finds(struct phrases *phrases, const char *lang, const char *text)
{
    return (phrases_find(phrases, lang, text, strlen(text)) & 1) != 0;
}

static void a_pattern_is_found_between_the_edges_of_words(void **state)
{
    (void)state;
    struct phrases *phrases = of(HUMAN, NULL);

    assert_true(finds(phrases, "en", "Get me a HUMAN!"));
    assert_true(finds(phrases, "en-GB", "a person"));
    assert_false(finds(phrases, "en", "a humane answer"));
    assert_false(finds(phrases, "en", "pizza human"));
    phrases_free(&phrases);
}

static void a_pattern_with_marks_finds_words_without_them(void **state)
{
    struct phrases *phrases = of("match m\xc3\xb6" "chte|p\xc3\xa9simo|f\xc3\xa5r\n"
                                 "yes m\xc3\xb6" "chte\nno macht\n", NULL);

    (void)state;
    assert_true(finds(phrases, "en", "M\xc3\x96" "CHTE"));
    assert_true(finds(phrases, "en", "moechte"));
    assert_true(finds(phrases, "en", "mochte"));
    assert_true(finds(phrases, "en", "pesimo"));
    assert_true(finds(phrases, "en", "faar"));
    assert_false(finds(phrases, "en", "far")); /* another word */
    phrases_free(&phrases);
}

static void a_language_without_packs_finds_nothing_an_unknown_one_asks_all(void **state)
{
    (void)state;
    struct phrases *phrases = of(HUMAN, NULL);

    assert_false(finds(phrases, "da", "a human"));
    assert_true(finds(phrases, PHRASES_UNKNOWN, "a human"));
    phrases_free(&phrases);
}

static void what_another_pack_finds_is_cut_out_and_the_rest_still_counts(void **state)
{
    (void)state;
    struct phrases *phrases = of("without asks_if_bot\n" HUMAN "no are you a human\n",
                                 "match are you a human\nyes are you a human\nno a human\n");
    struct err err;

    assert_int_equal(phrases_check(phrases, &err), 0);
    assert_false(finds(phrases, "en", "Are you a human?"));
    assert_true(finds(phrases, "en", "Are you a human? Get me a human."));
    phrases_free(&phrases);
}

static void an_example_that_does_not_hold_is_told_with_its_line(void **state)
{
    (void)state;
    struct phrases *phrases = of(HUMAN "yes hello\n", NULL);
    struct err err;

    assert_int_equal(phrases_check(phrases, &err), -1);
    assert_string_equal(err.text, "en/want_human.pack: line 5: the example is not found: hello");
    phrases_free(&phrases);
    phrases = of("without asks_if_bot\n" HUMAN, NULL);
    assert_int_equal(phrases_check(phrases, &err), -1);
    assert_non_null(strstr(err.text, "no other pack 'asks_if_bot'"));
    phrases_free(&phrases);
}

static void refuses(const char *text, const char *why)
{
    struct err err = { "" };
    struct pack *pack = pack_read(text, strlen(text), &err);

    if (pack)
        fail_msg("it was read: %s", text);
    if (!strstr(err.text, why))
        fail_msg("'%s' does not say '%s'", err.text, why);
}

static void a_bad_pack_is_refused_with_its_line(void **state)
{
    (void)state;
    refuses("", "no match line");
    refuses("match a\n", "no example");
    refuses("match a\nyes a\n", "none of no");
    refuses("# well\nmtach a\n", "line 2: mtach is none of let");
    refuses("match (a\n", "line 1: missing closing parenthesis");
    refuses("match a)|(b\n", "line 1");
    refuses("match a*\n", "found in an empty text");
    refuses("match {PERSON}\n", "no fragment {PERSON}");
    refuses("let person a\n", "NAME in capitals");
    refuses("let A a\nlet A b\n", "line 2: the fragment A is there already");
    refuses("match\n", "a word and what it says");
    refuses("match \xff\n", "not a UTF-8 text");
}

/* Fragments in fragments grow by powers. */
static void a_pack_that_grows_without_end_is_refused(void **state)
{
    char text[4096] = "let A aaaaaaaaaa\n";

    (void)state;
    for (char c = 'B'; c < 'Z'; c++)
        snprintf(text + strlen(text), 64, "let %c {%c}{%c}{%c}\n", c, c - 1, c - 1, c - 1);
    refuses(text, "larger than");
}

static void a_signal_that_is_none_is_told(void **state)
{
    (void)state;
    struct phrases *phrases = phrases_new();
    struct err err;

    assert_int_equal(phrases_add(phrases, "en", "want_humna", HUMAN, strlen(HUMAN), &err), -1);
    assert_string_equal(err.text, "there is no signal 'want_humna'; did you mean 'want_human'?");
    assert_int_equal(phrases_add(phrases, "..", "want_human", HUMAN, strlen(HUMAN), &err), -1);
    phrases_free(&phrases);
}

static void the_language_is_that_of_the_small_words(void **state)
{
    (void)state;
    struct phrases *phrases = phrases_new();
    struct err err;

    assert_int_equal(phrases_add_words(phrases, "en", "the i want in", 13, &err), 0);
    assert_int_equal(phrases_add_words(phrases, "de", "ich will in", 11, &err), 0);
    assert_string_equal(phrases_lang(phrases, "I want that", 11), "en");
    assert_string_equal(phrases_lang(phrases, "Will ich in", 11), "de");
    assert_string_equal(phrases_lang(phrases, "in", 2), PHRASES_UNKNOWN);
    assert_string_equal(phrases_lang(phrases, "", 0), PHRASES_UNKNOWN);
    phrases_free(&phrases);
}

/* Patterns that take exponential time elsewhere end at their limit; no clock is asked: without the
 * limits this does not end. */
static void hostile_patterns_and_texts_come_to_an_end(void **state)
{
    static const char *const worst[] = { "(a+)+$", "(a|aa)+$", "(?:a|ba?)+(?:a|ba?)+$", "(.*a){12}b",
                                         "(?:\\w+\\s?)+!!" };
    char *text = malloc(PLAIN_MAX * 2);

    (void)state;
    memset(text, 'a', PLAIN_MAX * 2);
    for (size_t i = 0; i < sizeof worst / sizeof *worst; i++) {
        char pack[128];
        snprintf(pack, sizeof pack, "match b%s\nmatch %s\nyes a!!\nno -\n", worst[i], worst[i]);
        struct err err;
        struct phrases *phrases = phrases_new();
        assert_int_equal(phrases_add(phrases, "en", "want_human", pack, strlen(pack), &err), 0);
        for (size_t n = 20; n <= PLAIN_MAX * 2; n *= 4) {
            text[n - 1] = '?';
            (void)phrases_find(phrases, "en", text, n);
            text[n - 1] = 'a';
        }
        phrases_free(&phrases);
    }
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_looks_the_same_is_the_same),
        cmocka_unit_test(who_has_not_every_key_writes_the_same),
        cmocka_unit_test(a_pattern_with_marks_finds_words_without_them),
        cmocka_unit_test(a_pattern_is_found_between_the_edges_of_words),
        cmocka_unit_test(a_language_without_packs_finds_nothing_an_unknown_one_asks_all),
        cmocka_unit_test(what_another_pack_finds_is_cut_out_and_the_rest_still_counts),
        cmocka_unit_test(an_example_that_does_not_hold_is_told_with_its_line),
        cmocka_unit_test(a_bad_pack_is_refused_with_its_line),
        cmocka_unit_test(a_pack_that_grows_without_end_is_refused),
        cmocka_unit_test(a_signal_that_is_none_is_told),
        cmocka_unit_test(the_language_is_that_of_the_small_words),
        cmocka_unit_test(hostile_patterns_and_texts_come_to_an_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
