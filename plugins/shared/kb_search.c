/* kb_search.c - finds in the index. */
#include "config.h"

#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "plugins/shared/kb.h"
#include "plugins/shared/kb_private.h"

/* Measured with tests/bench/bench_faq. */
#define BODY_SHARE 0.4     /* what a word in the text alone counts, against one in a phrase */
#define PHRASE_SHARE 0.3   /* what one phrase covers alone counts, against all of the section's */
#define UNKNOWN_SHARE 0.6  /* what a word that nothing here knows weighs, against the rarest known */
#define RANK_SHARE 0.1     /* of a score: BM25's rank */
#define ALIKE_SHARE 0.5    /* of a score: the likeness of all words to those of a phrase */
#define TERMS_MAX 24
#define STEM_LETTERS 6 /* of a language without a stemmer: shorter words stay as they are */
#define QUERY_BYTES (TERMS_MAX * (KB_WORD_BYTES + 16))

/* A row of the index: a heading, a phrase of what is asked, or a text. */
struct kb_row {
    uint32_t section;
    int is_body;
    char *words;  /* all of them, as kb_words_join() makes it; of a text NULL */
    size_t n_words;
    double cover; /* of the question at hand */
};

/* What of the question at hand a section covers. */
struct kb_cover {
    double whole, phrase, rank, alike;
    size_t term; /* the last one that was counted, from 1, and with what share */
    double share;
};

/* ---- The index ------------------------------------------------------------------------------- */

static int fail(const struct kb *kb, struct td_error *err)
{
    snprintf(err->text, sizeof err->text, "the index of the knowledge base cannot be made: %s",
             sqlite3_errmsg(kb->db));
    return -1;
}

static int set_words(struct kb_row *row, const char *text, size_t len)
{
    struct kb_words words;
    char joined[KB_JOINED_BYTES];

    kb_words_of(text, len, &words);
    kb_words_join(&words, joined);
    row->n_words = words.n;
    row->words = strdup(joined);
    return row->words != NULL ? 0 : -1;
}

static int add_row(struct kb_lang *lang, sqlite3_stmt *insert, size_t section, const char *text,
                   size_t len, int is_body)
{
    struct kb_row *row;
    int rc;

    if ((lang->n_rows & (lang->n_rows - 1)) == 0) { /* grows by powers of two */
        const size_t cap = lang->n_rows == 0 ? 1 : lang->n_rows * 2;
        struct kb_row *grown = realloc(lang->rows, cap * sizeof *grown);

        if (grown == NULL)
            return -1;
        lang->rows = grown;
    }
    row = &lang->rows[lang->n_rows++];
    *row = (struct kb_row){ .section = (uint32_t)section, .is_body = is_body };
    if (!is_body && set_words(row, text, len) != 0)
        return -1;
    sqlite3_bind_int64(insert, 1, (sqlite3_int64)lang->n_rows);
    sqlite3_bind_text(insert, 2, text, (int)len, SQLITE_STATIC);
    rc = sqlite3_step(insert);
    sqlite3_reset(insert);
    if (rc != SQLITE_DONE)
        return -1;
    return is_body ? 0 : kb_word_list_add(&lang->words, text, len);
}

static int add_article(struct kb_lang *lang, sqlite3_stmt *insert, size_t i)
{
    const struct kb_section *section = &lang->sections[i];
    int rc = add_row(lang, insert, i, section->title, strlen(section->title), 0);

    for (const char *at = section->asked; *at != '\0' && rc == 0;) {
        const size_t len = strcspn(at, "\n");

        rc = add_row(lang, insert, i, at, len, 0);
        at += len + (at[len] == '\n');
    }
    return rc == 0 ? add_row(lang, insert, i, section->text, strlen(section->text), 1) : -1;
}

static sqlite3_stmt *prepare(const struct kb *kb, const char *format, const struct kb_lang *lang)
{
    char sql[256];
    sqlite3_stmt *statement = NULL;

    sqlite3_snprintf(sizeof sql, sql, format, lang->table, lang->table, lang->table);
    (void)sqlite3_prepare_v2(kb->db, sql, -1, &statement, NULL);
    return statement;
}

static int has_stemmer(const struct kb_lang *lang)
{
    return strcmp(lang->name, "en") == 0;
}

void kb_index_fini(struct kb_lang *lang)
{
    sqlite3_finalize(lang->rank);
    sqlite3_finalize(lang->find);
    for (size_t i = 0; i < lang->n_rows; i++)
        free(lang->rows[i].words);
    free(lang->rows);
    free(lang->covers);
}

