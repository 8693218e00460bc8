/* decide_rules.c - what the rules make of a message, of an answer, of a failure. */
#include "config.h"

#include <string.h>

#include "base/arena.h"
#include "engine/draft.h"
#include "engine/phrases.h"
#include "engine/plain.h"
#include "engine/texts.h"

/* ---- What a text shows -------------------------------------------------------------------- */

static void add_word(struct draft *d, struct record *record, const char *name, size_t number)
{
    const struct expr_value value = { .set = 1, .num = (double)number };

    record->signals = signals_note(d->step->arena, record->signals != NULL ? record->signals : "",
                                   name, &value);
}

static int was_said(const struct session *s, enum td_author by, const char *text)
{
    const uint32_t letters = text != NULL ? plain_letters(text) : 0;

    for (size_t i = s->n_messages; text != NULL && i-- > 0;)
        if (s->messages[i].author == by && s->messages[i].letters == letters &&
            rules_same_text(s->messages[i].text, text))
            return 1;
    return 0;
}

void rules_hear(struct draft *d, struct record *message)
{
    const char *text = message->body.text;
    const uint32_t wanted = d->policy->phrases_asked & ~PHRASES_OF_AGENTS;
    uint32_t bits = 0;

    if (text != NULL && wanted != 0)
        bits = rules_shown(d->policy, &d->view, text, strlen(text), wanted, &message->language);
    for (unsigned bit = 0; bits >> bit != 0; bit++)
        if (bits >> bit & 1)
            add_word(d, message, phrases_signal(bit), 1);
    if (was_said(d->session, TD_CUSTOMER, text))
        add_word(d, message, "repeated_message", 1);
    signals_view(&d->view, d->answered, message);
}

/* ---- A ruling ----------------------------------------------------------------------------- */

int rules_may_hand_over(const struct draft *d, enum rule_point point)
{
    return rules_free(d->session, &d->handoff, point);
}

/* One offer a talk: who did not take it is not asked again. */
static int may_offer(const struct draft *d, enum rule_point point)
{
    return !d->offered && d->view.counts.offers_declined == 0 &&
           (point == RULE_PRE || point == RULE_WAIT || d->newest <= d->answered);
}

static void choose(const struct draft *d, enum rule_point point, struct ruling *ruling)
{
    const int free = rules_may_hand_over(d, point);

    for (size_t i = 0; i < ruling->n && ruling->reason == NULL; i++) {
        const struct policy_rule *rule = ruling->matches[i].rule;
        const int queue = rule->queue != NULL || handoff_queue(d, NULL) != NULL;
        if (rule->mode == RULE_OFFER && (!queue || !free || !may_offer(d, point)))
            continue;
        ruling->reason = &ruling->matches[i];
        ruling->outcome = !queue || !free                ? RULE_NOBODY
                          : rule->mode == RULE_OFFER ? RULE_OFFERED
                                                     : RULE_HANDOFF;
    }
}

static struct ruling rule_at(struct draft *d, enum rule_point point, const struct record *about,
                             int64_t now)
{
    const struct signals_at at = { .session = &d->view, .policy = d->policy, .record = about,
                                   .now = now };
    struct ruling ruling = { .point = point };

    ruling.matches = arena_array(d->step->arena, RULES_MATCHES, sizeof *ruling.matches);
    ruling.n = rules_match(d->policy, &at, point, d->step->arena, ruling.matches);
    choose(d, point, &ruling);
    return ruling;
}

static struct ruling rule_on(struct draft *d, enum rule_point point, const struct record *about)
{
    return rule_at(d, point, about, d->event->now);
}

/* Where the agent was asked why, its own code is the reason. */
static const char *reason_of(const struct ruling *ruling)
{
    const char *code = ruling->reason->rule->code;

    return ruling->asked_code != NULL && strcmp(code, "agent_requested") == 0 ? ruling->asked_code
                                                                              : code;
}

/* The codes of all but the reason, each once. */
static const char *also_of(struct draft *d, const struct ruling *ruling)
{
    const char *reason = reason_of(ruling), *also = NULL;

    for (size_t i = 0; i < ruling->n; i++) {
        const char *code = ruling->matches[i].rule->code;
        size_t k = 0;
        while (k < i && strcmp(ruling->matches[k].rule->code, code) != 0)
            k++;
        if (k < i || &ruling->matches[i] == ruling->reason || strcmp(code, reason) == 0)
            continue;
        also = also == NULL ? code : arena_printf(d->step->arena, "%s,%s", also, code);
    }
    if (ruling->asked_code != NULL && strcmp(ruling->asked_code, reason) != 0)
        also = also == NULL ? ruling->asked_code
                            : arena_printf(d->step->arena, "%s,%s", also, ruling->asked_code);
    return also;
}

