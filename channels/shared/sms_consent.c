/* sms_consent.c - STOP, START and HELP. */
#include "config.h"

#include "channels/shared/sms_consent.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <tandem/json.h>
#include <tandem/json_write.h>
#include <uthash.h>

#include "channels/shared/keeper.h"
#include "channels/shared/sms_words.h"

#define PREFIX "o/"
#define MAX_BRAND 40 /* bytes; of a sender, too */
#define PREFIX_SIZE (MAX_BRAND + 8)
#define MAX_ACCOUNT 64

struct entry {
    UT_hash_handle hh;
    int owed; /* the confirmation has not been said, and is this channel's to say */
    char language[4];
    char account[MAX_ACCOUNT]; /* that it was sent to; "": the only one */
    char key[]; /* "o/SENDER/NUMBER" */
};

struct consent {
    struct keeper *keeper;
    const struct td_host *host;
    struct td_instance *inst;
    struct consent_conf conf;
    struct consent_ops ops;
    struct sms_words *words;
    struct entry *entries;
    int loaded;
};

/* A wish on its way to the disk. */
struct wish {
    struct consent *consent;
    enum sms_wish what;
    consent_done_fn *done;
    void *arg;
    int is_new;
    char language[4], key[TD_KEEP_MAX_KEY + 1];
    char account[MAX_ACCOUNT], peer[64];
};

/* What the keys of a scope begin with: "o/SENDER/", a number without its "+", since channels write it
 * either way; "o/=BRAND/"; or "o/", a star, "/". */
static void make_prefix(const struct consent *c, const char *account, char prefix[PREFIX_SIZE])
{
    const char *sender = account != NULL && *account != '\0' ? account
                         : c->conf.sender != NULL             ? c->conf.sender : "*";

    if (c->conf.scope == CONSENT_BRAND)
        snprintf(prefix, PREFIX_SIZE, PREFIX "=%.40s/", c->conf.brand);
    else if (c->conf.scope == CONSENT_SENDER)
        snprintf(prefix, PREFIX_SIZE, PREFIX "%.40s/", sender + (sender[0] == '+'));
    else
        snprintf(prefix, PREFIX_SIZE, PREFIX "*/");
}

static void make_key(const struct consent *c, const char *account, const char *peer,
                     char key[TD_KEEP_MAX_KEY + 1])
{
    char prefix[PREFIX_SIZE];

    make_prefix(c, account, prefix);
    snprintf(key, TD_KEEP_MAX_KEY + 1, "%s%.80s", prefix, peer);
}

static struct entry *find(const struct consent *c, const char *key)
{
    struct entry *entry;

    HASH_FIND_STR(c->entries, key, entry);
    return entry;
}

static void forget(struct consent *c, struct entry *entry)
{
    HASH_DEL(c->entries, entry);
    free(entry);
}

static struct entry *remember(struct consent *c, const char *key, const char *account,
                              const char *language, int owed)
{
    struct entry *entry = find(c, key);

    if (entry == NULL) {
        entry = calloc(1, sizeof *entry + strlen(key) + 1);
        if (entry == NULL)
            return NULL;
        strcpy(entry->key, key);
        HASH_ADD_STR(c->entries, key, entry);
    }
    snprintf(entry->language, sizeof entry->language, "%.3s", language);
    snprintf(entry->account, sizeof entry->account, "%s", account != NULL ? account : "");
    entry->owed = owed;
    return entry;
}

/* ---- On disk ------------------------------------------------------------------------------ */

static void put(struct consent *c, const char *key, const char *account, const char *peer,
                const char *by, const char *language, int owed, keeper_fn *fn, void *arg)
{
    struct td_json j = { 0 };

    td_json_object(&j);
    td_json_key_str(&j, "peer", peer);
    if (account != NULL && *account != '\0')
        td_json_key_str(&j, "sender", account);
    td_json_key_str(&j, "channel", c->host->name(c->inst));
    td_json_key_int(&j, "since_ms", c->host->now(c->inst));
    td_json_key_str(&j, "by", by);
    td_json_key_str(&j, "language", language);
    if (owed)
        td_json_key_bool(&j, "tell", 1);
    td_json_object_end(&j);
    keeper_put(c->keeper, key, td_json_text(&j), td_json_len(&j), 0, fn, arg);
    td_json_free(&j);
}

/* ---- What is said ------------------------------------------------------------------------- */

