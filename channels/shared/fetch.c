/* fetch.c - judges of files that are fetched. */
#include "config.h"

#include "channels/shared/fetch.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum fetch_host fetch_host(const char *const *hosts, const char *url)
{
    const char *host = strncmp(url, "https://", 8) == 0 ? url + 8
                       : strncmp(url, "http://", 7) == 0 ? url + 7 : NULL;
    const size_t len = host != NULL ? strcspn(host, "/?#\\@ ") : 0;
    enum fetch_host judged = FETCH_NO;

    if (len == 0 || host[len] == '@' || host[len] == '\\' || url[strcspn(url, " \r\n")] != '\0')
        return FETCH_NO;
    for (const char *const *one = hosts; *one != NULL; one++) {
        if (strlen(*one) == len && strncasecmp(*one, host, len) == 0)
            return FETCH_NAMED;
        if (strcmp(*one, "*") == 0)
            judged = FETCH_ANY;
    }
    return judged;
}

enum fetch_end fetch_end(const struct td_http_response *response, int64_t max,
                         char why[FETCH_WHY])
{
    if (response->failure == TD_HTTP_TOO_LARGE)
        snprintf(why, FETCH_WHY, "it is larger than %" PRId64 " bytes (max_file)", max);
    else if (response->failure == TD_HTTP_BAD_URL)
        snprintf(why, FETCH_WHY, "its address is not good");
    else if (response->failure != TD_HTTP_OK || response->status == 429 || response->status >= 500)
        return FETCH_LATER;
    else if (response->status == 200)
        return FETCH_HERE;
    else
        snprintf(why, FETCH_WHY, "the provider answered HTTP %d", response->status);
    return FETCH_NEVER;
}

char *fetch_words(const char *text, const char *why)
{
    const char *said = text != NULL ? text : "";
    const size_t size = strlen(said) + strlen(why) + 40;
    char *words = malloc(size);

    if (words != NULL)
        snprintf(words, size, "%s%s[a file was not taken: %s]", said, *said != '\0' ? "\n" : "",
                 why);
    return words;
}
