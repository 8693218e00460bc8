/* repeat.c - words and identifiers that come again. */
#include "config.h"

#include "measure/repeat.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <tandem/json.h>

#include "base/arena.h"
#include "base/buf.h"
#include "engine/phrases.h"
#include "engine/plain.h"

#define WORDS 2048     /* of a customer are remembered; a power of two, half of it is used */
#define ENTITIES 32
#define IDS 8          /* of one message */
#define LAST 3         /* messages whose identifiers the package shows */
#define ID_LEAST 4     /* letters and digits */
#define ID_MOST 64
#define WORD_LEAST 4
#define WORD_MOST 64   /* bytes */
#define REPEATED_LEAST 5
#define REPEATED_PERCENT 60

struct entity {
    const char *name;
    char id[ID_MOST + 1]; /* squeezed; "": it is no identifier */
};

struct repeat {
    struct arena *arena;
    struct phrases *phrases;
    uint64_t words[WORDS]; /* hashes; 0: free */
    size_t n_words;
    struct entity entities[ENTITIES];
    size_t n_entities;
    char known[ID_MOST + 1];
    char said[LAST][IDS][ID_MOST + 1];
    size_t n_said[LAST], at; /* at: the oldest */
};

const char *repeat_sign_name(unsigned bit)
{
    static const char *const names[REPEAT_SIGNS] = { "identifier", "words", "told", "asked" };

    return bit < REPEAT_SIGNS ? names[bit] : "unknown";
}

struct repeat *repeat_new(struct arena *arena, struct phrases *phrases)
{
    struct repeat *repeat = arena_alloc(arena, sizeof *repeat);

    repeat->arena = arena;
    repeat->phrases = phrases;
    return repeat;
}

/* ---- Words -------------------------------------------------------------------------------- */

/* Of a plain text; bytes of a character beyond ASCII belong to words. */
static int in_word(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || (unsigned char)c >= 0x80;
}

/* The next word at or after *at, or NULL; *at is behind it then. */
static const char *next_word(const char **at, size_t *len_r)
{
    const char *word = *at;

    while (*word != '\0' && !in_word(*word))
        word++;
    for (*at = word; in_word(**at);)
        ++*at;
    *len_r = (size_t)(*at - word);
    return *len_r > 0 ? word : NULL;
}

static int is_content(const struct repeat *repeat, const char *word, size_t len)
{
    size_t letters = 0;

    for (size_t i = 0; i < len; i++)
        letters += ((unsigned char)word[i] & 0xc0) != 0x80;
    return letters >= WORD_LEAST &&
           (repeat->phrases == NULL || !phrases_small_word(repeat->phrases, word, len));
}

static uint64_t hash(const char *word, size_t len)
{
    uint64_t h = UINT64_C(14695981039346656037);

    for (size_t i = 0; i < len; i++)
        h = (h ^ (unsigned char)word[i]) * UINT64_C(1099511628211);
    return h != 0 ? h : 1;
}

/* Where it is, or would be. */
static uint64_t *place(uint64_t *words, size_t size, uint64_t h)
{
    size_t i = h & (size - 1);

    while (words[i] != 0 && words[i] != h)
        i = (i + 1) & (size - 1);
    return &words[i];
}

/* The content words of a text, each once, into the set. *old_r of them were in `before`. */
static size_t collect(const struct repeat *repeat, const char *plain, uint64_t *set, size_t size,
                      uint64_t *before, size_t *old_r)
{
    const char *at = plain, *word;
    size_t n = 0, len;

    *old_r = 0;
    while (n < size / 2 && (word = next_word(&at, &len)) != NULL) {
        const uint64_t h = hash(word, len < WORD_MOST ? len : WORD_MOST);
        uint64_t *to;

        if (!is_content(repeat, word, len) || *(to = place(set, size, h)) == h)
            continue;
        *to = h;
        n++;
        *old_r += *place(before, WORDS, h) == h;
    }
    return n;
}

