/* texts.c - the catalogue: what is in it, and whether it is whole. */
#include "config.h"

#include "engine/texts.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/utf8.h"
#include "base/word.h"
#include "engine/texts_private.h"

#define LANGUAGE_MAX 35 /* bytes of a tag (RFC 5646 §4.4.1) */

static const char *const state_names[TEXT_STATES] = {
    [TEXT_AI_HERE] = "ai_here",
    [TEXT_AI_BACK] = "ai_back",
    [TEXT_CHECKING] = "checking",
    [TEXT_LIVE] = "live",
    [TEXT_QUEUED] = "queued",
    [TEXT_OUT_OF_HOURS] = "out_of_hours",
    [TEXT_NOBODY] = "nobody",
    [TEXT_CALLBACK] = "callback",
    [TEXT_CONTACT] = "contact",
    [TEXT_CONTACT_NOTED] = "contact_noted",
    [TEXT_MAILBOX] = "mailbox",
    [TEXT_LEFT_QUEUE] = "left_queue",
    [TEXT_RETURNED] = "returned",
    [TEXT_CLOSED_BY_HUMAN] = "closed_by_human",
    [TEXT_REQUEUED] = "requeued",
    [TEXT_REMINDER] = "reminder",
    [TEXT_BROKEN_PROMISE] = "broken_promise",
    [TEXT_BRIDGE] = "bridge",
    [TEXT_CUT_OFF] = "cut_off",
    [TEXT_OFFER] = "offer",
    [TEXT_UNAVAILABLE] = "unavailable",
    [TEXT_WITHHELD] = "withheld",
};

static const char *const channel_names[TEXT_CHANNELS] = { "chat", "sms", "email", "voice" };

const char *const text_phrase_names[PHRASES] = {
    [PHRASE_WEEKDAYS] = "weekdays",
    [PHRASE_MONTHS] = "months",
    [PHRASE_TIME] = "time",
    [PHRASE_TIME_FULL] = "time_full",
    [PHRASE_TODAY] = "today",
    [PHRASE_TOMORROW] = "tomorrow",
    [PHRASE_THIS_WEEK] = "this_week",
    [PHRASE_ON_DATE] = "on_date",
    [PHRASE_WAIT_MINUTE] = "wait_minute",
    [PHRASE_WAIT_MINUTES] = "wait_minutes",
    [PHRASE_WAIT_HOUR] = "wait_hour",
    [PHRASE_WAIT_HOURS] = "wait_hours",
    [PHRASE_WAIT_LONG] = "wait_long",
    [PHRASE_FRAME_EMAIL] = "frame.email",
};

const char *const text_words_names[TEXT_WORDS] = {
    [TEXT_LEAVE] = "leave_words", [TEXT_YES] = "yes_words", [TEXT_NO] = "no_words",
};

const char *const text_var_names[TEXT_VARS] = {
    [TEXT_VAR_ISSUE] = "issue",       [TEXT_VAR_HUMAN] = "human",
    [TEXT_VAR_AGENT] = "agent",       [TEXT_VAR_BUSINESS] = "business",
    [TEXT_VAR_POSITION] = "position", [TEXT_VAR_WAIT] = "wait",
    [TEXT_VAR_NEXT_OPEN] = "next_open", [TEXT_VAR_BY] = "by",
    [TEXT_VAR_WHAT] = "what",         [TEXT_VAR_CHANNEL] = "channel",
    [TEXT_VAR_LINK] = "link",
};

/* What may stand in a phrase. */
static const char *const phrase_vars[] = { "hour", "minute", "time",  "weekday", "day",
                                           "month", "n",      "text", "business" };

const char *text_state_name(enum text_state state)
{
    return state_names[state];
}

enum text_channel text_channel_of(const char *kind)
{
    static const struct {
        const char *begins;
        enum text_channel channel;
    } kinds[] = {
        { "sms", TEXT_SMS },     { "smpp", TEXT_SMS },    { "email", TEXT_EMAIL },
        { "mail", TEXT_EMAIL },  { "voice", TEXT_VOICE }, { "sip", TEXT_VOICE },
        { "phone", TEXT_VOICE },
    };

