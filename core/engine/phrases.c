/* phrases.c - the packs of each language, and which language it is. */
#include "config.h"

#include "engine/phrases.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/utf8.h"
#include "base/word.h"
#include "engine/pack.h"
#include "engine/plain.h"

#define LANG_LEN 8     /* the longest first subtag */
#define WORD_LEN 24    /* with the NUL */
#define WORDS_MAX 8192 /* of all languages */
#define CUTS_MAX 4     /* a text repeats itself */

#define NAME(name, help) #name,
static const char *const signal_names[] = { PHRASES_SIGNALS(NAME) };

#define SIGNALS (sizeof signal_names / sizeof *signal_names)

struct lang {
    char name[LANG_LEN + 1];
    struct pack *packs[SIGNALS]; /* NULL: none */
};

struct word {
    char text[WORD_LEN];
    uint32_t langs; /* a bit each */
};

struct phrases {
    struct lang langs[PHRASES_LANGS_MAX];
    struct word *words; /* sorted once it is asked */
    size_t n_langs, n_words;
    int sorted;
    struct buf plain, cut; /* kept for their memory */
};

const char *phrases_signal(unsigned bit)
{
    return bit < SIGNALS ? signal_names[bit] : NULL;
}

static int signal_bit(const char *name)
{
    for (unsigned i = 0; i < SIGNALS; i++) {
        if (strcmp(signal_names[i], name) == 0)
            return (int)i;
    }
    return -1;
}

struct phrases *phrases_new(void)
{
    return mem_alloc(sizeof(struct phrases));
}

void phrases_free(struct phrases **phrases)
{
    if (!*phrases)
        return;
    for (size_t i = 0; i < (*phrases)->n_langs; i++) {
        for (unsigned bit = 0; bit < SIGNALS; bit++)
            pack_free(&(*phrases)->langs[i].packs[bit]);
    }
    buf_fini(&(*phrases)->plain);
    buf_fini(&(*phrases)->cut);
    free((*phrases)->words);
    free(*phrases);
    *phrases = NULL;
}

/* ---- Adding ------------------------------------------------------------------------------- */

static struct lang *lang_find(struct phrases *phrases, const char *name)
{
    const size_t len = strcspn(name, "-_");

    for (size_t i = 0; i < phrases->n_langs; i++) {
        struct lang *lang = &phrases->langs[i];
        if (strlen(lang->name) == len && strncasecmp(lang->name, name, len) == 0)
            return lang;
    }
    return NULL;
}

static struct lang *lang_add(struct phrases *phrases, const char *name, struct err *err)
{
    struct lang *lang = lang_find(phrases, name);
    const size_t len = strcspn(name, "-_");

    if (lang)
        return lang;
    if (len < 2 || len > LANG_LEN || strspn(name, "abcdefghijklmnopqrstuvwxyz") < len) {
        err_set(err, "'%.32s' is not a language, such as en", name);
        return NULL;
    }
    if (phrases->n_langs == PHRASES_LANGS_MAX) {
        err_set(err, "more than %d languages", PHRASES_LANGS_MAX);
        return NULL;
    }
    lang = &phrases->langs[phrases->n_langs++];
    memcpy(lang->name, name, len);
    return lang;
}

int phrases_add(struct phrases *phrases, const char *lang, const char *signal, const char *text,
                size_t len, struct err *err)
{
    const int bit = signal_bit(signal);
    struct lang *to = lang_add(phrases, lang, err);

    if (!to)
        return -1;
    if (bit < 0) {
        const char *near = word_nearest(signal, signal_names, SIGNALS);
        return err_set(err, "there is no signal '%.64s'%s%s%s", signal,
                       near ? "; did you mean '" : "", near ? near : "", near ? "'?" : "");
    }
    if (to->packs[bit])
        return err_set(err, "the pack is there already");
    to->packs[bit] = pack_read(text, len, err);
    return to->packs[bit] ? 0 : -1;
}

