/* rules.c - what was found, a line a rule, with the line of the header that says the rule. */
#include "config.h"

#include "kit/rules.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

static const struct row {
    int rule;
    const char *name, *holds; /* what is said when nothing was found */
    const char *needle;       /* how the rule's line in the header begins or what it holds; NULL: it
                               * need not be said there */
} rows[] = {
    { RULE_FIT, "fit", "the file and its descriptor are what a daemon takes",
      "#define TD_PLUGIN_DEFINE" },
    { RULE_OPEN, "open", "it opens, or says why not", "TD_OK with *self_r set" },
    { RULE_BORROW, "borrow", "no borrowed pointer is used after the call", " *  1. " },
    { RULE_THREAD, "thread", "the host is called on the loop thread only", " *  2. " },
    { RULE_BLOCK, "block", "no call takes longer than 50 ms", " *  3. " },
    { RULE_SIZE, "size", "sizes of structs are set, and no field beyond them is read", " *  5. " },
    { RULE_ONCE, "once", "each job is answered exactly once", " *  6. " },
    { RULE_CLOSE, "close", "nothing happens and nothing is left after close()", " *  7. " },
    { RULE_TWO, "two", "two instances work side by side", " *  8. " },
    { RULE_TEXT, "text", "texts are UTF-8, ids and addresses not too long", " * 10. " },
    { RULE_BOUND, "bound", "what it hands in is bounded", " * 11. " },
    { RULE_DESK, "desk", "what it does has a human, and nothing is done to what was released",
      "After it the desk" },
    { RULE_CRASH, "crash", "it does not crash", NULL },
};

#define N_ROWS (sizeof rows / sizeof rows[0])

struct report {
    char *header;
    char *found[N_ROWS];
    int cut, desk;
};

struct report *report_new(const char *header)
{
    struct report *report = mem_alloc(sizeof *report);

    report->header = mem_strdup(header != NULL ? header : TANDEM_INCLUDE_DIR "/plugin.h");
    return report;
}

void report_free(struct report **report)
{
    for (size_t i = 0; i < N_ROWS; i++)
        free((*report)->found[i]);
    free((*report)->header);
    free(*report);
    *report = NULL;
}

void report_fail(struct report *report, int rule, const char *sentence)
{
    for (size_t i = 0; i < N_ROWS; i++) {
        if (rows[i].rule == rule && report->found[i] == NULL)
            report->found[i] = mem_strdup(sentence);
    }
}

void report_cut(struct report *report)
{
    report->cut = 1;
}

void report_desk(struct report *report)
{
    report->desk = 1;
}

int report_has(const struct report *report, int rule)
{
    for (size_t i = 0; i < N_ROWS; i++) {
        if (rows[i].rule == rule && report->found[i] != NULL)
            return 1;
    }
    return 0;
}

int report_failed(const struct report *report)
{
    for (size_t i = 0; i < N_ROWS; i++) {
        if (report->found[i] != NULL)
            return 1;
    }
    return 0;
}

/* The line of the header that holds the text; 0: the header is not there, or not this one. */
static unsigned line_of(const char *header, const char *needle)
{
    FILE *file = fopen(header, "r");
    char line[512];
    unsigned n = 0, found = 0;

    if (file == NULL)
        return 0;
    while (found == 0 && fgets(line, sizeof line, file) != NULL) {
        n++;
        if (strstr(line, needle) != NULL)
            found = n;
    }
    fclose(file);
    return found;
}

void report_print(const struct report *report)
{
    for (size_t i = 0; i < N_ROWS; i++) {
        const unsigned line = report->found[i] != NULL && rows[i].needle != NULL
                                  ? line_of(report->header, rows[i].needle) : 0;

        if (rows[i].rule == RULE_DESK && !report->desk)
            continue;
        if (report->found[i] != NULL && line > 0)
            printf("FAIL %s: %s (plugin.h:%u)\n", rows[i].name, report->found[i], line);
        else if (report->found[i] != NULL && rows[i].needle == NULL)
            printf("FAIL %s: %s\n", rows[i].name, report->found[i]);
        else if (report->found[i] != NULL)
            printf("FAIL %s: %s (plugin.h was not found at %s)\n", rows[i].name, report->found[i],
                   report->header);
        else if (report->cut)
            printf("skip %s: not judged to the end, mend what failed first\n", rows[i].name);
        else
            printf("ok %s: %s\n", rows[i].name, rows[i].holds);
    }
}