    for (size_t i = 0; kind && i < sizeof kinds / sizeof *kinds; i++) {
        if (strncmp(kind, kinds[i].begins, strlen(kinds[i].begins)) == 0)
            return kinds[i].channel;
    }
    return TEXT_CHAT;
}

struct texts *texts_new(void)
{
    return mem_alloc(sizeof(struct texts));
}

static void free_kinds(struct text_by_kind *text)
{
    for (size_t i = 0; i <= TEXT_CHANNELS; i++)
        free(text->of[i]);
}

static void free_rules(struct text_language *language)
{
    while (language->rules) {
        struct text_rule *rule = language->rules;
        language->rules = rule->next;
        free_kinds(&rule->text);
        free(rule->name);
        free(rule);
    }
}

void texts_free(struct texts **texts_p)
{
    struct texts *texts = *texts_p;

    *texts_p = NULL;
    while (texts && texts->languages) {
        struct text_language *language = texts->languages;
        texts->languages = language->next;
        for (size_t i = 0; i < TEXT_STATES; i++)
            free_kinds(&language->text[i]);
        free_rules(language);
        for (size_t i = 0; i < PHRASES; i++)
            free(language->phrase[i]);
        for (size_t i = 0; i < TEXT_WORDS; i++)
            free(language->words[i]);
        free(language->name);
        free(language);
    }
    free(texts);
}

static struct text_language *find(const struct texts *texts, const char *name, size_t len)
{
    struct text_language *language = texts->languages;

    while (language && (strlen(language->name) != len || strncmp(language->name, name, len) != 0))
        language = language->next;
    return language;
}

static struct text_language *find_or_base(const struct texts *texts, const char *name)
{
    if (!name)
        return NULL;
    struct text_language *language = find(texts, name, strlen(name));
    return language ? language : find(texts, name, strcspn(name, "-_"));
}

const struct text_language *text_language(const struct texts *texts, const char *language,
                                          const char *fallback)
{
    const struct text_language *found = find_or_base(texts, language);

    return found ? found : find_or_base(texts, fallback);
}

const char *text_of(const struct text_by_kind *text, enum text_channel channel)
{
    return text->of[channel] ? text->of[channel] : text->of[TEXT_CHANNELS];
}

static struct text_rule *find_rule(const struct text_language *language, const char *name,
                                   size_t len)
{
    struct text_rule *rule = language->rules;

    while (rule && (strlen(rule->name) != len || strncmp(rule->name, name, len) != 0))
        rule = rule->next;
    return rule;
}

const struct text_by_kind *text_of_rule(const struct texts *texts, const char *language,
                                        const char *rule)
{
    const size_t lens[] = { language ? strlen(language) : 0,
                            language ? strcspn(language, "-_") : 0 };

    for (size_t i = 0; language && i < 2; i++) {
        const struct text_language *found = find(texts, language, lens[i]);
        const struct text_rule *text = found ? find_rule(found, rule, strlen(rule)) : NULL;

        if (text)
            return &text->text;
    }
    return NULL;
}

int texts_has_rule(const struct texts *texts, const char *language, const char *rule)
{
    return text_of_rule(texts, language, rule) != NULL;
}

static int index_of(const char *const *names, size_t n, const char *name, size_t len)
{
    for (size_t i = 0; i < n; i++) {
        if (strlen(names[i]) == len && strncmp(names[i], name, len) == 0)
            return (int)i;
    }
    return -1;
}

static int wrong_word(struct err *err, const char *what, const char *word, size_t len,
                      const char *const *words, size_t n)
{
    char *copy = mem_dup(word, len);
    const char *near = word_nearest(copy, words, n);

    if (near)
        err_set(err, "%s '%.40s'; did you mean '%s'?", what, copy, near);
    else
        err_set(err, "%s '%.40s'", what, copy);
    free(copy);
    return -1;
}

