/*
 * breaker.h - keeps a dead agent from costing every customer the deadline.
 *
 * Layer: gate, a plain value without a clock. Closed: questions pass. After `failures` failures
 * in a row it is open: none pass for open_ms. Then half-open: one probe passes and decides.
 */
#ifndef GATE_BREAKER_H
#define GATE_BREAKER_H

#include <stdint.h>

enum breaker_state { BREAKER_CLOSED, BREAKER_OPEN, BREAKER_HALF_OPEN };

struct breaker {
    unsigned failures; /* in a row that open it; 0: never */
    int64_t open_ms;
    enum breaker_state state;
    unsigned in_row;
    int64_t until_ms;
    int probing; /* the probe is under way */
};

void breaker_init(struct breaker *breaker, unsigned failures, int64_t open_ms);
/* 1: this question may be asked; its end MUST be told with one of the three below. */
int breaker_allow(struct breaker *breaker, int64_t now_ms);
void breaker_good(struct breaker *breaker);
int breaker_bad(struct breaker *breaker, int64_t now_ms); /* 1: it has just opened */
void breaker_unknown(struct breaker *breaker); /* it was called off */
const char *breaker_name(const struct breaker *breaker);

#endif
