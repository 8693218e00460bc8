/* store_rig.h - a store under test: calls that wait for their answer, which stands in the fixture. */
#ifndef TESTS_STORE_RIG_H
#define TESTS_STORE_RIG_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/store_pump.h"

struct fix {
    struct pump pump;
    struct store_conf conf;
    struct store *store;
    struct answer a;
    char dir[64], path[96], url[112];
};

/* Fixtures of cmocka: a new store in a directory of its own, and away with it. */
int sqlite_setup(void **state);
int teardown(void **state);
/* Ends the store and lets the last post arrive. */
void fix_close(struct fix *fix);

struct ulid session(unsigned i);
struct store_record record(uint64_t seq, const char *data, const char *body);
void expect_record(const struct store_record *r, uint64_t seq, const char *data, const char *body);

enum store_status append(struct fix *fix, const struct store_batch *batch);
/* One record with one body after expect. */
enum store_status say(struct fix *fix, unsigned s, uint64_t expect, const char *data,
                      const char *body);
enum store_status put_snapshot(struct fix *fix, unsigned s, uint64_t last, uint64_t seq,
                               const char *body, const char *data);
enum store_status put_wake(struct fix *fix, unsigned s, int64_t wake_at);
enum store_status load(struct fix *fix, unsigned s);
void due(struct fix *fix, int64_t before, size_t max);
void compact(struct fix *fix, int64_t before);
void erase(struct fix *fix, unsigned s);

#endif
