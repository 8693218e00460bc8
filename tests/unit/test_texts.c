/* test_texts.c - engine/texts*.c and conf/texts/: what customers hear. */
#include "config.h"

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/utf8.h"
#include "base/zone.h"
#include "config/conf.h"
#include "engine/texts.h"
#include "engine/texts_private.h"
#include "tests/check.h"

static const char *const languages[] = { "en", "de", "es", "fr", "da", NULL };
static const char *const kinds[] = { "chat", "sms", "email", "voice" };

/* The catalogue as it is shipped. */
static struct texts *shipped(void)
{
    struct texts *texts = texts_new();

    for (size_t i = 0; languages[i]; i++) {
        const char *top = getenv("top_srcdir");
        char path[4096];
        size_t n;
        struct err err = { "" };
        snprintf(path, sizeof path, "%s/conf/texts/%s.conf", top ? top : ".", languages[i]);
        struct conf *conf = conf_read(path);
        const struct conf_section *section = conf_sections(conf, &n);
        assert_int_equal(conf_errors(conf), 0);
        assert_int_equal(n, 1);
        assert_string_equal(section->name, languages[i]);
        for (size_t k = 0; k < section->n_pairs; k++) {
            if (texts_set(texts, section->name, section->pairs[k].key, section->pairs[k].value,
                          &err) < 0)
                fail_msg("%s: %s: %s", path, section->pairs[k].key, err.text);
        }
        conf_free(&conf);
    }
    return texts;
}

static void the_shipped_catalogue_is_whole(void **state)
{
    (void)state;
    struct texts *texts = shipped();
    struct buf missing = { 0 };
    if (texts_check(texts, languages, &missing) < 0)
        fail_msg("%s", missing.data);
    texts_free(&texts);
    texts_free(&texts);
    buf_fini(&missing);
}

static struct text_vars typical(const struct texts *texts, const char *language,
                                struct arena *arena)
{
    /* the longest there are: a Saturday of next week, a wait in hours */
    const int64_t now = zone_moment(zone_utc(), 2026, 9, 1, 9, 0);
    const char *moment = texts_moment(texts, language, NULL, NULL,
                                      zone_moment(zone_utc(), 2026, 9, 26, 13, 30), now, arena);
    return (struct text_vars){ .of = {
        [TEXT_VAR_ISSUE] = "refund of 1041",
        [TEXT_VAR_HUMAN] = "Mia",
        [TEXT_VAR_AGENT] = "front",
        [TEXT_VAR_BUSINESS] = "Example",
        [TEXT_VAR_POSITION] = "12",
        [TEXT_VAR_WAIT] = texts_wait(texts, language, NULL, 40 * 60000, arena),
        [TEXT_VAR_NEXT_OPEN] = moment,
        [TEXT_VAR_BY] = moment,
        [TEXT_VAR_WHAT] = "call back",
        [TEXT_VAR_CHANNEL] = "chat",
        [TEXT_VAR_LINK] = "https://example.com/c/3f9a1b7c",
    } };
}

static void check_said(const char *text, enum text_state state, int kind, const char *language)
{
    const char *name = text_state_name(state);

    if (!*text || !utf8_valid(text, strlen(text)) || strpbrk(text, "{}[]|"))
        fail_msg("%s.%s %s: '%s'", name, kinds[kind], language, text);
    if (strstr(text, "  ") || strstr(text, " .") || strstr(text, " ,") || strstr(text, ",."))
        fail_msg("%s.%s %s has a hole: '%s'", name, kinds[kind], language, text);
    if (kind == TEXT_SMS && !text_is_one_sms(text))
        fail_msg("%s.%s %s is more than one SMS: '%s'", name, kinds[kind], language, text);
    if (kind == TEXT_VOICE && (strstr(text, "://") || strchr(text, '\n')))
        fail_msg("%s.%s %s cannot be spoken: '%s'", name, kinds[kind], language, text);
    if (kind == TEXT_EMAIL && !strstr(text, "\n\n"))
        fail_msg("%s.%s %s has no greeting: '%s'", name, kinds[kind], language, text);
}

