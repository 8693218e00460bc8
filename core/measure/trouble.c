/* trouble.c - what went wrong in a conversation, and whether it came to something. */
#include "config.h"

#include <string.h>

#include <tandem/json.h>

#include "base/arena.h"
#include "base/utf8.h"
#include "engine/counts.h"
#include "engine/record.h"
#include "measure/measure.h"

#define WHY_MAX 80 /* bytes */

/* ---- Failures ----------------------------------------------------------------------------- */

/* "HTTP 503 after 1204 ms" and "HTTP 502 after 9 ms" are the same trouble. */
static const char *without_numbers(struct arena *arena, const char *text)
{
    const size_t len = utf8_cut(text, strlen(text), WHY_MAX);
    char *out = arena_alloc(arena, len + 1);
    size_t n = 0;

    for (size_t i = 0; i < len; i++) {
        const int digit = text[i] >= '0' && text[i] <= '9';

        if (!digit)
            out[n++] = text[i];
        else if (n == 0 || out[n - 1] != '#')
            out[n++] = '#';
    }
    out[n] = '\0';
    return out;
}

/* What no place is left for is counted with the last. */
static void failed(struct measure *m, const char *kind, const char *what, const char *why)
{
    const char *of = what != NULL ? what : "";
    const char *because = without_numbers(m->arena, why != NULL ? why : "");
    size_t i = 0;

    while (i < m->n_troubles &&
           (strcmp(m->troubles[i].kind, kind) != 0 || strcmp(m->troubles[i].what, of) != 0 ||
            strcmp(m->troubles[i].why, because) != 0))
        i++;
    if (i == MEASURE_FAILURES) {
        m->troubles[i - 1].n++;
        return;
    }
    if (i == m->n_troubles)
        m->troubles[m->n_troubles++] = (struct measure_failure){
            .kind = kind, .what = arena_strdup(m->arena, of), .why = because };
    m->troubles[i].n++;
}

static void ended(struct measure *m, const struct record *r)
{
    if (r->outcome == HANDOFF_DECLINED || r->outcome == HANDOFF_TIMEOUT ||
        r->outcome == HANDOFF_NOBODY)
        failed(m, "handoff", r->queue, handoff_outcome_name(r->outcome));
}

/* ---- What was asked back ------------------------------------------------------------------ */

static void asked(struct measure *m, const char *slot)
{
    size_t i = 0;

    while (i < m->n_slots && strcmp(m->slots[i].name, slot) != 0)
        i++;
    if (i == MEASURE_SLOTS)
        return;
    if (i == m->n_slots)
        m->slots[m->n_slots++].name = arena_strdup(m->arena, slot);
    m->slots[i].asked = ASKED_OPEN;
}

static void settle(struct measure *m, enum measure_asked how)
{
    for (size_t i = 0; i < m->n_slots; i++)
        if (m->slots[i].asked == ASKED_OPEN)
            m->slots[i].asked = (int)how;
}

static void turn_end(struct measure *m, const struct record *r)
{
    if (r->outcome == TURN_FAILED)
        failed(m, "agent", r->agent, r->cause != NULL ? r->cause : r->detail);
    if (r->outcome == TURN_ANSWERED && r->decision == TD_CLARIFY && r->slot != NULL)
        asked(m, r->slot);
}

/* ---- Understood, and to what end ---------------------------------------------------------- */

static void message(struct measure *m, const struct record *r)
{
    settle(m, ASKED_ANSWERED);
    m->misunderstood += m->answer_open && counts_word(r->signals, "repeated_message");
    m->answer_open = 0;
}

static void rating(struct measure *m, const struct record *r)
{
    m->misunderstood += m->answer_open && r->score >= 1 && r->score <= 2;
    m->answer_open = 0;
}

static void reply(struct measure *m, const struct record *r)
{
    if (r->author != TD_SYSTEM)
        m->answer_open = r->author == TD_AI;
}

static void tags(struct measure *m, const struct record *r)
{
    static const struct td_json_limits limits = { .bytes = 1 << 16, .depth = 2 };
    char why[128];
    cJSON *words = r->body.text != NULL
                       ? td_json_parse(r->body.text, strlen(r->body.text), &limits, why, sizeof why)
                       : NULL;
    const cJSON *word;

    cJSON_ArrayForEach(word, words) {
        if (cJSON_IsString(word) && strcmp(word->valuestring, "converted") == 0)
            m->converted = 1;
    }
    cJSON_Delete(words);
}

void measure_trouble(struct measure *m, const struct record *r)
{
    switch ((int)r->type) {
    case RECORD_MESSAGE: message(m, r); break;
    case RECORD_RATING: rating(m, r); break;
    case RECORD_REPLY: reply(m, r); break;
    case RECORD_TURN_END: turn_end(m, r); break;
    case RECORD_HANDOFF: settle(m, ASKED_HANDED); break;
    case RECORD_HANDOFF_END: ended(m, r); break;
    case RECORD_CLOSED: settle(m, ASKED_DROPPED); break;
    case RECORD_TAGS: tags(m, r); break;
    case RECORD_RESULT:
        m->converted |= r->receipt != NULL;
        if (r->receipt == NULL)
            failed(m, "action", r->name, r->category);
        break;
    case RECORD_DELIVERY:
        if (r->status == TD_FAILED)
            failed(m, "delivery", m->channel, r->category != NULL ? r->category : r->detail);
        break;
    default: break;
    }
}
