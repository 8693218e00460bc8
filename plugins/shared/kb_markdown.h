/*
 * kb_markdown.h - a Markdown file as sections that can be found and said to a customer.
 *
 * A heading (# to ######) begins a section. Its body becomes plain text: lines of a paragraph are
 * joined, emphasis and code marks go, [text](url) becomes "text (url)". Comments steer:
 *   <!-- asked: money back; refund status -->  how customers ask for it, besides the heading
 *   <!-- escalate: refund_dispute -->          a person has to look: it is said, and handed over
 *   <!-- smalltalk -->                         answers words that ask for nothing
 *   <!-- say: unknown -->                      what the agent says of its own accord
 * Other comments are dropped. Headings in fenced code are none.
 *
 * Linked into the plugins that answer from files. Pure; the text is hostile until read.
 */
#ifndef SHARED_KB_MARKDOWN_H
#define SHARED_KB_MARKDOWN_H

#include <stddef.h>

#define KB_FILE_MAX (256 << 10) /* bytes of a file */
#define KB_SECTIONS_MAX 1000    /* of a file */
#define KB_TITLE_MAX 200        /* bytes; also of an anchor and a word behind a colon */
#define KB_TEXT_MAX 8000        /* bytes of a body, and of what is asked */

struct kb_section {
    char *title;
    char *anchor;   /* as GitHub makes it; unique in its file */
    char *text;     /* "" when it has no body */
    char *asked;    /* phrases, a line each; "": none */
    char *escalate; /* a reason code; NULL: none */
    char *say;      /* NULL: none */
    int smalltalk;
    int level;      /* of the heading, from 1 */
    unsigned line;  /* of the heading */
    char *source;   /* LANGUAGE/FILE.md#ANCHOR; set by kb.c, NULL before */
};

struct kb_sections {
    struct kb_section *list;
    size_t n;
};

#define KB_WHY 256

/* 0, or -1 with the line and a sentence in why, and nothing to free. text: len bytes. */
int kb_markdown_read(const char *text, size_t len, struct kb_sections *sections_r,
                     char why[KB_WHY]);
void kb_sections_free(struct kb_sections *sections);

#endif