/* Every state, kind and language, with each set of what is known. */
static void every_text_is_whole_whatever_is_known(void **state)
{
    (void)state;
    struct texts *texts = shipped();
    struct arena *arena = arena_new(0);
    for (size_t l = 0; languages[l]; l++) {
        for (unsigned set = 0; set < 1u << TEXT_VARS; set += set < 64 ? 1 : 61) {
            struct text_vars vars = typical(texts, languages[l], arena);
            for (size_t v = 0; v < TEXT_VARS; v++) {
                if (!(set & 1u << v))
                    vars.of[v] = v % 2 ? "" : NULL;
            }
            for (int s = 0; s < TEXT_STATES; s++) {
                for (int kind = 0; kind < TEXT_CHANNELS; kind++)
                    check_said(texts_render(texts, (enum text_state)s, (enum text_channel)kind,
                                            languages[l], NULL, &vars, arena),
                               (enum text_state)s, kind, languages[l]);
            }
            arena_reset(arena);
        }
    }
    arena_free(&arena);
    texts_free(&texts);
}

static void an_sms_says_when_and_how_long_in_one_part(void **state)
{
    (void)state;
    struct texts *texts = shipped();
    struct arena *arena = arena_new(0);
    for (size_t l = 0; languages[l]; l++) {
        const struct text_vars vars = typical(texts, languages[l], arena);
        const char *text = texts_render(texts, TEXT_OUT_OF_HOURS, TEXT_SMS, languages[l], NULL,
                                        &vars, arena);
        if (!strstr(text, "13"))
            fail_msg("%s: no opening time in '%s'", languages[l], text);
        text = texts_render(texts, TEXT_QUEUED, TEXT_SMS, languages[l], NULL, &vars, arena);
        if (!strstr(text, "12") || !strstr(text, "45"))
            fail_msg("%s: no place or wait in '%s'", languages[l], text);
        text = texts_render(texts, TEXT_BRIDGE, TEXT_SMS, languages[l], NULL, &vars, arena);
        if (!strstr(text, vars.of[TEXT_VAR_LINK]))
            fail_msg("%s: no link in '%s'", languages[l], text);
    }
    arena_free(&arena);
    texts_free(&texts);
}

static void values_of_customers_cannot_spoil_a_text(void **state)
{
    (void)state;
    struct texts *texts = shipped();
    struct arena *arena = arena_new(0);
    char issue[3001];
    memset(issue, 'x', sizeof issue - 1);
    issue[sizeof issue - 1] = '\0';
    const char *const issues[] = { issue, "a\nb\r\n\tc  d\x7f", "\xff\xfe", "   ",
                                   "sm\xc3\xb8r {human} [x|y]", "https://evil.example/x" };
    for (size_t i = 0; i < sizeof issues / sizeof *issues; i++) {
        const struct text_vars vars = { .of = { [TEXT_VAR_ISSUE] = issues[i] } };
        for (int kind = 0; kind < TEXT_CHANNELS; kind++) {
            const char *text = texts_render(texts, TEXT_CHECKING, (enum text_channel)kind, "en",
                                            NULL, &vars, arena);
            assert_true(*text && utf8_valid(text, strlen(text)));
            assert_true(strlen(text) < 600);
            assert_true(kind != TEXT_SMS || text_is_one_sms(text));
            assert_true(kind != TEXT_VOICE || !strstr(text, "://"));
        }
    }
    const struct text_vars vars = { .of = { [TEXT_VAR_ISSUE] = issues[1] } };
    assert_non_null(strstr(texts_render(texts, TEXT_CHECKING, TEXT_CHAT, "en", NULL, &vars, arena),
                           "\"a b c d\""));
    arena_free(&arena);
    texts_free(&texts);
}

static void a_language_has_a_base_and_a_fallback(void **state)
{
    (void)state;
    struct texts *texts = shipped();
    struct arena *arena = arena_new(0);
    const char *german = texts_render(texts, TEXT_OFFER, TEXT_CHAT, "de-AT", "en", NULL, arena);
    assert_non_null(strstr(german, "Menschen"));
    const char *english = texts_render(texts, TEXT_OFFER, TEXT_CHAT, "pt-BR", "en", NULL, arena);
    assert_non_null(strstr(english, "person"));
    assert_string_equal(texts_render(texts, TEXT_OFFER, TEXT_CHAT, NULL, "en", NULL, arena),
                        english);
    assert_string_equal(texts_render(texts, TEXT_OFFER, TEXT_CHAT, "xx", "yy", NULL, arena), "");
    arena_free(&arena);
    texts_free(&texts);
}

