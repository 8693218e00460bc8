/* conf_tandem.c - the core's own keys. */
#include "config.h"

#include "daemon/conf_tandem.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "config/conf.h"

#define DEFAULT_STORE "sqlite:/var/lib/tandem/tandem.db"
#define SECOND 1000
#define DAY (24 * 3600 * (int64_t)SECOND)

static const char *const log_levels[] = { "error", "warn", "info", "debug", "trace", NULL };
static const char *const log_formats[] = { "logfmt", "json", NULL };
static const char *const claim_modes[] = { "checked", "trusted", NULL };
static const char *const reopeners[] = { "agent", "human", NULL };
static const char *const queue_modes[] = { "followup", "collect", "interrupt", NULL };

const struct td_conf_key tandem_keys[] = {
    TD_CONF_STR(struct tandem_conf, listen, 0, "127.0.0.1:8480",
                "Address and port of the listener; port 0 takes any free one."),
    TD_CONF_STR(struct tandem_conf, store, 0, DEFAULT_STORE,
                "Where conversations are kept: sqlite:PATH, or memory: to forget them at the end."),
    TD_CONF_STR(struct tandem_conf, control, TD_PATH, NULL,
                "Unix socket of tandemctl; unset: `control` beside the store."),
    TD_CONF_SECRET(struct tandem_conf, admin_token, 0,
                   "Bearer token that opens /api on the listener; unset: only on the unix socket."),
    TD_CONF_DURATION(struct tandem_conf, drain, 0, "10s", 0, 600 * SECOND,
                     "How long a stop waits for turns under way."),
    TD_CONF_ENUM(struct tandem_conf, log_level, 0, "info", log_levels,
                 "What is logged; customers' texts stand in the log at trace only."),
    TD_CONF_ENUM(struct tandem_conf, log_format, 0, "logfmt", log_formats, "How a log line looks."),
    TD_CONF_LIST(struct tandem_conf, plugin_dir, 0, NULL,
                 "Directories in which plugins are looked for; unset: where they were installed."),
    TD_CONF_STR(struct tandem_conf, data_dir, TD_PATH, NULL,
                "Directory of the pages served; unset: where they were installed."),
    TD_CONF_LIST(struct tandem_conf, frames, 0, NULL,
                 "Origins of the pages that may show the chat page in a frame; unset: none but its "
                 "own."),
    TD_CONF_STR(struct tandem_conf, tls_cert, TD_PATH, NULL,
                "PEM file with the listener's certificate chain; unset: no TLS."),
    TD_CONF_STR(struct tandem_conf, tls_key, TD_PATH, NULL, "PEM file with its key."),
    TD_CONF_SIZE(struct tandem_conf, min_free, 0, "64M", 0, INT64_C(1) << 50,
                 "Free space the store's file system must keep; below it messages are refused."),
    TD_CONF_SIZE(struct tandem_conf, max_header, 0, "8K", 1024, 64 << 10,
                 "Longest header block of a request."),
    TD_CONF_SIZE(struct tandem_conf, max_body, 0, "1M", 1024, 256 << 20,
                 "Longest body of a request."),
    TD_CONF_DURATION(struct tandem_conf, header_timeout, 0, "10s", 100, 300 * SECOND,
                     "Time from accepting a connection to the end of its headers."),
    TD_CONF_LIST(struct tandem_conf, trusted_proxies, 0, NULL,
                 "Addresses or CIDR ranges whose X-Forwarded-For is believed."),
    TD_CONF_INT(struct tandem_conf, max_sessions, 0, "20000", 1, 10000000,
                "Sessions kept in memory; the others rest in the store."),
    TD_CONF_INT(struct tandem_conf, max_bounces, 0, "5", 0, 1000,
                "Changes from agent to agent in a session."),
    TD_CONF_INT(struct tandem_conf, max_pending, 0, "100", 1, 10000,
                "Messages of a customer that may wait for an answer."),
    TD_CONF_DURATION(struct tandem_conf, presence, 0, "90s", 1000, 3600 * SECOND,
                     "How long a human counts as present beyond their last request to the desk; who "
                     "listens to its events renews it every 20 seconds."),
    TD_CONF_DURATION(struct tandem_conf, desk_grace, 0, "30s", 100, 3600 * SECOND,
                     "How long a desk may be away before its customers are given back."),
    TD_CONF_LIST(struct tandem_conf, languages, 0, NULL,
                 "Languages in which customers are spoken to, the first when theirs is not among "
                 "them; unset: en and all that are installed."),
    TD_CONF_STR(struct tandem_conf, texts, TD_PATH, NULL,
                "File, or directory of *.conf, with texts that stand for those installed."),
    TD_CONF_STR(struct tandem_conf, rules, 0, NULL,
                "File of [rule NAME] sections that stands for the one installed, or none; those of "
                "the conf are added, and replace what has the same name."),
    TD_CONF_STR(struct tandem_conf, packs, TD_PATH, NULL,
                "Directory of phrase packs, LANGUAGE/SIGNAL.pack; unset: those installed."),
    TD_CONF_STR(struct tandem_conf, business, 0, "",
                "Who the customers are talking to, for the texts."),
    TD_CONF_STR(struct tandem_conf, text_unavailable, 0,
                "Sorry, nobody can answer right now. Please try again in a moment.",
                "Said when no agent of the chain could answer."),
    TD_CONF_STR(struct tandem_conf, text_no_human, 0,
                "Sorry, nobody is here who could take over. Please try again later.",
                "Said when the agent asks for a human and there is none."),
    TD_CONF_INT(struct tandem_conf, attempts, 0, "3", 1, 100,
                "How often one agent is asked about one turn."),
    TD_CONF_DURATION(struct tandem_conf, retry, 0, "500ms", 1, 600 * SECOND,
                     "First pause before an agent is asked again; doubled each time."),
    TD_CONF_INT(struct tandem_conf, clarify, 0, "2", 0, 100,
                "Clarifying questions an agent may ask in one go."),
    TD_CONF_DURATION(struct tandem_conf, retention, 0, "90d", 8 * DAY, 36500 * DAY,
                     "How long records behind a snapshot and keys against duplicates are kept."),
    TD_CONF_STR(struct tandem_conf, public_url, 0, NULL,
                "How customers and agents reach the listener, for links to files: https://HOST; "
                "unset: the address of the listener."),
    TD_CONF_STR(struct tandem_conf, files, TD_PATH, NULL,
                "Directory of attachments; unset: `files` beside the store, and none are taken "
                "with a store in memory."),
    TD_CONF_SIZE(struct tandem_conf, max_file, 0, "10M", 1, 64 << 20, "Largest attachment."),
    TD_CONF_LIST(struct tandem_conf, file_types, 0,
                 "image/png, image/jpeg, image/gif, image/webp, image/heic, image/heif, "
                 "image/avif, image/bmp, audio/*, video/*, text/plain, text/csv, text/markdown, "
                 "text/calendar, text/vcard, application/json, application/pdf, "
                 "application/vnd.openxmlformats-officedocument.*, "
                 "application/vnd.oasis.opendocument.*",
                 "Types of attachments that are taken, as found in their content; a star at the "
                 "end stands for any."),
    TD_CONF_LIST(struct tandem_conf, file_types_denied, 0, NULL,
                 "Types that are not taken all the same."),
    TD_CONF_INT(struct tandem_conf, file_count, 0, "50", 0, 1000000,
                "Attachments that one customer may hand in within file_window: a verified one in "
                "all sessions, another in one session or by one address; 0: no limit."),
    TD_CONF_SIZE(struct tandem_conf, file_bytes, 0, "100M", 0, INT64_C(1) << 40,
                 "Bytes of them together; 0: no limit."),
    TD_CONF_DURATION(struct tandem_conf, file_window, 0, "1h", 1000, 365 * DAY,
                     "The time in which these are counted."),
    TD_CONF_DURATION(struct tandem_conf, file_link, 0, "24h", 1000, 365 * DAY,
                     "How long a link to an attachment holds; it is made anew whenever its "
                     "message is shown."),
    TD_CONF_DURATION(struct tandem_conf, file_unused, 0, "1h", 60 * SECOND, 30 * DAY,
                     "How long an attachment waits for a message that uses it."),
    TD_CONF_STR(struct tandem_conf, scanner, 0, NULL,
                "Virus scanner that every attachment has to pass: clamd:/PATH of its socket, or "
                "clamd:ADDRESS:PORT; unset: none."),
    TD_CONF_END,
};

