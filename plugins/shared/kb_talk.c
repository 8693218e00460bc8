/* kb_talk.c - which language it is, and what asks for nothing. */
#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "plugins/shared/kb.h"
#include "plugins/shared/kb_private.h"

const struct kb_lang *kb_lang_detect(const struct kb *kb, const char *text, size_t margin)
{
    const struct kb_lang *best = NULL;
    struct kb_words words;
    size_t most = 0, second = 0;

    kb_words_of(text, strlen(text), &words);
    for (size_t i = 0; i < kb->n_langs; i++) {
        size_t n = 0;

        for (size_t k = 0; k < words.n; k++)
            n += (size_t)kb_word_list_has(&kb->langs[i].small, words.at[k]);
        if (n > most) {
            second = most;
            most = n;
            best = &kb->langs[i];
        } else if (n > second) {
            second = n;
        }
    }
    return most >= second + margin ? best : NULL;
}

const struct kb_lang *kb_lang_of(const struct kb *kb, const char *text, const char *before,
                                 const char *locale, const struct kb_lang *fallback)
{
    const struct kb_lang *was = kb_lang_get(kb, before);
    const struct kb_lang *lang = kb_lang_detect(kb, text, was != NULL ? 2 : 1);

    if (lang == NULL)
        lang = was;
    if (lang == NULL)
        lang = kb_lang_get(kb, locale);
    return lang != NULL ? lang : fallback;
}

const struct kb_lang *kb_lang_fallback(const struct kb *kb, const char *named,
                                       struct td_error *err)
{
    const struct kb_lang *lang = kb_lang_get(kb, named != NULL ? named : "en");

    if (lang == NULL && named != NULL)
        snprintf(err->text, sizeof err->text,
                 "language is '%.32s', and the knowledge base has no directory of that name", named);
    return lang != NULL || named != NULL ? lang : kb_lang_at(kb, 0);
}

int kb_is_article(const struct kb_section *section)
{
    return section->say == NULL && !section->smalltalk &&
           (section->text[0] != '\0' || section->escalate != NULL);
}

const struct kb_section *kb_section_by_source(const struct kb_lang *lang, const char *source)
{
    for (size_t i = 0; i < lang->n_sections; i++) {
        if (strcmp(lang->sections[i].source, source) == 0 && kb_is_article(&lang->sections[i]))
            return &lang->sections[i];
    }
    return NULL;
}

const struct kb_section *kb_section_to_say(const struct kb_lang *lang, const char *say)
{
    for (size_t i = 0; i < lang->n_sections; i++) {
        if (lang->sections[i].say != NULL && strcmp(lang->sections[i].say, say) == 0)
            return &lang->sections[i];
    }
    return NULL;
}

/* ---- Small talk ------------------------------------------------------------------------------ */

static int add_phrase(struct kb_lang *lang, const struct kb_section *section, const char *from,
                      size_t len)
{
    struct kb_phrase *grown = realloc(lang->phrases, (lang->n_phrases + 1) * sizeof *grown);
    struct kb_words words;
    char text[KB_JOINED_BYTES];

    if (grown == NULL)
        return -1;
    lang->phrases = grown;
    kb_words_of(from, len, &words);
    if (words.n == 0)
        return 0;
    kb_words_join(&words, text);
    grown[lang->n_phrases] = (struct kb_phrase){ .section = section, .text = strdup(text) };
    return grown[lang->n_phrases++].text != NULL ? kb_word_list_add(&lang->talk, from, len) : -1;
}

int kb_talk_read(struct kb_lang *lang)
{
    for (size_t i = 0; i < lang->n_sections; i++) {
        const struct kb_section *section = &lang->sections[i];

        if (!section->smalltalk && section->say == NULL)
            continue;
        for (const char *at = section->asked; *at != '\0';) {
            const size_t len = strcspn(at, "\n");

            if (add_phrase(lang, section, at, len) != 0)
                return -1;
            at += len + (at[len] == '\n');
        }
    }
    kb_word_list_sort(&lang->talk);
    return 0;
}

/* The words of a text that is nothing but talk, joined; 0: it is more, or empty. */
static int talk_of(const struct kb_lang *lang, const char *text, char joined[KB_JOINED_BYTES])
{
    struct kb_words words;

    kb_words_of(text, strlen(text), &words);
    for (size_t i = 0; i < words.n; i++) {
        if (!kb_word_list_has(&lang->talk, words.at[i]))
            return 0;
    }
    kb_words_join(&words, joined);
    return words.n > 0;
}

const struct kb_section *kb_talk_find(const struct kb_lang *lang, const char *text)
{
    const struct kb_section *best = NULL;
    char joined[KB_JOINED_BYTES];
    size_t most = 0;

    if (!talk_of(lang, text, joined))
        return NULL;
    for (size_t i = 0; i < lang->n_phrases; i++) {
        const struct kb_phrase *phrase = &lang->phrases[i];

        if (phrase->section->smalltalk && strlen(phrase->text) > most &&
            strstr(joined, phrase->text) != NULL) {
            most = strlen(phrase->text);
            best = phrase->section;
        }
    }
    return best;
}

int kb_talk_is(const struct kb_lang *lang, const char *say, const char *text)
{
    char joined[KB_JOINED_BYTES];

    if (!talk_of(lang, text, joined))
        return 0;
    for (size_t i = 0; i < lang->n_phrases; i++) {
        const struct kb_phrase *phrase = &lang->phrases[i];

        if (phrase->section->say != NULL && strcmp(phrase->section->say, say) == 0 &&
            strstr(joined, phrase->text) != NULL)
            return 1;
    }
    return 0;
}
