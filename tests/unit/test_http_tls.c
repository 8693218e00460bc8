/* test_http_tls.c - io/http_conn.c: whom the HTTP client believes, and what it says to them. */
#include "config.h"

#include <arpa/inet.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
/* after the four it needs */
#include <cmocka.h>

#include "base/err.h"
#include "base/mem.h"
#include "io/http.h"
#include "io/loop.h"

/* ---- Certificates ------------------------------------------------------------------------- */

static EVP_PKEY *key, *other_key;
static X509 *authority;
static char authority_path[64];

/* names: as in openssl's conf, "DNS:localhost,IP:127.0.0.1". signer NULL: by itself. */
static X509 *certificate(const char *names, long from_s, long to_s, EVP_PKEY *own, X509 *signer,
                         EVP_PKEY *signer_key)
{
    static long serial;
    X509 *cert = X509_new();
    X509_EXTENSION *ext;
    char subject[32];

    snprintf(subject, sizeof subject, "test %ld", ++serial);
    X509_set_version(cert, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(cert), serial);
    X509_gmtime_adj(X509_getm_notBefore(cert), from_s);
    X509_gmtime_adj(X509_getm_notAfter(cert), to_s);
    X509_NAME_add_entry_by_txt(X509_get_subject_name(cert), "CN", MBSTRING_ASC,
                               (const unsigned char *)subject, -1, -1, 0);
    X509_set_issuer_name(cert, X509_get_subject_name(signer != NULL ? signer : cert));
    X509_set_pubkey(cert, own);
    ext = names != NULL ? X509V3_EXT_conf_nid(NULL, NULL, NID_subject_alt_name, names)
                        : X509V3_EXT_conf_nid(NULL, NULL, NID_basic_constraints, "CA:TRUE");
    X509_add_ext(cert, ext, -1);
    X509_EXTENSION_free(ext);
    X509_sign(cert, signer_key, EVP_sha256());
    return cert;
}

static int make_authority(void **state)
{
    FILE *file;

    (void)state;
    key = EVP_EC_gen("P-256");
    other_key = EVP_EC_gen("P-256");
    authority = certificate(NULL, -60, 3600, key, NULL, key);
    snprintf(authority_path, sizeof authority_path, "/tmp/test-http-%d.ca", (int)getpid());
    if ((file = fopen(authority_path, "w")) == NULL || PEM_write_X509(file, authority) != 1)
        return -1;
    fclose(file);
    return setenv("SSL_CERT_FILE", authority_path, 1);
}

static int remove_authority(void **state)
{
    (void)state;
    unlink(authority_path);
    X509_free(authority);
    EVP_PKEY_free(key);
    EVP_PKEY_free(other_key);
    return 0;
}

/* ---- The peer: a thread; one connection after another ------------------------------------- */

static int peer_fd, peer_port, is_plain, max_version, no_goodbye;
static X509 *peer_cert;
static EVP_PKEY *peer_key;
static pthread_t peer_thread;
static int peer_connections;   /* read after the thread has been joined */
static char peer_name[64];     /* the last name that was asked for; likewise */

static int answer(SSL *ssl)
{
    static const char kept[] = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello";
    static const char to_the_end[] = "HTTP/1.1 200 OK\r\n\r\nto the end";
    char got[65536];
    size_t len = 0;
    int n;

    while ((n = SSL_read(ssl, got + len, (int)(sizeof got - 1 - len))) > 0) {
        len += (size_t)n;
        got[len] = '\0';
        if (strstr(got, "\r\n\r\n") == NULL)
            continue;
        if (strncmp(got, "POST /big", 9) == 0) { /* a megabyte comes, and goes back */
            size_t left = 1024 * 1024 - (len - (size_t)(strstr(got, "\r\n\r\n") + 4 - got));
            const char head[] = "HTTP/1.1 200 OK\r\nContent-Length: 1048576\r\n\r\n";

            for (; left > 0 && (n = SSL_read(ssl, got, sizeof got)) > 0; left -= (size_t)n)
                ;
            SSL_write(ssl, head, sizeof head - 1);
            memset(got, 'x', sizeof got);
            for (int i = 0; i < 16; i++)
                SSL_write(ssl, got, sizeof got);
        } else if (strncmp(got, "GET /end", 8) == 0) {
            SSL_write(ssl, to_the_end, sizeof to_the_end - 1);
            return 0;
        } else {
            SSL_write(ssl, kept, sizeof kept - 1);
        }
        len = 0;
    }
    return 0;
}

