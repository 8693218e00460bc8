/* test_sms.c - what channels of short messages share: alphabets, parts, words, ledger, joining. */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "channels/shared/sms_split.h"
#include "channels/shared/sms_text.h"
#include "channels/shared/sms_words.h"
#include "tandem/plugin.h"

static struct sms_plan plan;

static const char *many(const char *letter, size_t n, const char *then)
{
    static char text[65536];
    const size_t len = strlen(letter);

    for (size_t i = 0; i < n; i++)
        memcpy(text + i * len, letter, len);
    strcpy(text + n * len, then);
    return text;
}

static void parts_are(const char *text, enum sms_header header, const size_t *units, size_t n)
{
    sms_split(text, strlen(text), header, &plan);
    assert_int_equal(plan.n, n);
    for (size_t i = 0; i < n; i++)
        assert_int_equal(plan.parts[i].units, units[i]);
}
#define PARTS(text_, header_, ...)                                                     \
    parts_are((text_), (header_), (const size_t[]){ __VA_ARGS__ },                     \
              sizeof (const size_t[]){ __VA_ARGS__ } / sizeof(size_t))

static void parts_have_the_sizes_of_the_standard(void **state)
{
    (void)state;
    PARTS("", SMS_UDH8, 0);
    PARTS(many("a", 160, ""), SMS_UDH8, 160);
    PARTS(many("a", 161, ""), SMS_UDH8, 153, 8);
    PARTS(many("a", 161, ""), SMS_UDH16, 152, 9);
    PARTS(many("a", 159, "\xe2\x82\xac"), SMS_UDH8, 153, 8);
    PARTS(many("a", 152, "\xe2\x82\xac" "bbbbbbbb"), SMS_UDH8, 152, 10);
    PARTS(many("\xd1\x8f", 70, ""), SMS_UDH8, 70);
    PARTS(many("\xd1\x8f", 71, ""), SMS_UDH8, 67, 4);
    PARTS(many("\xd1\x8f", 71, ""), SMS_UDH16, 66, 5);
}

static void graphemes_stay_whole_where_they_can(void **state)
{
    (void)state;
    /* an emoji, a flag, an emoji of a skin colour, a family, a letter with its accent */
    PARTS(many("\xd1\x8f", 66, "\xf0\x9f\x98\x80" "abcd"), SMS_UDH8, 66, 6);
    PARTS(many("\xd1\x8f", 65, "\xf0\x9f\x87\xa9\xf0\x9f\x87\xb0" "ab"), SMS_UDH8, 65, 6);
    PARTS(many("\xd1\x8f", 65, "\xf0\x9f\x91\x8d\xf0\x9f\x8f\xbd" "ab"), SMS_UDH8, 65, 6);
    PARTS(many("\xd1\x8f", 64, "\xf0\x9f\x91\xa9\xe2\x80\x8d\xf0\x9f\x91\xa9\xe2\x80\x8d"
                               "\xf0\x9f\x91\xa7"), SMS_UDH8, 64, 8);
    PARTS(many("\xd1\x8f", 66, "e\xcc\x81" "abc"), SMS_UDH8, 66, 5);
    /* longer than a part: between code points then */
    PARTS(many("\xcc\x81", 80, ""), SMS_UDH8, 67, 13);
}

static void a_text_says_why_it_is_ucs2(void **state)
{
    (void)state;
    sms_split("fa\xc3\xa7" "ade", 7, SMS_UDH8, &plan);
    assert_false(plan.is_gsm);
    assert_int_equal(plan.odd, 0xe7);
    char *plain = sms_transliterate("fa\xc3\xa7" "ade \xe2\x80\x9cx\xe2\x80\x9d \xe2\x80\xa6 \xc3\xa5\xd1\x8f");
    assert_string_equal(plain, "facade \"x\" ... \xc3\xa5\xd1\x8f");
    free(plain);
}

static void a_long_text_is_cut_between_sentences_else_words(void **state)
{
    const char *sentences = many("One, two and three. ", 20, "");
    size_t skip, len = strlen(sentences), at = sms_cut(sentences, len, SMS_UDH8, 1, &skip);

    (void)state;
    assert_int_equal(at, 7 * 20 - 1);
    assert_int_equal(skip, 7 * 20);
    const char *words = many("word ", 100, "");
    at = sms_cut(words, strlen(words), SMS_UDH8, 1, &skip);
    assert_int_equal(at % 5, 4);
    assert_int_equal(skip, at + 1);
    const char *late = many("x", 400, "\xf0\x9f\x98\x80"); /* beyond the parts */
    assert_int_equal(sms_cut(late, strlen(late), SMS_UDH8, 2, &skip), 306);
    const char *one = many("x", 400, "");
    at = sms_cut(one, strlen(one), SMS_UDH8, 2, &skip);
    assert_int_equal(at, 306);
    assert_int_equal(skip, 306);
}

