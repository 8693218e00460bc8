/*
 * rank.h - a sorted set that knows places: what stands where, and how many stand before it.
 *
 * Layer: base. Intrusive: the node stands in the caller's struct, which is not in two sets at once.
 * A treap with sizes: add, del, before and at are O(log n). No memory of its own, no global state.
 */
#ifndef BASE_RANK_H
#define BASE_RANK_H

#include <stddef.h>
#include <stdint.h>

struct rank_node {
    struct rank_node *left, *right;
    size_t size; /* of the tree below and including it */
    uint64_t weight;
};

/* Below 0: a stands before b. Two nodes of a set are never equal. */
typedef int rank_cmp(const struct rank_node *a, const struct rank_node *b);

struct rank {
    struct rank_node *root;
    rank_cmp *cmp;
    uint64_t seed; /* any; moves on with every add */
};

void rank_add(struct rank *rank, struct rank_node *node);
void rank_del(struct rank *rank, struct rank_node *node); /* it is in there */
size_t rank_count(const struct rank *rank);
/* How many stand before the key, which need not be in there. */
size_t rank_before(const struct rank *rank, const struct rank_node *key);
struct rank_node *rank_at(const struct rank *rank, size_t place); /* from 0; NULL: not so many */

#endif