static const char *evidence_of(struct draft *d, const struct rule_match *match)
{
    const char *list = NULL;

    for (size_t i = 0; i < match->n_evidence; i++)
        list = arena_printf(d->step->arena, "%s%s%llu", list != NULL ? list : "",
                            list != NULL ? "," : "", (unsigned long long)match->evidence[i]);
    return list != NULL || d->newest == 0
               ? list
               : arena_printf(d->step->arena, "%llu", (unsigned long long)d->newest);
}

static struct record *note_rule(struct draft *d, const struct policy_rule *rule,
                                enum rule_outcome outcome)
{
    struct record *record = draft_record(d, RECORD_RULE);

    record->name = rule->name;
    record->category = rule->category;
    record->code = rule->code;
    record->priority = rule->priority;
    record->outcome = (int)outcome;
    record->of = d->newest;
    record->policy = d->policy->hash;
    return record;
}

static void note(struct draft *d, const struct ruling *ruling)
{
    for (size_t i = 0; i < ruling->n; i++) {
        const struct rule_match *match = &ruling->matches[i];
        const int is_reason = match == ruling->reason;
        struct record *record =
            note_rule(d, match->rule, is_reason ? ruling->outcome : RULE_ALSO);
        record->cause = rule_point_name(ruling->point);
        record->signals = match->values;
        if (ruling->point == RULE_POST || ruling->point == RULE_EVENT)
            record->turn = d->session->turn.id;
        if (is_reason && ruling->outcome == RULE_OFFERED) {
            record->also = also_of(d, ruling);
            record->evidence = evidence_of(d, match);
        }
    }
}

static void hand_over(struct draft *d, const struct policy_rule *rule, struct handoff_ask ask)
{
    ask.queue = rule->queue != NULL ? rule->queue->name : ask.queue;
    ask.code = ask.code != NULL ? ask.code : rule->code;
    ask.by = "rule";
    ask.told = TEXT_STATES;
    if (rule->speaks)
        draft_rule_text(d, rule->name);
    handoff_cancel(d, HANDOFF_CANCELLED, "rule");
    handoff_begin(d, &ask);
}

static void offer(struct draft *d, const struct policy_rule *rule)
{
    static const char *const values[] = { "yes", "no" };
    const struct td_choice **list = arena_array(d->step->arena, 2, sizeof *list);
    struct record *reply;

    d->offered = 1;
    if (rule->speaks)
        draft_rule_text(d, rule->name);
    for (size_t i = 0; i < 2; i++) {
        struct td_choice *choice = arena_alloc(d->step->arena, sizeof *choice);
        const char *title = d->policy->texts == NULL
                                ? NULL
                                : texts_first_word(d->policy->texts, i == 0 ? TEXT_YES : TEXT_NO,
                                                   draft_language(d), d->policy->language,
                                                   d->step->arena);
        *choice = (struct td_choice){ .size = sizeof *choice, .value = values[i],
                                      .title = title != NULL ? title : values[i] };
        list[i] = choice;
    }
    reply = draft_text(d, TEXT_OFFER);
    reply->body.choices = list;
    reply->body.n_choices = 2;
}

/* 1: a human is looked for, or the customer is asked whether they want one. */
static int act(struct draft *d, const struct ruling *ruling, struct handoff_ask ask)
{
    const struct policy_rule *rule = ruling->reason != NULL ? ruling->reason->rule : NULL;

    if (ruling->outcome == RULE_OFFERED) {
        if (ruling->point == RULE_PRE || ruling->point == RULE_WAIT)
            turn_interrupt(d, "offer"); /* what it is about waits for the customer's word */
        offer(d, rule);
    } else if (ruling->outcome == RULE_HANDOFF) {
        ask.also = also_of(d, ruling);
        ask.evidence = evidence_of(d, ruling->reason);
        hand_over(d, rule, ask);
    }
    return ruling->outcome == RULE_HANDOFF || ruling->outcome == RULE_OFFERED;
}

/* ---- A message ---------------------------------------------------------------------------- */

static int is_word(const struct draft *d, enum text_words words, const struct record *message,
                   const char *choice)
{
    if (message->body.choice != NULL)
        return strcmp(message->body.choice, choice) == 0;
    return d->policy->texts != NULL && message->body.text != NULL &&
           texts_is_word(d->policy->texts, words, draft_language(d), d->policy->language,
                         message->body.text);
}