static const char *of_rule(const struct texts *texts, enum text_channel channel,
                           const char *language, struct arena *arena)
{
    const struct text_vars vars = { .of = { [TEXT_VAR_BUSINESS] = "Havn" } };

    return texts_render_rule(texts, "vip.eu", channel, language, "en", &vars, arena);
}

static void a_rule_speaks_the_language_and_for_the_kind_of_channel(void **state)
{
    (void)state;
    const char *const both[] = { "en", "de", NULL };
    struct texts *texts = shipped();
    struct arena *arena = arena_new(0);
    struct buf missing = { 0 };
    struct err err;

    assert_null(of_rule(texts, TEXT_CHAT, "en", arena));
    assert_int_equal(texts_set(texts, "en", "rule.vip.eu", "[{business}: ]one moment", &err), 0);
    assert_int_equal(texts_set(texts, "de", "rule.vip.eu", "[{business}: ]gleich", &err), 0);
    assert_int_equal(texts_set(texts, "de", "rule.vip.eu.sms", "Gleich", &err), 0);
    assert_string_equal(of_rule(texts, TEXT_CHAT, "de-AT", arena), "Havn: gleich");
    assert_string_equal(of_rule(texts, TEXT_SMS, "de", arena), "Gleich");
    assert_string_equal(of_rule(texts, TEXT_CHAT, "fr", arena), "Havn: one moment");
    assert_string_equal(of_rule(texts, TEXT_CHAT, NULL, arena), "Havn: one moment");
    assert_non_null(strstr(of_rule(texts, TEXT_EMAIL, "de", arena), "Guten Tag"));
    assert_true(texts_has_rule(texts, "de-AT", "vip.eu"));
    assert_false(texts_has_rule(texts, "fr", "vip.eu"));
    assert_int_equal(texts_check(texts, both, &missing), 0);

    assert_int_equal(texts_set(texts, "de", "rule.vip", "x {business}", &err), -1);
    assert_int_equal(texts_set(texts, "de", "rule.", "x", &err), -1);
    assert_int_equal(texts_set(texts, "de", "rule.half.voice", "nur hier", &err), 0);
    assert_int_equal(texts_check(texts, both, &missing), -1);
    assert_non_null(strstr(missing.data, "the text rule.half.sms in language 'de' is missing"));
    buf_fini(&missing);
    arena_free(&arena);
    texts_free(&texts);
}

static void what_is_wrong_in_a_text_is_named(void **state)
{
    (void)state;
    static const struct {
        const char *key, *value, *says;
    } cases[] = {
        { "queud", "x", "'queud'; did you mean 'queued'?" },
        { "queued.smss", "x", "'smss'; did you mean 'sms'?" },
        { "queued", "You are [{positon}].", "'positon'; did you mean 'position'?" },
        { "queued", "You are {position}.", "{position} may be unknown" },
        { "queued", "[{position}]", "nothing is left" },
        { "queued", "a [b", "a '[' has no ']'" },
        { "queued", "a ] b", "a ']' has no '['" },
        { "queued", "a [b [c] d]", "inside another" },
        { "queued", "a {b", "has no '}'" },
        { "queued", "a } b", "has no '{'" },
        { "queued", "a | b", "'|'" },
        { "queued", "\xff", "not UTF-8" },
        { "queued", "", "empty" },
        { "bridge.voice", "Go on[ at {link}].", "cannot hold a link" },
        { "weekdays", "Mon, Tue", "needs 7 names" },
        { "frame.email", "Hello", "needs {text}" },
        { "wait_minutes", "{m} minutes", "'m'" },
    };
    struct texts *texts = texts_new();
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct err err = { "" };
        assert_int_equal(texts_set(texts, "en", cases[i].key, cases[i].value, &err), -1);
        if (!strstr(err.text, cases[i].says))
            fail_msg("%s = %s: %s", cases[i].key, cases[i].value, err.text);
    }
    texts_free(&texts);
}

