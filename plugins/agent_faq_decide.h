/*
 * agent_faq_decide.h - what becomes of a question: answer, ask back once, or own up and hand over.
 *
 * Pure over a knowledge base; the customer's text is hostile.
 */
#ifndef AGENT_FAQ_DECIDE_H
#define AGENT_FAQ_DECIDE_H

#include "plugins/shared/kb.h"

#define FAQ_CHOICES 3         /* topics that are offered when it asks back */
#define FAQ_QUESTION_MAX 1000 /* bytes of a question that are kept while it asks back */
#define FAQ_NONE "none"       /* the choice that is none of the topics */
#define FAQ_GIVEN 8           /* articles that are remembered as given */

enum faq_outcome { FAQ_ANSWER, FAQ_AGAIN /* as given before */, FAQ_TALK, FAQ_ASK, FAQ_UNKNOWN };

/* What was asked back last turn. */
struct faq_open {
    const char *question;             /* NULL: nothing was */
    const char *sources[FAQ_CHOICES]; /* in the order in which they were offered */
    size_t n;
};

struct faq_question {
    const char *text;   /* "" when it has none */
    const char *choice; /* the value of the choice that was taken; NULL: none */
    struct faq_open open;
    const char *given[FAQ_GIVEN]; /* sources of articles that the customer got; the newest first */
    size_t n_given;
    int may_ask; /* 0: no question is left to ask back */
};

struct faq_answer {
    enum faq_outcome outcome;
    const struct kb_section *sections[FAQ_CHOICES]; /* [0]: the answer; ASK: what it may be */
    size_t n;
    double confidence; /* 0 to 1 */
};

void faq_decide(const struct kb_lang *lang, const struct faq_question *question,
                struct faq_answer *answer_r);

#endif
