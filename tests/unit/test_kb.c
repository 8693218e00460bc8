/* test_kb.c - plugins/shared/kb*.c: what is read, and what is found in it. */
#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "plugins/shared/kb.h"
#include "tests/check.h"

static struct kb_sections read_ok(const char *text)
{
    struct kb_sections sections;
    char why[KB_WHY];

    if (kb_markdown_read(text, strlen(text), &sections, why) != 0)
        fail_msg("it was refused: %s", why);
    return sections;
}

static void refuses(const char *text, const char *sentence)
{
    struct kb_sections sections;
    char why[KB_WHY] = "it was read";

    (void)kb_markdown_read(text, strlen(text), &sections, why);
    assert_string_equal(why, sentence);
}

/* ---- Markdown ------------------------------------------------------------------------------ */

static void a_heading_begins_a_section_and_its_body_becomes_plain_text(void **state)
{
    struct kb_sections s = read_ok("# Refunds\n\n## How long?\nFive **working** days\nafter it is "
                                   "`here`.\n\nSee [our page](https://x.example/r).\n\n* one\n* two\n");

    (void)state;
    assert_int_equal(s.n, 2);
    assert_string_equal(s.list[0].text, "");
    assert_string_equal(s.list[1].title, "How long?");
    assert_string_equal(s.list[1].anchor, "how-long");
    assert_int_equal(s.list[1].line, 3);
    assert_string_equal(s.list[1].text, "Five working days after it is here.\n\n"
                                        "See our page (https://x.example/r).\n\n- one\n- two");
    kb_sections_free(&s);
}

static void comments_steer_and_are_not_said(void **state)
{
    struct kb_sections s = read_ok("# A\n<!-- asked: money back;\n  where is it; -->\n"
                                   "<!-- escalate: refund_dispute -->\n<!-- a note -->\nText.\n"
                                   "# B\n<!-- smalltalk -->\n<!-- say: start -->\n");

    (void)state;
    assert_string_equal(s.list[0].asked, "money back\nwhere is it\n");
    assert_string_equal(s.list[0].escalate, "refund_dispute");
    assert_string_equal(s.list[0].text, "Text.");
    assert_int_equal(s.list[0].smalltalk, 0);
    assert_int_equal(s.list[1].smalltalk, 1);
    assert_string_equal(s.list[1].say, "start");
    kb_sections_free(&s);
}

static void equal_headings_have_anchors_of_their_own_and_code_has_no_headings(void **state)
{
    struct kb_sections s = read_ok("# A\n# A\n```\n# no\n```\n");

    (void)state;
    assert_int_equal(s.n, 2);
    assert_string_equal(s.list[1].anchor, "a-1");
    assert_string_equal(s.list[1].text, "# no");
    kb_sections_free(&s);
}

static void what_is_wrong_is_told_with_its_line(void **state)
{
    char *large = malloc(KB_TEXT_MAX + 64);

    (void)state;
    refuses("hello\n# A\n", "line 1: a heading comes first: # What it is about");
    refuses("# A\n\n<!-- asked: x\n", "line 3: the comment has no end: -->");
    refuses("# A\n<!-- escalate: Refund -->\n",
            "line 2: a word of a to z and _ is expected behind the colon");
    refuses("# A\n<!-- asked: x --> y\n", "line 2: a comment stands on lines of its own");
    refuses("# A\xff\n", "it is not a UTF-8 text");
    memset(large, 'a', KB_TEXT_MAX + 63);
    memcpy(large, "# A\n", 4);
    large[KB_TEXT_MAX + 63] = '\0';
    refuses(large, "line 2: the section is longer than 8000 bytes: divide it");
    free(large);
}

/* ---- Words --------------------------------------------------------------------------------- */

static void words_are_letters_and_digits_only(void **state)
{
    struct kb_words words;
    static const char text[] = "Don\xe2\x80\x99t \"OR\" x:* NEAR(1, \xc3\x84RGER)";

    (void)state;
    kb_words_of(text, sizeof text - 1, &words);
    assert_int_equal(words.n, 6);
    assert_string_equal(words.at[0], "dont");
    assert_string_equal(words.at[1], "or");
    assert_string_equal(words.at[3], "near");
    assert_string_equal(words.at[5], "\xc3\xa4rger");
    kb_words_of("a\xff", 2, &words);
    assert_int_equal(words.n, 0);
}

