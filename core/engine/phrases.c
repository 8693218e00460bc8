/* phrases.c - the packs of each language, and which language it is. */
#include "config.h"

#include "engine/phrases.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/finder.h"
#include "base/literals.h"
#include "base/mem.h"
#include "base/utf8.h"
#include "base/word.h"
#include "engine/pack.h"
#include "engine/plain.h"

#define LANG_LEN 8     /* the longest first subtag */
#define WORD_LEN 24    /* with the NUL */
#define WORDS_MAX 8192 /* of all languages */
#define PLACES 16384   /* more than words, a power of two */
#define CUTS_MAX 4     /* a text repeats itself */

#define NAME(name, help) #name,
static const char *const signal_names[] = { PHRASES_SIGNALS(NAME) };

#define SIGNALS (sizeof signal_names / sizeof *signal_names)

#define LINE_WORDS FINDER_WORDS(1024)
#define LINES_MAX (LINE_WORDS * 64) /* of all packs of a language */

/* The lines of all packs are numbered through. Most cannot match a text, because none of the words that
 * they need is there: the finder says so in one pass, before any pattern is asked. */
struct lang {
    char name[LANG_LEN + 1];
    struct pack *packs[SIGNALS]; /* NULL: none */
    unsigned from[SIGNALS];      /* the number of each pack's first line */
    size_t n_lines;
    struct finder *finder;       /* NULL: to be made */
    /* Bits by line: that a set of its words says nothing, or has one in the text at hand. */
    uint64_t always[LITERALS_SETS][LINE_WORDS], there[LITERALS_SETS][LINE_WORDS];
    uint64_t maybe[LINE_WORDS]; /* all of its sets are there */
};

struct word {
    char text[WORD_LEN];
    uint32_t langs; /* a bit each */
};

struct phrases {
    struct lang langs[PHRASES_LANGS_MAX];
    struct word *words;
    uint16_t *places; /* the words by their hash, from 1; 0: free. NULL: to be made */
    size_t n_langs, n_words;
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
        finder_free(&(*phrases)->langs[i].finder);
        for (unsigned bit = 0; bit < SIGNALS; bit++)
            pack_free(&(*phrases)->langs[i].packs[bit]);
    }
    buf_fini(&(*phrases)->plain);
    buf_fini(&(*phrases)->cut);
    free((*phrases)->words);
    free((*phrases)->places);
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
    finder_free(&to->finder);
    to->packs[bit] = pack_read(text, len, err);
    if (!to->packs[bit])
        return -1;
    to->n_lines += to->packs[bit]->n_lines;
    return to->n_lines <= LINES_MAX
               ? 0
               : err_set(err, "the packs of the language have more than %d lines of match",
                         (int)LINES_MAX);
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
    free(phrases->places);
    phrases->places = NULL;
    return 0;
}

/* ---- Which language ----------------------------------------------------------------------- */

/* FNV-1a */
static size_t hash(const char *word, size_t len)
{
    uint32_t h = 2166136261u;

    for (size_t i = 0; i < len; i++)
        h = (h ^ (unsigned char)word[i]) * 16777619u;
    return (h ^ h >> 16) % PLACES;
}

/* Where it is, or would be. */
static uint16_t *place(const struct phrases *phrases, const char *word, size_t len)
{
    size_t at = hash(word, len);

    for (; phrases->places[at]; at = (at + 1) % PLACES) {
        const char *text = phrases->words[phrases->places[at] - 1].text;
        if (memcmp(text, word, len) == 0 && text[len] == '\0')
            break;
    }
    return &phrases->places[at];
}

/* The same word of two languages becomes one. */
static void place_words(struct phrases *phrases)
{
    phrases->places = mem_array(PLACES, sizeof *phrases->places);
    for (size_t i = 0; i < phrases->n_words; i++) {
        struct word *word = &phrases->words[i];
        uint16_t *to = place(phrases, word->text, strlen(word->text));

        if (*to)
            phrases->words[*to - 1].langs |= word->langs;
        else
            *to = (uint16_t)(i + 1);
    }
}

/* The languages that have the word, a bit each. */
static uint32_t langs_of(struct phrases *phrases, const char *word, size_t len)
{
    if (!phrases->places)
        place_words(phrases);
    if (len == 0 || len >= WORD_LEN)
        return 0;
    const uint16_t at = *place(phrases, word, len);
    return at ? phrases->words[at - 1].langs : 0;
}

int phrases_small_word(struct phrases *phrases, const char *word, size_t len)
{
    return langs_of(phrases, word, len) != 0;
}

