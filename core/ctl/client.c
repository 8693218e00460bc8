/* client.c - one request to a running tandemd. */
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

int client_call(const struct client *client, const char *method, const char *path,
                const char *body, struct buf *out, struct err *err)
{
    char *url = mem_printf("%s%s", client->socket ? "http://tandemd" : client->url, path);
    char *bearer = client->token ? mem_printf("Authorization: Bearer %s", client->token) : NULL;
    struct curl_slist *headers = curl_slist_append(NULL, "Content-Type: application/json");
    CURL *curl = curl_easy_init();
    long status = 0;

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
    curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, method);
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
    if (body)
        curl_easy_setopt(curl, CURLOPT_POSTFIELDS, body);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, out);
    curl_easy_setopt(curl, CURLOPT_TIMEOUT, 60L);
    curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT, 5L);
    const CURLcode code = curl_easy_perform(curl);
    curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
    const int rc = code == CURLE_OK ? (int)status : explain(client, curl, code, err);
    curl_easy_cleanup(curl);
    curl_slist_free_all(headers);
    if (bearer)
        mem_wipe(bearer, strlen(bearer));
    free(bearer);
    free(url);
    return rc;
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
