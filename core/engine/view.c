/* view.c - what the state looks like to an agent, a channel, the clock. Reads only. */
#include "config.h"

#include "base/arena.h"
#include "engine/draft.h"
#include "engine/view.h"

static int64_t earlier(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

int64_t engine_due(const struct session *s, const struct policy *policy)
{
    static const struct policy_channel none = { .name = "" };
    const struct policy_channel *channel = policy_channel(policy, s->channel);

    if (channel == NULL)
        channel = &none;
    int64_t due = earlier(handoff_due(s, policy), promise_due(s));

    if (s->phase != SESSION_OPEN)
        return due;
    due = earlier(due, rules_wait_due(s, policy));
    if (s->turn.active)
        return earlier(due, s->turn.retry_at != 0 ? earlier(s->turn.retry_at, s->turn.deadline)
                                                  : s->turn.deadline);
    if (session_held(s) || (s->offer == NULL && session_pending(s, NULL) > 0))
        return earlier(due, turn_collect_due(s, channel));
    if (session_handed(s) || due != INT64_MAX || channel->idle_close_ms <= 0)
        return due;
    return s->active_at + channel->idle_close_ms;
}

int engine_busy(const struct session *s, const struct policy *policy)
{
    const struct policy_channel *channel = policy_channel(policy, s->channel);

    if (session_handed(s) || promise_due(s) != INT64_MAX || s->bridge_by != NULL)
        return 1;
    if (s->phase == SESSION_OPEN &&
        (s->turn.active || (s->offer == NULL && session_pending(s, NULL) > 0)))
        return 1;
    if (channel != NULL && channel->replays)
        return 0; /* what is not delivered waits in the journal until the customer attaches */
    return session_unsent(s) > 0;
}

const struct td_message *view_message(const struct session_message *m, struct arena *arena)
{
    struct td_message *view = arena_alloc(arena, sizeof *view);

    *view = (struct td_message){
        .size = sizeof *view, .id = m->id != NULL ? m->id : m->ext_id, .text = m->text,
        .choice = m->choice, .choices = (const struct td_choice *const *)m->choices,
        .n_choices = m->n_choices,
        .attachments = (const struct td_attachment *const *)m->attachments,
        .n_attachments = m->n_attachments, .parts = (const struct td_part *const *)m->parts,
        .n_parts = m->n_parts, .author = m->author, .author_name = m->name, .seq = m->seq,
        .at_ms = m->at,
    };
    return view;
}

const struct td_message *engine_reply(const struct session *s, uint64_t seq, struct arena *arena)
{
    const struct session_message *m = session_message(s, seq);

    return m != NULL && m->author != TD_CUSTOMER ? view_message(m, arena) : NULL;
}

static int is_question(const struct session *s, const struct session_message *m)
{
    return m->author == TD_CUSTOMER && m->seq > s->answered;
}

/* The questions that the turn is about. */
static void fill_messages(struct td_turn *turn, const struct session *s, struct arena *arena)
{
    const struct td_message **messages =
        arena_array(arena, session_pending(s, NULL) + 1, sizeof *messages);
    size_t i = s->n_messages;

    while (i > 0 && s->messages[i - 1].seq > s->answered)
        i--;
    for (; i < s->n_messages; i++)
        if (is_question(s, &s->messages[i]) && s->messages[i].said == 0 &&
            s->messages[i].seq <= s->turn.upto)
            messages[turn->n_messages++] = view_message(&s->messages[i], arena);
    turn->messages = messages;
}

/* Everything before, replies that came after the newest question included; newest `most`. */
static void fill_history(struct td_turn *turn, const struct session *s, size_t most,
                         struct arena *arena)
{
    const size_t room = most < s->n_messages ? most : s->n_messages;
    const struct td_message **history = arena_array(arena, room + 1, sizeof *history);
    size_t n = 0;

    for (size_t i = s->n_messages; i-- > 0 && n < room;) {
        const struct session_message *m = &s->messages[i];
        if (is_question(s, m))
            continue;
        history[room - ++n] = view_message(m, arena);
        __builtin_prefetch(m->text); /* read by whoever is asked, and long in no cache */
    }
    turn->history = history + room - n;
    turn->n_history = n;
}

static const struct td_session_info *session_info(const struct session *s, struct arena *arena)
{
    struct td_session_info *info = arena_alloc(arena, sizeof *info);
    struct td_customer *customer = arena_alloc(arena, sizeof *customer);
    char *id = arena_alloc(arena, ULID_TEXT);

    ulid_format(&s->id, id);
    *customer = (struct td_customer){ .size = sizeof *customer, .id = s->customer_id,
                                      .name = s->customer_name, .email = s->customer_email,
                                      .verified = s->verified };
    *info = (struct td_session_info){ .size = sizeof *info, .id = id, .channel = s->channel,
                                      .kind = s->kind, .locale = s->locale,
                                      .timezone = s->timezone, .started_at_ms = s->opened_at,
                                      .customer = customer };
    return info;
}

const struct td_turn *engine_turn(const struct session *s, const struct policy *policy,
                                  int64_t now, struct arena *arena)
{
    const struct policy_agent *agent = policy_agent(policy, s->turn.agent);
    struct td_turn *turn = arena_alloc(arena, sizeof *turn);
    char *id = arena_alloc(arena, ULID_TEXT);
    int64_t left = s->turn.deadline > now ? s->turn.deadline - now : 1;

    if (agent != NULL && left > agent->deadline_ms)
        left = agent->deadline_ms; /* the clock was set back */
    ulid_format(&s->turn.id, id);
    *turn = (struct td_turn){
        .size = sizeof *turn, .id = id, .epoch = s->epoch,
        .cause = s->turn.cause,
        .attempt = (uint32_t)s->turn.attempt, .session = session_info(s, arena),
        .deadline_ms = (uint32_t)left,
        .clarify_left = policy->clarify_max > s->counts.clarify_turns
                            ? policy->clarify_max - s->counts.clarify_turns : 0,
        .state = session_state_of(s, s->turn.agent), .stretch = view_stretch(s, arena),
    };
    turn->results = view_results(s, arena);
    turn->n_results = s->n_results;
    fill_messages(turn, s, arena);
    fill_history(turn, s, agent != NULL ? agent->history : SESSION_KEPT, arena);
    return turn;
}

void engine_unsent(const struct session *s, struct step *step_r)
{
    size_t n = session_unsent(s);

    step_r->n_effects = 0;
    if (n == 0)
        return;
    step_r->effects = arena_array(step_r->arena, n, sizeof *step_r->effects);
    for (size_t i = 0; i < s->n_messages; i++)
        if (s->messages[i].author != TD_CUSTOMER && s->messages[i].status == TD_QUEUED)
            step_r->effects[step_r->n_effects++] = (struct effect){
                .type = EFFECT_SEND, .of = s->messages[i].seq, .maybe_duplicate = 1 };
}