const struct td_conf_key channel_keys[] = {
    TD_CONF_STR(struct channel_conf, type, TD_REQUIRED, NULL, "The plugin: TYPE.so."),
    TD_CONF_STR(struct channel_conf, agent, TD_REQUIRED, NULL,
                "The agent who answers first, when no route says otherwise."),
    TD_CONF_STR(struct channel_conf, queue, 0, NULL,
                "Where its handoffs go when nothing says otherwise; unset: the first queue."),
    TD_CONF_ENUM(struct channel_conf, queue_mode, 0, "followup", queue_modes,
                 "What a message does while a turn is running: waits for the next turn, is "
                 "collected with others, or interrupts the turn."),
    TD_CONF_DURATION(struct channel_conf, collect_wait, 0, "1s", 0, 60 * SECOND,
                     "With collect: the silence waited for before the agent is asked."),
    TD_CONF_DURATION(struct channel_conf, collect_max, 0, "5s", 0, 600 * SECOND,
                     "With collect: the longest wait for that silence."),
    TD_CONF_DURATION(struct channel_conf, idle_close, 0, "30m", 0, 365 * DAY,
                     "Silence after which a session is closed; 0: never."),
    TD_CONF_DURATION(struct channel_conf, reopen, 0, "24h", 0, 365 * DAY,
                     "How long after that the customer finds the same session again."),
    TD_CONF_ENUM(struct channel_conf, reopen_to, 0, "human", reopeners,
                 "Who has it then: the human who closed it, as long as they are available and have "
                 "room, else the agent; or the agent always."),
    TD_CONF_DURATION(struct channel_conf, native_hold, 0, "30m", 1000, 365 * DAY,
                     "How long agents keep still after somebody answered the customer by another "
                     "client of the provider, such as its own app."),
    TD_CONF_STR(struct channel_conf, send_hours, 0, NULL,
                "When messages may be sent, as the hours of a queue; what comes outside of them is "
                "held until then. Unset: always."),
    TD_CONF_LIST(struct channel_conf, send_zones, 0, NULL,
                 "The same hours in the zone of customers whose address begins so: +1212 "
                 "America/New_York."),
    TD_CONF_DURATION(struct channel_conf, send_answer, 0, "15min", 0, 30 * DAY,
                     "So long after the customer's last message an answer is sent at any hour."),
    TD_CONF_BOOL(struct channel_conf, greet, 0, "no",
                 "Ask the agent at the start, before the customer has spoken."),
    TD_CONF_BOOL(struct channel_conf, announce_return, 0, "no",
                 "Ask the agent when a human gives a session back, before the customer speaks."),
    TD_CONF_BOOL(struct channel_conf, disclose_ai, 0, "yes",
                 "Say that an AI answers, at the first contact and after a human."),
    TD_CONF_STR(struct channel_conf, bridge, 0, NULL,
                "The channel by which a customer who waits for somebody is sent the link to "
                "bridge_page, when this one cannot reach them any more: SMS for a number, email for "
                "an address that is verified."),
    TD_CONF_STR(struct channel_conf, bridge_page, 0, NULL,
                "The http(s) address of a page with the web chat, on which customers of this channel "
                "go on when it is of no use to them any more; at most 200 bytes, without '#'."),
    TD_CONF_END,
};