static void a_missing_text_is_named_with_state_kind_and_language(void **state)
{
    (void)state;
    struct texts *texts = shipped();
    struct buf missing = { 0 };
    struct err err;
    const char *const danish[] = { "da", "nl", NULL };
    const char *longer = "This sentence is much too long for one short message and so it must be "
                         "refused by the check that reads it, because customers pay for parts, "
                         "and parts arrive out of order.";
    assert_int_equal(texts_set(texts, "da", "queued.sms", longer, &err), 0);
    assert_int_equal(texts_set(texts, "da-x", "queued", "Hej", &err), 0);
    assert_int_equal(texts_check(texts, danish, &missing), -1);
    assert_non_null(strstr(missing.data,
                           "the text queued.sms in language 'da' does not fit one SMS"));
    assert_non_null(strstr(missing.data, "there are no texts in language 'nl'"));
    const char *const bare[] = { "da-x", NULL };
    buf_clear(&missing);
    assert_int_equal(texts_check(texts, bare, &missing), -1);
    assert_non_null(strstr(missing.data, "the text live.voice in language 'da-x' is missing"));
    assert_non_null(strstr(missing.data, "the phrase weekdays in language 'da-x' is missing"));
    buf_fini(&missing);
    texts_free(&texts);
}

static void a_longer_wait_never_reads_as_a_shorter_one(void **state)
{
    (void)state;
    struct texts *texts = shipped();
    struct arena *arena = arena_new(0);
    assert_string_equal(texts_wait(texts, "en", NULL, -1, arena), "");
    assert_string_equal(texts_wait(texts, "en", NULL, 0, arena), "about a minute");
    assert_string_equal(texts_wait(texts, "en", NULL, 61000, arena), "about 2 minutes");
    assert_string_equal(texts_wait(texts, "en", NULL, 6 * 60000, arena), "about 10 minutes");
    assert_string_equal(texts_wait(texts, "de", NULL, 46 * 60000, arena), "etwa eine Stunde");
    assert_string_equal(texts_wait(texts, "da", NULL, 100 * 60000, arena), "cirka 2 timer");
    assert_string_equal(texts_wait(texts, "es", NULL, 9 * 3600000, arena), "varias horas");
    const char *last = "";
    int changes = 0;
    for (int64_t ms = 0; ms < 5 * 3600000; ms += 10000) {
        const char *now = texts_wait(texts, "fr", NULL, ms, arena);
        changes += strcmp(now, last) != 0;
        last = now;
    }
    assert_int_equal(changes, 13); /* each wording is one stretch */
    arena_free(&arena);
    texts_free(&texts);
}

