/*
 * conf_tandem.h - the core's own keys: tables and the structs they fill.
 *
 * Layer: daemon. The tables drive reading, checking, -T, --keys, --init and the manual page.
 */
#ifndef DAEMON_CONF_TANDEM_H
#define DAEMON_CONF_TANDEM_H

#include <tandem/plugin.h>

struct conf;

struct tandem_conf {
    const char *listen, *store, *control;
    const char *admin_token;
    int64_t drain;
    int log_level, log_format; /* as in base/log.h */
    const char *const *plugin_dir;
    const char *data_dir;
    const char *const *frames;
    const char *tls_cert, *tls_key;
    int64_t min_free;
    int64_t max_header, max_body, header_timeout;
    const char *const *trusted_proxies;
    int64_t max_sessions, max_bounces, max_pending;
    int64_t presence, desk_grace;
    const char *const *languages;
    const char *texts, *business, *packs, *rules;
    const char *text_unavailable, *text_no_human;
    int64_t attempts, retry, clarify;
    int64_t retention;
    const char *public_url, *files;
    int64_t max_file;
    const char *const *file_types, *const *file_types_denied;
    int64_t file_count, file_bytes, file_window, file_link, file_unused;
    const char *scanner;
};

/* What every [channel] has beside its plugin's own keys. */
struct channel_conf {
    const char *type, *agent, *queue;
    int queue_mode; /* enum queue_mode */
    int64_t collect_wait, collect_max;
    int64_t idle_close, reopen, native_hold;
    const char *send_hours;
    const char *const *send_zones;
    int64_t send_answer;
    int reopen_to;
    int greet, announce_return, disclose_ai;
    const char *bridge, *bridge_page;
};

struct agent_conf {
    const char *type, *next;
    int64_t deadline, history;
    int64_t breaker_failures, breaker_open, max_jobs;
    int claims; /* 1: trusted */
};

/* What every instance has besides. */
struct isolate_conf {
    int isolate;
    int64_t isolate_memory, isolate_hang, isolate_restart, isolate_restart_max;
};

struct route_conf {
    const char *when;
    const char *const *agent; /* NAME or NAME:WEIGHT */
};

struct rule_conf {
    int64_t priority;
    const char *class, *code, *when, *queue, *text;
    const char *const *at;
    int mode; /* enum rule_mode */
    int withhold;
};

struct desk_conf {
    const char *type;
    int64_t retry, retry_max;
    const char *const *allow;
};

struct queue_conf {
    const char *desk, *hours, *overflow;
    const char *const *holidays, *const *skills;
    int64_t capacity, priority;
    int64_t overflow_after, offer_timeout, max_wait, response_timeout, lease, remind;
    int on_lease, fallback, assign; /* enum policy_expiry, enum policy_fallback, 1: auto */
    int64_t promise_within;
    int sticky, need_human, agent_meanwhile;
};

struct human_conf {
    const char *name, *token;
    const char *const *desks, *const *skills, *const *languages;
    int64_t capacity;
    int supervise;
};

extern const struct td_conf_key tandem_keys[], channel_keys[], agent_keys[], route_keys[];
extern const struct td_conf_key rule_keys[]; /* conf_rule.c */
extern const struct td_conf_key desk_keys[], queue_keys[], human_keys[]; /* conf_desk.c */
extern const struct td_conf_key isolate_keys[]; /* of each [channel], [agent], [desk] */

/* The kinds of sections, ending in NULL, and the core's keys of each. */
extern const char *const section_kinds[];
const struct td_conf_key *section_keys(const char *kind); /* NULL: there is no such kind */

/* What must be said with paths, for the daemon and for tandemctl. Caller frees. */
char *tandem_store_url(const struct conf *conf);    /* "sqlite:/abs/path", "memory:", .. */
char *tandem_files_dir(const struct conf *conf);    /* NULL: a store in memory, and no directory given */
char *tandem_control_path(const struct conf *conf); /* NULL: none (a store without a file) */

/* Where plugins and pages are when the conf does not say: the build tree this program stands in, as
 * /proc knows, else (without /proc, too) where they were installed. Caller frees. */
char **tandem_plugin_dirs(void); /* ends in NULL; each is the caller's */
char *tandem_data_dir(void);
char *tandem_texts_dir(void);
char *tandem_packs_dir(void); /* of the installed phrase packs */
char *tandem_rules_file(void); /* the installed rules */
char *tandem_plugin_host(void); /* the program that isolated plugins run in */

#endif