/* A word that several languages have says less for each. */
static void score(struct phrases *phrases, const char *word, size_t len, unsigned *scores)
{
    const uint32_t langs = langs_of(phrases, word, len);
    unsigned n = 0;

    for (uint32_t rest = langs; rest; rest &= rest - 1)
        n++;
    for (size_t i = 0; langs >> i; i++)
        scores[i] += (langs >> i & 1) * (60 / n);
}

static int is_between(char c)
{
    switch (c) {
    case ' ': case '.': case ',': case ';': case ':': case '!': case '?': case '(': case ')':
    case '[': case ']': case '{': case '}': case '<': case '>': case '"': case '\'': case '/':
    case '|': case '*': case '+': case '=': case '_': case '-': return 1;
    default: return 0;
    }
}

/* Of the text in phrases->plain; NULL: it is not clear. */
static const char *lang_of_plain(struct phrases *phrases)
{
    unsigned scores[PHRASES_LANGS_MAX] = { 0 }, best = 0, most = 0;

    for (const char *at = phrases->plain.data, *word = at;; at++) {
        if (*at && !is_between(*at))
            continue;
        score(phrases, word, (size_t)(at - word), scores);
        word = at + 1;
        if (!*at)
            break;
    }
    for (unsigned i = 1; i < phrases->n_langs; i++)
        best = scores[i] > scores[best] ? i : best;
    for (unsigned i = 0; i < phrases->n_langs; i++)
        most += scores[i] == scores[best];
    return scores[best] > 0 && most == 1 ? phrases->langs[best].name : NULL;
}

const char *phrases_lang(struct phrases *phrases, const char *text, size_t len)
{
    plain_text(text, len, &phrases->plain);
    const char *lang = lang_of_plain(phrases);
    return lang ? lang : PHRASES_UNKNOWN;
}

/* ---- Finding ------------------------------------------------------------------------------ */

struct words {
    struct finder_word *list;
    size_t n;
    struct literals *all; /* a line each: what the list points to */
};

/* What each line needs, by its number; each set has numbers of its own. */
static void add_lines(struct lang *lang, const struct pack *pack, unsigned number,
                      struct words *words)
{
    for (size_t i = 0; i < pack->n_lines; i++, number++) {
        struct literals *needed = &words->all[number];

        literals_of(pack->lines[i].text, needed);
        for (unsigned set = 0; set < LITERALS_SETS; set++) {
            const size_t n = needed->sets[set].n;

            if (n == 0)
                lang->always[set][number / 64] |= UINT64_C(1) << number % 64;
            words->list = mem_grow(words->list, (words->n + n + 1) * sizeof *words->list);
            for (size_t k = 0; k < n; k++)
                words->list[words->n++] = (struct finder_word){
                    .text = needed->sets[set].at[k], .number = set * LINES_MAX + number };
        }
    }
}

static void make_finder(struct lang *lang)
{
    struct words words = { .n = 0 };
    unsigned n = 0;

    words.all = mem_array(LINES_MAX, sizeof *words.all);
    memset(lang->always, 0, sizeof lang->always);
    for (unsigned bit = 0; bit < SIGNALS; bit++) {
        lang->from[bit] = n;
        if (lang->packs[bit])
            add_lines(lang, lang->packs[bit], n, &words);
        n += lang->packs[bit] ? (unsigned)lang->packs[bit]->n_lines : 0;
    }
    lang->finder = finder_new(words.list, words.n, LITERALS_SETS * LINES_MAX);
    free(words.list);
    free(words.all);
}

/* Lines that may match the text, in lang->maybe. */
static void prefilter(struct lang *lang, const struct buf *text)
{
    if (!lang->finder)
        make_finder(lang);
    memcpy(lang->there, lang->always, sizeof lang->there);
    finder_scan(lang->finder, text->data, text->len, &lang->there[0][0]);
    for (size_t i = 0; i < LINE_WORDS; i++)
        lang->maybe[i] = lang->there[0][i] & lang->there[1][i] & lang->there[2][i];
}

static int find_pack(const struct lang *lang, int bit, const struct buf *text,
                     struct pattern_span *span_r)
{
    return pack_find(lang->packs[bit], text->data, text->len, lang->maybe, lang->from[bit], span_r);
}

