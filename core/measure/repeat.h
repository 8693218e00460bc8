/*
 * repeat.h - does the customer have to say it again? Four signs, kept apart.
 *
 * Layer: measure, pure. Memory from the arena; bounded: what is beyond is not remembered.
 * Lexical, and meant to be: a sign is a fact about words, no opinion.
 *   a  an identifier that the package holds is given again: a value of its entities, the customer's
 *      mail address, or what looks like one (4 letters and digits or more, a digit or an @ among
 *      them) in the 3 messages that go with it; compared without blanks, case and punctuation
 *   b  of the content words of a message, at least 5, 60 % or more were said before. A content word
 *      has 4 letters or digits or more and is none of the small words of a language
 *   c  a phrase that says so, of the packs `already_told`
 *   d  a question of the human that names a slot the package holds: all words of the entity's name;
 *      for one that ends in id, number, no, nr or code, any of these will do
 */
#ifndef MEASURE_REPEAT_H
#define MEASURE_REPEAT_H

struct arena;
struct phrases;
struct repeat;

enum repeat_sign {
    REPEAT_IDENTIFIER = 1, /* a */
    REPEAT_WORDS = 2,      /* b */
    REPEAT_TOLD = 4,       /* c */
    REPEAT_ASKED = 8,      /* d */
    REPEAT_UNKNOWN = 16,   /* a text that counts was erased */
};
#define REPEAT_SIGNS 4

const char *repeat_sign_name(unsigned bit); /* "identifier", "words", "told", "asked"; bit 0 to 3 */

struct repeat *repeat_new(struct arena *arena, struct phrases *phrases);
/* What the package holds. entities: a JSON object, replaces what was known of the same name. */
void repeat_entities(struct repeat *repeat, const char *entities);
void repeat_known(struct repeat *repeat, const char *value);
/* The customer said it. */
void repeat_said(struct repeat *repeat, const char *text);
/* Signs a, b, c in a message, against what was there before it; then it was said, too. */
unsigned repeat_find(struct repeat *repeat, const char *text);
/* Sign d, or 0, in what a human says. */
unsigned repeat_asks(struct repeat *repeat, const char *text);

#endif
