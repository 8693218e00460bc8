/* quota.c - windows by name; old ones are swept when there are twice as many as after the last. */
#include "config.h"

#include "files/quota.h"

#include <stdlib.h>
#include <string.h>
#include <uthash.h>

#include "base/mem.h"

#define SWEEP_FIRST 1024
#define MOST 200000 /* names at a time; over it newcomers wait */
#define LATER_MS 60000

struct window {
    UT_hash_handle hh;
    int64_t since_ms, count, bytes;
    char who[];
};

struct quota {
    struct window *windows;
    unsigned sweep_at;
};

struct quota *quota_new(void)
{
    struct quota *quota = mem_alloc(sizeof *quota);

    quota->sweep_at = SWEEP_FIRST;
    return quota;
}

static void drop(struct quota *quota, struct window *window)
{
    HASH_DEL(quota->windows, window);
    free(window);
}

void quota_free(struct quota **quota)
{
    struct window *window, *next;

    if (*quota == NULL)
        return;
    HASH_ITER(hh, (*quota)->windows, window, next)
        drop(*quota, window);
    free(*quota);
    *quota = NULL;
}

static int is_over(const struct window *window, int64_t window_ms, int64_t now_ms)
{
    return now_ms - window->since_ms >= window_ms || now_ms < window->since_ms;
}

static void sweep(struct quota *quota, int64_t window_ms, int64_t now_ms)
{
    struct window *window, *next;

    if (HASH_COUNT(quota->windows) < quota->sweep_at)
        return;
    HASH_ITER(hh, quota->windows, window, next) {
        if (is_over(window, window_ms, now_ms))
            drop(quota, window);
    }
    quota->sweep_at = HASH_COUNT(quota->windows) * 2;
    if (quota->sweep_at < SWEEP_FIRST)
        quota->sweep_at = SWEEP_FIRST;
}

static struct window *find(struct quota *quota, const char *who)
{
    struct window *window;

    HASH_FIND_STR(quota->windows, who, window);
    return window;
}

int64_t quota_take(struct quota *quota, const struct quota_limits *limits, const char *who,
                   size_t bytes, int64_t now_ms)
{
    struct window *window = find(quota, who);

    if (window == NULL) {
        sweep(quota, limits->window_ms, now_ms);
        if (HASH_COUNT(quota->windows) >= MOST)
            return LATER_MS;
        window = mem_alloc(sizeof *window + strlen(who) + 1);
        memcpy(window->who, who, strlen(who) + 1);
        window->since_ms = now_ms;
        HASH_ADD_STR(quota->windows, who, window);
    } else if (is_over(window, limits->window_ms, now_ms)) {
        window->since_ms = now_ms;
        window->count = window->bytes = 0;
    }
    if ((limits->count > 0 && window->count + 1 > limits->count) ||
        (limits->bytes > 0 && window->bytes + (int64_t)bytes > limits->bytes))
        return window->since_ms + limits->window_ms - now_ms;
    window->count++;
    window->bytes += (int64_t)bytes;
    return 0;
}

void quota_give_back(struct quota *quota, const char *who, size_t bytes)
{
    struct window *window = find(quota, who);

    if (window == NULL || window->count == 0)
        return;
    window->count--;
    window->bytes -= (int64_t)bytes;
}