static void say(struct consent *c, enum sms_wish what, const char *language, const char *account,
                const char *peer)
{
    static const char name[] = "{name}";
    const char *own = what == SMS_STOP    ? c->conf.stop_text
                      : what == SMS_START ? c->conf.start_text
                                          : c->conf.help_text;
    const char *text = own != NULL ? own : sms_words_reply(what, language);
    const char *who = c->conf.brand != NULL ? c->conf.brand : account != NULL ? account : "";
    const char *at = text != NULL ? strstr(text, name) : NULL;
    char out[1024];

    if (text == NULL || *text == '\0')
        return;
    if (at != NULL)
        snprintf(out, sizeof out, "%.*s%s%s", (int)(at - text), text, who, at + strlen(name));
    else
        snprintf(out, sizeof out, "%s", text);
    c->ops.say(c->ops.arg, account != NULL && *account != '\0' ? account : NULL, peer, out);
}

void consent_said(struct consent *c, const char *account, const char *peer)
{
    char key[TD_KEEP_MAX_KEY + 1];
    struct entry *entry;

    make_key(c, account, peer, key);
    entry = find(c, key);
    if (entry == NULL || !entry->owed)
        return;
    entry->owed = 0;
    put(c, key, account, peer, "customer", entry->language, 0, NULL, NULL);
}

/* ---- Wishes ------------------------------------------------------------------------------- */

static void on_wish(void *arg, const struct td_kept *kept)
{
    struct wish wish = *(struct wish *)arg;
    struct consent *c = wish.consent;
    struct entry *entry = find(c, wish.key);
    const char *account = wish.account[0] != '\0' ? wish.account : NULL;

    free(arg);
    if (kept->status != TD_OK) {
        if (wish.what == SMS_STOP && wish.is_new && entry != NULL)
            forget(c, entry);
        wish.done(wish.arg, TD_RETRY);
        return;
    }
    if (wish.what == SMS_START && entry != NULL)
        forget(c, entry);
    wish.done(wish.arg, TD_OK);
    if (wish.is_new)
        say(c, wish.what, wish.language, account, wish.peer);
}

int consent_hear(struct consent *c, const char *account, const char *peer, const char *text,
                 consent_done_fn *done, void *arg)
{
    const char *language;
    const enum sms_wish what = sms_words_find(c->words, peer, text, &language);
    struct wish *wish;
    struct entry *entry;

    if (what == SMS_NO_WISH || strlen(peer) >= sizeof wish->peer)
        return 0;
    wish = calloc(1, sizeof *wish);
    if (wish == NULL) {
        done(arg, TD_RETRY);
        return 1;
    }
    *wish = (struct wish){ .consent = c, .what = what, .done = done, .arg = arg };
    snprintf(wish->language, sizeof wish->language, "%s", language);
    snprintf(wish->peer, sizeof wish->peer, "%s", peer);
    snprintf(wish->account, sizeof wish->account, "%s", account != NULL ? account : "");
    make_key(c, account, peer, wish->key);
    entry = find(c, wish->key);
    if (what == SMS_START && entry == NULL) { /* it stops nothing: a message like any other */
        free(wish);
        return 0;
    }
    c->host->count(c->inst, what == SMS_STOP    ? "consent_stop"
                            : what == SMS_START ? "consent_start"
                                                : "consent_help", 1);
    wish->is_new = what != SMS_STOP || entry == NULL;
    if (what == SMS_STOP) {
        if (entry == NULL)
            remember(c, wish->key, account, language, 1); /* from now on, not from the disk's answer on */
        put(c, wish->key, account, peer, "customer", language, entry == NULL || entry->owed,
            on_wish, wish);
    } else if (what == SMS_START) {
        keeper_del(c->keeper, wish->key, on_wish, wish);
    } else {
        on_wish(wish, &(struct td_kept){ .size = sizeof(struct td_kept), .status = TD_OK });
    }
    return 1;
}

void consent_provider_stop(struct consent *c, const char *account, const char *peer)
{
    char key[TD_KEEP_MAX_KEY + 1];

    make_key(c, account, peer, key);
    if (find(c, key) != NULL || remember(c, key, account, "en", 0) == NULL)
        return;
    c->host->count(c->inst, "consent_provider", 1);
    put(c, key, account, peer, "provider", "en", 0, NULL, NULL);
}

void consent_provider_start(struct consent *c, const char *account, const char *peer)
{
    char key[TD_KEEP_MAX_KEY + 1];
    struct entry *entry;

    make_key(c, account, peer, key);
    if ((entry = find(c, key)) == NULL)
        return;
    forget(c, entry);
    keeper_del(c->keeper, key, NULL, NULL);
}

