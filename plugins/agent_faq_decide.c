/* agent_faq_decide.c - answer, ask back once, or own up. */
#include "config.h"

#include "plugins/agent_faq_decide.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Measured with tests/bench/bench_faq; the page of the manual says what they mean. */
#define SURE 0.62 /* cover from which an article is an answer */
#define HALF 0.50 /* below it nothing was found */
#define NEAR 0.92 /* share of the best score from which another article may be meant as well */

static void answer(struct faq_answer *answer_r, enum faq_outcome outcome,
                   const struct kb_section *section, double confidence)
{
    *answer_r = (struct faq_answer){ .outcome = outcome, .sections = { section },
                                     .n = section != NULL, .confidence = confidence };
}

/* ---- What was asked back --------------------------------------------------------------------- */

static int is_offered(const struct faq_open *open, const char *source)
{
    for (size_t i = 0; i < open->n; i++) {
        if (strcmp(open->sources[i], source) == 0)
            return 1;
    }
    return 0;
}

/* "2", or the heading itself. */
static const struct kb_section *named(const struct kb_lang *lang, const struct faq_open *open,
                                      const char *text)
{
    struct kb_words said, title;

    kb_words_of(text, strlen(text), &said);
    for (size_t i = 0; i < open->n; i++) {
        const struct kb_section *section = kb_section_by_source(lang, open->sources[i]);
        const char digit[] = { (char)('1' + i), '\0' };
        size_t same = 0;

        if (section == NULL)
            continue;
        kb_words_of(section->title, strlen(section->title), &title);
        while (same < said.n && same < title.n && strcmp(said.at[same], title.at[same]) == 0)
            same++;
        if ((same == said.n && same == title.n) ||
            (said.n == 1 && strcmp(said.at[0], digit) == 0))
            return section;
    }
    return NULL;
}

/* The old question and what was said to it together; it is not asked back again. */
static void decide_together(const struct kb_lang *lang, const struct faq_question *question,
                            struct faq_answer *answer_r)
{
    char text[KB_WORDS_TEXT];
    struct kb_hit hits[KB_HITS_MAX];
    size_t n;

    snprintf(text, sizeof text, "%s\n%s", question->text, question->open.question);
    n = kb_search(lang, text, hits);
    for (size_t i = 0; i < n; i++) {
        if (is_offered(&question->open, hits[i].section->source) && hits[i].cover >= HALF) {
            answer(answer_r, FAQ_ANSWER, hits[i].section, hits[i].cover);
            return;
        }
    }
    answer(answer_r, FAQ_UNKNOWN, NULL, 0);
}

/* 1: it was settled. */
static int decide_open(const struct kb_lang *lang, const struct faq_question *question,
                       struct faq_answer *answer_r)
{
    const struct kb_section *section = NULL;
    struct kb_hit hits[KB_HITS_MAX];

    if (question->open.question == NULL) { /* a choice of an earlier question is one still */
        if (question->choice != NULL)
            section = kb_section_by_source(lang, question->choice);
        if (section != NULL)
            answer(answer_r, FAQ_ANSWER, section, 1);
        return section != NULL;
    }
    if ((question->choice != NULL && strcmp(question->choice, FAQ_NONE) == 0) ||
        kb_talk_is(lang, "none", question->text)) {
        answer(answer_r, FAQ_UNKNOWN, NULL, 0);
        return 1;
    }
    if (question->choice != NULL && is_offered(&question->open, question->choice))
        section = kb_section_by_source(lang, question->choice);
    if (section == NULL)
        section = named(lang, &question->open, question->text);
    if (section != NULL)
        answer(answer_r, FAQ_ANSWER, section, 1);
    else if (kb_search(lang, question->text, hits) > 0 && hits[0].cover >= SURE &&
             !is_offered(&question->open, hits[0].section->source))
        return 0; /* a new question */
    else
        decide_together(lang, question, answer_r);
    return 1;
}

/* ---- A new question -------------------------------------------------------------------------- */

static void ask_back(const struct kb_hit *hits, size_t n, struct faq_answer *answer_r)
{
    answer(answer_r, FAQ_ASK, hits[0].section, hits[0].cover);
    for (size_t i = 1; i < n && answer_r->n < FAQ_CHOICES; i++) {
        if (hits[i].cover >= HALF && hits[i].score >= NEAR * hits[0].score)
            answer_r->sections[answer_r->n++] = hits[i].section;
    }
}

static int is_given(const struct faq_question *question, const struct kb_section *section)
{
    for (size_t i = 0; i < question->n_given; i++) {
        if (strcmp(question->given[i], section->source) == 0)
            return 1;
    }
    return 0;
}

static void decide(const struct kb_lang *lang, const struct faq_question *question,
                   struct faq_answer *answer_r)
{
    const struct kb_section *talk;
    struct kb_hit hits[KB_HITS_MAX];
    size_t n;

    if (decide_open(lang, question, answer_r))
        return;
    if ((talk = kb_talk_find(lang, question->text)) != NULL) {
        answer(answer_r, FAQ_TALK, talk, 1);
        return;
    }
    n = kb_search(lang, question->text, hits);
    if (n == 0 || hits[0].cover < HALF) {
        answer(answer_r, FAQ_UNKNOWN, NULL, n > 0 ? hits[0].cover : 0);
        return;
    }
    ask_back(hits, n, answer_r);
    if ((hits[0].cover >= SURE && answer_r->n == 1) || !question->may_ask)
        answer(answer_r, hits[0].cover >= SURE ? FAQ_ANSWER : FAQ_UNKNOWN, hits[0].section,
               hits[0].cover);
}

void faq_decide(const struct kb_lang *lang, const struct faq_question *question,
                struct faq_answer *answer_r)
{
    decide(lang, question, answer_r);
    if (answer_r->outcome == FAQ_ANSWER && is_given(question, answer_r->sections[0]))
        answer_r->outcome = FAQ_AGAIN;
}
