/*
 * kb.h - a knowledge base: Markdown files by language, found through SQLite FTS5 (BM25).
 *
 * DIRECTORY/LANGUAGE/NAME.md are the articles, DIRECTORY/LANGUAGE/words the small words of that
 * language ("the", "how"): they mean nothing to the search, and tell which language a text is in.
 * Everything is read by kb_open() and then rests in memory; later changes of the files are not seen.
 *
 * Linked into the plugins that answer from files. Threads: one at a time.
 */
#ifndef SHARED_KB_H
#define SHARED_KB_H

#include <tandem/plugin.h>

#include "plugins/shared/kb_markdown.h"
#include "plugins/shared/kb_words.h"

#define KB_LANGS_MAX 16
#define KB_LANG_BYTES 12
#define KB_FILES_MAX 500 /* of a language */
#define KB_HITS_MAX 8
#define KB_ROWS_FOUND 4096 /* of the index, by one word: what is in more says nothing */

struct kb;
struct sqlite3_stmt;

struct kb_lang {
    char name[KB_LANG_BYTES]; /* the first subtag, lower case */
    struct kb_section *sections;
    size_t n_sections;
    struct kb_word_list small; /* what is in `words` */
    struct kb_word_list words; /* those of headings and of what is asked */
    struct kb_phrase *phrases; /* of small talk */
    struct kb_word_list talk;  /* the words of these */
    size_t n_phrases;
    char table[8]; /* these are kb_search.c's */
    struct sqlite3_stmt *find, *rank;
    struct kb_row *rows;
    size_t n_rows;
    struct kb_cover *covers; /* a section each */
};

/* What was found. cover: the share of what was asked, by the weight of its words, that the section
 * knows, 0 to 1: how sure that is an answer. score: the same with BM25's rank in it, for the order. */
struct kb_hit {
    const struct kb_section *section;
    double cover, score;
};

/* NULL with a sentence that names the file in err. */
struct kb *kb_open(const char *dir, struct td_error *err);
void kb_close(struct kb **kb); /* NULL is fine */

const struct kb_lang *kb_lang_get(const struct kb *kb, const char *locale); /* BCP 47; NULL: none */
size_t kb_n_langs(const struct kb *kb); /* at least 1 */
const struct kb_lang *kb_lang_at(const struct kb *kb, size_t i);
/* By its small words, of which it has at least so many more than any other; NULL: they do not say. */
const struct kb_lang *kb_lang_detect(const struct kb *kb, const char *text, size_t margin);

/* The language of a talk: what the text shows, else what it was before (NULL: new), else the
 * customer's locale, else fallback. */
const struct kb_lang *kb_lang_of(const struct kb *kb, const char *text, const char *before,
                                 const char *locale, const struct kb_lang *fallback);

/* The language of those whose own is not there: the one named, else en, else the first. NULL: the one
 * named is not there, with a sentence. */
const struct kb_lang *kb_lang_fallback(const struct kb *kb, const char *named,
                                       struct td_error *err);

/* The best first; at most KB_HITS_MAX. Small talk and what the agent says are not among them. */
size_t kb_search(const struct kb_lang *lang, const char *text,
                 struct kb_hit hits_r[KB_HITS_MAX]);

const struct kb_section *kb_section_by_source(const struct kb_lang *lang, const char *source);
const struct kb_section *kb_section_to_say(const struct kb_lang *lang, const char *say);

/* The small talk that the whole text is: every word of it is known to small talk, and one phrase is in
 * it as a whole. NULL: it is none. */
const struct kb_section *kb_talk_find(const struct kb_lang *lang, const char *text);
/* 1: the text is that to what is asked of the section which says `say`. */
int kb_talk_is(const struct kb_lang *lang, const char *say, const char *text);

#endif
