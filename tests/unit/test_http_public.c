/*
 * test_http_public.c - io/http.c, public_only: hosts that somebody outside has named.
 *
 * Names and connections are this test's own: the linker wraps getaddrinfo() and connect(), a
 * connection to a public address is made to a server here.
 */
#include "config.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
/* after the four it needs */
#include <cmocka.h>

#include "base/err.h"
#include "io/http.h"
#include "io/loop.h"

#define MAX_ADDRESSES 4
#define MAX_PEERS 16

static const char answer[] = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

static struct loop *loop;
static struct http *http;
static int listener, port, n_peers;
static struct loop_watch *watch;
static struct peer {
    int fd;
    struct loop_watch *watch;
} peers[MAX_PEERS];
static const char *names[MAX_ADDRESSES + 1]; /* what "host.test" is now */
static atomic_int n_lookups;
static char connected[256]; /* to which addresses */
static enum td_http_failure failure;
static char detail[256];
static int is_done;

/* ---- The network -------------------------------------------------------------------------- */

int __real_getaddrinfo(const char *host, const char *service, const struct addrinfo *hints,
                       struct addrinfo **list_r);
int __wrap_getaddrinfo(const char *host, const char *service, const struct addrinfo *hints,
                       struct addrinfo **list_r);
void __real_freeaddrinfo(struct addrinfo *list);
void __wrap_freeaddrinfo(struct addrinfo *list);
int __real_connect(int fd, const struct sockaddr *to, socklen_t len);
int __wrap_connect(int fd, const struct sockaddr *to, socklen_t len);

/* Of every one its own list, so that lists of several can be chained and freed. */
int __wrap_getaddrinfo(const char *host, const char *service, const struct addrinfo *hints,
                       struct addrinfo **list_r)
{
    struct addrinfo numeric = *hints, **last = list_r;

    if (strcmp(host, "host.test") != 0)
        return __real_getaddrinfo(host, service, hints, list_r);
    *list_r = NULL;
    if (hints->ai_flags & AI_NUMERICHOST)
        return EAI_NONAME;
    n_lookups++;
    numeric.ai_flags |= AI_NUMERICHOST;
    for (size_t i = 0; names[i] != NULL; i++) {
        if (__real_getaddrinfo(names[i], service, &numeric, last) != 0)
            return EAI_FAIL;
        last = &(*last)->ai_next;
    }
    return 0;
}

void __wrap_freeaddrinfo(struct addrinfo *list)
{
    while (list != NULL) {
        struct addrinfo *next = list->ai_next;

        list->ai_next = NULL;
        __real_freeaddrinfo(list);
        list = next;
    }
}

int __wrap_connect(int fd, const struct sockaddr *to, socklen_t len)
{
    const struct sockaddr_in server = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port),
                                        .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    char text[INET6_ADDRSTRLEN] = "another family";
    size_t used = strlen(connected);

    (void)len;
    if (to->sa_family == AF_INET)
        inet_ntop(AF_INET, &((const struct sockaddr_in *)(const void *)to)->sin_addr, text,
                  sizeof text);
    else if (to->sa_family == AF_INET6)
        inet_ntop(AF_INET6, &((const struct sockaddr_in6 *)(const void *)to)->sin6_addr, text,
                  sizeof text);
    snprintf(connected + used, sizeof connected - used, "%s ", text);
    if (to->sa_family != AF_INET) {
        errno = ENETUNREACH;
        return -1;
    }
    return __real_connect(fd, (const void *)&server, sizeof server);
}

static void on_request(void *arg, int readable, int writable)
{
    struct peer *peer = arg;
    char request[1024];

    (void)readable;
    (void)writable;
    if (recv(peer->fd, request, sizeof request, 0) > 0)
        assert_int_equal(write(peer->fd, answer, sizeof answer - 1), sizeof answer - 1);
    else
        loop_watch_del(&peer->watch);
}

static void on_peer(void *arg, int readable, int writable)
{
    struct peer *peer = &peers[n_peers++];

    (void)arg;
    (void)readable;
    (void)writable;
    assert_true(n_peers <= MAX_PEERS);
    peer->fd = accept(listener, NULL, NULL);
    peer->watch = loop_watch_add(loop, peer->fd, 1, 0, on_request, peer);
}

/* ---- The test's ground -------------------------------------------------------------------- */

static int begin(void **state)
{
    struct sockaddr_in at = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t len = sizeof at;
    struct err err;

    (void)state;
    n_peers = 0;
    n_lookups = 0;
    loop = loop_new(&err);
    http = http_new(loop, 8, &err);
    listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (loop == NULL || http == NULL || bind(listener, (void *)&at, sizeof at) < 0 ||
        listen(listener, MAX_PEERS) < 0 || getsockname(listener, (void *)&at, &len) < 0)
        return -1;
    port = ntohs(at.sin_port);
    watch = loop_watch_add(loop, listener, 1, 0, on_peer, NULL);
    return 0;
}

static int end(void **state)
{
    (void)state;
    http_free(&http);
    loop_watch_del(&watch);
    while (n_peers > 0) {
        loop_watch_del(&peers[--n_peers].watch);
        close(peers[n_peers].fd);
    }
    loop_free(&loop);
    close(listener);
    return 0;
}