/* 1: the customer wants the human that was offered. */
static int offer_taken(struct draft *d, const struct record *message)
{
    const struct policy_rule gone = { .name = d->session->offer, .category = "operational",
                                      .code = "unclassified" };
    const struct policy_rule *rule = policy_rule(d->policy, d->session->offer);
    struct arena *arena = d->step->arena;
    const int yes = is_word(d, TEXT_YES, message, "yes");
    const int no = is_word(d, TEXT_NO, message, "no");
    struct policy_rule kept = rule != NULL ? *rule : gone;
    struct record *answer;

    kept.name = arena_strdup(arena, kept.name);
    d->offered = 0;
    answer = note_rule(d, &kept, yes ? RULE_ACCEPTED : no ? RULE_DECLINED : RULE_LAPSED);
    answer->cause = rule_point_name(RULE_PRE);
    d->view.counts.offers_declined += !yes;
    if (!yes || (kept.queue == NULL && handoff_queue(d, NULL) == NULL))
        return 0;
    const struct handoff_ask ask = { .also = arena_strdup(arena, d->session->offer_also),
                                     .evidence = arena_strdup(arena, d->session->offer_evidence) };
    kept.speaks = 0; /* it was said with the offer */
    hand_over(d, &kept, ask);
    return 1;
}

int rules_message(struct draft *d, const struct record *message)
{
    const struct record heard = *message;
    struct ruling ruling;

    if (!rules_may_hand_over(d, RULE_PRE))
        return 0;
    if (d->session->offer != NULL && offer_taken(d, &heard))
        return 1;
    ruling = rule_on(d, RULE_PRE, &heard);
    note(d, &ruling);
    if (ruling.outcome == RULE_NOBODY && strcmp(ruling.reason->rule->code, "customer_request") == 0)
        draft_say(d, d->policy->text_no_human);
    return act(d, &ruling, (struct handoff_ask){ .queue = NULL });
}

/* ---- An answer ---------------------------------------------------------------------------- */

/* Says that something is done that has no receipt: as the agent declares it, or by its words. */
static int is_unbacked(const struct draft *d, const struct td_answer *answer)
{
    const struct policy_agent *agent = policy_agent(d->policy, d->turn_agent);

    if (agent != NULL && agent->trusted)
        return 0;
    for (size_t i = 0; i < answer->n_claims; i++)
        if (!counts_done(&d->session->counts, answer->claims[i]))
            return 1;
    for (size_t i = 0; i < answer->n_messages; i++)
        if (answer->messages[i]->text != NULL &&
            rules_claims(d->policy, &d->view, answer->messages[i]->text))
            return 1;
    return 0;
}

/* How many; -1: nothing is said about them. */
static int count_sources(const struct td_answer *answer)
{
    const char *text = answer->sources;
    int n = 0, inside = 0;

    if (text == NULL)
        return -1;
    for (; *text != '\0'; text++) {
        if (inside && *text == '\\' && text[1] != '\0')
            text++;
        else if (*text == '"' && (inside = !inside))
            n++;
    }
    return n;
}

static void hear_answer(struct draft *d, struct record *ended, const struct td_answer *answer)
{
    const struct session *s = d->session;
    const int sources = count_sources(answer);

    for (size_t i = 0; i < answer->n_messages; i++) {
        const char *text = answer->messages[i]->text;
        /* Who is only echoed does not go round in circles. */
        if (was_said(s, TD_AI, text) && !was_said(s, TD_CUSTOMER, text)) {
            add_word(d, ended, "repeated_reply", 1);
            break;
        }
    }
    if (answer->decision == TD_CLARIFY && counts_asked(&s->counts, answer->clarify_slot))
        add_word(d, ended, "slot_repeated", 1);
    if (sources >= 0)
        add_word(d, ended, "sources", (size_t)sources);
    if (answer->n_messages > 0 && is_unbacked(d, answer))
        add_word(d, ended, "unbacked_claim", 1);
}

/* All that the customer does not get, for who looks into it. */
static const char *draft_of(struct draft *d, const struct td_answer *answer)
{
    const char *all = NULL;

    for (size_t i = 0; i < answer->n_messages; i++) {
        const char *text = answer->messages[i]->text;
        if (text != NULL && (all == NULL || strlen(all) + strlen(text) < 60000))
            all = all == NULL ? text : arena_printf(d->step->arena, "%s\n%s", all, text);
    }
    return all;
}

