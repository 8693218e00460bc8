/* doctor.c - what can be wrong with a gateway on this machine, and what to do. */
#include "config.h"

#include "daemon/doctor.h"

#include <curl/curl.h>
#include <errno.h>
#include <libgen.h>
#include <netdb.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/statvfs.h>
#include <sys/timex.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/mem.h"
#include "daemon/setup.h"
#include "plug/loader.h"

#define TMPFS 0x01021994
#define NFS 0x6969
#define SOON_DAYS 14
#define BUILT_MS INT64_C(1735689600000) /* 2025: a clock before that was never set */

enum finding { GOOD, WARN, BAD };

struct doctor {
    const struct setup *setup;
    struct buf *out;
    int is_running;
    unsigned bad;
};

static void say(struct doctor *d, enum finding finding, const char *what, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));

static void say(struct doctor *d, enum finding finding, const char *what, const char *fmt, ...)
{
    static const char *const words[] = { "ok", "warn", "bad" };
    char text[1024];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    buf_printf(d->out, "%-5s %-8s %s\n", words[finding], what, text);
    d->bad += finding == BAD;
}

/* ---- The store ---------------------------------------------------------------------------- */

static void check_space(struct doctor *d, const char *dir)
{
    const int64_t need = d->setup->tandem.min_free;
    struct statvfs fs;

    if (statvfs(dir, &fs) < 0) {
        say(d, BAD, "space", "%s: %s", dir, strerror(errno));
        return;
    }
    const int64_t has = (int64_t)fs.f_bavail * (int64_t)fs.f_frsize;

    if (has < need)
        say(d, BAD, "space", "%s has %lld MiB left, min_free is %lld MiB: messages are refused; make "
                             "room", dir, (long long)(has >> 20), (long long)(need >> 20));
    else
        say(d, has / 4 < need ? WARN : GOOD, "space", "%s has %lld MiB left, min_free is %lld MiB", dir,
            (long long)(has >> 20), (long long)(need >> 20));
}

static void check_file_system(struct doctor *d, const char *dir, const char *path)
{
    const char *closed = access(dir, W_OK | X_OK) < 0 ? dir : NULL;
    struct statfs fs;

    if (!closed && access(path, R_OK | W_OK) < 0 && errno != ENOENT)
        closed = path;
    if (closed)
        say(d, BAD, "store", "%s cannot be written by user %ld: %s; make the directory, check its "
                             "owner, or ask as the daemon's user", closed, (long)geteuid(),
            strerror(errno));
    else if (statfs(dir, &fs) == 0 && fs.f_type == TMPFS)
        say(d, WARN, "store", "%s is in memory: a power cut takes what was acknowledged; put the "
                              "store on a disk", path);
    else if (statfs(dir, &fs) == 0 && fs.f_type == NFS)
        say(d, BAD, "store", "%s is on NFS, whose locks and flushes cannot be relied on; put the "
                             "store on a local disk", path);
    else
        say(d, GOOD, "store", "%s can be written, each commit is flushed to disk", path);
}

static void check_store(struct doctor *d)
{
    static const char sqlite[] = "sqlite:";
    const char *url = d->setup->store;

    if (strncmp(url, sqlite, sizeof sqlite - 1) != 0) {
        say(d, WARN, "store", "%s forgets everything at the end; set `store = sqlite:PATH`", url);
        return;
    }
    char *path = mem_strdup(url + sizeof sqlite - 1), *copy = mem_strdup(path);
    const char *dir = dirname(copy);

    check_file_system(d, dir, path);
    check_space(d, dir);
    free(copy);
    free(path);
}

/* ---- The machine -------------------------------------------------------------------------- */

static void check_clock(struct doctor *d)
{
    struct timex timex = { .modes = 0 };
    char now[CLOCK_TEXT];

    clock_format(clock_wall_ms(), now);
    if (clock_wall_ms() < BUILT_MS)
        say(d, BAD, "clock", "it is %s here: set the clock", now);
    else if (adjtimex(&timex) < 0 || timex.status & STA_UNSYNC)
        say(d, WARN, "clock", "it is %s here, and nothing says that it is kept right; run chrony or "
                              "systemd-timesyncd", now);
    else
        say(d, GOOD, "clock", "it is %s, and kept right", now);
}

