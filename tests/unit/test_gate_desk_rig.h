/*
 * test_gate_desk_rig.h - the rig with a desk, "support", with a queue, "billing", and two humans.
 *
 * What the desk gets is recorded; what its humans want is asked as a plugin asks it.
 */
#ifndef TESTS_UNIT_TEST_GATE_DESK_RIG_H
#define TESTS_UNIT_TEST_GATE_DESK_RIG_H

#include "tests/unit/test_gate_rig.h"

#define DESK_MAX 64

struct offered {
    char id[27], human[16];
    enum td_handoff_state state;
};

struct answered {
    uint64_t job;
    enum td_status status;
    char code[20], holder[16], handoff[27], json[4000];
};

extern struct test_desk {
    struct td_instance *inst;
    enum td_status answer; /* to offers */
    struct offered offers[DESK_MAX];
    struct answered answers[DESK_MAX]; /* the newest */
    size_t n_offers, n_answers, n_relays;
    char released[27], outcome[16];
} desk;

extern struct policy_human humans[2]; /* mia; noah, who supervises */
extern char session[27];              /* of wanted() */

int set_up(void **state);
int tear_down(void **state);
void open_desk(void);

/* A customer for whom an operator has asked for a human: the offer of it. */
const struct offered *wanted(void);

uint64_t hand_in(struct td_desk_request request); /* gives the job that will be answered */
const struct answered *ask(struct td_desk_request request);
const struct answered *act(enum td_desk_op op, const char *handoff, const char *human);
const struct answered *list(const char *state, const char *human);

#endif
