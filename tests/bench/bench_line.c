/*
 * bench_line.c - what it costs to give work out while a crowd waits: 200 humans, 100 to 10,000
 * waiting handoffs. Each round assigns one, makes it live, ends it and lets a new one come.
 */
#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "engine/line.h"

#define HUMANS 200
#define ROUNDS 20000

static const char *const here[] = { "desk", NULL };
static const char *const speaks[][3] = { { "en", NULL }, { "de", "en", NULL }, { NULL } };
static const char *const asks[] = { "en", "de", NULL, "pl" };

static double now_us(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (double)ts.tv_sec * 1e6 + (double)ts.tv_nsec / 1e3;
}

static void come(struct line *line, uint64_t n)
{
    const struct line_entry entry = {
        .handoff = ulid_make((int64_t)n, 0, n), .queue = "queue", .language = asks[n % 4],
        .priority = (int)(n % 3), .since = (int64_t)n,
    };

    line_put(line, &entry);
}

static void measure(const struct policy *policy, uint64_t crowd)
{
    struct line *line = line_new();
    double assign = 0, place = 0, rest = 0;
    uint64_t n = 0;

    line_set_policy(line, policy);
    for (size_t i = 0; i < HUMANS; i++)
        line_presence(line, policy->humans[i].name, LINE_AVAILABLE, INT64_MAX);
    while (n < crowd)
        come(line, n++);
    for (size_t round = 0; round < ROUNDS; round++) {
        struct ulid handoff;
        const char *human;
        double t0 = now_us();
        if (!line_assign(line, "queue", 0, &handoff, &human))
            abort();
        double t1 = now_us();
        struct line_entry entry = *line_find(line, &handoff);
        entry.state = LINE_LIVE;
        entry.human = human;
        line_put(line, &entry);
        line_remove(line, &handoff);
        come(line, n);
        double t2 = now_us();
        handoff = ulid_make((int64_t)n, 0, n);
        if (!line_position(line, &handoff))
            abort();
        assign += t1 - t0;
        rest += t2 - t1;
        place += now_us() - t2;
        n++;
    }
    printf("%8zu %12.2f %12.2f %12.2f\n", (size_t)crowd, assign / ROUNDS, rest / ROUNDS,
           place / ROUNDS);
    line_free(&line);
}

int main(void)
{
    const struct policy_desk desk = { .name = "desk" };
    const struct policy_queue queue = { .name = "queue", .desk = &desk };
    static struct policy_human humans[HUMANS];
    static char names[HUMANS][16];
    const struct policy policy = {
        .queues = &queue, .n_queues = 1, .humans = humans, .n_humans = HUMANS,
    };

    for (size_t i = 0; i < HUMANS; i++) {
        snprintf(names[i], sizeof names[i], "human%zu", i);
        humans[i] = (struct policy_human){ .name = names[i], .desks = here,
                                           .languages = speaks[i % 3], .capacity = 3 };
    }
    puts("microseconds each, 200 humans\n waiting       assign  live+end+in     position");
    for (uint64_t crowd = 100; crowd <= 10000; crowd *= 10)
        measure(&policy, crowd);
    return 0;
}