/* Brackets and braces in pairs, the latter with names that are known; in a text inside brackets. */
static int check_text(const char *text, int is_phrase, struct err *err)
{
    const char *const *names = is_phrase ? phrase_vars : text_var_names;
    const size_t n = is_phrase ? sizeof phrase_vars / sizeof *phrase_vars : TEXT_VARS;
    int inside = 0;

    for (const char *at = text; *at; at++) {
        if (*at == '[' || *at == ']') {
            if (inside == (*at == '['))
                return inside ? err_set(err, "a '[' stands inside another")
                              : err_set(err, "a ']' has no '['");
            inside = !inside;
        } else if (*at == '|' && !inside) {
            return err_set(err, "a '|' stands outside [brackets]");
        } else if (*at == '}') {
            return err_set(err, "a '}' has no '{'");
        } else if (*at == '{') {
            const size_t len = strcspn(at + 1, "}");
            if (!at[1 + len])
                return err_set(err, "a '{' has no '}'");
            if (index_of(names, n, at + 1, len) < 0)
                return wrong_word(err, "there is no variable", at + 1, len, names, n);
            if (!inside && !is_phrase)
                return err_set(err, "{%.*s} may be unknown: put it into [brackets]", (int)len,
                               at + 1);
            at += 1 + len;
        }
    }
    return inside ? err_set(err, "a '[' has no ']'") : 0;
}

static const char *unknown(void *arg, const char *name, size_t len)
{
    (void)arg, (void)name, (void)len;
    return NULL;
}

/* Something is left when nothing is known. */
static int says_something(const char *text)
{
    struct buf out = { 0 };

    text_fill(text, unknown, NULL, &out);
    const int says = out.len > 0;
    buf_fini(&out);
    return says;
}

static int set_text(struct text_by_kind *text, int channel, const char *value, struct err *err)
{
    if (check_text(value, 0, err) < 0)
        return -1;
    if (!says_something(value))
        return err_set(err, "nothing is left of this text when no variable is known");
    if (channel == TEXT_VOICE && (strstr(value, "{link}") || strstr(value, "://")))
        return err_set(err, "a text for voice is spoken: it cannot hold a link");
    free(text->of[channel]);
    text->of[channel] = mem_strdup(value);
    return 0;
}

/* NAME, or NAME.sms: a last part that is no kind of channel belongs to the name. */
static int set_rule(struct text_language *language, const char *key, const char *value,
                    struct err *err)
{
    const char *dot = strrchr(key, '.');
    int channel = dot ? index_of(channel_names, TEXT_CHANNELS, dot + 1, strlen(dot + 1)) : -1;
    const size_t len = channel >= 0 ? (size_t)(dot - key) : strlen(key);
    struct text_rule *rule = find_rule(language, key, len);

    if (len == 0)
        return err_set(err, "a rule's text is written rule.NAME");
    if (!rule) {
        rule = mem_alloc(sizeof *rule);
        *rule = (struct text_rule){ .name = mem_dup(key, len), .next = language->rules };
        language->rules = rule;
    }
    return set_text(&rule->text, channel >= 0 ? channel : TEXT_CHANNELS, value, err);
}

static int set_state(struct text_language *language, const char *key, const char *value,
                     struct err *err)
{
    const char *dot = strchr(key, '.');
    const size_t len = dot ? (size_t)(dot - key) : strlen(key);
    const int state = index_of(state_names, TEXT_STATES, key, len);
    int channel = TEXT_CHANNELS;

    if (state < 0) {
        const char *words[TEXT_STATES + PHRASES + TEXT_WORDS];
        memcpy(words, state_names, sizeof state_names);
        memcpy(words + TEXT_STATES, text_phrase_names, sizeof text_phrase_names);
        memcpy(words + TEXT_STATES + PHRASES, text_words_names, sizeof text_words_names);
        return wrong_word(err, "there is no text", key, len, words, sizeof words / sizeof *words);
    }
    if (dot) {
        channel = index_of(channel_names, TEXT_CHANNELS, dot + 1, strlen(dot + 1));
        if (channel < 0)
            return wrong_word(err, "there is no kind of channel", dot + 1, strlen(dot + 1),
                              channel_names, TEXT_CHANNELS);
    }
    return set_text(&language->text[state], channel, value, err);
}

static size_t count_items(const char *list)
{
    size_t n = 1;

    for (; *list; list++)
        n += *list == ',';
    return n;
}

static int set_phrase(struct text_language *language, enum text_phrase phrase, const char *value,
                      struct err *err)
{
    const size_t need = phrase == PHRASE_WEEKDAYS ? 7 : phrase == PHRASE_MONTHS ? 12 : 0;