static void serve(SSL_CTX *ctx, int fd)
{
    SSL *ssl = SSL_new(ctx);
    const char *name;

    SSL_set_fd(ssl, fd);
    if (SSL_accept(ssl) == 1) {
        name = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
        snprintf(peer_name, sizeof peer_name, "%s", name != NULL ? name : "-");
        answer(ssl);
        if (!no_goodbye)
            SSL_shutdown(ssl);
    }
    SSL_free(ssl);
}

static void *peer_main(void *arg)
{
    SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());
    int fd;

    (void)arg;
    SSL_CTX_use_certificate(ctx, peer_cert);
    SSL_CTX_use_PrivateKey(ctx, peer_key);
    SSL_CTX_set_max_proto_version(ctx, max_version);
    SSL_CTX_set_security_level(ctx, 0);
    while ((fd = accept(peer_fd, NULL, NULL)) >= 0) {
        peer_connections++;
        if (is_plain) {
            char byte[16];

            while (recv(fd, byte, sizeof byte, 0) > 0) /* listens, and says nothing */
                ;
        } else {
            serve(ctx, fd);
        }
        close(fd);
    }
    SSL_CTX_free(ctx);
    return NULL;
}

static void peer_start(X509 *cert, EVP_PKEY *with)
{
    struct sockaddr_in addr = { .sin_family = AF_INET };
    socklen_t len = sizeof addr;

    addr.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    peer_fd = socket(AF_INET, SOCK_STREAM, 0);
    if (bind(peer_fd, (struct sockaddr *)&addr, len) < 0 || listen(peer_fd, 100) < 0 ||
        getsockname(peer_fd, (struct sockaddr *)&addr, &len) < 0)
        abort();
    peer_port = ntohs(addr.sin_port);
    peer_connections = 0;
    peer_cert = cert;
    peer_key = with;
    if (pthread_create(&peer_thread, NULL, peer_main, NULL) != 0)
        abort();
}

/* ---- The client --------------------------------------------------------------------------- */

static struct loop *loop;
static struct http *http;

static struct {
    enum td_http_failure failure;
    int status;
    size_t body_len;
    char body[64], detail[256];
} got;

static int begin(void **state)
{
    struct err err;

    (void)state;
    is_plain = max_version = no_goodbye = 0;
    loop = loop_new(&err);
    http = http_new(loop, 16, &err);
    return loop == NULL || http == NULL ? -1 : 0;
}

/* The client goes first: the peer waits for the end of a connection. */
static void peer_stop(void)
{
    http_free(&http);
    shutdown(peer_fd, SHUT_RDWR);
    pthread_join(peer_thread, NULL);
    close(peer_fd);
    X509_free(peer_cert);
}

static int end(void **state)
{
    (void)state;
    http_free(&http);
    loop_free(&loop);
    return 0;
}

static void on_response(void *arg, const struct td_http_response *response)
{
    (void)arg;
    got.failure = response->failure;
    got.status = response->status;
    got.body_len = response->body_len;
    snprintf(got.body, sizeof got.body, "%s", response->body);
    snprintf(got.detail, sizeof got.detail, "%s", response->detail);
    loop_stop(loop);
}

static void ask(const char *host, const char *path, const char *body, size_t len, uint32_t ms)
{
    char url[128];
    const struct td_http_request request = {
        .size = sizeof request, .url = url, .body = body, .body_len = len, .timeout_ms = ms,
        .max_response = 2 * 1024 * 1024,
    };

    snprintf(url, sizeof url, "https://%s:%d%s", host, peer_port, path);
    assert_non_null(http_start(http, &request, on_response, NULL));
    loop_run(loop);
}

static void get(const char *host)
{
    ask(host, "/", NULL, 0, 0);
}

static X509 *good(const char *names)
{
    return certificate(names, -60, 3600, other_key, authority, key);
}

static void a_peer_with_a_good_certificate_is_asked_and_kept(void **state)
{
    (void)state;
    peer_start(good("DNS:localhost"), other_key);
    for (int i = 0; i < 5; i++) {
        get("localhost");
        assert_string_equal(got.detail, "");
        assert_int_equal(got.failure, TD_HTTP_OK);
        assert_string_equal(got.body, "hello");
    }
    peer_stop();
    assert_int_equal(peer_connections, 1);
    assert_string_equal(peer_name, "localhost");
}

