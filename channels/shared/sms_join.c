/* sms_join.c - sets of parts. */
#include "config.h"

#include "channels/shared/sms_join.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <uthash.h>

#define PREFIX "c/"
#define MAX_PART 2048
#define GAP "[\xe2\x80\xa6]"

struct piece {
    enum sms_charset charset;
    size_t len;
    uint8_t *bytes; /* NULL: it is missing, or the message is over */
    uint64_t hash;  /* 0: it never came */
};

struct join_set {
    UT_hash_handle hh; /* in the order in which they began */
    struct join *join;
    int64_t first_ms;
    struct td_timer *timer;
    unsigned total, n;
    int handed; /* the owner has it */
    int over;   /* it is done: what is left tells late repetitions from new messages */
    char from[48], to[48];
    char key[TD_KEEP_MAX_KEY + 1];
    struct piece pieces[255];
};

struct join {
    struct keeper *keeper;
    const struct td_host *host;
    struct td_instance *inst;
    struct join_conf conf;
    struct join_ops ops;
    struct join_set *sets;
    unsigned n_open;
};

/* A part on its way to the disk. */
struct add {
    struct join *join;
    join_done_fn *done;
    void *arg;
    char key[TD_KEEP_MAX_KEY + 1];
};

static void set_free(struct join_set *set)
{
    struct join *join = set->join;

    HASH_DEL(join->sets, set);
    join->n_open -= !set->handed;
    join->host->timer_del(&set->timer);
    for (unsigned i = 0; i < set->total; i++)
        free(set->pieces[i].bytes);
    free(set);
}

/* ---- The whole ---------------------------------------------------------------------------- */

static int same_charset(const struct join_set *set)
{
    for (unsigned i = 1; i < set->total; i++) {
        if (set->pieces[i].charset != set->pieces[0].charset)
            return 0;
    }
    return set->n == set->total;
}

/* All bytes at once: a letter may have been cut in two by the sender. */
static char *text_of_all(const struct join_set *set)
{
    size_t len = 0, at = 0;
    uint8_t *bytes;
    char *text;
    int odd;

    for (unsigned i = 0; i < set->total; i++)
        len += set->pieces[i].len;
    if ((bytes = malloc(len + 1)) == NULL)
        return NULL;
    for (unsigned i = 0; i < set->total; i++) {
        memcpy(bytes + at, set->pieces[i].bytes, set->pieces[i].len);
        at += set->pieces[i].len;
    }
    text = sms_decode(set->pieces[0].charset, bytes, len, &odd);
    free(bytes);
    return text;
}

static char *text_of_some(const struct join_set *set)
{
    char *text = calloc(1, 1), *piece, *more;
    int odd, in_gap = 0;

    for (unsigned i = 0; i < set->total && text != NULL; i++) {
        const struct piece *p = &set->pieces[i];

        if (p->bytes == NULL && in_gap)
            continue;
        in_gap = p->bytes == NULL;
        piece = in_gap ? strdup(GAP) : sms_decode(p->charset, p->bytes, p->len, &odd);
        more = piece != NULL ? realloc(text, strlen(text) + strlen(piece) + 1) : NULL;
        if (more != NULL)
            strcat(more, piece);
        else
            free(text);
        free(piece);
        text = more;
    }
    return text;
}

static void hand_on(struct join_set *set)
{
    char id[TD_KEEP_MAX_KEY + 1 + 24];
    char *text = same_charset(set) ? text_of_all(set) : text_of_some(set);

    if (text == NULL)
        return; /* out of memory: the next start has it */
    set->handed = 1;
    set->join->n_open--;
    set->join->host->timer_del(&set->timer);
    if (set->n < set->total)
        set->join->host->count(set->join->inst, "concat_partial", 1);
    snprintf(id, sizeof id, "%" PRId64 "-%s", set->first_ms, set->key);
    set->join->ops.whole(set->join->ops.arg, set, set->from, set->to, id, text);
}

static void on_timeout(void *arg)
{
    struct join_set *set = arg;

    set->timer = NULL;
    hand_on(set);
}

/* ---- Parts -------------------------------------------------------------------------------- */

static struct join_set *set_get(struct join *join, const char *key, unsigned total, int64_t first_ms)
{
    struct join_set *set;

