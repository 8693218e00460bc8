/* wire.c - peers that talk, babble and hang up. */
#include "config.h"

#include "kit/wire.h"

#include <dirent.h>
#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "kit/fake_host.h"
#include "kit/lend.h"

static const char *const words[] = {
    "hello\n", "{\"type\":\"hello\"}", "1 hello\r\n", "MSG 1 hello\n", "{", "\xff\xfe\n", "\n",
    "{\"type\":\"message\",\"id\":\"1\",\"text\":\"hello\"}", "[[[[[[[[[[[[[[[[[[[[[[[[", "quit\n",
};

#define N_WORDS (sizeof words / sizeof words[0])

static void nap(void)
{
    nanosleep(&(struct timespec){ .tv_nsec = 2000000 }, NULL);
}

/* What the plugin writes is read away; 0 bytes to read is fine. */
static void converse(struct fake *f, int fd, unsigned round)
{
    char much[4096];

    memset(much, 'x', sizeof much);
    for (size_t i = 0; i < N_WORDS + 20; i++) {
        const char *word = words[(i + round) % N_WORDS];
        const size_t len = i < N_WORDS ? strlen(word) : sizeof much; /* then one long line */

        if (send(fd, i < N_WORDS ? word : much, len, MSG_NOSIGNAL | MSG_DONTWAIT) < 0 &&
            errno != EAGAIN)
            break;
        nap();
        fake_run(f);
        while (recv(fd, much, sizeof much, MSG_DONTWAIT) > 0) {
        }
        memset(much, 'x', sizeof much);
    }
}

/* A descriptor of ours that listens on TCP: somebody comes. */
static void poke_tcp(struct fake *f, int listener, unsigned round)
{
    struct sockaddr_storage at;
    socklen_t len = sizeof at;
    int fd;

    if (getsockname(listener, (struct sockaddr *)&at, &len) != 0 ||
        (fd = socket(at.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0)) < 0)
        return;
    if (connect(fd, (struct sockaddr *)&at, len) == 0)
        converse(f, fd, round);
    close(fd);
    nap();
    fake_run(f);
}

static void poke_ws(struct fake *f, unsigned round)
{
    const uint64_t conn = fake_ws_open(f, "192.0.2.1", NULL);

    for (size_t i = 0; i < N_WORDS && fake_ws_is_open(f, conn); i++) {
        if (words[(i + round) % N_WORDS][0] != '\xff') /* the listener lets no bad UTF-8 through */
            fake_ws_text(f, conn, words[(i + round) % N_WORDS]);
        fake_run(f);
    }
    if (fake_ws_is_open(f, conn))
        fake_ws_closed(f, conn, 1006);
}

static void poke_routes(struct fake *f, unsigned round)
{
    const struct td_header headers[] = { { "content-type", "application/json" } };
    const char *body = words[round % N_WORDS][0] != '\xff' ? words[round % N_WORDS] : "";
    const char *path;

    for (unsigned i = 0; (path = fake_route(f, i)) != NULL; i++) {
        const struct td_web_request request = {
            .size = sizeof request, .method = round % 2 ? "POST" : "GET", .path = path,
            .query = "", .peer = "192.0.2.1", .body = body, .body_len = strlen(body),
            .headers = headers, .n_headers = 1,
        };

        fake_request(f, lend_request(&request));
    }
}

void wire_poke(struct fake *f, unsigned round)
{
    for (int fd = 3; fd < 256; fd++) {
        int listens = 0;
        socklen_t len = sizeof listens;

        if (getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &len) == 0 && listens)
            poke_tcp(f, fd, round);
    }
    if (fake_ws_conf(f) != NULL)
        poke_ws(f, round);
    poke_routes(f, round);
}

void wire_http(struct fake *f, int answer)
{
    static const struct td_http_response responses[] = {
        { .status = 200, .body = "{\"messages\":[{\"text\":\"hello\"}]}" },
        { .status = 200, .body = "{\"messages\":" },
        { .status = 200, .body = "" },
        { .status = 500, .body = "no" },
        { .status = 429, .body = "", .retry_after_ms = 2000 },
        { .status = 401, .body = "" },
        { .failure = TD_HTTP_RESOLVE, .detail = "no such name" },
        { .failure = TD_HTTP_CONNECT, .detail = "connection refused" },
        { .failure = TD_HTTP_TLS, .detail = "the certificate is not good" },
        { .failure = TD_HTTP_TIMEOUT, .detail = "no answer in time" },
        { .failure = TD_HTTP_BROKEN, .detail = "the connection was lost" },
        { .failure = TD_HTTP_TOO_LARGE, .detail = "the answer is too large" },
    };
    static unsigned turn;
    const struct fake_call *call;

    while (answer && (call = fake_next(f, FAKE_HTTP)) != NULL) {
        struct td_http_response response =
            responses[turn++ % (sizeof responses / sizeof responses[0])];

        if (!fake_http_open(f, call))
            continue;
        response.size = sizeof response;
        response.detail = response.detail != NULL ? response.detail : "";
        response.body = response.body != NULL ? response.body : "";
        response.body_len = strlen(response.body);
        response.location = "";
        response.content_type = response.status != 0 ? "application/json" : "";
        response.retry_after_ms = response.retry_after_ms > 0 ? response.retry_after_ms : -1;
        fake_http(f, call, lend_response(&response));
    }
}

static unsigned entries(const char *path)
{
    DIR *dir = opendir(path);
    const struct dirent *entry;
    unsigned n = 0;

    while (dir != NULL && (entry = readdir(dir)) != NULL)
        n += entry->d_name[0] != '.';
    if (dir != NULL)
        closedir(dir);
    return n;
}

unsigned wire_threads(void)
{
    return entries("/proc/self/task");
}

unsigned wire_fds(void)
{
    return entries("/proc/self/fd");
}