static int exceeds(const struct draft *d, const struct record *ended)
{
    return ended->decision == TD_CLARIFY &&
           (counts_word(ended->signals, "slot_repeated") ||
            d->view.counts.clarify_turns > d->policy->clarify_max);
}

struct ruling rules_answer(struct draft *d, struct record *ended, const struct td_answer *answer)
{
    const struct signals_at at = { .session = &d->view, .policy = d->policy, .record = ended,
                                   .now = d->event->now };
    struct ruling ruling;

    hear_answer(d, ended, answer);
    signals_view(&d->view, d->session->answered, ended);
    ruling = rule_on(d, RULE_POST, ended);
    if (answer->decision == TD_ESCALATE)
        ruling.asked_code = reason_asked(answer->escalate_code);
    ruling.unbacked = counts_word(ended->signals, "unbacked_claim");
    ruling.exceeded = exceeds(d, ended);
    ruling.vain = answer->decision == TD_ESCALATE && d->handoff.state == HANDOFF_NONE &&
                  !rules_may_hand_over(d, RULE_POST);
    ruling.withheld =
        answer->n_messages > 0 &&
        (ruling.unbacked || ruling.exceeded || ruling.vain ||
         (ruling.outcome == RULE_HANDOFF && ruling.reason->rule->withhold));
    if (ruling.withheld) {
        ended->outcome = TURN_WITHHELD;
        ended->body.text = draft_of(d, answer);
    }
    ended->signals =
        signals_counters(&at, ended->signals != NULL ? ended->signals : "", d->step->arena);
    return ruling;
}

/* What the gateway does itself when no rule of the conf says more. */
static int act_alone(struct draft *d, const struct ruling *ruling)
{
    const struct handoff_ask ask = {
        .code = ruling->unbacked ? "unbacked_claim" : "clarify_budget", .by = "gateway",
        .told = TEXT_STATES, .also = ruling->asked_code,
    };

    if (!rules_may_hand_over(d, RULE_POST) || (ruling->unbacked && !ruling->exceeded))
        return 0; /* the honest text was said */
    if (handoff_queue(d, NULL) == NULL) {
        draft_say(d, d->policy->text_no_human);
        return 0;
    }
    handoff_cancel(d, HANDOFF_CANCELLED, "gateway");
    return handoff_begin(d, &ask);
}

int rules_answered(struct draft *d, const struct ruling *ruling, const struct td_answer *answer)
{
    const struct handoff_ask ask = {
        .queue = answer->escalate_queue, .reason = answer->escalate_text,
        .code = ruling->reason != NULL ? reason_of(ruling) : NULL,
    };
    /* Said too early: the results of what it asks for come first. */
    const int early = ruling->unbacked && answer->n_calls > 0 && d->session->rounds < MAX_ROUNDS;

    note(d, ruling);
    if (early)
        return 0;
    if (ruling->unbacked)
        draft_text(d, TEXT_WITHHELD);
    if (act(d, ruling, ask))
        return ruling->outcome == RULE_HANDOFF;
    return ruling->withheld && act_alone(d, ruling);
}

/* ---- A failure ---------------------------------------------------------------------------- */

int rules_event(struct draft *d, struct record *about)
{
    const struct signals_at at = { .session = &d->view, .policy = d->policy, .record = about,
                                   .now = d->event->now };
    struct ruling ruling;

    signals_view(&d->view, d->session->answered, about);
    if (d->session->phase != SESSION_OPEN)
        return 0; /* a delivery may fail long after */
    ruling = rule_on(d, RULE_EVENT, about);
    about->signals = signals_counters(&at, "", d->step->arena);
    if (about->type == RECORD_TURN_END && ruling.outcome == RULE_HANDOFF) {
        /* A human answers it; for any other reason than this the agent is not asked again. */
        const int gone = strcmp(ruling.reason->rule->code, "agent_unavailable") == 0;
        about->upto = gone ? 0 : d->session->turn.upto;
        if (about->upto > d->answered)
            d->answered = about->upto;
    }
    note(d, &ruling);
    return act(d, &ruling, (struct handoff_ask){ .queue = NULL }) &&
           ruling.outcome == RULE_HANDOFF;
}

void rules_waited(struct draft *d)
{
    /* As of the moment that was waited for: that the clock is late changes nothing. */
    const struct ruling ruling =
        rule_at(d, RULE_WAIT, NULL, rules_wait_due(d->session, d->policy));

    note(d, &ruling);
    act(d, &ruling, (struct handoff_ask){ .queue = NULL });
}