int phrases_add_words(struct phrases *phrases, const char *lang, const char *text, size_t len,
                      struct err *err)
{
    struct lang *to = lang_add(phrases, lang, err);

    if (!to)
        return -1;
    if (len > PLAIN_MAX || !utf8_valid(text, len))
        return err_set(err, "more than %d bytes of words, or no UTF-8", PLAIN_MAX);
    plain_text(text, len, &phrases->plain);
    for (const char *at = phrases->plain.data; *at;) {
        const size_t n = strcspn(at, " ");

        if (n > 0 && n < WORD_LEN) {
            if (phrases->n_words == WORDS_MAX)
                return err_set(err, "more than %d words in all", WORDS_MAX);
            phrases->words = mem_grow(phrases->words,
                                      (phrases->n_words + 1) * sizeof *phrases->words);
            struct word *word = &phrases->words[phrases->n_words++];
            *word = (struct word){ .langs = UINT32_C(1) << (to - phrases->langs) };
            memcpy(word->text, at, n);
        }
        at += n + (at[n] == ' ');
    }
    phrases->sorted = 0;
    return 0;
}

/* ---- Which language ----------------------------------------------------------------------- */

static int word_cmp(const void *a, const void *b)
{
    return strcmp(((const struct word *)a)->text, ((const struct word *)b)->text);
}

/* The same word of two languages becomes one. */
static void sort_words(struct phrases *phrases)
{
    size_t n = 0;

    if (phrases->n_words > 0)
        qsort(phrases->words, phrases->n_words, sizeof *phrases->words, word_cmp);
    for (size_t i = 0; i < phrases->n_words; i++) {
        if (n > 0 && word_cmp(&phrases->words[n - 1], &phrases->words[i]) == 0)
            phrases->words[n - 1].langs |= phrases->words[i].langs;
        else
            phrases->words[n++] = phrases->words[i];
    }
    phrases->n_words = n;
    phrases->sorted = 1;
}

/* A word that several languages have says less for each. */
static void score(struct phrases *phrases, const char *text, size_t len, unsigned *scores)
{
    struct word key = { .langs = 0 };
    unsigned n = 0;

    if (len >= WORD_LEN)
        return;
    memcpy(key.text, text, len);
    const struct word *word = bsearch(&key, phrases->words, phrases->n_words, sizeof key, word_cmp);
    if (!word)
        return;
    for (size_t i = 0; i < phrases->n_langs; i++)
        n += word->langs >> i & 1;
    for (size_t i = 0; i < phrases->n_langs; i++)
        scores[i] += (word->langs >> i & 1) * (60 / n);
}

int phrases_small_word(struct phrases *phrases, const char *word, size_t len)
{
    struct word key = { .langs = 0 };

    if (!phrases->sorted)
        sort_words(phrases);
    if (len >= WORD_LEN || phrases->n_words == 0)
        return 0;
    memcpy(key.text, word, len);
    return bsearch(&key, phrases->words, phrases->n_words, sizeof key, word_cmp) != NULL;
}

const char *phrases_lang(struct phrases *phrases, const char *text, size_t len)
{
    static const char between[] = " .,;:!?()[]{}<>\"'/|*+=_-";
    unsigned scores[PHRASES_LANGS_MAX] = { 0 }, best = 0, most = 0;

    if (!phrases->sorted)
        sort_words(phrases);
    plain_text(text, len, &phrases->plain);
    for (const char *at = phrases->plain.data; *at;) {
        const size_t n = strcspn(at, between);

        if (n > 0 && phrases->n_words > 0)
            score(phrases, at, n, scores);
        at += n;
        at += strspn(at, between);
    }
    for (unsigned i = 1; i < phrases->n_langs; i++)
        best = scores[i] > scores[best] ? i : best;
    for (unsigned i = 0; i < phrases->n_langs; i++)
        most += scores[i] == scores[best];
    return scores[best] > 0 && most == 1 ? phrases->langs[best].name : PHRASES_UNKNOWN;
}