const struct td_conf_key agent_keys[] = {
    TD_CONF_STR(struct agent_conf, type, TD_REQUIRED, NULL, "The plugin: agent_TYPE.so."),
    TD_CONF_STR(struct agent_conf, next, 0, NULL, "The agent who is asked when this one fails."),
    TD_CONF_DURATION(struct agent_conf, deadline, 0, "8s", 10, 3600 * SECOND,
                     "Time for a whole turn, retries included."),
    TD_CONF_INT(struct agent_conf, history, 0, "20", 0, 64,
                "Earlier messages that go with a question."),
    TD_CONF_INT(struct agent_conf, breaker_failures, 0, "5", 0, 1000,
                "Failures in a row after which the agent is left alone; 0: never."),
    TD_CONF_DURATION(struct agent_conf, breaker_open, 0, "10s", 10, 3600 * SECOND,
                     "How long it is left alone before one question tries it again."),
    TD_CONF_INT(struct agent_conf, max_jobs, 0, "256", 1, 100000,
                "Questions under way at once; further ones wait."),
    TD_CONF_ENUM(struct agent_conf, claims, 0, "checked", claim_modes,
                 "checked: an answer that says something has been done needs a receipt of it in "
                 "the session, else it is withheld; trusted: the agent acts by itself, and is "
                 "believed."),
    TD_CONF_END,
};

