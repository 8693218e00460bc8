/* decide_choice.c - a number or a title that comes back where choices went out as numbered lines. */
#include "config.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "engine/draft.h"

#define MAX_TITLE 200 /* of a text that may be one */

/* Of what was said since the customer spoke last, the newest with choices; NULL: none has any. */
static const struct session_message *offered(const struct session *s)
{
    for (size_t i = s->n_messages; i > 0; i--) {
        const struct session_message *m = &s->messages[i - 1];

        if (m->author == TD_CUSTOMER)
            return NULL;
        if (m->n_choices > 0)
            return m;
    }
    return NULL;
}

/* "2", "2.", "2)"; 0: it is none of these. */
static size_t number(const char *text, size_t len)
{
    size_t n = 0, i = 0;

    for (; i < len && i < 3 && text[i] >= '0' && text[i] <= '9'; i++)
        n = n * 10 + (size_t)(text[i] - '0');
    if (i > 0 && i < len && (text[i] == '.' || text[i] == ')'))
        i++;
    return i == len ? n : 0;
}

const char *draft_choice(const struct draft *d, const char *text)
{
    static const char space[] = " \t\r\n";
    const struct session_message *m;
    size_t len, n;

    if (text == NULL || (d->channel->caps & TD_CAN_CHOICES) != 0 ||
        (m = offered(d->session)) == NULL)
        return NULL;
    text += strspn(text, space);
    for (len = strnlen(text, MAX_TITLE + 1); len > 0 && strchr(space, text[len - 1]) != NULL;)
        len--;
    if (len == 0 || len > MAX_TITLE)
        return NULL;
    n = number(text, len);
    if (n > 0 && n <= m->n_choices)
        return m->choices[n - 1]->value;
    for (size_t i = 0; i < m->n_choices; i++) {
        const struct td_choice *c = m->choices[i];

        if (strlen(c->title) == len && strncasecmp(c->title, text, len) == 0)
            return c->value;
    }
    return NULL;
}
