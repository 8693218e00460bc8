/*
 * test_prefilter.c - base/finder.c, base/literals.c: what is not looked at could not have matched; and
 * how many steps the shipped packs take on the texts that are worst for them.
 */
#include "config.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>
#include <tandem/json.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/finder.h"
#include "base/literals.h"
#include "base/mem.h"
#include "engine/pack.h"
#include "engine/plain.h"
#include "tests/check.h"

#define PACKS_MAX 128

static struct shipped {
    char lang[8];
    struct pack *pack;
    struct literals *needs; /* a line each */
} packs[PACKS_MAX];
static size_t n_packs;

/* ---- The shipped packs ------------------------------------------------------------------------ */

static char *read_file(const char *path, size_t *len_r)
{
    FILE *file = fopen(path, "r");
    char *text = NULL;
    size_t n = 0, got;

    if (file == NULL)
        return NULL;
    do {
        text = mem_grow(text, n + 65536 + 1);
        got = fread(text + n, 1, 65536, file);
        n += got;
    } while (got > 0);
    fclose(file);
    text[n] = '\0';
    *len_r = n;
    return text;
}

static void add_pack(const char *lang, const char *path)
{
    struct shipped *to = &packs[n_packs++];
    struct err err = { "" };
    size_t len = 0;
    char *text = read_file(path, &len);

    assert_non_null(text);
    snprintf(to->lang, sizeof to->lang, "%s", lang);
    to->pack = pack_read(text, len, &err);
    if (to->pack == NULL)
        fail_msg("%s: %s", path, err.text);
    to->needs = mem_array(to->pack->n_lines, sizeof *to->needs);
    for (size_t i = 0; i < to->pack->n_lines; i++)
        literals_of(to->pack->lines[i].text, &to->needs[i]);
    free(text);
}

static int set_up(void **state)
{
    static const char *const langs[] = { "da", "de", "en", "es", "fr" };
    const char *top = getenv("top_srcdir");

    (void)state;
    for (size_t i = 0; i < sizeof langs / sizeof langs[0]; i++) {
        char *dir = mem_printf("%s/conf/packs/%s", top != NULL ? top : ".", langs[i]);
        struct dirent **names = NULL;
        const int n = scandir(dir, &names, NULL, alphasort);

        for (int k = 0; k < n; k++) {
            char *path = mem_printf("%s/%s", dir, names[k]->d_name);
            if (strstr(names[k]->d_name, ".pack") != NULL)
                add_pack(langs[i], path);
            free(path);
            free(names[k]);
        }
        free(names);
        free(dir);
    }
    return n_packs > 20 ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    for (size_t i = 0; i < n_packs; i++) {
        pack_free(&packs[i].pack);
        free(packs[i].needs);
    }
    return 0;
}

/* ---- Sound ------------------------------------------------------------------------------------ */

static int has_one(const struct literal_set *set, const char *folded)
{
    for (size_t i = 0; i < set->n; i++) {
        if (strstr(folded, set->at[i]) != NULL)
            return 1;
    }
    return set->n == 0;
}

/* plain: as a pack gets it. A line that matches it has a word of each of its sets in it. */
static void check_text(const char *lang, const char *plain, size_t len)
{
    char *folded = mem_dup(plain, len);

    for (char *at = folded; *at != '\0'; at++)
        *at = *at >= 'A' && *at <= 'Z' ? (char)(*at - 'A' + 'a') : *at;
    for (size_t i = 0; i < n_packs; i++) {
        for (size_t k = 0; strcmp(packs[i].lang, lang) == 0 && k < packs[i].pack->n_lines; k++) {
            const struct literals *needs = &packs[i].needs[k];
            const struct pack_line *line = &packs[i].pack->lines[k];

            if (has_one(&needs->sets[0], folded) && has_one(&needs->sets[1], folded) &&
                has_one(&needs->sets[2], folded))
                continue;
            if (pattern_find(line->pattern, plain, len, NULL))
                fail_msg("a line would be left out, and matches '%s': %.200s", plain, line->text);
        }
    }
    free(folded);
}

static void check_message(const char *lang, const char *text)
{
    static struct buf plain;

    plain_text(text, strlen(text), &plain);
    plain_bare(&plain);
    check_text(lang, plain.data, plain.len);
}