int kb_index(struct kb *kb, struct kb_lang *lang, struct td_error *err)
{
    char sql[256];
    sqlite3_stmt *insert = NULL;
    int rc;

    sqlite3_snprintf(sizeof sql, sql, "CREATE VIRTUAL TABLE %s USING fts5(text, "
                     "tokenize = '%sunicode61 remove_diacritics 2')",
                     lang->table, has_stemmer(lang) ? "porter " : "");
    rc = sqlite3_exec(kb->db, sql, NULL, NULL, NULL);
    if (rc == SQLITE_OK) /* one commit makes one segment: quicker to make and to ask */
        rc = sqlite3_exec(kb->db, "BEGIN", NULL, NULL, NULL);
    if (rc == SQLITE_OK)
        insert = prepare(kb, "INSERT INTO %s (rowid, text) VALUES (?1, ?2)", lang);
    for (size_t i = 0; i < lang->n_sections && insert != NULL && rc == 0; i++) {
        if (kb_is_article(&lang->sections[i]))
            rc = add_article(lang, insert, i);
    }
    sqlite3_finalize(insert);
    if (rc == 0)
        rc = sqlite3_exec(kb->db, "COMMIT", NULL, NULL, NULL);
    kb_word_list_sort(&lang->words);
    lang->covers = calloc(lang->n_sections, sizeof *lang->covers);
    lang->find = prepare(kb, "SELECT rowid FROM %s WHERE %s MATCH ?1", lang);
    lang->rank = prepare(kb, "SELECT rowid, bm25(%s) FROM %s WHERE %s MATCH ?1", lang);
    return insert != NULL && rc == 0 && lang->covers != NULL && lang->find != NULL &&
                   lang->rank != NULL
               ? 0
               : fail(kb, err);
}

/* ---- What is asked for ----------------------------------------------------------------------- */

struct terms {
    char at[TERMS_MAX][KB_WORD_BYTES + 4]; /* as they stand in a query: "word" or "wor"* */
    size_t n;
};

/* A number of some length is an id: it says nothing about what is wanted. */
static int is_id(const char *word)
{
    size_t digits = 0;

    for (const char *at = word; *at != '\0'; at++)
        digits += *at >= '0' && *at <= '9';
    return digits >= 3 || (digits > 0 && digits == strlen(word));
}

static void add_term(const struct kb_lang *lang, const char *word, struct terms *terms)
{
    char *to = terms->at[terms->n];
    int len;

    if (!kb_word_list_has(&lang->words, word)) {
        const char *near = kb_word_list_near(&lang->words, word);
        word = near != NULL ? near : word;
    }
    len = (int)strlen(word);
    if (has_stemmer(lang) || len < STEM_LETTERS) {
        snprintf(to, sizeof terms->at[0], "\"%s\"", word);
    } else {
        len -= len > STEM_LETTERS ? 2 : 1; /* endings; never half a character */
        while (((unsigned char)word[len] & 0xc0) == 0x80)
            len--;
        snprintf(to, sizeof terms->at[0], "\"%.*s\"*", len, word);
    }
    for (size_t i = 0; i < terms->n; i++) {
        if (strcmp(terms->at[i], to) == 0)
            return;
    }
    terms->n++;
}

static void terms_of(const struct kb_lang *lang, const struct kb_words *words,
                     struct terms *terms)
{
    terms->n = 0;
    for (size_t i = 0; i < words->n && terms->n < TERMS_MAX; i++) {
        if (!is_id(words->at[i]) && !kb_word_list_has(&lang->small, words->at[i]))
            add_term(lang, words->at[i], terms);
    }
}

/* ---- Finding --------------------------------------------------------------------------------- */

static void cover_row(const struct kb_lang *lang, struct kb_row *row, size_t term, double weight)
{
    struct kb_cover *cover = &lang->covers[row->section];
    const double share = row->is_body ? BODY_SHARE : 1;

    row->cover += weight * share;
    if (cover->term != term)
        cover->share = 0;
    cover->term = term;
    if (share > cover->share) {
        cover->whole += weight * (share - cover->share);
        cover->share = share;
    }
}