/* ---- Finding ------------------------------------------------------------------------------ */

/* The text in cut, with what the packs of `without` find replaced by a full stop. */
static void cut_out(struct phrases *phrases, const struct lang *lang, const struct pack *pack)
{
    struct buf *cut = &phrases->cut;
    struct pattern_span span;

    for (size_t i = 0; i < PACK_WITHOUT_MAX && pack->without[i]; i++) {
        const int bit = signal_bit(pack->without[i]);
        const struct pack *other = bit < 0 ? NULL : lang->packs[bit];

        for (int n = 0; other && n < CUTS_MAX; n++) {
            if (!pack_find(other, cut->data, cut->len, &span) || span.len == 0)
                break;
            cut->data[span.at] = '.';
            memmove(cut->data + span.at + 1, cut->data + span.at + span.len,
                    cut->len - span.at - span.len + 1);
            cut->len -= span.len - 1;
        }
    }
}

static int found(struct phrases *phrases, const struct lang *lang, const struct pack *pack)
{
    const struct buf *plain = &phrases->plain;

    if (!pack || !pack_find(pack, plain->data, plain->len, NULL))
        return 0;
    if (!pack->without[0])
        return 1;
    buf_clear(&phrases->cut);
    buf_add(&phrases->cut, plain->data, plain->len);
    cut_out(phrases, lang, pack);
    return pack_find(pack, phrases->cut.data, phrases->cut.len, NULL);
}

static uint32_t find_in(struct phrases *phrases, const struct lang *lang, uint32_t wanted)
{
    uint32_t bits = 0;

    for (unsigned bit = 0; bit < SIGNALS; bit++) {
        if (wanted >> bit & 1)
            bits |= (uint32_t)found(phrases, lang, lang->packs[bit]) << bit;
    }
    return bits;
}

uint32_t phrases_find(struct phrases *phrases, const char *lang, const char *text, size_t len)
{
    return phrases_find_some(phrases, lang, text, len, ~PHRASES_OF_AGENTS);
}

uint32_t phrases_find_some(struct phrases *phrases, const char *lang, const char *text, size_t len,
                           uint32_t wanted)
{
    const struct lang *one = lang_find(phrases, lang);
    uint32_t bits = 0;

    plain_text(text, len, &phrases->plain);
    if (one)
        return find_in(phrases, one, wanted);
    for (size_t i = 0; strcmp(lang, PHRASES_UNKNOWN) == 0 && i < phrases->n_langs; i++)
        bits |= find_in(phrases, &phrases->langs[i], wanted);
    return bits;
}

/* ---- Checking ----------------------------------------------------------------------------- */

static int check_pack(struct phrases *phrases, const struct lang *lang, const struct pack *pack,
                      struct err *err)
{
    for (size_t i = 0; i < PACK_WITHOUT_MAX && pack->without[i]; i++) {
        const int bit = signal_bit(pack->without[i]);
        if (bit < 0 || !lang->packs[bit] || lang->packs[bit] == pack)
            return err_set(err, "there is no other pack '%.64s' to be without", pack->without[i]);
    }
    for (size_t i = 0; i < pack->n_examples; i++) {
        const struct pack_example *example = &pack->examples[i];

        plain_text(example->text, strlen(example->text), &phrases->plain);
        if (found(phrases, lang, pack) != example->found)
            return err_set(err, "line %u: the example is %s: %.200s", example->line,
                           example->found ? "not found" : "found", example->text);
    }
    return 0;
}

int phrases_check(struct phrases *phrases, struct err *err)
{
    for (size_t i = 0; i < phrases->n_langs; i++) {
        const struct lang *lang = &phrases->langs[i];
        for (unsigned bit = 0; bit < SIGNALS; bit++) {
            if (lang->packs[bit] && check_pack(phrases, lang, lang->packs[bit], err) < 0)
                return err_wrap(err, "%s/%s.pack", lang->name, signal_names[bit]);
        }
    }
    return 0;
}
