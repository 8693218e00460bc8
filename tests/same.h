/* same.h - are two sessions the same, to the last word? */
#ifndef TESTS_SAME_H
#define TESTS_SAME_H

#include "engine/session.h"

int session_same(const struct session *a, const struct session *b);

#endif