static void what_is_left_out_matches_no_message_of_the_data(void **state)
{
    const char *top = getenv("top_srcdir");
    const char *dir = getenv("TANDEM_DATA");
    char *path = mem_printf("%s%s/utterances.jsonl", dir != NULL ? dir : top != NULL ? top : ".",
                            dir != NULL ? "" : "/../shared/data");
    size_t len = 0, n = 0;
    char *data = read_file(path, &len);

    (void)state;
    free(path);
    for (char *line = data, *next; line != NULL && *line != '\0'; line = next) {
        char why[160];
        next = strchr(line, '\n');
        next = next != NULL ? next + 1 : line + strlen(line);
        cJSON *row = td_json_parse(line, (size_t)(next - line), NULL, why, sizeof why);
        const char *text = td_json_get_str(row, "text"), *lang = td_json_get_str(row, "lang");

        if (text != NULL)
            check_message(lang != NULL ? lang : "en", text);
        n += text != NULL;
        cJSON_Delete(row);
    }
    free(data);
    if (n == 0) {
        print_message("there is no data of messages: skipped\n");
        skip();
    }
}

static unsigned long seed = 5;

static size_t any(size_t n)
{
    seed = seed * 6364136223846793005UL + 1442695040888963407UL;
    return (size_t)(seed >> 33) % n;
}

/* Words of the packs' own examples in any order, some of them bent. */
static void what_is_left_out_matches_no_text_made_of_the_examples(void **state)
{
    (void)state;
    for (unsigned round = 0; round < 1000; round++) {
        const struct shipped *from = &packs[any(n_packs)];
        struct buf text = { 0 };

        for (size_t words = 1 + any(12); words > 0; words--) {
            const struct shipped *other = any(4) == 0 ? &packs[any(n_packs)] : from;
            const char *example = other->pack->examples[any(other->pack->n_examples)].text;
            const size_t at = any(strlen(example));
            size_t end = at + strcspn(example + at, " ");

            if (any(3) == 0)
                end += strcspn(example + end, "?!.");
            buf_add(&text, example + at, end - at);
            buf_char(&text, any(20) == 0 ? 'x' : ' ');
        }
        check_message(from->lang, text.data);
        buf_fini(&text);
    }
}

/* ---- The parts -------------------------------------------------------------------------------- */

static void needs(const char *pattern, const char *words)
{
    struct literals *found = mem_alloc(sizeof *found);
    struct buf text = { 0 };
    struct err err;
    struct pattern *compiled = pattern_compile(pattern, &err);

    assert_non_null(compiled);
    pattern_free(&compiled);
    literals_of(pattern, found);
    for (size_t set = 0; set < LITERALS_SETS && found->sets[set].n > 0; set++) {
        for (size_t i = 0; i < found->sets[set].n; i++)
            buf_printf(&text, "%s%s", text.len == 0 ? "" : i == 0 ? " & " : "|",
                       found->sets[set].at[i]);
    }
    assert_string_equal(text.len > 0 ? text.data : "", words);
    buf_fini(&text);
    free(found);
}

static void a_pattern_needs_its_words(void **state)
{
    (void)state;
    needs("hello", "hello");
    needs("He\\.llo", "he.llo");
    needs("talk (?:to|with) me", "talk to m|talk with m");
    needs("(?:cat|dog)s? barks", "cats barks|cat barks|dogs barks|dog barks");
    needs("a[bc]d", "abd|acd");
    needs("cat\\w+dog", "cat & dog");
    needs("cats{2,3}dog", "catss & dog");
    needs("(?:cat)*dog", "dog");
    needs("(?:cat)?.dog", "dog");
    needs("cat(?!fish)s", "cats");
    needs("cat|bird", "cat|bird");
    needs("cat|.", "");
    needs(".*", "");
    needs("gr\xc3\xb6\xc3\x9f" "er", "gr & er");
    needs("[^a]bc", "bc");
    needs("[a-z]cat", "cat");
    needs("(cat)\\1", ""); /* it says nothing where it does not know */
    needs("(?i)cat", "");
}