const struct td_conf_key isolate_keys[] = {
    TD_CONF_BOOL(struct isolate_conf, isolate, 0, "no",
                 "Run the plugin in a process of its own, in a sandbox: what it does wrong costs "
                 "this instance a restart and nobody else anything."),
    TD_CONF_SIZE(struct isolate_conf, isolate_memory, 0, "256M", 16 << 20, INT64_C(1) << 40,
                 "With isolate: memory that the process may use."),
    TD_CONF_DURATION(struct isolate_conf, isolate_hang, 0, "5s", 100, 600 * SECOND,
                     "With isolate: how long the plugin may be silent before it is ended."),
    TD_CONF_DURATION(struct isolate_conf, isolate_restart, 0, "100ms", 1, 600 * SECOND,
                     "With isolate: pause before the process is started again; doubled with each "
                     "failure in a row."),
    TD_CONF_DURATION(struct isolate_conf, isolate_restart_max, 0, "30s", 1, 3600 * SECOND,
                     "With isolate: the longest such pause."),
    TD_CONF_END,
};

const struct td_conf_key route_keys[] = {
    TD_CONF_STR(struct route_conf, when, 0, NULL,
                "Condition over the session's signals; unset: always."),
    TD_CONF_LIST(struct route_conf, agent, TD_REQUIRED, NULL,
                 "Who answers: NAME, or a weighted choice such as front:90, other:10."),
    TD_CONF_END,
};

const char *const section_kinds[] = { "tandem", "channel", "agent", "desk",
                                      "queue",  "human",   "route", "rule", NULL };

const struct td_conf_key *section_keys(const char *kind)
{
    static const struct td_conf_key *const keys[] = { tandem_keys, channel_keys, agent_keys,
                                                      desk_keys,   queue_keys,   human_keys,
                                                      route_keys,  rule_keys };

    for (size_t i = 0; section_kinds[i]; i++) {
        if (strcmp(kind, section_kinds[i]) == 0)
            return keys[i];
    }
    return NULL;
}

static const struct conf_pair *tandem_pair(const struct conf *conf, const char *key)
{
    const struct conf_section *section = conf_find(conf, "tandem", "");

    return section ? conf_get(section, key) : NULL;
}

