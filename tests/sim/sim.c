/*
 * sim.c - runs seeds of the simulated world, and says what broke and how to see it again.
 *
 *   sim --seeds A..B [--steps N] [--twice]   many seeds; --twice compares the journals of two runs
 *   sim --seed X [--steps N] [-v]            one seed, -v prints everything
 *   sim --teeth [--steps N]                  puts in each planted fault and looks for it
 */
#include "config.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "tests/sim/world.h"

#define TEETH_SEEDS 1000 /* a planted fault must show within so many */

static struct world world; /* large, and zero at first */

struct options {
    uint64_t first, last, steps;
    int verbose, twice, teeth;
    int plant;
};

/* 0, or 1 when something broke; what, stands in the world. */
static int run(uint64_t seed, uint64_t steps, int traced, int loud)
{
    jmp_buf on_broken;

    world.traced = traced;
    world.loud = loud;
    world.on_broken = &on_broken;
    if (setjmp(on_broken) != 0)
        return 1;
    world_run(&world, seed, steps);
    return 0;
}

static void tell(const struct options *opt)
{
    uint64_t seed = world.seed;

    run(seed, opt->steps, 1, 0); /* the same again, with notes */
    size_t n = world.n_trace < TRACE_LINES ? world.n_trace : TRACE_LINES;
    printf("BROKEN: %s\n  %s\n  seed %llu, step %llu; the last %zu events:\n", world.broken,
           world.why, (unsigned long long)seed, (unsigned long long)world.steps, n);
    for (size_t i = world.n_trace - n; i < world.n_trace; i++)
        printf("  %s\n", world.trace[i % TRACE_LINES]);
    printf("again: sim --seed %llu --steps %llu", (unsigned long long)seed,
           (unsigned long long)opt->steps);
    if (planted != PLANTED_NOTHING)
        printf(" --plant %d", (int)planted);
    printf(" -v\n");
}

static int run_seeds(const struct options *opt)
{
    struct timespec start, end;
    uint64_t steps = 0, crashes = 0, stale = 0, retired = 0, hash = 0;
    uint64_t handoffs = 0, accepted = 0, told = 0, crossed = 0, outages = 0;

    clock_gettime(CLOCK_MONOTONIC, &start);
    for (uint64_t seed = opt->first; seed <= opt->last; seed++) {
        if (run(seed, opt->steps, opt->verbose, opt->verbose) != 0) {
            tell(opt);
            return 1;
        }
        uint64_t once = world.hash;
        steps += world.steps;
        crashes += world.crashes;
        stale += world.stale;
        retired += world.retired;
        handoffs += world.handoffs;
        accepted += world.accepted;
        told += world.told;
        outages += world.outages;
        crossed += world.crossed;
        hash ^= once * (2 * seed + 1);
        if (opt->twice && (run(seed, opt->steps, 0, 0) != 0 || world.hash != once)) {
            printf("BROKEN: the same seed gives the same journal\n  seed %llu\n",
                   (unsigned long long)seed);
            return 1;
        }
    }
    clock_gettime(CLOCK_MONOTONIC, &end);
    double seconds = (double)(end.tv_sec - start.tv_sec) +
                     (double)(end.tv_nsec - start.tv_nsec) / 1e9;
    printf("%llu seeds, %llu steps, %llu crashes, %llu stale answers, %llu sessions left, "
           "%llu handoffs, %llu accepted, %llu outages of desks, %llu told elsewhere, %llu bridges: nothing broke (%.1f s, %.0f steps/s; journals %016llx)\n",
           (unsigned long long)(opt->last - opt->first + 1), (unsigned long long)steps,
           (unsigned long long)crashes, (unsigned long long)stale, (unsigned long long)retired,
           (unsigned long long)handoffs, (unsigned long long)accepted,
           (unsigned long long)outages, (unsigned long long)told, (unsigned long long)crossed, seconds, (double)steps / seconds, (unsigned long long)hash);
    return 0;
}

static int run_teeth(const struct options *opt)
{
    int missed = 0;

    for (int bug = 1; bug < PLANTED_COUNT; bug++) {
        uint64_t steps = 0, seed = 1;
        planted = (enum planted)bug;
        while (seed <= TEETH_SEEDS && run(seed, opt->steps, 0, 0) == 0) {
            steps += world.steps;
            seed++;
        }
        if (seed <= TEETH_SEEDS)
            printf("found: %s\n       by \"%s\" after %llu steps (seed %llu: %s)\n",
                   planted_name(planted), world.broken, (unsigned long long)(steps + world.steps),
                   (unsigned long long)seed, world.why);
        else
            printf("MISSED: %s\n", planted_name(planted));
        missed += seed > TEETH_SEEDS;
    }
    return missed > 0;
}

static void usage(void)
{
    fprintf(stderr, "usage: sim --seeds A..B | --seed X | --teeth  [--steps N] [--twice] "
                    "[--plant N] [-v]\n");
    exit(2);
}

static uint64_t number(const char *text)
{
    char *end;
    uint64_t value = strtoull(text, &end, 10);

    if (end == text || *end != '\0')
        usage();
    return value;
}

static void range(const char *text, struct options *opt)
{
    const char *dots = strstr(text, "..");
    char *end;

    if (dots == NULL)
        usage();
    opt->first = strtoull(text, &end, 10);
    opt->last = number(dots + 2);
    if (end != dots || opt->last < opt->first)
        usage();
}

static void parse(int argc, char **argv, struct options *opt)
{
    static const struct option options[] = {
        { "seeds", required_argument, NULL, 's' }, { "seed", required_argument, NULL, 'x' },
        { "steps", required_argument, NULL, 'n' }, { "twice", no_argument, NULL, '2' },
        { "teeth", no_argument, NULL, 't' },       { "plant", required_argument, NULL, 'p' },
        { NULL, 0, NULL, 0 },
    };
    int c;

    while ((c = getopt_long(argc, argv, "v", options, NULL)) != -1) {
        switch (c) {
        case 's': range(optarg, opt); break;
        case 'x': opt->first = opt->last = number(optarg); break;
        case 'n': opt->steps = number(optarg); break;
        case '2': opt->twice = 1; break;
        case 't': opt->teeth = 1; break;
        case 'p': opt->plant = (int)number(optarg); break;
        case 'v': opt->verbose = 1; break;
        default: usage();
        }
    }
    if (optind != argc || opt->plant >= PLANTED_COUNT)
        usage();
}

int main(int argc, char **argv)
{
    struct options opt = { .first = 1, .last = 100, .steps = 2000 };
    int rc;

    parse(argc, argv, &opt);
    planted = (enum planted)opt.plant;
    setup_once();
    rc = opt.teeth ? run_teeth(&opt) : run_seeds(&opt);
    world_free(&world);
    setup_end();
    return rc;
}