static void a_slip_of_the_finger_is_seen(void **state)
{
    struct kb_word_list list = { .n = 0 };

    (void)state;
    assert_int_equal(kb_word_list_add(&list, "refund refunds invoice order", 28), 0);
    kb_word_list_sort(&list);
    assert_string_equal(kb_word_list_near(&list, "invioce"), "invoice");
    assert_string_equal(kb_word_list_near(&list, "refnd"), "refund");
    assert_string_equal(kb_word_list_near(&list, "invoicee"), "invoice");
    assert_null(kb_word_list_near(&list, "voice"));
    assert_null(kb_word_list_near(&list, "ordr"));
    kb_word_list_fini(&list);
}

/* ---- The base ------------------------------------------------------------------------------ */

static char dir[] = "/tmp/tandem-kb-XXXXXX";
static char path[256];

static void write_file(const char *name, const char *text)
{
    FILE *file;

    snprintf(path, sizeof path, "%s/%s", dir, name);
    file = fopen(path, "w");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

static void make_dir(const char *name)
{
    snprintf(path, sizeof path, "%s/%s", dir, name);
    (void)mkdir(path, 0700);
}

static struct kb *base(void)
{
    struct td_error err = { "" };
    struct kb *kb = kb_open(dir, &err);

    if (kb == NULL)
        fail_msg("%s", err.text);
    return kb;
}

static int set_up(void **state)
{
    (void)state;
    if (mkdtemp(dir) == NULL)
        return -1;
    make_dir("en");
    make_dir("de");
    write_file("en/words", "the is my how do i get a\n");
    write_file("de/words", "die ist mein wie ich\n");
    write_file("en/shop.md", "# Shop\n## Refunds\n<!-- asked: money back; send money -->\n"
                             "Five days.\n## Parcels\n<!-- asked: where is my parcel -->\nSoon.\n"
                             "## Hello\n<!-- smalltalk -->\n<!-- asked: hello; good day -->\nHi!\n"
                             "## No\n<!-- say: none -->\n<!-- asked: none of these -->\nElse\n");
    write_file("de/laden.md", "# Laden\n## Rechnungen\nIm Konto.\n## R\xc3\xbc" "ckgabe\n30 Tage.\n");
    return 0;
}

static int tear_down(void **state)
{
    static const char *const names[] = { "en/words", "de/words", "en/shop.md", "de/laden.md",
                                         "en/bad.md", "en", "de", "" };

    (void)state;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        snprintf(path, sizeof path, "%s/%s", dir, names[i]);
        (void)remove(path);
    }
    return 0;
}

static const char *found(const struct kb_lang *lang, const char *text, double *cover_r)
{
    struct kb_hit hits[KB_HITS_MAX];

    if (kb_search(lang, text, hits) == 0)
        return "nothing";
    if (cover_r != NULL)
        *cover_r = hits[0].cover;
    return hits[0].section->source;
}

static void what_is_asked_is_found_with_its_source(void **state)
{
    struct kb *kb = base();
    const struct kb_lang *en = kb_lang_get(kb, "en-GB");
    double sure = 0, unsure = 0;

    (void)state;
    assert_string_equal(found(en, "How do I get my money back?", &sure), "en/shop.md#refunds");
    assert_string_equal(found(en, "PARCEL", NULL), "en/shop.md#parcels");
    assert_string_equal(found(en, "the refunsd", NULL), "en/shop.md#refunds");
    assert_string_equal(found(en, "parcel to the moon tonight", &unsure), "en/shop.md#parcels");
    assert_true(sure > 0.95 && unsure < 0.5);
    assert_string_equal(found(en, "is it raining", NULL), "nothing");
    assert_string_equal(found(en, "how do i", NULL), "nothing");
    assert_string_equal(found(en, "hello", NULL), "nothing");
    kb_close(&kb);
}