static void a_moment_is_said_as_one_says_it(void **state)
{
    (void)state;
    struct texts *texts = shipped();
    struct arena *arena = arena_new(0);
    struct err err;
    struct zone *zone = zone_load("Europe/Copenhagen", NULL, &err);
    const int64_t now = zone_moment(zone, 2026, 11, 23, 23, 30); /* a Monday */
    static const struct {
        const char *language;
        int day, hour, minute;
        const char *said;
    } cases[] = {
        { "en", 23, 23, 45, "today at 23:45" },
        { "en", 24, 9, 0, "tomorrow at 9:00" },
        { "en", 28, 10, 0, "Saturday at 10:00" },
        { "en", 30, 9, 0, "Monday 30 November at 9:00" },
        { "de", 24, 9, 0, "morgen um 9 Uhr" },
        { "de", 28, 10, 30, "am Samstag um 10:30 Uhr" },
        { "de", 32, 9, 0, "am Mittwoch, dem 2. Dezember, um 9 Uhr" },
        { "fr", 28, 10, 30, "samedi \xc3\xa0 10 h 30" },
        { "da", 28, 10, 30, "l\xc3\xb8rdag kl. 10.30" },
        { "es", 28, 10, 0, "el s\xc3\xa1" "bado, 10:00 h" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const int64_t at = zone_moment(zone, 2026, 11, cases[i].day, cases[i].hour,
                                       cases[i].minute);
        assert_string_equal(texts_moment(texts, cases[i].language, NULL, zone, at, now, arena),
                            cases[i].said);
    }
    assert_string_equal(texts_moment(texts, "en", NULL, zone, INT64_MAX, now, arena), "");
    zone_free(&zone);
    arena_free(&arena);
    texts_free(&texts);
}

static void a_leave_word_is_the_whole_message(void **state)
{
    (void)state;
    struct texts *texts = shipped();
    static const struct {
        const char *language, *message;
        int leaves;
    } cases[] = {
        { "en", "stop waiting", 1 },       { "en", " Stop  waiting!! ", 1 },
        { "en", "BOT", 1 },                { "en", "\"agent\"", 1 },
        { "en", "I will not stop waiting", 0 }, { "en", "", 0 },
        { "en", "STOP", 0 }, /* is for the channel: it ends all messages */
        { "de", "Nicht mehr warten.", 1 }, { "de", "stop waiting", 1 }, /* of the fallback */
        { "de", "zur\xc3\xbc" "ck zum Bot", 1 },
        { "fr", "arreter d'attendre", 1 }, { "fr", "ARR\xc3\x8aTER d'attendre", 1 },
        { "es", "no esperar mas", 1 },     { "da", "FORLAD K\xc3\x98" "EN", 1 },
        { "pt", "bot", 1 },                { "en", "\xff\xfe", 0 },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        if (texts_is_word(texts, TEXT_LEAVE, cases[i].language, "en", cases[i].message) != cases[i].leaves)
            fail_msg("%s: '%s'", cases[i].language, cases[i].message);
    }
    texts_free(&texts);
}

static void one_sms_is_160_letters_of_its_alphabet_or_70(void **state)
{
    (void)state;
    char text[512];
    memset(text, 'a', sizeof text);
    text[160] = '\0';
    assert_true(text_is_one_sms(text));
    text[160] = 'a';
    text[161] = '\0';
    assert_false(text_is_one_sms(text));
    memcpy(text + 157, "\xe2\x82\xac", 4); /* the euro counts twice */
    assert_true(text_is_one_sms(text));
    text[156] = '[';
    assert_true(text_is_one_sms(text));
    text[155] = '[';
    assert_false(text_is_one_sms(text));
    memset(text, 'a', 69);
    memcpy(text + 69, "\xc3\xa1", 3);
    assert_true(text_is_one_sms(text));
    memcpy(text + 69, "\xc3\xa1" "a", 4);
    assert_false(text_is_one_sms(text));
    struct buf plain = { 0 };
    text_plain("s\xc3\xa1" "bado \xe2\x80\x9c\xc3\xb8\xe2\x80\x9d \xe2\x80\xa6", &plain);
    assert_string_equal(plain.data, "sabado \"\xc3\xb8\" ...");
    buf_fini(&plain);
}

static void kinds_of_channels_are_known_by_their_plugin(void **state)
{
    (void)state;
    assert_int_equal(text_channel_of("webchat"), TEXT_CHAT);
    assert_int_equal(text_channel_of("sms_smpp"), TEXT_SMS);
    assert_int_equal(text_channel_of("email"), TEXT_EMAIL);
    assert_int_equal(text_channel_of("voice"), TEXT_VOICE);
    assert_int_equal(text_channel_of(NULL), TEXT_CHAT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_shipped_catalogue_is_whole),
        cmocka_unit_test(every_text_is_whole_whatever_is_known),
        cmocka_unit_test(an_sms_says_when_and_how_long_in_one_part),
        cmocka_unit_test(values_of_customers_cannot_spoil_a_text),
        cmocka_unit_test(a_language_has_a_base_and_a_fallback),
        cmocka_unit_test(a_rule_speaks_the_language_and_for_the_kind_of_channel),
        cmocka_unit_test(what_is_wrong_in_a_text_is_named),
        cmocka_unit_test(a_missing_text_is_named_with_state_kind_and_language),
        cmocka_unit_test(a_longer_wait_never_reads_as_a_shorter_one),
        cmocka_unit_test(a_moment_is_said_as_one_says_it),
        cmocka_unit_test(a_leave_word_is_the_whole_message),
        cmocka_unit_test(one_sms_is_160_letters_of_its_alphabet_or_70),
        cmocka_unit_test(kinds_of_channels_are_known_by_their_plugin),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
