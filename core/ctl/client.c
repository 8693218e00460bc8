/* client.c - requests to a running tandemd. */
#include "config.h"

#include "ctl/client.h"

#include <curl/curl.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"

#define MAX_ANSWER (64 << 20)
#define MAX_LINE (4 << 20)

static size_t take(char *data, size_t size, size_t n, void *arg)
{
    struct buf *out = arg;

    if (out->len + size * n > MAX_ANSWER)
        return 0;
    buf_add(out, data, size * n);
    return size * n;
}

static int explain(const struct client *client, CURL *curl, CURLcode rc, struct err *err)
{
    long os_errno = 0;

    curl_easy_getinfo(curl, CURLINFO_OS_ERRNO, &os_errno);
    const char *detail = rc == CURLE_COULDNT_CONNECT && os_errno ? strerror((int)os_errno)
                                                                  : curl_easy_strerror(rc);
    if (client->socket)
        return err_set(err, "cannot reach tandemd at %s: %s; does it run, is -c FILE or -s SOCKET "
                            "right, may you open that socket?", client->socket, detail);
    return err_set(err, "cannot reach tandemd at %s: %s; does it run, is --url right?", client->url,
                   detail);
}

int client_stopped(const struct client *client)
{
    return client->stop && *client->stop;
}

/* curl asks about once a second, and whenever something comes. */
static int ask_stop(void *arg, curl_off_t down_all, curl_off_t down, curl_off_t up_all,
                    curl_off_t up)
{
    (void)down_all, (void)down, (void)up_all, (void)up;
    return client_stopped(arg);
}

/* What is the same in every request. Ends the program when there is no memory. */
static CURL *prepare(const struct client *client, const char *path, struct curl_slist **headers_r)
{
    char *url = mem_printf("%s%s", client->socket ? "http://tandemd" : client->url, path);
    char *bearer = client->token ? mem_printf("Authorization: Bearer %s", client->token) : NULL;
    struct curl_slist *headers = curl_slist_append(NULL, "Content-Type: application/json");
    CURL *curl = curl_easy_init();

    if (!curl || !headers) {
        fputs("tandemctl: out of memory\n", stderr);
        abort();
    }
    if (bearer)
        headers = curl_slist_append(headers, bearer);
    curl_easy_setopt(curl, CURLOPT_URL, url);
    curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(curl, CURLOPT_NOPROXY, "*");
    if (client->socket)
        curl_easy_setopt(curl, CURLOPT_UNIX_SOCKET_PATH, client->socket);
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT, 5L);
    curl_easy_setopt(curl, CURLOPT_NOPROGRESS, client->stop ? 0L : 1L);
    curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, ask_stop);
    curl_easy_setopt(curl, CURLOPT_XFERINFODATA, client);
    if (bearer)
        mem_wipe(bearer, strlen(bearer));
    free(bearer);
    free(url);
    *headers_r = headers;
    return curl;
}

static int perform(const struct client *client, CURL *curl, struct curl_slist *headers,
                   int may_stop, struct err *err)
{
    long status = 0;
    const CURLcode code = curl_easy_perform(curl);

    curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
    const int rc = code == CURLE_OK || (may_stop && (code == CURLE_WRITE_ERROR || code == CURLE_ABORTED_BY_CALLBACK))
                       ? (int)status : explain(client, curl, code, err);
    curl_easy_cleanup(curl);
    curl_slist_free_all(headers);
    return rc;
}

int client_call(const struct client *client, const char *method, const char *path,
                const char *body, struct buf *out, struct err *err)
{
    struct curl_slist *headers;
    CURL *curl = prepare(client, path, &headers);

    curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, method);
    if (body)
        curl_easy_setopt(curl, CURLOPT_POSTFIELDS, body);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, out);
    curl_easy_setopt(curl, CURLOPT_TIMEOUT, 60L);
    return perform(client, curl, headers, 0, err);
}

/* ---- Event streams ------------------------------------------------------------------------ */

struct following {
    CURL *curl;
    client_data_fn *data;
    void *arg;
    struct buf line, *out;
};

static int end_line(struct following *f)
{
    static const char field[] = "data: ";
    int stop = 0;

    buf_char(&f->line, '\0');
    if (strncmp(f->line.data, field, sizeof field - 1) == 0)
        stop = f->data(f->arg, f->line.data + sizeof field - 1);
    buf_clear(&f->line);
    return stop;
}

static size_t take_events(char *data, size_t size, size_t n, void *arg)
{
    struct following *f = arg;
    long status = 0;

    curl_easy_getinfo(f->curl, CURLINFO_RESPONSE_CODE, &status);
    if (status != 200)
        return take(data, size, n, f->out);
    for (size_t i = 0; i < size * n; i++) {
        if (data[i] == '\n' ? end_line(f) : f->line.len > MAX_LINE)
            return 0;
        if (data[i] != '\n')
            buf_char(&f->line, data[i]);
    }
    return size * n;
}

int client_follow(const struct client *client, const char *path, client_data_fn *data, void *arg,
                  struct buf *out, struct err *err)
{
    struct curl_slist *headers;
    CURL *curl = prepare(client, path, &headers);
    struct following f = { .curl = curl, .data = data, .arg = arg, .out = out };

    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take_events);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, &f);
    curl_easy_setopt(curl, CURLOPT_LOW_SPEED_LIMIT, 1L); /* there is a beat in 15 s */
    curl_easy_setopt(curl, CURLOPT_LOW_SPEED_TIME, 60L);
    const int rc = perform(client, curl, headers, 1, err);
    buf_fini(&f.line);
    return rc;
}

void *client_connect(const struct client *client, struct err *err)
{
    struct curl_slist *headers;
    CURL *curl = prepare(client, "/", &headers);

    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, NULL);
    curl_slist_free_all(headers);
    curl_easy_setopt(curl, CURLOPT_CONNECT_ONLY, 1L);
    const CURLcode code = curl_easy_perform(curl);
    if (code == CURLE_OK)
        return curl;
    explain(client, curl, code, err);
    curl_easy_cleanup(curl);
    return NULL;
}

char *client_token(const char *file, struct err *err)
{
    char line[4096];
    FILE *in = fopen(file, "re");

    if (!in || !fgets(line, sizeof line, in)) {
        err_set(err, "the token file %s: %s", file, in ? "it is empty" : strerror(errno));
        if (in)
            fclose(in);
        return NULL;
    }
    fclose(in);
    line[strcspn(line, "\r\n")] = '\0';
    char *token = mem_strdup(line);
    mem_wipe(line, sizeof line);
    return token;
}