static void on_response(void *arg, const struct td_http_response *response)
{
    (void)arg;
    failure = response->failure;
    snprintf(detail, sizeof detail, "%s", response->detail);
    is_done = 1;
    loop_stop(loop);
}

static void ask(const char *url, int public_only)
{
    const struct td_http_request request = {
        .size = sizeof request, .url = url, .public_only = public_only,
    };

    connected[0] = '\0';
    is_done = 0;
    http_start(http, &request, on_response, NULL);
    while (!is_done)
        loop_run(loop);
}

static void expect_refused(const char *url)
{
    ask(url, 1);
    if (failure != TD_HTTP_BAD_URL || connected[0] != '\0')
        fail_msg("%s: failure %d, connected to '%s'", url, failure, connected);
    assert_string_equal(detail, "its host has no public address");
}

static void host_is(const char *a, const char *b, const char *c, const char *d)
{
    names[0] = a;
    names[1] = b;
    names[2] = c;
    names[3] = d;
}

/* ---- Tests -------------------------------------------------------------------------------- */

static void an_address_that_is_not_public_is_not_connected_to_however_it_is_written(void **state)
{
    static const char *const urls[] = {
        "http://127.0.0.1/", "https://127.0.0.1/", "http://127.1/", "http://2130706433/",
        "http://0x7f000001/", "http://0x7f.1/", "http://0177.0.0.1/", "http://0/", "http://0.0.0.0/",
        "http://10.0.0.1:8080/", "http://169.254.169.254/latest/", "http://192.168.1.1/",
        "http://100.64.0.1/", "http://255.255.255.255/", "http://[::1]/", "http://[::]/",
        "http://[::ffff:10.0.0.1]/", "http://[::ffff:7f00:1]/", "http://[0:0:0:0:0:ffff:7f00:1]/",
        "http://[fe80::1]/", "http://[fd00::1]/", "http://[ff02::1]/", "http://[64:ff9b::7f00:1]/",
        "http://user:word@127.0.0.1/", "http://LOCALHOST/", "http://localhost/",
    };

    (void)state;
    for (size_t i = 0; i < sizeof urls / sizeof urls[0]; i++)
        expect_refused(urls[i]);
}

static void other_schemes_are_not_asked(void **state)
{
    static const char *const urls[] = { "file:///etc/passwd", "gopher://8.8.8.8/", "unix:/run/x",
                                        "ftp://8.8.8.8/", "//8.8.8.8/" };

    (void)state;
    for (size_t i = 0; i < sizeof urls / sizeof urls[0]; i++) {
        ask(urls[i], 1);
        assert_int_equal(failure, TD_HTTP_BAD_URL);
        assert_string_equal(connected, "");
    }
}

static void of_a_names_addresses_only_the_public_ones_are_tried(void **state)
{
    (void)state;
    host_is("10.0.0.1", "::1", "8.8.8.8", "127.0.0.1");
    ask("http://host.test/", 1);
    assert_int_equal(failure, TD_HTTP_OK);
    assert_string_equal(connected, "8.8.8.8 ");
    host_is("10.0.0.1", "::1", "fd00::1", "::ffff:127.0.0.1");
    expect_refused("http://host.test:81/");
}

static void a_name_that_becomes_private_later_is_refused_then(void **state)
{
    (void)state;
    host_is("8.8.8.8", NULL, NULL, NULL);
    ask("http://host.test/", 1);
    assert_int_equal(failure, TD_HTTP_OK);
    host_is("127.0.0.1", NULL, NULL, NULL);
    ask("http://host.test/again", 1); /* over the connection that was kept, to that address */
    assert_int_equal(failure, TD_HTTP_OK);
    assert_string_equal(connected, "");
    assert_int_equal(n_lookups, 1);
    expect_refused("http://host.test:82/"); /* a name that is asked for anew */
    expect_refused("https://host.test/");
    assert_int_equal(n_lookups, 3);
}

static void an_address_and_a_connection_that_others_have_opened_are_not_used(void **state)
{
    (void)state;
    host_is("127.0.0.1", NULL, NULL, NULL);
    ask("http://host.test/", 0);
    assert_int_equal(failure, TD_HTTP_OK);
    assert_string_equal(connected, "127.0.0.1 ");
    expect_refused("http://host.test/");
    ask("http://host.test/", 0);
    assert_int_equal(failure, TD_HTTP_OK);
    assert_string_equal(connected, ""); /* it is still there for those who may */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(
            an_address_that_is_not_public_is_not_connected_to_however_it_is_written, begin, end),
        cmocka_unit_test_setup_teardown(other_schemes_are_not_asked, begin, end),
        cmocka_unit_test_setup_teardown(of_a_names_addresses_only_the_public_ones_are_tried, begin,
                                        end),
        cmocka_unit_test_setup_teardown(a_name_that_becomes_private_later_is_refused_then, begin,
                                        end),
        cmocka_unit_test_setup_teardown(
            an_address_and_a_connection_that_others_have_opened_are_not_used, begin, end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