    if (need && count_items(value) != need)
        return err_set(err, "%s needs %zu names", text_phrase_names[phrase], need);
    if (check_text(value, 1, err) < 0)
        return -1;
    if (phrase == PHRASE_FRAME_EMAIL && !strstr(value, "{text}"))
        return err_set(err, "frame.email needs {text}");
    free(language->phrase[phrase]);
    language->phrase[phrase] = mem_strdup(value);
    return 0;
}

int texts_set(struct texts *texts, const char *language_name, const char *key, const char *value,
              struct err *err)
{
    const size_t len = strlen(value), name_len = strlen(language_name);

    if (name_len < 2 || name_len > LANGUAGE_MAX)
        return err_set(err, "'%.40s' is not a language", language_name);
    if (len == 0)
        return err_set(err, "the text is empty");
    if (len > TEXT_BYTES_MAX)
        return err_set(err, "the text is longer than %d bytes", TEXT_BYTES_MAX);
    if (!utf8_valid(value, len))
        return err_set(err, "the text is not UTF-8");
    struct text_language *language = find(texts, language_name, name_len);
    if (!language) {
        language = mem_alloc(sizeof *language);
        language->name = mem_strdup(language_name);
        language->next = texts->languages;
        texts->languages = language;
    }
    if (strncmp(key, TEXT_RULE, strlen(TEXT_RULE)) == 0)
        return set_rule(language, key + strlen(TEXT_RULE), value, err);
    const int words = index_of(text_words_names, TEXT_WORDS, key, strlen(key));
    if (words >= 0) {
        free(language->words[words]);
        language->words[words] = mem_strdup(value);
        return 0;
    }
    const int phrase = index_of(text_phrase_names, PHRASES, key, strlen(key));
    return phrase >= 0 ? set_phrase(language, (enum text_phrase)phrase, value, err)
                       : set_state(language, key, value, err);
}

/* before, name: what it is called: a state, or "rule." and a rule. */
static int check_kind(const struct text_language *language, const char *before, const char *name,
                      const struct text_by_kind *of, enum text_channel channel,
                      struct buf *missing)
{
    const char *text = text_of(of, channel);
    const char *what = NULL;
    struct buf plain = { 0 };

    if (!text) {
        what = "is missing";
    } else if (channel == TEXT_VOICE && (strstr(text, "{link}") || strstr(text, "://"))) {
        what = "needs a text of its own, for a link cannot be spoken";
    } else if (channel == TEXT_SMS) {
        text_fill(text, unknown, NULL, &plain);
        if (!text_is_one_sms(plain.data))
            what = "does not fit one SMS (160 GSM letters, else 70)";
    }
    buf_fini(&plain);
    if (!what)
        return 0;
    buf_printf(missing, "the text %s%s.%s in language '%s' %s\n", before, name,
               channel_names[channel], language->name, what);
    return -1;
}

static int check_kinds(const struct text_language *language, const char *before, const char *name,
                       const struct text_by_kind *of, struct buf *missing)
{
    int status = 0;

    for (int channel = 0; channel < TEXT_CHANNELS; channel++)
        status |= check_kind(language, before, name, of, (enum text_channel)channel, missing);
    return status;
}

int texts_check(const struct texts *texts, const char *const *languages, struct buf *missing)
{
    int status = 0;

    for (; *languages; languages++) {
        const struct text_language *language = find_or_base(texts, *languages);
        if (!language) {
            buf_printf(missing, "there are no texts in language '%s'\n", *languages);
            status = -1;
            continue;
        }
        for (int state = 0; state < TEXT_STATES; state++)
            status |= check_kinds(language, "", state_names[state], &language->text[state],
                                  missing);
        for (const struct text_rule *rule = language->rules; rule; rule = rule->next)
            status |= check_kinds(language, TEXT_RULE, rule->name, &rule->text, missing);
        for (size_t i = 0; i < PHRASES; i++) {
            if (language->phrase[i])
                continue;
            buf_printf(missing, "the phrase %s in language '%s' is missing\n",
                       text_phrase_names[i], language->name);
            status = -1;
        }
        for (size_t i = 0; i < TEXT_WORDS; i++) {
            if (language->words[i])
                continue;
            buf_printf(missing, "%s in language '%s' are missing\n", text_words_names[i],
                       language->name);
            status = -1;
        }
    }
    return status;
}
