/* kb_private.h - what kb.c (files), kb_search.c (the index) and kb_talk.c share. */
#ifndef SHARED_KB_PRIVATE_H
#define SHARED_KB_PRIVATE_H

#include <sqlite3.h>

#include "plugins/shared/kb.h"

struct kb {
    sqlite3 *db; /* in memory: a table a language, a row an article */
    struct kb_lang langs[KB_LANGS_MAX];
    size_t n_langs;
};

/* A phrase of small talk, as words with a space before, between and behind them. */
struct kb_phrase {
    const struct kb_section *section;
    char *text;
};

int kb_is_article(const struct kb_section *section);

/* Takes the phrases of small talk and of what the agent says. -1: out of memory. */
int kb_talk_read(struct kb_lang *lang);

/* Makes the table of a language whose sections are there. -1 with a sentence. */
int kb_index(struct kb *kb, struct kb_lang *lang, struct td_error *err);
void kb_index_fini(struct kb_lang *lang);

#endif