/* The text in cut, with what the packs of `without` find replaced by a full stop. */
static void cut_out(struct phrases *phrases, struct lang *lang, const struct pack *pack)
{
    struct buf *cut = &phrases->cut;
    struct pattern_span span;

    for (size_t i = 0; i < PACK_WITHOUT_MAX && pack->without[i]; i++) {
        const int bit = signal_bit(pack->without[i]);

        for (int n = 0; bit >= 0 && lang->packs[bit] && n < CUTS_MAX; n++) {
            if (!find_pack(lang, bit, cut, &span) || span.len == 0)
                break;
            cut->data[span.at] = '.';
            memmove(cut->data + span.at + 1, cut->data + span.at + span.len,
                    cut->len - span.at - span.len + 1);
            cut->len -= span.len - 1;
            prefilter(lang, cut); /* what is left and right of it now stands side by side */
        }
    }
}

/* The text's lines are in lang->maybe, and are there again afterwards. */
static int found(struct phrases *phrases, struct lang *lang, int bit)
{
    const struct pack *pack = lang->packs[bit];

    if (!pack || !find_pack(lang, bit, &phrases->plain, NULL))
        return 0;
    if (!pack->without[0])
        return 1;
    buf_clear(&phrases->cut);
    buf_add(&phrases->cut, phrases->plain.data, phrases->plain.len);
    cut_out(phrases, lang, pack);
    const int rest = find_pack(lang, bit, &phrases->cut, NULL);
    prefilter(lang, &phrases->plain);
    return rest;
}

static uint32_t find_in(struct phrases *phrases, struct lang *lang, uint32_t wanted)
{
    uint32_t bits = 0;

    prefilter(lang, &phrases->plain);
    for (unsigned bit = 0; bit < SIGNALS; bit++) {
        if (wanted >> bit & 1)
            bits |= (uint32_t)found(phrases, lang, (int)bit) << bit;
    }
    return bits;
}

/* Of PHRASES_UNKNOWN every language is asked. */
static uint32_t find_bare(struct phrases *phrases, const char *lang, uint32_t wanted)
{
    struct lang *one = lang_find(phrases, lang);
    uint32_t bits = 0;

    if (one)
        return find_in(phrases, one, wanted);
    for (size_t i = 0; strcmp(lang, PHRASES_UNKNOWN) == 0 && i < phrases->n_langs; i++)
        bits |= find_in(phrases, &phrases->langs[i], wanted);
    return bits;
}

uint32_t phrases_find(struct phrases *phrases, const char *lang, const char *text, size_t len)
{
    plain_text(text, len, &phrases->plain);
    plain_bare(&phrases->plain);
    return find_bare(phrases, lang, ~PHRASES_OF_AGENTS);
}

uint32_t phrases_hear(struct phrases *phrases, const char *known, const char *text, size_t len,
                      uint32_t wanted, const char **lang_r)
{
    uint32_t bits;

    plain_text(text, len, &phrases->plain);
    *lang_r = lang_of_plain(phrases);
    plain_bare(&phrases->plain); /* languages are told by their marks, too */
    if (!known)
        return find_bare(phrases, *lang_r ? *lang_r : PHRASES_UNKNOWN, wanted);
    bits = find_bare(phrases, known, wanted);
    if (*lang_r && lang_find(phrases, known) != lang_find(phrases, *lang_r))
        bits |= find_bare(phrases, *lang_r, wanted);
    return bits;
}

/* ---- Checking ----------------------------------------------------------------------------- */

static int check_pack(struct phrases *phrases, struct lang *lang, int bit, struct err *err)
{
    const struct pack *pack = lang->packs[bit];

    for (size_t i = 0; i < PACK_WITHOUT_MAX && pack->without[i]; i++) {
        const int other = signal_bit(pack->without[i]);
        if (other < 0 || !lang->packs[other] || other == bit)
            return err_set(err, "there is no other pack '%.64s' to be without", pack->without[i]);
    }
    for (size_t i = 0; i < pack->n_examples; i++) {
        const struct pack_example *example = &pack->examples[i];

        plain_text(example->text, strlen(example->text), &phrases->plain);
        plain_bare(&phrases->plain);
        prefilter(lang, &phrases->plain);
        if (found(phrases, lang, bit) != example->found)
            return err_set(err, "line %u: the example is %s: %.200s", example->line,
                           example->found ? "not found" : "found", example->text);
    }
    return 0;
}

int phrases_check(struct phrases *phrases, struct err *err)
{
    for (size_t i = 0; i < phrases->n_langs; i++) {
        struct lang *lang = &phrases->langs[i];
        for (unsigned bit = 0; bit < SIGNALS; bit++) {
            if (lang->packs[bit] && check_pack(phrases, lang, (int)bit, err) < 0)
                return err_wrap(err, "%s/%s.pack", lang->name, signal_names[bit]);
        }
    }
    return 0;
}