int consent_refuses(const struct consent *c, const char *account, const char *peer)
{
    char key[TD_KEEP_MAX_KEY + 1];

    make_key(c, account, peer, key);
    return find(c, key) != NULL;
}

size_t consent_count(const struct consent *c)
{
    return HASH_COUNT(c->entries);
}

/* ---- Life --------------------------------------------------------------------------------- */

/* A pair of the ledger: as it stands on disk, or as another channel has just changed it. */
static void take(struct consent *c, const struct td_pair *pair)
{
    cJSON *value = td_json_parse(pair->value, pair->len, NULL, NULL, 0);
    const char *channel = td_json_get_str(value, "channel");
    const char *language = td_json_get_str(value, "language");
    const int is_mine = channel == NULL || strcmp(channel, c->host->name(c->inst)) == 0;

    remember(c, pair->key, td_json_get_str(value, "sender"), language != NULL ? language : "en",
             is_mine && cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(value, "tell")));
    cJSON_Delete(value);
}

static void on_pair(void *arg, const struct td_pair *pair)
{
    take(arg, pair);
}

static void on_loaded(void *arg, enum td_status status)
{
    struct consent *c = arg;
    struct entry *entry, *next;

    if (status != TD_OK)
        c->host->log(c->inst, TD_ERROR, "the ledger of who wants no messages cannot be read");
    c->loaded = status == TD_OK;
    if (!c->loaded)
        return;
    c->ops.loaded(c->ops.arg);
    HASH_ITER(hh, c->entries, entry, next) {
        if (entry->owed)
            say(c, SMS_STOP, entry->language, entry->account, strrchr(entry->key, '/') + 1);
    }
}

/* Of what others change only that of this scope is known. */
static int is_ours(const struct consent *c, const char *key)
{
    char prefix[PREFIX_SIZE];

    make_prefix(c, NULL, prefix);
    return c->conf.scope == CONSENT_SENDER ? strncmp(key, PREFIX "=", sizeof PREFIX) != 0
                                           : strncmp(key, prefix, strlen(prefix)) == 0;
}

void consent_kept(struct consent *c, uint64_t job, const struct td_kept *kept)
{
    struct entry *entry;

    if (job != 0) {
        keeper_kept(c->keeper, job, kept);
        return;
    }
    for (size_t i = 0; i < kept->n_pairs; i++) {
        if (!is_ours(c, kept->pairs[i]->key))
            continue;
        if (kept->pairs[i]->len > 0)
            take(c, kept->pairs[i]);
        else if ((entry = find(c, kept->pairs[i]->key)) != NULL)
            forget(c, entry);
    }
}

struct consent *consent_new(const struct td_host *host, struct td_instance *inst,
                            const struct consent_conf *conf, const struct consent_ops *ops,
                            struct td_error *err)
{
    const char *const *const own[SMS_N_WISHES] = { [SMS_STOP] = conf->stop_words,
                                                   [SMS_START] = conf->start_words,
                                                   [SMS_HELP] = conf->help_words };
    struct consent *c = calloc(1, sizeof *c);
    char prefix[PREFIX_SIZE];

    if (c == NULL)
        return NULL;
    *c = (struct consent){ .host = host, .inst = inst, .conf = *conf, .ops = *ops };
    if (conf->scope == CONSENT_BRAND && (conf->brand == NULL || strlen(conf->brand) > MAX_BRAND))
        snprintf(err->text, sizeof err->text, "consent_scope = brand needs a brand of at most %d "
                 "bytes", MAX_BRAND);
    else
        c->words = sms_words_new(conf->languages, own, err);
    if (c->words != NULL)
        c->keeper = keeper_new(host, inst, conf->scope == CONSENT_CHANNEL ? NULL : CONSENT_TABLE,
                               KEEPER_SECOND);
    if (c->keeper == NULL) {
        consent_free(&c);
        return NULL;
    }
    make_prefix(c, NULL, prefix);
    keeper_each(c->keeper, conf->scope == CONSENT_SENDER ? PREFIX : prefix, on_pair, on_loaded, c);
    return c;
}

void consent_free(struct consent **consent)
{
    struct consent *c = *consent;
    struct entry *entry, *next;

    if (c == NULL)
        return;
    HASH_ITER(hh, c->entries, entry, next)
        forget(c, entry);
    sms_words_free(&c->words);
    keeper_free(&c->keeper);
    free(c);
    *consent = NULL;
}

int consent_is_loaded(const struct consent *c)
{
    return c->loaded;
}
