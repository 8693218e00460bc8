/* rank.c - a treap: sorted by the caller's order, a heap by random weights, hence flat. */
#include "config.h"

#include "base/rank.h"

static size_t size_of(const struct rank_node *node)
{
    return node ? node->size : 0;
}

static void resize(struct rank_node *node)
{
    node->size = 1 + size_of(node->left) + size_of(node->right);
}

/* All of `tree` that stands before key, and the rest. */
static void split(const struct rank *rank, struct rank_node *tree, const struct rank_node *key,
                  struct rank_node **before_r, struct rank_node **after_r)
{
    if (!tree) {
        *before_r = *after_r = NULL;
    } else if (rank->cmp(tree, key) < 0) {
        split(rank, tree->right, key, &tree->right, after_r);
        *before_r = tree;
        resize(tree);
    } else {
        split(rank, tree->left, key, before_r, &tree->left);
        *after_r = tree;
        resize(tree);
    }
}

static struct rank_node *merge(struct rank_node *before, struct rank_node *after)
{
    if (!before || !after)
        return before ? before : after;
    if (before->weight > after->weight) {
        before->right = merge(before->right, after);
        resize(before);
        return before;
    }
    after->left = merge(before, after->left);
    resize(after);
    return after;
}

void rank_add(struct rank *rank, struct rank_node *node)
{
    struct rank_node *before, *after;

    /* splitmix64: well spread for any seed, also 0. */
    uint64_t weight = rank->seed += 0x9e3779b97f4a7c15;
    weight = (weight ^ weight >> 30) * 0xbf58476d1ce4e5b9;
    weight = (weight ^ weight >> 27) * 0x94d049bb133111eb;
    *node = (struct rank_node){ .size = 1, .weight = weight ^ weight >> 31 };
    split(rank, rank->root, node, &before, &after);
    rank->root = merge(merge(before, node), after);
}

void rank_del(struct rank *rank, struct rank_node *node)
{
    struct rank_node **at = &rank->root;

    while (*at != node) {
        (*at)->size--;
        at = rank->cmp(*at, node) < 0 ? &(*at)->right : &(*at)->left;
    }
    *at = merge(node->left, node->right);
}

size_t rank_count(const struct rank *rank)
{
    return size_of(rank->root);
}

size_t rank_before(const struct rank *rank, const struct rank_node *key)
{
    const struct rank_node *node = rank->root;
    size_t before = 0;

    while (node) {
        if (rank->cmp(node, key) < 0) {
            before += 1 + size_of(node->left);
            node = node->right;
        } else {
            node = node->left;
        }
    }
    return before;
}

struct rank_node *rank_at(const struct rank *rank, size_t place)
{
    struct rank_node *node = rank->root;

    while (node && place != size_of(node->left)) {
        if (place < size_of(node->left)) {
            node = node->left;
        } else {
            place -= size_of(node->left) + 1;
            node = node->right;
        }
    }
    return node;
}