    HASH_FIND_STR(join->sets, key, set);
    if (set != NULL)
        return set;
    set = calloc(1, sizeof *set);
    if (set == NULL)
        return NULL;
    set->join = join;
    set->total = total;
    set->first_ms = first_ms;
    strcpy(set->key, key);
    sscanf(key, PREFIX "%47[^/]/%47[^/]/", set->from, set->to);
    HASH_ADD_STR(join->sets, key, set);
    join->n_open++;
    return set;
}

static void wait_for_rest(struct join_set *set)
{
    const int64_t left = set->first_ms + set->join->conf.timeout_ms -
                         set->join->host->now(set->join->inst);

    if (set->timer == NULL)
        set->timer = set->join->host->timer_add(set->join->inst, left > 0 ? (uint32_t)left : 0,
                                                on_timeout, set);
}

static uint64_t hash_of(const uint8_t *bytes, size_t len) /* FNV-1a */
{
    uint64_t hash = UINT64_C(0xcbf29ce484222325);

    for (size_t i = 0; i < len; i++)
        hash = (hash ^ bytes[i]) * UINT64_C(0x100000001b3);
    return hash != 0 ? hash : 1;
}

static void put_piece(struct join_set *set, unsigned seq, enum sms_charset charset,
                      const uint8_t *bytes, size_t len)
{
    struct piece *piece = &set->pieces[seq - 1];

    if (piece->bytes != NULL)
        return; /* it came twice */
    piece->bytes = malloc(len + 1);
    if (piece->bytes == NULL)
        return;
    memcpy(piece->bytes, bytes, len);
    piece->len = len;
    piece->charset = charset;
    piece->hash = hash_of(bytes, len);
    set->n++;
}

static void make_room(struct join *join)
{
    struct join_set *set, *next;

    HASH_ITER(hh, join->sets, set, next) {
        if (join->n_open <= join->conf.max)
            return;
        if (!set->handed)
            hand_on(set);
    }
}

static void on_part(void *arg, const struct td_kept *kept)
{
    struct add add = *(struct add *)arg;
    struct join_set *set;

    free(arg);
    add.done(add.arg, kept->status == TD_OK ? TD_OK : TD_RETRY);
    HASH_FIND_STR(add.join->sets, add.key, set);
    if (set == NULL || set->handed)
        return;
    if (set->n == set->total)
        hand_on(set);
    make_room(add.join);
}

static void set_key(const struct join_part *part, char key[TD_KEEP_MAX_KEY + 1])
{
    snprintf(key, TD_KEEP_MAX_KEY + 1, PREFIX "%.40s/%.40s/%u.%u.%u", part->from, part->to,
             part->ref, part->total, part->width);
}

int join_fits(const struct join_part *part)
{
    return part->len <= MAX_PART && part->from[0] != '\0' && part->to[0] != '\0' &&
           strchr(part->from, '/') == NULL && strchr(part->to, '/') == NULL;
}

void join_add(struct join *join, const struct join_part *part, join_done_fn *done, void *arg)
{
    char key[TD_KEEP_MAX_KEY + 1], piece_key[TD_KEEP_MAX_KEY + 8];
    uint8_t value[MAX_PART + 64];
    struct add *add = calloc(1, sizeof *add);
    struct join_set *set;
    int head;

    set_key(part, key);
    HASH_FIND_STR(join->sets, key, set);
    if (set != NULL && set->handed) {
        if (set->pieces[part->seq - 1].hash == hash_of(part->bytes, part->len)) {
            free(add);
            done(arg, TD_OK); /* once more, and too late */
            return;
        }
        if (!set->over) { /* the number is used again while the message is not off our hands */
            free(add);
            done(arg, TD_RETRY);
            return;
        }
        set_free(set);
    }
    set = add != NULL ? set_get(join, key, part->total, join->host->now(join->inst)) : NULL;
    if (set == NULL) {
        free(add);
        done(arg, TD_RETRY);
        return;
    }
    put_piece(set, part->seq, part->charset, part->bytes, part->len);
    wait_for_rest(set);
    head = snprintf((char *)value, sizeof value, "%" PRId64 " %d\n", set->first_ms,
                    (int)part->charset);
    memcpy(value + head, part->bytes, part->len);
    *add = (struct add){ .join = join, .done = done, .arg = arg };
    strcpy(add->key, key);
    snprintf(piece_key, sizeof piece_key, "%s/%u", key, part->seq);
    keeper_put(join->keeper, piece_key, value, (size_t)head + part->len, 0, on_part, add);
}

static void forget_late(void *arg)
{
    struct join_set *set = arg;

    set->timer = NULL;
    set_free(set);
}

