/* editor.c - lines of a terminal with libedit. */
#include "config.h"

#include "ctl/editor.h"

#include <stddef.h>

#ifdef HAVE_LIBEDIT

#include <histedit.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <wchar.h>

#include "base/mem.h"
#include "ctl/complete.h"

#define KEPT_LINES 500

struct editor {
    const struct client *client;
    EditLine *line;
    History *history;
    char *file; /* of the history; NULL: it is not kept */
};

static char *prompt(EditLine *line)
{
    static char text[] = "tandem> ";

    (void)line;
    return text;
}

static void insert(EditLine *line, const char *word, size_t from, size_t to)
{
    char *part = mem_printf("%.*s", (int)(to - from), word + from);

    el_insertstr(line, part);
    free(part);
}

/* Tab: what is certain is put in; when nothing is, what is possible is shown. */
static unsigned char on_tab(EditLine *line, wint_t key)
{
    const LineInfo *info = el_line(line);
    struct editor *editor;
    struct completion found;
    unsigned char done = CC_REFRESH;

    (void)key;
    el_get(line, EL_CLIENTDATA, &editor);
    complete(editor->client, info->buffer, (size_t)(info->cursor - info->buffer), &found);
    const size_t common = complete_common(&found);

    if (found.n == 0) {
        done = CC_ERROR;
    } else if (found.n == 1 || common > found.begun) {
        insert(line, found.words[0], found.begun, common);
        if (found.n == 1)
            el_insertstr(line, " ");
    } else {
        for (size_t i = 0; i < found.n; i++)
            printf("%s%s", i == 0 ? "\n" : "  ", found.words[i]);
        putchar('\n');
        fflush(stdout);
        done = CC_REDISPLAY;
    }
    complete_fini(&found);
    return done;
}

static unsigned char on_interrupt(EditLine *line, wint_t key)
{
    const LineInfo *info = el_line(line);

    (void)key;
    el_cursor(line, (int)(info->lastchar - info->cursor));
    info = el_line(line);
    el_deletestr(line, (int)(info->lastchar - info->buffer));
    return CC_REFRESH;
}

struct editor *editor_new(const struct client *client)
{
    const char *home = getenv("HOME");
    struct editor *editor = mem_alloc(sizeof *editor);
    HistEvent event;

    setlocale(LC_CTYPE, "");
    *editor = (struct editor){ .client = client };
    editor->line = el_init("tandemctl", stdin, stdout, stderr);
    editor->history = history_init();
    if (!editor->line || !editor->history) {
        editor_free(&editor);
        return NULL;
    }
    history(editor->history, &event, H_SETSIZE, KEPT_LINES);
    history(editor->history, &event, H_SETUNIQUE, 1);
    if (home && *home == '/') {
        editor->file = mem_printf("%s/.tandemctl_history", home);
        history(editor->history, &event, H_LOAD, editor->file); /* the first time there is none */
    }
    el_set(editor->line, EL_CLIENTDATA, editor);
    el_set(editor->line, EL_PROMPT, prompt);
    el_set(editor->line, EL_EDITOR, "emacs");
    el_set(editor->line, EL_HIST, history, editor->history);
    /* The wide one: el_set() would give libedit copies of the words that it never frees. */
    el_wset(editor->line, EL_ADDFN, L"tandem-complete", L"offer what may follow", on_tab);
    el_wset(editor->line, EL_ADDFN, L"tandem-interrupt", L"empty the line", on_interrupt);
    el_source(editor->line, NULL);
    el_set(editor->line, EL_SETTY, "-d", "-isig", NULL);
    el_set(editor->line, EL_BIND, "^I", "tandem-complete", NULL);
    el_set(editor->line, EL_BIND, "^C", "tandem-interrupt", NULL);
    return editor;
}

void editor_free(struct editor **editor)
{
    HistEvent event;

    if (!*editor)
        return;
    if ((*editor)->file)
        history((*editor)->history, &event, H_SAVE, (*editor)->file); /* only we may read it */
    if ((*editor)->history)
        history_end((*editor)->history);
    if ((*editor)->line)
        el_end((*editor)->line);
    free((*editor)->file);
    free(*editor);
    *editor = NULL;
}

const char *editor_line(struct editor *editor)
{
    HistEvent event;
    int len = 0;

    el_resize(editor->line);
    const char *line = el_gets(editor->line, &len);

    if (line && line[strspn(line, " \t\r\n")])
        history(editor->history, &event, H_ENTER, line);
    if (!line)
        putchar('\n'); /* the shell's prompt begins its own line */
    return line;
}

#else

struct editor *editor_new(const struct client *client)
{
    (void)client;
    return NULL;
}

void editor_free(struct editor **editor)
{
    *editor = NULL;
}

const char *editor_line(struct editor *editor)
{
    (void)editor;
    return NULL;
}

#endif
