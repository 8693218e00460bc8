/*
 * bench_faq.c - what becomes of messages at agent_faq: the shares that are answered, small talk, asked
 * back and handed over, by source, label and intent of the rows.
 *
 *   bench_faq KB-DIRECTORY UTTERANCES.jsonl [SOURCE [show]]
 *
 * SOURCE: only its rows, by intent; show: each message with what it got.
 */
#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <tandem/json.h>
#include <time.h>

#include "plugins/agent_faq_decide.h"

#define GROUPS_MAX 400
#define LINE_BYTES (64 << 10)

static struct group {
    char name[96];
    unsigned n[4];
    double us;
} groups[GROUPS_MAX];
static size_t n_groups;

static struct group *group_of(const char *name)
{
    for (size_t i = 0; i < n_groups; i++) {
        if (strcmp(groups[i].name, name) == 0)
            return &groups[i];
    }
    if (n_groups == GROUPS_MAX)
        return &groups[GROUPS_MAX - 1];
    snprintf(groups[n_groups].name, sizeof groups[0].name, "%s", name);
    return &groups[n_groups++];
}

static double now_us(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (double)ts.tv_sec * 1e6 + (double)ts.tv_nsec / 1e3;
}

static void show(const char *text, const struct faq_answer *got)
{
    static const char *const names[] = { "answer", "talk", "ask", "unknown" };

    printf("%-8s %.2f %-60.60s", names[got->outcome], got->confidence, text);
    for (size_t i = 0; i < got->n; i++)
        printf(" %s", got->sections[i]->source);
    printf("\n");
}

static void take_row(const struct kb *kb, const cJSON *row, const char *only, int shown)
{
    const char *text = td_json_get_str(row, "text"), *lang = td_json_get_str(row, "lang");
    const char *source = td_json_get_str(row, "source"), *intent = td_json_get_str(row, "intent");
    const cJSON *label = td_json_get(row, "labels");
    struct faq_question question = { .text = text, .may_ask = 1 };
    struct faq_answer got;
    char name[96];

    label = label != NULL ? label->child : NULL;
    if (text == NULL || (only != NULL && (source == NULL || strcmp(source, only) != 0)))
        return;
    if (lang != NULL && kb_lang_get(kb, lang) == NULL)
        return;
    snprintf(name, sizeof name, "%s %s %s", source != NULL ? source : "-", lang != NULL ? lang : "en",
             only != NULL && intent != NULL ? intent
             : cJSON_IsString(label)        ? label->valuestring
                                            : "-");
    const double t0 = now_us();
    faq_decide(kb_lang_of(kb, text, NULL, lang, kb_lang_at(kb, 0)), &question, &got);
    struct group *group = group_of(name);
    group->us += now_us() - t0;
    group->n[got.outcome]++;
    if (shown)
        show(text, &got);
}

static int by_name(const void *a, const void *b)
{
    return strcmp(((const struct group *)a)->name, ((const struct group *)b)->name);
}

static void print(void)
{
    qsort(groups, n_groups, sizeof groups[0], by_name);
    printf("%-58s %6s %8s %8s %8s %8s %7s\n", "source, language, what", "rows", "answered", "talk",
           "asked", "unknown", "us");
    for (size_t i = 0; i < n_groups; i++) {
        const struct group *g = &groups[i];
        const double n = g->n[0] + g->n[1] + g->n[2] + g->n[3];

        printf("%-58s %6.0f %7.1f%% %7.1f%% %7.1f%% %7.1f%% %7.1f\n", g->name, n, 100 * g->n[0] / n,
               100 * g->n[1] / n, 100 * g->n[2] / n, 100 * g->n[3] / n, g->us / n);
    }
}

int main(int argc, char **argv)
{
    static char line[LINE_BYTES];
    struct td_error err = { "usage: bench_faq KB-DIRECTORY UTTERANCES.jsonl [SOURCE [show]]" };
    struct kb *kb = argc >= 3 ? kb_open(argv[1], &err) : NULL;
    FILE *in = kb != NULL ? fopen(argv[2], "r") : NULL;

    if (in == NULL) {
        fprintf(stderr, "bench_faq: %s\n", kb != NULL ? "the messages cannot be read" : err.text);
        kb_close(&kb);
        return 1;
    }
    while (fgets(line, sizeof line, in) != NULL) {
        char why[160];
        cJSON *row = td_json_parse(line, strcspn(line, "\n"), NULL, why, sizeof why);

        if (row != NULL)
            take_row(kb, row, argc > 3 ? argv[3] : NULL, argc > 4);
        cJSON_Delete(row);
    }
    fclose(in);
    print();
    kb_close(&kb);
    return 0;
}