static void many_words_are_found_in_one_pass(void **state)
{
    static const struct finder_word words[] = {
        { "he", 0 }, { "she", 1 }, { "his", 2 }, { "hers", 70 }, { "her", 71 }, { "x", 71 },
    };
    struct finder *finder = finder_new(words, sizeof words / sizeof words[0], 72);
    uint64_t bits[2] = { 0, 0 };

    (void)state;
    finder_scan(finder, "uSHErs", 6, bits);
    assert_int_equal(bits[0], 3);
    assert_int_equal(bits[1], (1 << (70 - 64)) | (1 << (71 - 64)));
    bits[0] = bits[1] = 0;
    finder_scan(finder, "hi s h\xc3\xa9", 7, bits);
    assert_int_equal(bits[0] | bits[1], 0);
    finder_free(&finder);
    finder = finder_new(NULL, 0, 1);
    finder_scan(finder, "anything", 8, bits);
    finder_free(&finder);
}

/* ---- Steps ------------------------------------------------------------------------------------ */

static int count_step(pcre2_callout_block *block, void *steps)
{
    (void)block;
    ++*(unsigned long *)steps;
    return 0;
}

/* Steps of the matcher, each item of a pattern at each place, over all packs of English. */
static unsigned long steps_of(const char *text, size_t len)
{
    unsigned long steps = 0;
    pcre2_match_context *context = pcre2_match_context_create(NULL);

    pcre2_set_callout(context, count_step, &steps);
    pcre2_set_match_limit(context, 10000); /* as pattern.c has it */
    for (size_t i = 0; i < n_packs; i++) {
        for (size_t k = 0; strcmp(packs[i].lang, "en") == 0 && k < packs[i].pack->n_lines; k++) {
            char *whole = mem_printf("(?<!\\w)(?:%s)(?!\\w)", packs[i].pack->lines[k].text);
            int error;
            PCRE2_SIZE at;
            pcre2_code *code = pcre2_compile((PCRE2_SPTR)whole, PCRE2_ZERO_TERMINATED,
                                             PCRE2_UTF | PCRE2_UCP | PCRE2_CASELESS |
                                                 PCRE2_AUTO_CALLOUT,
                                             &error, &at, NULL);
            pcre2_match_data *data = pcre2_match_data_create(1, NULL);

            (void)pcre2_match(code, (PCRE2_SPTR)text, len, 0, PCRE2_NO_UTF_CHECK, data, context);
            pcre2_match_data_free(data);
            pcre2_code_free(code);
            free(whole);
        }
    }
    pcre2_match_context_free(context);
    return steps;
}

/* Four times the text takes four times the steps, and a little; and never more than so many a byte,
 * however the text is chosen: no nested repetition, no long way back. */
static void hostile_texts_take_steps_by_their_length(void **state)
{
    static const char *const worst[] = {
        "a", "a ", "to ", "i i i ", "you you ", "please please ", "i want to to to the the ",
        "if you don't then or else i i'll ", "not not very very really ", "is this a real real real ",
        "my my my last last ", "aaaa bbbb cccc dddd ", "!!!!!! ", "f u f u ", "... ", "ignore all the the ",
        "i have already already ", "your your the my service service ",
    };
    const size_t small = 1000, large = 4 * small;
    char *text = mem_alloc(large + 1);
    unsigned long most = 0;

    (void)state;
    for (size_t i = 0; i < sizeof worst / sizeof worst[0]; i++) {
        for (size_t k = 0; k < large; k++)
            text[k] = worst[i][k % strlen(worst[i])];
        const unsigned long few = steps_of(text, small), many = steps_of(text, large);
        if (many > few * 5)
            fail_msg("'%s': %lu steps for 1000 bytes, %lu for 4000", worst[i], few, many);
        most = many / large > most ? many / large : most;
    }
    print_message("at most %lu steps a byte in all\n", most);
    assert_true(most < 20000);
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_pattern_needs_its_words),
        cmocka_unit_test(many_words_are_found_in_one_pass),
        cmocka_unit_test(what_is_left_out_matches_no_text_made_of_the_examples),
        cmocka_unit_test(what_is_left_out_matches_no_message_of_the_data),
        cmocka_unit_test(hostile_texts_take_steps_by_their_length),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
