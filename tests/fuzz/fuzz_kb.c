/* fuzz_kb.c - Markdown of a knowledge base, and words of any text: bounded, and the same twice. */
#include "config.h"

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "plugins/shared/kb_markdown.h"
#include "plugins/shared/kb_words.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void must(int holds)
{
    if (!holds)
        abort();
}

static void check_section(const struct kb_sections *all, size_t i)
{
    const struct kb_section *s = &all->list[i];

    must(s->title[0] != '\0' && strlen(s->title) <= KB_TITLE_MAX);
    must(strlen(s->text) <= KB_TEXT_MAX && strlen(s->asked) <= KB_TEXT_MAX);
    must(s->level >= 1 && s->level <= 6 && s->line > 0);
    for (size_t k = 0; k < i; k++)
        must(strcmp(all->list[k].anchor, s->anchor) != 0);
}

static void read_markdown(const char *text, size_t len)
{
    struct kb_sections sections, again;
    char why[KB_WHY] = "", why_again[KB_WHY] = "";
    const int rc = kb_markdown_read(text, len, &sections, why);

    must(kb_markdown_read(text, len, &again, why_again) == rc && strcmp(why, why_again) == 0);
    must(again.n == sections.n && (rc == 0 || (why[0] != '\0' && sections.n == 0)));
    for (size_t i = 0; i < sections.n; i++) {
        check_section(&sections, i);
        must(strcmp(sections.list[i].text, again.list[i].text) == 0);
    }
    kb_sections_free(&sections);
    kb_sections_free(&again);
}

/* No word holds what could leave the quotes of a query. */
static void read_words(const char *text, size_t len)
{
    struct kb_words words;
    struct kb_word_list list = { .n = 0 };

    kb_words_of(text, len, &words);
    must(words.n <= KB_WORDS_MAX);
    must(kb_word_list_add(&list, text, len) == 0);
    kb_word_list_sort(&list);
    for (size_t i = 0; i < words.n; i++) {
        must(words.at[i][0] != '\0' && strlen(words.at[i]) < KB_WORD_BYTES);
        must(strpbrk(words.at[i], "\"'*:(){}^-+ \t\r\n") == NULL);
        must(len > KB_WORDS_TEXT || kb_word_list_has(&list, words.at[i]));
        (void)kb_word_list_near(&list, words.at[i]);
    }
    kb_word_list_fini(&list);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    char *text = malloc(len + 1); /* of its own size, so that nothing is read past it */

    must(text != NULL);
    if (len > 0)
        memcpy(text, data, len);
    text = realloc(text, len > 0 ? len : 1);
    must(text != NULL);
    read_markdown(text, len);
    read_words(text, len);
    free(text);
    return 0;
}