static void remember(struct repeat *repeat, const uint64_t *set, size_t size)
{
    for (size_t i = 0; i < size && repeat->n_words < WORDS / 2; i++) {
        uint64_t *to = set[i] != 0 ? place(repeat->words, WORDS, set[i]) : NULL;

        if (to == NULL || *to != 0)
            continue;
        *to = set[i];
        repeat->n_words++;
    }
}

/* ---- Identifiers -------------------------------------------------------------------------- */

static int is_alnum(char c)
{
    return in_word(c);
}

/* Without what people put between; 1: it can be an identifier. */
static int squeeze(const char *plain, size_t len, char id[ID_MOST + 1])
{
    int digit = 0, mail = 0;
    size_t n = 0;

    for (size_t i = 0; i < len && n < ID_MOST; i++) {
        mail = mail || plain[i] == '@';
        digit = digit || (plain[i] >= '0' && plain[i] <= '9');
        if (is_alnum(plain[i]))
            id[n++] = plain[i];
    }
    id[n] = '\0';
    return n >= ID_LEAST && (digit || mail);
}

static int is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* In what is squeezed; a number does not stand in a longer one. */
static int holds(const char *text, const char *id)
{
    const size_t len = strlen(id);

    for (const char *at = text; (at = strstr(at, id)) != NULL; at++) {
        const int left = at > text && is_digit(at[-1]) && is_digit(id[0]);
        const int right = is_digit(at[len]) && is_digit(id[len - 1]);

        if (!left && !right)
            return 1;
    }
    return 0;
}

static int gives_again(const struct repeat *repeat, const char *plain)
{
    char *text = arena_strdup(repeat->arena, plain);
    size_t n = 0;
    int found = 0;

    for (const char *s = plain; *s != '\0'; s++)
        if (is_alnum(*s))
            text[n++] = *s;
    text[n] = '\0';
    for (size_t i = 0; i < repeat->n_entities && !found; i++)
        found = *repeat->entities[i].id != '\0' && holds(text, repeat->entities[i].id);
    for (size_t i = 0; i < LAST && !found; i++)
        for (size_t k = 0; k < repeat->n_said[i] && !found; k++)
            found = holds(text, repeat->said[i][k]);
    return found || (*repeat->known != '\0' && holds(text, repeat->known));
}

/* What looks like identifiers in a message, in the place of the oldest of three. */
static void note_ids(struct repeat *repeat, const char *plain)
{
    size_t *n = &repeat->n_said[repeat->at];

    *n = 0;
    for (const char *at = plain; *at != '\0' && *n < IDS; at += strcspn(at, " ")) {
        at += strspn(at, " ");
        if (squeeze(at, strcspn(at, " "), repeat->said[repeat->at][*n]))
            ++*n;
    }
    repeat->at = (repeat->at + 1) % LAST;
}

/* ---- Slots -------------------------------------------------------------------------------- */

static int word_is(const char *word, size_t len, const char *other, size_t other_len)
{
    return len == other_len && memcmp(word, other, len) == 0;
}

static int is_generic(const char *word, size_t len)
{
    static const char *const words[] = { "id", "number", "no", "nr", "code" };

    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (word_is(word, len, words[i], strlen(words[i])))
            return 1;
    return 0;
}

/* Up to `end`; word NULL: any generic one. */
static int sentence_has(const char *at, const char *end, const char *word, size_t len)
{
    const char *other;
    size_t other_len;

    while (at < end && (other = next_word(&at, &other_len)) != NULL && other < end)
        if (word == NULL ? is_generic(other, other_len) : word_is(other, other_len, word, len))
            return 1;
    return 0;
}

static int names_slot(const char *from, const char *end, const char *name)
{
    const char *at = name, *word;
    size_t len, specific = 0;
    int generic = 0;

    while ((word = next_word(&at, &len)) != NULL) {
        if (is_generic(word, len)) {
            generic = 1;
        } else if (!sentence_has(from, end, word, len)) {
            return 0;
        } else {
            specific++;
        }
    }
    return specific > 0 && (!generic || sentence_has(from, end, NULL, 0));
}