static void a_language_without_a_stemmer_finds_other_endings(void **state)
{
    struct kb *kb = base();
    const struct kb_lang *de = kb_lang_get(kb, "de");

    (void)state;
    assert_string_equal(found(de, "wo ist meine Rechnung", NULL), "de/laden.md#rechnungen");
    assert_string_equal(found(de, "R\xc3\x9c" "CKGABEN", NULL), "de/laden.md#r\xc3\xbc" "ckgabe");
    kb_close(&kb);
}

static void hostile_questions_are_words_to_the_index(void **state)
{
    static const char *const hostile[] = {
        "\" OR 1=1; DROP TABLE kb1; --", "title:money", "money* NEAR(money money, 99)", "{title} : x",
        "^money", "\"\"\"\"", "((((", "AND OR NOT", "\xf0\x9f\x92\xa9", "money\xff",
    };
    char *text = malloc(100001);
    struct kb *kb = base();
    const struct kb_lang *en = kb_lang_get(kb, "en");

    (void)state;
    for (size_t i = 0; i < sizeof hostile / sizeof hostile[0]; i++)
        (void)found(en, hostile[i], NULL);
    for (size_t i = 0; i < 100000; i++)
        text[i] = "money \"*"[i % 8];
    text[100000] = '\0';
    assert_string_equal(found(en, text, NULL), "en/shop.md#refunds");
    assert_string_equal(found(en, "money back", NULL), "en/shop.md#refunds"); /* still whole */
    free(text);
    kb_close(&kb);
}

static void small_talk_is_the_whole_text_or_none(void **state)
{
    struct kb *kb = base();
    const struct kb_lang *en = kb_lang_get(kb, "en");

    (void)state;
    assert_string_equal(kb_talk_find(en, "Hello, good day!")->text, "Hi!");
    assert_null(kb_talk_find(en, "hello, my parcel"));
    assert_null(kb_talk_find(en, "day"));
    assert_null(kb_talk_find(en, ""));
    assert_true(kb_talk_is(en, "none", "None of these."));
    assert_false(kb_talk_is(en, "none", "none of my parcels"));
    kb_close(&kb);
}

static void the_language_is_that_of_the_small_words(void **state)
{
    struct kb *kb = base();

    (void)state;
    assert_string_equal(kb_lang_detect(kb, "Wie ist mein Paket?", 1)->name, "de");
    assert_string_equal(kb_lang_detect(kb, "how is the parcel", 2)->name, "en");
    assert_null(kb_lang_detect(kb, "paket", 1));
    assert_null(kb_lang_get(kb, "fr"));
    assert_null(kb_lang_get(kb, NULL));
    kb_close(&kb);
}

static void a_base_that_cannot_be_read_names_the_file(void **state)
{
    struct td_error err;

    (void)state;
    assert_null(kb_open("/nonexistent/kb", &err));
    assert_string_equal(err.text, "the knowledge base /nonexistent/kb cannot be read: No such file "
                                  "or directory");
    write_file("en/bad.md", "no heading\n");
    assert_null(kb_open(dir, &err));
    assert_non_null(strstr(err.text, "en/bad.md: line 1: a heading comes first"));
    snprintf(path, sizeof path, "%s/en/bad.md", dir);
    remove(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_heading_begins_a_section_and_its_body_becomes_plain_text),
        cmocka_unit_test(comments_steer_and_are_not_said),
        cmocka_unit_test(equal_headings_have_anchors_of_their_own_and_code_has_no_headings),
        cmocka_unit_test(what_is_wrong_is_told_with_its_line),
        cmocka_unit_test(words_are_letters_and_digits_only),
        cmocka_unit_test(a_slip_of_the_finger_is_seen),
        cmocka_unit_test(what_is_asked_is_found_with_its_source),
        cmocka_unit_test(a_language_without_a_stemmer_finds_other_endings),
        cmocka_unit_test(hostile_questions_are_words_to_the_index),
        cmocka_unit_test(small_talk_is_the_whole_text_or_none),
        cmocka_unit_test(the_language_is_that_of_the_small_words),
        cmocka_unit_test(a_base_that_cannot_be_read_names_the_file),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
