/* report.c - sessions into groups, into kinds of escalations, and into a list. */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "engine/record.h"
#include "measure/report_private.h"

#define OTHER "(other)"
#define NONE "(none)"

const char *report_by_name(enum report_by by)
{
    static const char *const names[REPORT_BYS] = { "", "intent", "reason", "queue", "channel",
                                                   "agent" };

    return names[by];
}

/* How an escalation stands: the outcome of its newest handoff, "waiting" or "live". */
static const char *report_outcome(const struct measure_escalation *e)
{
    return e->outcome != 0 ? handoff_outcome_name(e->outcome) : e->live ? "live" : "waiting";
}

struct report *report_new(const struct report_ask *ask)
{
    struct report *report = mem_alloc(sizeof *report);

    report->ask = *ask;
    report->ask.group = report->group = mem_strdup(ask->group);
    if (ask->columns > 0)
        report->columns = mem_array(ask->columns, sizeof *report->columns);
    if (ask->sessions)
        report->listed = mem_array(REPORT_SESSIONS, sizeof *report->listed);
    return report;
}

static void free_cells(struct cell **cells)
{
    struct cell *cell, *next;

    HASH_ITER(hh, *cells, cell, next) {
        HASH_DEL(*cells, cell);
        free(cell);
    }
}

void report_free(struct report **report_p)
{
    struct report *report = *report_p;
    struct group *group, *next_group;
    struct seen *seen, *next_seen;

    *report_p = NULL;
    if (report == NULL)
        return;
    HASH_ITER(hh, report->groups, group, next_group) {
        HASH_DEL(report->groups, group);
        figures_fini(&group->figures);
        free(group);
    }
    free_cells(&report->cells);
    free_cells(&report->slots);
    free_cells(&report->failures);
    HASH_ITER(hh, report->seen, seen, next_seen) {
        HASH_DEL(report->seen, seen);
        free(seen);
    }
    for (size_t i = 0; i < report->n_listed; i++) {
        struct listed *l = &report->listed[i];
        char *const all[] = { l->channel, l->agent, l->intent, l->queue, l->reason };

        for (size_t k = 0; k < sizeof all / sizeof *all; k++)
            free(all[k]);
    }
    free(report->listed);
    for (unsigned i = 0; i < report->ask.columns; i++)
        figures_fini(&report->columns[i]);
    free(report->columns);
    figures_fini(&report->total);
    free(report->group);
    free(report);
}

void report_skip(struct report *report)
{
    report->n_skipped++;
}

/* ---- Groups ------------------------------------------------------------------------------- */

static struct group *group_of(struct report *report, const char *name)
{
    struct group *group;
    size_t len = strlen(name);

    HASH_FIND(hh, report->groups, name, len, group);
    if (group == NULL && HASH_COUNT(report->groups) >= REPORT_GROUPS) {
        name = OTHER;
        len = strlen(OTHER);
        HASH_FIND(hh, report->groups, name, len, group);
    }
    if (group != NULL)
        return group;
    group = mem_alloc(sizeof *group + len + 1);
    memcpy(group->name, name, len + 1);
    HASH_ADD_KEYPTR(hh, report->groups, group->name, len, group);
    return group;
}

static const char *or_none(const char *name)
{
    return name != NULL && *name != '\0' ? name : NONE;
}

/* What the session was about when it was escalated, else in the end. */
static const char *intent_of(const struct measure *m)
{
    return or_none(m->n_escalations > 0 ? m->escalations[0].intent : m->intent);
}

/* NULL: an escalation says it, not the session. */
static const char *key_of(const struct measure *m, enum report_by by)
{
    switch (by) {
    case BY_INTENT: return intent_of(m);
    case BY_CHANNEL: return or_none(m->channel);
    case BY_AGENT: return or_none(m->agent);
    default: return NULL;
    }
}

static const char *key_of_escalation(const struct measure_escalation *e, enum report_by by)
{
    return or_none(by == BY_QUEUE ? e->queue : e->code);
}

/* The escalations of a session that are of the same group as that one; the first of them has bit
 * `i` and nothing before it. 0: an earlier one stands for the group. */
static unsigned same_group(const struct measure *m, size_t i, enum report_by by)
{
    const char *key = key_of_escalation(&m->escalations[i], by);
    unsigned bits = 0;

    for (size_t k = 0; k < m->n_escalations; k++)
        if (strcmp(key_of_escalation(&m->escalations[k], by), key) == 0)
            bits |= 1u << k;
    return (bits & ((1u << i) - 1)) == 0 ? bits : 0;
}

static void add_to_groups(struct report *report, const struct measure *m,
                          const struct figures_view *view)
{
    const enum report_by by = report->ask.by;
    const char *key = key_of(m, by);

    if (key != NULL)
        figures_add(&group_of(report, key)->figures, m, view);
    for (size_t i = 0; i < m->n_escalations && key == NULL; i++) {
        struct figures_view part = *view;

        if ((part.escalations = same_group(m, i, by)) != 0)
            figures_add(&group_of(report, key_of_escalation(&m->escalations[i], by))->figures, m,
                        &part);
    }
}

/* ---- Kinds of escalations ----------------------------------------------------------------- */