static int try_bind(const struct addrinfo *at)
{
    const int on = 1, fd = socket(at->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int failed = 0;

    if (fd < 0)
        return errno;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (bind(fd, at->ai_addr, at->ai_addrlen) < 0 || listen(fd, 1) < 0)
        failed = errno;
    close(fd);
    return failed;
}

static void check_port(struct doctor *d)
{
    const struct addrinfo hints = { .ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICHOST };
    const char *address = d->setup->tandem.listen, *colon = strrchr(address, ':');
    struct addrinfo *at = NULL;
    const int in_brackets = *address == '[';
    char *host = mem_printf("%.*s", (int)(colon - address) - 2 * in_brackets,
                            address + in_brackets);

    if (getaddrinfo(host, colon + 1, &hints, &at) != 0) {
        say(d, BAD, "port", "%s is not an address of this machine", address);
    } else {
        const int failed = try_bind(at);

        if (failed == EADDRINUSE && d->is_running)
            say(d, GOOD, "port", "%s is in use, and tandemd runs", address);
        else if (failed == EADDRINUSE)
            say(d, BAD, "port", "%s is taken by another program: `ss -ltnp` says by which; end it, "
                                "or change `listen`", address);
        else if (failed)
            say(d, BAD, "port", "%s: %s; change `listen`", address, strerror(failed));
        else
            say(d, GOOD, "port", "%s is free", address);
        freeaddrinfo(at);
    }
    free(host);
}

static void check_tls(struct doctor *d)
{
    const char *path = d->setup->tandem.tls_cert;
    FILE *file = path ? fopen(path, "re") : NULL;
    X509 *cert = file ? PEM_read_X509(file, NULL, NULL, NULL) : NULL;
    int days = 0, seconds = 0;

    if (path && !cert)
        say(d, BAD, "tls", "%s: %s", path, file ? "there is no PEM certificate in it"
                                                : strerror(errno));
    else if (cert && !ASN1_TIME_diff(&days, &seconds, NULL, X509_get0_notAfter(cert)))
        say(d, BAD, "tls", "%s: its end cannot be read", path);
    else if (cert && (days < 0 || seconds < 0))
        say(d, BAD, "tls", "%s has expired %d days ago: renew it and restart tandemd", path, -days);
    else if (cert)
        say(d, days < SOON_DAYS ? WARN : GOOD, "tls", "%s is good for %d more days%s", path, days,
            days < SOON_DAYS ? ": renew it and restart tandemd" : "");
    X509_free(cert);
    if (file)
        fclose(file);
}

/* ---- Plugins and agents ------------------------------------------------------------------- */

static void check_plugin_dirs(struct doctor *d)
{
    for (size_t i = 0; d->setup->plugin_dirs[i]; i++) {
        const char *dir = d->setup->plugin_dirs[i];

        if (access(dir, R_OK | X_OK) == 0)
            say(d, GOOD, "plugins", "%s can be read", dir);
        else
            say(d, BAD, "plugins", "%s: %s; install the plugins there, or change `plugin_dir`", dir,
                strerror(errno));
    }
}

/* The text of the plugin's own key `url`; NULL: it has none. */
static const char *url_of(const struct instance *instance)
{
    const struct td_plugin *plugin = instance->plugin;
    const char *row = (const char *)plugin->conf_keys;

    for (; row; row += plugin->conf_key_size) {
        const struct td_conf_key *key = (const struct td_conf_key *)(const void *)row;

        if (!key->name)
            return NULL;
        if (strcmp(key->name, "url") == 0 && key->type == TD_TYPE_STRING)
            return *(const char *const *)(const void *)((const char *)instance->conf + key->offset);
    }
    return NULL;
}

static void check_agent(struct doctor *d, const struct instance *instance)
{
    const char *url = instance->conf ? url_of(instance) : NULL;
    CURL *curl = url ? curl_easy_init() : NULL;

    if (!curl)
        return;
    curl_easy_setopt(curl, CURLOPT_URL, url);
    curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(curl, CURLOPT_NOPROXY, "*");
    curl_easy_setopt(curl, CURLOPT_CONNECT_ONLY, 1L);
    curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT, 5L);
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    const CURLcode code = curl_easy_perform(curl);

    if (code == CURLE_OK)
        say(d, GOOD, "agent", "%s can be connected to", instance->name);
    else
        say(d, BAD, "agent", "%s: %s; does it run, is its `url` right?", instance->name,
            curl_easy_strerror(code));
    curl_easy_cleanup(curl);
}

/* ------------------------------------------------------------------------------------------- */

unsigned doctor_run(const char *conf, int is_running, struct buf *out)
{
    struct loader *loader = NULL;
    struct setup *setup = setup_read(conf, &loader);
    struct doctor d = { .setup = setup, .out = out, .is_running = is_running };

    if (setup_errors(setup) > 0) {
        char *report = setup_report(setup, "put that right first, then ask again");

        say(&d, BAD, "conf", "%s", conf);
        buf_printf(out, "%s%s", report, *report && report[strlen(report) - 1] != '\n' ? "\n" : "");
        free(report);
    } else {
        say(&d, GOOD, "conf", "%s is good", conf);
        say(&d, is_running ? GOOD : WARN, "daemon",
            is_running ? "tandemd answers" : "no tandemd answers on its control socket: start it");
        check_store(&d);
        check_clock(&d);
        check_port(&d);
        check_tls(&d);
        check_plugin_dirs(&d);
        for (size_t i = 0; i < setup->n_instances; i++)
            if (setup->instances[i]->kind == TD_AGENT)
                check_agent(&d, setup->instances[i]);
    }
    setup_free(&setup);
    loader_free(&loader);
    return d.bad;
}