static void a_megabyte_goes_both_ways(void **state)
{
    const int versions[] = { TLS1_2_VERSION, TLS1_3_VERSION };
    const size_t len = 1024 * 1024;
    char *body = mem_alloc(len);

    for (size_t i = 0; i < 2; i++) {
        begin(state);
        max_version = versions[i];
        peer_start(good("DNS:localhost"), other_key);
        ask("localhost", "/big", body, len, 0);
        assert_string_equal(got.detail, "");
        assert_int_equal(got.failure, TD_HTTP_OK);
        assert_int_equal(got.body_len, len);
        peer_stop();
        end(state);
    }
    free(body);
}

static void an_address_must_stand_in_the_certificate(void **state)
{
    (void)state;
    peer_start(good("IP:127.0.0.1"), other_key);
    get("127.0.0.1");
    assert_string_equal(got.detail, "");
    assert_int_equal(got.failure, TD_HTTP_OK);
    peer_stop();
    assert_string_equal(peer_name, "-"); /* an address is no server name */
    end(state);
    begin(state);
    peer_start(good("IP:127.0.0.1"), other_key);
    get("localhost");
    assert_int_equal(got.failure, TD_HTTP_TLS);
    peer_stop();
}

static void expect_refused(X509 *cert, EVP_PKEY *with, const char *host, const char *why)
{
    void *state = NULL;

    begin(&state);
    peer_start(cert, with);
    get(host);
    assert_int_equal(got.failure, TD_HTTP_TLS);
    assert_int_equal(got.status, 0);
    if (strstr(got.detail, why) == NULL)
        fail_msg("%s", got.detail);
    peer_stop();
    end(&state);
}

static void whoever_cannot_be_believed_is_not_asked(void **state)
{
    (void)state;
    expect_refused(good("DNS:other.example"), other_key, "localhost", "hostname mismatch");
    expect_refused(good("DNS:127.0.0.1"), other_key, "127.0.0.1", "IP address mismatch");
    expect_refused(good("DNS:l*t"), other_key, "localhost", "hostname mismatch");
    expect_refused(certificate("DNS:localhost", -3600, -60, other_key, authority, key), other_key,
                   "localhost", "expired");
    expect_refused(certificate("DNS:localhost", 3600, 7200, other_key, authority, key), other_key,
                   "localhost", "not yet valid");
    expect_refused(certificate("DNS:localhost", -60, 3600, other_key, NULL, other_key), other_key,
                   "localhost", "self-signed");
    expect_refused(certificate("DNS:localhost", -60, 3600, other_key, authority, other_key),
                   other_key, "localhost", "signature");
}

static void an_old_protocol_is_not_spoken(void **state)
{
    (void)state;
    max_version = TLS1_1_VERSION;
    peer_start(good("DNS:localhost"), other_key);
    get("localhost");
    assert_int_equal(got.failure, TD_HTTP_TLS);
    peer_stop();
}

static void a_peer_that_is_silent_in_the_handshake_is_given_up(void **state)
{
    (void)state;
    is_plain = 1;
    peer_start(good("DNS:localhost"), other_key);
    ask("localhost", "/", NULL, 0, 200);
    assert_int_equal(got.failure, TD_HTTP_CONNECT); /* nothing was sent */
    peer_stop();
}

static void an_end_that_is_not_said_is_no_end(void **state)
{
    (void)state;
    peer_start(good("DNS:localhost"), other_key);
    ask("localhost", "/end", NULL, 0, 0);
    assert_int_equal(got.failure, TD_HTTP_OK);
    assert_string_equal(got.body, "to the end");
    peer_stop();
    end(state);
    begin(state);
    no_goodbye = 1; /* anyone on the way could have cut it */
    peer_start(good("DNS:localhost"), other_key);
    ask("localhost", "/end", NULL, 0, 0);
    assert_int_equal(got.failure, TD_HTTP_BROKEN);
    peer_stop();
}

#define TEST(test_) cmocka_unit_test_setup_teardown(test_, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_peer_with_a_good_certificate_is_asked_and_kept),
        cmocka_unit_test(a_megabyte_goes_both_ways),
        TEST(an_address_must_stand_in_the_certificate),
        cmocka_unit_test(whoever_cannot_be_believed_is_not_asked),
        TEST(an_old_protocol_is_not_spoken),
        TEST(a_peer_that_is_silent_in_the_handshake_is_given_up),
        TEST(an_end_that_is_not_said_is_no_end),
    };

    signal(SIGPIPE, SIG_IGN); /* the peer's, too */
    return cmocka_run_group_tests(tests, make_authority, remove_authority);
}