static void count(struct cell **cells, const char *const kind[3], size_t n)
{
    const char *words[3] = { or_none(kind[0]), or_none(kind[1]), kind[2] };
    struct cell *cell;
    char *name;
    size_t len;

    for (int tries = 0; tries < 2; tries++) {
        name = mem_printf("%s%c%s%c%s", words[0], '\n', words[1], '\n', words[2]);
        len = strlen(name);
        HASH_FIND(hh, *cells, name, len, cell);
        if (cell != NULL || HASH_COUNT(*cells) < REPORT_CELLS || tries == 1)
            break;
        free(name);
        words[0] = words[1] = OTHER;
    }
    if (cell == NULL) {
        cell = mem_alloc(sizeof *cell + 2 * (len + 1));
        memcpy(cell->name, name, len + 1);
        cell->word[0] = cell->name + len + 1;
        memcpy(cell->word[0], name, len + 1);
        cell->word[1] = cell->word[0] + strlen(words[0]) + 1;
        cell->word[2] = cell->word[1] + strlen(words[1]) + 1;
        cell->word[1][-1] = cell->word[2][-1] = '\0';
        HASH_ADD_KEYPTR(hh, *cells, cell->name, len, cell);
    }
    cell->n += n;
    cell->sessions++;
    free(name);
}

static void count_all(struct report *report, const struct measure *m)
{
    static const char *const asked[] = { "open", "answered", "handed", "dropped" };

    for (size_t i = 0; i < m->n_escalations; i++) {
        const struct measure_escalation *e = &m->escalations[i];
        count(&report->cells, (const char *const[]){ e->intent, e->code, report_outcome(e) }, 1);
    }
    for (size_t i = 0; i < m->n_slots; i++)
        count(&report->slots,
              (const char *const[]){ m->slots[i].name, asked[m->slots[i].asked], "" }, 1);
    for (size_t i = 0; i < m->n_troubles; i++) {
        const struct measure_failure *f = &m->troubles[i];
        count(&report->failures, (const char *const[]){ f->kind, f->what, f->why }, f->n);
    }
}

/* ---- The list ----------------------------------------------------------------------------- */

/* The escalations of the group that is asked for; -1: the session is not in it. */
static int in_group(const struct report *report, const struct measure *m, unsigned *bits_r)
{
    const struct report_ask *ask = &report->ask;
    const char *key = ask->group != NULL && ask->by != BY_NOTHING ? key_of(m, ask->by) : NULL;

    *bits_r = FIGURES_ALL_ESCALATIONS;
    if (ask->group == NULL || ask->by == BY_NOTHING)
        return 0;
    if (key != NULL)
        return strcmp(key, ask->group) == 0 ? 0 : -1;
    *bits_r = 0;
    for (size_t i = 0; i < m->n_escalations; i++)
        if (strcmp(key_of_escalation(&m->escalations[i], ask->by), ask->group) == 0)
            *bits_r |= 1u << i;
    return *bits_r != 0 ? 0 : -1;
}

static void list(struct report *report, const struct ulid *session, const struct measure *m,
                 struct figures_view *view)
{
    const struct measure_escalation *e = NULL;
    struct listed *l;
    uint64_t marks;

    if (in_group(report, m, &view->escalations) != 0)
        return;
    marks = figures_marks(m, view);
    if (report->ask.mark < MARKS && (marks >> report->ask.mark & 1) == 0)
        return;
    if (report->n_listed == REPORT_SESSIONS) {
        report->more = 1;
        return;
    }
    for (size_t i = 0; i < m->n_escalations && e == NULL; i++)
        if ((view->escalations >> i & 1) != 0)
            e = &m->escalations[i];
    l = &report->listed[report->n_listed++];
    *l = (struct listed){ .session = *session, .at = m->opened_at, .marks = marks,
                          .channel = mem_strdup(m->channel), .agent = mem_strdup(m->agent),
                          .intent = mem_strdup(m->intent), .response_ms = -1,
                          .n_questions = m->n_questions };
    memcpy(l->questions, m->questions, sizeof l->questions);
    if (e == NULL)
        return;
    l->queue = mem_strdup(e->queue);
    l->reason = mem_strdup(e->code);
    l->outcome = report_outcome(e);
    if (e->answered_at != 0)
        l->response_ms = e->answered_at - e->at;
}

/* ------------------------------------------------------------------------------------------- */

/* When this customer's next session began, of those added so far; 0: there is none. */
static int64_t next_of(struct report *report, const struct measure *m)
{
    struct seen *seen;
    int64_t next = 0;

    if (m->who == 0)
        return 0;
    HASH_FIND(hh, report->seen, &m->who, sizeof m->who, seen);
    if (seen == NULL) {
        seen = mem_alloc(sizeof *seen);
        seen->who = m->who;
        HASH_ADD(hh, report->seen, who, sizeof seen->who, seen);
    } else {
        next = seen->at;
    }
    if (m->messages > 0)
        seen->at = m->opened_at;
    return next;
}

static struct figures *column_of(struct report *report, int64_t at)
{
    const struct report_ask *ask = &report->ask;

    return &report->columns[(at - ask->from) * ask->columns / (ask->to - ask->from)];
}

void report_add(struct report *report, const struct ulid *session, const struct measure *m,
                const struct policy *policy)
{
    struct figures_view view = { .now = report->ask.now, .next_at = next_of(report, m),
                                 .policy = policy, .escalations = FIGURES_ALL_ESCALATIONS };

    if (m->opened_at >= report->ask.to || m->opened_at < report->ask.from)
        return;
    report->n_sessions++;
    if (report->ask.sessions) {
        list(report, session, m, &view);
        return;
    }
    figures_add(&report->total, m, &view);
    if (report->ask.columns > 0)
        figures_add(column_of(report, m->opened_at), m, &view);
    if (report->ask.by != BY_NOTHING)
        add_to_groups(report, m, &view);
    count_all(report, m);
}
