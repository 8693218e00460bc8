/* supervise.c - what agents and colleagues do, for the humans who may see it. */
#include "config.h"

#include <string.h>

#include <tandem/json.h>

#include "gate/board.h"

#define MAX_SESSIONS 200

int supervise_is(const struct td_instance *inst, const char *name)
{
    const struct policy_human *human = policy_human(inst->gate->policy->policy, name);

    return (inst->conf.plugin->caps & TD_DESK_HUMANS) == 0 || (human != NULL && human->supervise);
}

int supervise_may(const struct td_instance *inst, const char *human, const struct ulid *session)
{
    const struct place *place = board_place_of(inst->gate, session);

    return (place != NULL && place->desk != NULL && strcmp(place->desk, inst->name) == 0) ||
           supervise_is(inst, human);
}

static void put_session(struct td_json *j, const struct slot *slot)
{
    const struct session *s = &slot->session;
    const char *language = s->language != NULL ? s->language : s->locale;

    td_json_object(j);
    td_json_key_str(j, "id", slot->text);
    td_json_key_str(j, "channel", s->channel);
    td_json_key_str(j, "agent", s->owner_name);
    if (language != NULL)
        td_json_key_str(j, "language", language);
    if (s->intent != NULL)
        td_json_key_str(j, "intent", s->intent);
    board_put_time(j, "started", s->opened_at);
    board_put_time(j, "active", s->active_at);
    td_json_object_end(j);
}

/* Whoever talks is in memory; what rests in the store is nothing to take over. */
void supervise_sessions(const struct gate *gate, struct td_json *j)
{
    const struct slot *newest = gate->lru != NULL ? gate->lru->lru_prev : NULL;
    size_t n = 0;

    td_json_object(j);
    td_json_key(j, "sessions");
    td_json_array(j);
    for (const struct slot *slot = newest; slot != NULL && n < MAX_SESSIONS;
         slot = slot != gate->lru ? slot->lru_prev : NULL) {
        if (slot->state != SLOT_READY || slot->session.phase != SESSION_OPEN ||
            slot->session.owner != TD_OWNER_AGENT)
            continue;
        put_session(j, slot);
        n++;
    }
    td_json_array_end(j);
    td_json_object_end(j);
}