unsigned repeat_asks(struct repeat *repeat, const char *text)
{
    struct buf plain = { 0 };
    unsigned found = 0;

    if (text == NULL)
        return 0;
    plain_text(text, strlen(text), &plain);
    for (const char *from = plain.data, *end; (end = strpbrk(from, ".!?;")) != NULL && !found;
         from = end + 1)
        for (size_t i = 0; *end == '?' && i < repeat->n_entities && !found; i++)
            if (names_slot(from, end, repeat->entities[i].name))
                found = REPEAT_ASKED;
    buf_fini(&plain);
    return found;
}

/* ---- What is known, what is said ---------------------------------------------------------- */

static void add_entity(struct repeat *repeat, const char *name, const char *value)
{
    struct buf plain = { 0 };
    struct entity *entity = NULL;

    plain_text(name, strlen(name), &plain);
    for (size_t i = 0; i < repeat->n_entities && entity == NULL; i++)
        if (strcmp(repeat->entities[i].name, plain.data) == 0)
            entity = &repeat->entities[i];
    if (entity == NULL && repeat->n_entities < ENTITIES) {
        entity = &repeat->entities[repeat->n_entities++];
        entity->name = arena_strdup(repeat->arena, plain.data);
    }
    if (entity != NULL) {
        plain_text(value, strlen(value), &plain);
        if (!squeeze(plain.data, plain.len, entity->id))
            *entity->id = '\0';
    }
    buf_fini(&plain);
}

void repeat_entities(struct repeat *repeat, const char *entities)
{
    static const struct td_json_limits limits = { .bytes = 1 << 16, .depth = 8 };
    char why[128];
    cJSON *tree = td_json_parse(entities, strlen(entities), &limits, why, sizeof why);
    const cJSON *item;

    cJSON_ArrayForEach(item, tree)
    {
        char *number = cJSON_IsNumber(item) ? cJSON_PrintUnformatted(item) : NULL;
        const char *value = cJSON_IsString(item) ? item->valuestring : number;

        if (value != NULL && item->string != NULL)
            add_entity(repeat, item->string, value);
        cJSON_free(number);
    }
    cJSON_Delete(tree);
}

void repeat_known(struct repeat *repeat, const char *value)
{
    struct buf plain = { 0 };

    plain_text(value, strlen(value), &plain);
    if (!squeeze(plain.data, plain.len, repeat->known))
        *repeat->known = '\0';
    buf_fini(&plain);
}

#define SET 1024 /* of one message */

void repeat_said(struct repeat *repeat, const char *text)
{
    uint64_t set[SET] = { 0 };
    struct buf plain = { 0 };
    size_t old;

    if (text == NULL)
        return;
    plain_text(text, strlen(text), &plain);
    collect(repeat, plain.data, set, SET, repeat->words, &old);
    remember(repeat, set, SET);
    note_ids(repeat, plain.data);
    buf_fini(&plain);
}

static int says_so(struct repeat *repeat, const char *text)
{
    const size_t len = strlen(text);
    uint32_t found;

    if (repeat->phrases == NULL)
        return 0;
    found = phrases_find(repeat->phrases, phrases_lang(repeat->phrases, text, len), text, len);
    for (unsigned bit = 0; phrases_signal(bit) != NULL; bit++)
        if ((found >> bit & 1) != 0 && strcmp(phrases_signal(bit), "already_told") == 0)
            return 1;
    return 0;
}

unsigned repeat_find(struct repeat *repeat, const char *text)
{
    uint64_t set[SET] = { 0 };
    struct buf plain = { 0 };
    unsigned found = 0;
    size_t n, old;

    if (text == NULL)
        return 0;
    plain_text(text, strlen(text), &plain);
    if (gives_again(repeat, plain.data))
        found |= REPEAT_IDENTIFIER;
    n = collect(repeat, plain.data, set, SET, repeat->words, &old);
    if (n >= REPEATED_LEAST && old * 100 >= n * REPEATED_PERCENT)
        found |= REPEAT_WORDS;
    if (says_so(repeat, text))
        found |= REPEAT_TOLD;
    remember(repeat, set, SET);
    buf_fini(&plain);
    return found;
}
