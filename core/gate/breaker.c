/* breaker.c - closed, open, half-open. */
#include "config.h"

#include "gate/breaker.h"

void breaker_init(struct breaker *breaker, unsigned failures, int64_t open_ms)
{
    *breaker = (struct breaker){ .failures = failures, .open_ms = open_ms };
}

int breaker_allow(struct breaker *breaker, int64_t now_ms)
{
    if (breaker->state == BREAKER_CLOSED)
        return 1;
    if (breaker->state == BREAKER_OPEN && now_ms >= breaker->until_ms)
        breaker->state = BREAKER_HALF_OPEN;
    if (breaker->state == BREAKER_OPEN || breaker->probing)
        return 0;
    breaker->probing = 1;
    return 1;
}

void breaker_good(struct breaker *breaker)
{
    breaker->state = BREAKER_CLOSED;
    breaker->in_row = 0;
    breaker->probing = 0;
}

int breaker_bad(struct breaker *breaker, int64_t now_ms)
{
    enum breaker_state before = breaker->state;

    breaker->in_row++;
    if (breaker->failures == 0 ||
        (before == BREAKER_CLOSED && breaker->in_row < breaker->failures) ||
        before == BREAKER_OPEN) /* it was asked before the breaker opened */
        return 0;
    breaker->state = BREAKER_OPEN;
    breaker->until_ms = now_ms + breaker->open_ms;
    breaker->probing = 0;
    return before == BREAKER_CLOSED;
}

void breaker_unknown(struct breaker *breaker)
{
    breaker->probing = 0;
}

const char *breaker_name(const struct breaker *breaker)
{
    static const char *const names[] = { "closed", "open", "half-open" };

    return names[breaker->state];
}