static void what_has_no_room_is_left_out_and_said(void **state)
{
    static const char ending[] = "[...] The rest is missing.";
    const struct sms_limits limits = { .header = SMS_UDH8, .max_parts = 2, .max_messages = 2 };
    static const char *const texts[] = { "One, two and three. ", "word ", "x", "\xd1\x8f", "\xe2\x82\xac" };
    struct sms_cuts cuts;

    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        char *all = strdup(many(texts[i], 700 / strlen(texts[i]) + 300, ""));
        char *out = sms_fit(all, &limits, ending);

        sms_messages(out, &limits, &cuts);
        assert_int_equal(cuts.rest, strlen(out));
        assert_int_equal(cuts.n, 2);
        assert_string_equal(out + strlen(out) - strlen(ending), ending);
        assert_memory_equal(out, all, strlen(out) - strlen(ending) - 1);
        free(out);
        free(all);
    }
    char *short_one = sms_fit("As it is.", &limits, ending);
    assert_string_equal(short_one, "As it is.");
    free(short_one);
}

static void bytes_become_text(void **state)
{
    static const struct {
        enum sms_charset set;
        const char *bytes;
        size_t len;
        const char *text;
        int odd;
    } rows[] = {
        { SMS_GSM, "\x00hi\x1b\x65", 5, "@hi\xe2\x82\xac", 0 },
        { SMS_GSM, "a\x1b", 2, "a ", 0 },
        { SMS_GSM, "\x1b\x1b" "a", 3, " a", 0 },
        { SMS_GSM, "\x80", 1, "\xef\xbf\xbd", 0 },
        { SMS_LATIN1, "\xe5", 1, "\xc3\xa5", 0 },
        { SMS_ASCII, "a\xe5", 2, "a\xef\xbf\xbd", 0 },
        { SMS_UCS2, "\x04\x4f\x04", 3, "\xd1\x8f", 1 },
        { SMS_UCS2, "\xd8\x3d\xde\x00", 4, "\xf0\x9f\x98\x80", 0 },
        { SMS_UCS2, "\xd8\x3d\x00" "a", 4, "\xef\xbf\xbd" "a", 0 },
        { SMS_UCS2, "\xde\x00", 2, "\xef\xbf\xbd", 0 },
        { SMS_UCS2, "\x00\x00", 2, "\xef\xbf\xbd", 0 },
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        int odd;
        char *text = sms_decode(rows[i].set, (const uint8_t *)rows[i].bytes, rows[i].len, &odd);

        assert_string_equal(text, rows[i].text);
        assert_int_equal(odd, rows[i].odd);
        free(text);
    }
}

static void only_a_whole_message_is_a_wish(void **state)
{
    static const char *const languages[] = { "en", "fr", "da", NULL };
    static const char *const own[] = { "+33 ASSEZ", "no more", NULL };
    static const char *const none[] = { NULL };
    const char *const *const words_of[SMS_N_WISHES] = { NULL, own, none, none };
    static const struct {
        const char *peer, *text;
        enum sms_wish wish;
        const char *language;
    } rows[] = {
        { "+45", "STOP", SMS_STOP, "en" },
        { "+45", "  stop.\n", SMS_STOP, "en" },
        { "+45", "\"Stop!\"", SMS_STOP, "en" },
        { "+45", "please stop", SMS_NO_WISH, "en" },
        { "+45", "stop it", SMS_NO_WISH, "en" },
        { "+33", "Arr\xc3\xaat", SMS_STOP, "fr" },
        { "+45", "hj\xc3\xa6lp", SMS_HELP, "da" },
        { "+45", "HELP", SMS_HELP, "en" },
        { "+45", "start", SMS_START, "en" },
        { "+33", "assez", SMS_STOP, "en" },
        { "+45", "assez", SMS_NO_WISH, "en" },
        { "+45", "No More", SMS_STOP, "en" },
        { "+45", "", SMS_NO_WISH, "en" },
        { "+45", "...", SMS_NO_WISH, "en" },
    };
    struct td_error err;
    struct sms_words *words = sms_words_new(languages, words_of, &err);

    (void)state;
    assert_non_null(words);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const char *language;

        assert_int_equal(sms_words_find(words, rows[i].peer, rows[i].text, &language), rows[i].wish);
        if (rows[i].wish != SMS_NO_WISH)
            assert_string_equal(language, rows[i].language);
    }
    sms_words_free(&words);
    static const char *const unknown[] = { "xx", NULL };
    assert_null(sms_words_new(unknown, words_of, &err));
    assert_string_equal(err.text, "consent_languages: there is no set of words for \"xx\"; there are "
                                  "en, da, de, es, fr");
}

static void what_is_answered_to_a_wish_fits_one_part(void **state)
{
    static const char *const languages[] = { "en", "da", "de", "es", "fr" };

    (void)state;
    for (size_t i = 0; i < 5; i++) {
        for (int wish = SMS_STOP; wish < SMS_N_WISHES; wish++) {
            const char *text = sms_words_reply((enum sms_wish)wish, languages[i]);

            assert_non_null(text);
            sms_split(text, strlen(text), SMS_UDH8, &plan);
            if (plan.n != 1)
                fail_msg("%s: \"%s\" needs %zu parts for U+%04X", languages[i], text, plan.n,
                         (unsigned)plan.odd);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parts_have_the_sizes_of_the_standard),
        cmocka_unit_test(graphemes_stay_whole_where_they_can),
        cmocka_unit_test(a_text_says_why_it_is_ucs2),
        cmocka_unit_test(a_long_text_is_cut_between_sentences_else_words),
        cmocka_unit_test(what_has_no_room_is_left_out_and_said),
        cmocka_unit_test(bytes_become_text),
        cmocka_unit_test(only_a_whole_message_is_a_wish),
        cmocka_unit_test(what_is_answered_to_a_wish_fits_one_part),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