/* As long as parts of it may still be said again. */
static void become_over(struct join_set *set)
{
    const int64_t left = set->first_ms + set->join->conf.timeout_ms -
                         set->join->host->now(set->join->inst);

    for (unsigned i = 0; i < set->total; i++) {
        free(set->pieces[i].bytes);
        set->pieces[i].bytes = NULL;
    }
    set->join->n_open -= !set->handed;
    set->handed = set->over = 1;
    set->timer = set->join->host->timer_add(set->join->inst, left > 0 ? (uint32_t)left : 0,
                                            forget_late, set);
}

void join_done(struct join *join, struct join_set *set)
{
    char key[TD_KEEP_MAX_KEY + 8];
    uint64_t hashes[255];

    for (unsigned i = 0; i < set->total; i++) {
        hashes[i] = set->pieces[i].hash;
        snprintf(key, sizeof key, "%s/%u", set->key, i + 1);
        if (hashes[i] != 0)
            keeper_del(join->keeper, key, NULL, NULL);
    }
    snprintf(key, sizeof key, "%s/0", set->key);
    keeper_put(join->keeper, key, hashes, set->total * sizeof hashes[0],
               set->first_ms + join->conf.timeout_ms, NULL, NULL);
    become_over(set);
}

/* ---- Life --------------------------------------------------------------------------------- */

/* Of a message that is over: the hashes of its parts. */
static void take_over(struct join *join, const char *key, unsigned total, const struct td_pair *pair)
{
    struct join_set *set = set_get(join, key, total, pair->until_ms - join->conf.timeout_ms);
    uint64_t hashes[255];

    if (set == NULL || set->over || pair->len != total * sizeof hashes[0])
        return;
    memcpy(hashes, pair->value, pair->len);
    for (unsigned i = 0; i < total; i++)
        set->pieces[i].hash = hashes[i];
    become_over(set);
}

static void on_pair(void *arg, const struct td_pair *pair)
{
    char key[TD_KEEP_MAX_KEY + 1];
    const char *end = memchr(pair->value, '\n', pair->len), *slash = strrchr(pair->key, '/');
    const char *dot = slash != NULL ? memchr(pair->key, '.', (size_t)(slash - pair->key)) : NULL;
    const unsigned seq = slash != NULL ? (unsigned)strtoul(slash + 1, NULL, 10) : 0;
    const unsigned total = dot != NULL ? (unsigned)strtoul(dot + 1, NULL, 10) : 0;
    int64_t first_ms;
    int charset;
    struct join_set *set;

    if (total == 0 || total > 255 || seq > total)
        return;
    snprintf(key, sizeof key, "%.*s", (int)(slash - pair->key), pair->key);
    if (seq == 0) {
        take_over(arg, key, total, pair);
        return;
    }
    if (end == NULL || sscanf(pair->value, "%" SCNd64 " %d", &first_ms, &charset) != 2)
        return;
    set = set_get(arg, key, total, first_ms);
    if (set == NULL || set->over)
        return;
    if (first_ms < set->first_ms)
        set->first_ms = first_ms;
    end++;
    put_piece(set, seq, (enum sms_charset)charset, (const uint8_t *)end,
              pair->len - (size_t)(end - (const char *)pair->value));
}

static void on_loaded(void *arg, enum td_status status)
{
    struct join *join = arg;
    struct join_set *set, *next;

    if (status != TD_OK)
        join->host->log(join->inst, TD_ERROR, "parts of messages that were kept cannot be read");
    HASH_ITER(hh, join->sets, set, next) {
        if (set->handed)
            continue;
        if (set->n == set->total)
            hand_on(set);
        else
            wait_for_rest(set);
    }
}

struct join *join_new(struct keeper *keeper, const struct td_host *host, struct td_instance *inst,
                      const struct join_conf *conf, const struct join_ops *ops)
{
    struct join *join = calloc(1, sizeof *join);

    if (join == NULL)
        return NULL;
    *join = (struct join){ .keeper = keeper, .host = host, .inst = inst, .conf = *conf,
                           .ops = *ops };
    keeper_each(keeper, PREFIX, on_pair, on_loaded, join);
    return join;
}

void join_free(struct join **join)
{
    struct join_set *set, *next;

    if (*join == NULL)
        return;
    HASH_ITER(hh, (*join)->sets, set, next)
        set_free(set);
    free(*join);
    *join = NULL;
}