/* The weight of a term; what it is in knows of it then. */
static double cover_term(const struct kb_lang *lang, const struct terms *terms, size_t i)
{
    const double n_rows = (double)lang->n_rows;
    uint32_t found[KB_ROWS_FOUND];
    size_t n = 0;
    double weight;

    sqlite3_bind_text(lang->find, 1, terms->at[i], -1, SQLITE_STATIC);
    while (n < KB_ROWS_FOUND && sqlite3_step(lang->find) == SQLITE_ROW)
        found[n++] = (uint32_t)sqlite3_column_int64(lang->find, 0) - 1;
    sqlite3_reset(lang->find);
    if (n == 0)
        return UNKNOWN_SHARE * log(n_rows + 1);
    weight = log((n_rows + 1) / (double)n);
    for (size_t k = 0; k < n; k++)
        cover_row(lang, &lang->rows[found[k]], i + 1, weight);
    return weight;
}

/* What all of it weighs. */
static double cover_all(const struct kb_lang *lang, const struct terms *terms)
{
    double whole = 0;

    memset(lang->covers, 0, lang->n_sections * sizeof *lang->covers);
    for (size_t i = 0; i < lang->n_rows; i++)
        lang->rows[i].cover = 0;
    for (size_t i = 0; i < terms->n; i++)
        whole += cover_term(lang, terms, i);
    return whole;
}

/* 1: the words of the phrase are those of the question, whatever their order; 0: none is. */
static double likeness(const struct kb_row *row, const struct kb_words *words)
{
    char word[KB_WORD_BYTES + 2];
    size_t same = 0;

    if (row->words == NULL || row->n_words == 0)
        return 0;
    for (size_t i = 0; i < words->n; i++) {
        snprintf(word, sizeof word, " %s ", words->at[i]);
        same += strstr(row->words, word) != NULL;
    }
    return 2.0 * (double)same / (double)(words->n + row->n_words);
}

static double most(double a, double b)
{
    return a > b ? a : b;
}

/* Each section's best row: by what it covers, by BM25, and by all of its words. */
static void rank_all(const struct kb_lang *lang, const struct terms *terms,
                     const struct kb_words *words)
{
    char query[QUERY_BYTES];
    size_t len = 0;
    double best = 0;

    for (size_t i = 0; i < terms->n; i++)
        len += (size_t)snprintf(query + len, sizeof query - len, "%s%s", i > 0 ? " OR " : "",
                                terms->at[i]);
    sqlite3_bind_text(lang->rank, 1, query, -1, SQLITE_STATIC);
    while (sqlite3_step(lang->rank) == SQLITE_ROW) {
        const struct kb_row *row = &lang->rows[sqlite3_column_int64(lang->rank, 0) - 1];
        struct kb_cover *cover = &lang->covers[row->section];
        const double rank = -sqlite3_column_double(lang->rank, 1); /* FTS5: the lower, the better */

        cover->phrase = most(cover->phrase, row->cover);
        cover->rank = most(cover->rank, rank);
        cover->alike = most(cover->alike, likeness(row, words));
        best = most(best, rank);
    }
    sqlite3_reset(lang->rank);
    for (size_t i = 0; i < lang->n_sections && best > 0; i++)
        lang->covers[i].rank /= best;
}

/* Puts it in its place; those beyond the last fall off. */
static size_t insert_hit(struct kb_hit *hits, size_t n, const struct kb_hit *hit)
{
    size_t at;

    if (n == KB_HITS_MAX && hits[n - 1].score >= hit->score)
        return n;
    at = n < KB_HITS_MAX ? n++ : n - 1;
    while (at > 0 && hits[at - 1].score < hit->score) {
        hits[at] = hits[at - 1];
        at--;
    }
    hits[at] = *hit;
    return n;
}

size_t kb_search(const struct kb_lang *lang, const char *text, struct kb_hit hits_r[KB_HITS_MAX])
{
    struct kb_words words;
    struct terms terms;
    double whole;
    size_t n = 0;

    kb_words_of(text, strlen(text), &words);
    terms_of(lang, &words, &terms);
    if (terms.n == 0)
        return 0;
    whole = cover_all(lang, &terms);
    rank_all(lang, &terms, &words);
    for (size_t i = 0; i < lang->n_sections; i++) {
        const struct kb_cover *c = &lang->covers[i];
        const double cover = ((1 - PHRASE_SHARE) * c->whole + PHRASE_SHARE * c->phrase) / whole;

        if (cover > 0)
            n = insert_hit(hits_r, n, &(struct kb_hit){
                .section = &lang->sections[i], .cover = cover,
                .score = cover * (1 - RANK_SHARE - ALIKE_SHARE + RANK_SHARE * c->rank +
                                  ALIKE_SHARE * c->alike) });
    }
    return n;
}