char *tandem_store_url(const struct conf *conf)
{
    static const char sqlite[] = "sqlite:";
    const struct conf_pair *pair = tandem_pair(conf, "store");

    if (!pair)
        return mem_strdup(DEFAULT_STORE);
    if (strncmp(pair->value, sqlite, strlen(sqlite)) != 0)
        return mem_strdup(pair->value);
    char *path = conf_path(&pair->value_pos, pair->value + strlen(sqlite));
    char *url = mem_printf("%s%s", sqlite, path);
    free(path);
    return url;
}

char *tandem_control_path(const struct conf *conf)
{
    const struct conf_pair *pair = tandem_pair(conf, "control");

    if (pair)
        return conf_path(&pair->value_pos, pair->value);
    char *url = tandem_store_url(conf), *path = NULL;
    const char *file = strncmp(url, "sqlite:", 7) == 0 ? url + 7 : NULL;
    const char *slash = file ? strrchr(file, '/') : NULL;
    if (file)
        path = mem_printf("%.*scontrol", slash ? (int)(slash + 1 - file) : 0, file);
    free(url);
    return path;
}

char *tandem_files_dir(const struct conf *conf)
{
    const struct conf_pair *pair = tandem_pair(conf, "files");

    if (pair)
        return conf_path(&pair->value_pos, pair->value);
    char *url = tandem_store_url(conf), *path = NULL;
    const char *file = strncmp(url, "sqlite:", 7) == 0 ? url + 7 : NULL;
    const char *slash = file ? strrchr(file, '/') : NULL;
    if (file)
        path = mem_printf("%.*sfiles", slash ? (int)(slash + 1 - file) : 0, file);
    free(url);
    return path;
}

/* The directory this program stands in; NULL: not known. */
static char *program_dir(void)
{
    char exe[4096];
    const ssize_t len = readlink("/proc/self/exe", exe, sizeof exe - 1);

    if (len <= 0)
        return NULL;
    exe[len] = '\0';
    char *slash = strrchr(exe, '/');
    if (!slash)
        return NULL;
    *slash = '\0';
    return mem_strdup(exe);
}

/* The same when that is a build tree, else NULL. */
static char *build_tree(void)
{
    char *dir = program_dir();

    if (!dir)
        return NULL;
    char *mark = mem_printf("%s/config.status", dir);
    const int found = access(mark, F_OK) == 0;
    free(mark);
    if (!found) {
        free(dir);
        return NULL;
    }
    return dir;
}

char **tandem_plugin_dirs(void)
{
    char **dirs = mem_array(3, sizeof *dirs);
    char *tree = build_tree();

    if (tree) {
        dirs[0] = mem_printf("%s/channels/.libs", tree);
        dirs[1] = mem_printf("%s/plugins/.libs", tree);
    } else {
        dirs[0] = mem_strdup(TANDEM_PLUGIN_DIR);
    }
    free(tree);
    return dirs;
}

char *tandem_plugin_host(void)
{
    char *tree = build_tree();
    char *program = mem_printf("%s/tandem-plugin-host", tree ? tree : TANDEM_LIBEXEC_DIR);
    free(tree);
    return program;
}

/* A directory of the installed data that the tree has too. */
static char *data_dir(const char *name)
{
    char *tree = build_tree(), *program = program_dir();
    char *dir = tree ? mem_printf("%s/%s", tree, name)
                     : mem_printf(TANDEM_DATA_DIR "/%s", name);

    if (!tree && program && access(dir, R_OK) != 0) { /* installed, then moved as a whole */
        free(dir);
        dir = mem_printf("%s/../share/tandem/%s", program, name);
    }
    free(program);
    free(tree);
    return dir;
}

char *tandem_data_dir(void)
{
    return data_dir("pages");
}

char *tandem_texts_dir(void)
{
    return data_dir("texts");
}

char *tandem_packs_dir(void)
{
    return data_dir("packs");
}

char *tandem_rules_file(void)
{
    return data_dir("rules/default.conf");
}
