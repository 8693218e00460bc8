/* policy_sending.c - when the messages of a channel may leave. */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/mem.h"
#include "config/conf.h"
#include "daemon/policy_private.h"
#include "daemon/setup.h"
#include "engine/hours.h"

static const struct hours *add_hours(struct builder *b, const struct instance *channel,
                                     const char *key, const char *text)
{
    struct built *built = b->built;
    struct err err;
    struct hours *hours = hours_parse(text, NULL, NULL, &err);

    if (!hours) {
        policy_wrong(b, channel->file, conf_get(channel->section, key), 0, err.text);
        return NULL;
    }
    built->send_hours = mem_grow(built->send_hours, (built->n_send_hours + 1) *
                                                        sizeof(struct hours *));
    built->send_hours[built->n_send_hours++] = hours;
    return hours;
}

/* The hours without the zone they end in, if they do: such a word has a slash, or is UTC. */
static size_t without_zone(const char *hours)
{
    const char *last = strrchr(hours, ' ');

    return last && (strchr(last, '/') || strcmp(last, " UTC") == 0) ? (size_t)(last - hours)
                                                                    : strlen(hours);
}

/* "PREFIX ZONE" */
static void add_zone(struct builder *b, const struct instance *channel, const char *text,
                     struct sending_zone *zone_r)
{
    const char *hours = channel->channel.send_hours, *space = strchr(text, ' ');
    char *all;

    if (!space || space == text || !hours) {
        policy_wrong(b, channel->file, conf_get(channel->section, "send_zones"), 0,
                     !hours ? "there are no send_hours that would hold in these zones"
                            : "each is the beginning of addresses and a time zone, such as "
                              "+1212 America/New_York");
        zone_r->prefix = "";
        return;
    }
    all = mem_printf("%.*s %s", (int)without_zone(hours), hours,
                     space + strspn(space, " "));
    zone_r->prefix = arena_dup(b->arena, text, (size_t)(space - text));
    zone_r->hours = add_hours(b, channel, "send_zones", all);
    free(all);
}

void policy_sending(struct builder *b, const struct instance *channel, struct sending *sending_r)
{
    const struct channel_conf *conf = &channel->channel;
    struct sending_zone *zones;
    size_t n = 0;

    while (conf->send_zones && conf->send_zones[n])
        n++;
    zones = arena_array(b->arena, n, sizeof *zones);
    for (size_t i = 0; i < n; i++)
        add_zone(b, channel, conf->send_zones[i], &zones[i]);
    *sending_r = (struct sending){
        .hours = conf->send_hours ? add_hours(b, channel, "send_hours", conf->send_hours) : NULL,
        .zones = zones, .n_zones = n, .answer_ms = conf->send_answer,
    };
}
