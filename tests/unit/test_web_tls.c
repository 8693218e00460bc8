/* test_web_tls.c - io/web_link.c: the public listener with a certificate. */
#include "config.h"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>
/* after the four it needs */
#include <cmocka.h>

#include "base/clock.h"
#include "base/err.h"
#include "tests/unit/web_peer.h"

static struct server server;
static char cert_path[64], key_path[64];

static int make_certificate(void **state)
{
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *cert = X509_new();
    X509_NAME *name = X509_get_subject_name(cert);
    FILE *file;

    (void)state;
    snprintf(cert_path, sizeof cert_path, "/tmp/test-web-%d.cert", (int)getpid());
    snprintf(key_path, sizeof key_path, "/tmp/test-web-%d.key", (int)getpid());
    X509_set_version(cert, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(cert), 1);
    X509_gmtime_adj(X509_getm_notBefore(cert), -60);
    X509_gmtime_adj(X509_getm_notAfter(cert), 3600);
    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const unsigned char *)"localhost", -1,
                               -1, 0);
    X509_set_issuer_name(cert, name);
    X509_set_pubkey(cert, key);
    X509_sign(cert, key, EVP_sha256());
    if ((file = fopen(cert_path, "w")) == NULL || PEM_write_X509(file, cert) != 1)
        return -1;
    fclose(file);
    if ((file = fopen(key_path, "w")) == NULL ||
        PEM_write_PrivateKey(file, key, NULL, NULL, 0, NULL, NULL) != 1)
        return -1;
    fclose(file);
    X509_free(cert);
    EVP_PKEY_free(key);
    return 0;
}

static int remove_certificate(void **state)
{
    (void)state;
    unlink(cert_path);
    unlink(key_path);
    return 0;
}

static void with_tls(struct web_conf *conf, struct td_ws_conf *ws)
{
    (void)ws;
    conf->tls_cert = cert_path;
    conf->tls_key = key_path;
    conf->max_body = 1 << 20;
}

static int begin(void **state)
{
    (void)state;
    server_start(&server, with_tls);
    return 0;
}

static int end(void **state)
{
    (void)state;
    server_stop(&server);
    return 0;
}

struct peer {
    int fd;
    SSL_CTX *ctx;
    SSL *ssl;
};

/* 1 when the handshake came to its end. */
static int connect_tls(struct peer *peer, int version)
{
    const struct timeval patience = { .tv_sec = 3 };

    peer->fd = peer_connect(server.port);
    setsockopt(peer->fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    peer->ctx = SSL_CTX_new(TLS_client_method());
    SSL_CTX_set_security_level(peer->ctx, 0);
    SSL_CTX_set_min_proto_version(peer->ctx, version);
    SSL_CTX_set_max_proto_version(peer->ctx, version);
    SSL_CTX_set_alpn_protos(peer->ctx, (const unsigned char *)"\x02h2\x08http/1.1", 12);
    peer->ssl = SSL_new(peer->ctx);
    SSL_set_fd(peer->ssl, peer->fd);
    return SSL_connect(peer->ssl) == 1;
}

static void disconnect(struct peer *peer)
{
    SSL_free(peer->ssl);
    SSL_CTX_free(peer->ctx);
    close(peer->fd);
    ERR_clear_error();
}

static char *read_until(struct peer *peer, const char *until)
{
    struct buf all = { 0 };
    char some[4096];
    int n;

    while ((n = SSL_read(peer->ssl, some, sizeof some)) > 0) {
        buf_add(&all, some, (size_t)n);
        if (until != NULL && strstr(all.data, until) != NULL)
            break;
    }
    return buf_take(&all);
}

static void only_tls_12_and_13_with_forward_secrecy_are_spoken(void **state)
{
    struct peer peer;

    (void)state;
    assert_false(connect_tls(&peer, TLS1_1_VERSION));
    disconnect(&peer);
    assert_true(connect_tls(&peer, TLS1_2_VERSION));
    assert_non_null(strstr(SSL_get_cipher(peer.ssl), "ECDHE-ECDSA-"));
    disconnect(&peer);
    assert_true(connect_tls(&peer, TLS1_3_VERSION));
    disconnect(&peer);
}

static void http_2_is_not_agreed_on_and_requests_are_answered(void **state)
{
    static const char request[] = "GET /page HTTP/1.1\r\nHost: h\r\n\r\n"
                                  "GET /echo HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n";
    const unsigned char *agreed;
    struct peer peer;
    unsigned len;
    char *answer;

    (void)state;
    assert_true(connect_tls(&peer, TLS1_3_VERSION));
    SSL_get0_alpn_selected(peer.ssl, &agreed, &len);
    assert_int_equal(len, 8);
    assert_memory_equal(agreed, "http/1.1", 8);
    SSL_write(peer.ssl, request, sizeof request - 1);
    answer = read_until(&peer, NULL);
    assert_non_null(strstr(answer, "Strict-Transport-Security: "));
    assert_non_null(strstr(answer, "<p>hello</p>HTTP/1.1 200 OK\r\n"));
    assert_non_null(strstr(answer, "GET /echo? 127.0.0.1"));
    free(answer);
    disconnect(&peer);
}

static void a_body_of_many_records_comes_whole(void **state)
{
    static const char head[] = "POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 500000\r\n"
                               "Connection: close\r\n\r\n";
    struct peer peer;
    char *body = calloc(1, 500000), *answer;

    (void)state;
    memset(body, 'b', 500000);
    assert_true(connect_tls(&peer, TLS1_2_VERSION));
    SSL_write(peer.ssl, head, sizeof head - 1);
    assert_int_equal(SSL_write(peer.ssl, body, 500000), 500000);
    answer = read_until(&peer, NULL);
    assert_non_null(strstr(answer, "500000:bbb"));
    assert_true(strlen(answer) > 500000);
    free(answer);
    free(body);
    disconnect(&peer);
}

static void a_websocket_works_inside(void **state)
{
    struct peer peer;
    char *answer, frame[64];

    (void)state;
    assert_true(connect_tls(&peer, TLS1_3_VERSION));
    SSL_write(peer.ssl, UPGRADE("/chat"), sizeof UPGRADE("/chat") - 1);
    answer = read_until(&peer, "\r\n\r\n");
    assert_non_null(strstr(answer, "HTTP/1.1 101 "));
    free(answer);
    SSL_write(peer.ssl, "\x81\x82\x01\x02\x03\x04ik", 8);
    assert_int_equal(SSL_read(peer.ssl, frame, sizeof frame), 4);
    assert_memory_equal(frame, "\x81\x02hi", 4);
    disconnect(&peer);
    assert_true(server_saw(&server, "closed  1006", 2000));
}

static void whoever_does_not_finish_the_handshake_is_let_go(void **state)
{
    int fd = peer_connect(server.port), closed = 0;
    int64_t began = clock_mono_ms();

    (void)state;
    peer_send(fd, "\x16\x03\x01", 3);
    free(peer_read(fd, NULL, 6000, NULL, &closed));
    assert_true(closed);
    assert_in_range((uintmax_t)(clock_mono_ms() - began), 1900, 5000);
    close(fd);
    fd = peer_connect(server.port); /* not TLS at all */
    peer_text(fd, "GET /page HTTP/1.1\r\nHost: h\r\n\r\n");
    free(peer_read(fd, NULL, 1000, NULL, &closed));
    assert_true(closed);
    close(fd);
}

static void a_wrong_certificate_is_named(void **state)
{
    struct err err;
    struct loop *loop = loop_new(&err);
    const struct web_conf conf = {
        .listen = "127.0.0.1:0", .tls_cert = key_path, .tls_key = key_path, .max_header = 8192,
        .max_body = 8192, .header_timeout_ms = 1000,
    };

    (void)state;
    assert_null(web_open(loop, &conf, &err));
    assert_non_null(strstr(err.text, key_path));
    loop_free(&loop);
}

#define TEST(test_) cmocka_unit_test_setup_teardown(test_, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(only_tls_12_and_13_with_forward_secrecy_are_spoken),
        TEST(http_2_is_not_agreed_on_and_requests_are_answered),
        TEST(a_body_of_many_records_comes_whole),
        TEST(a_websocket_works_inside),
        TEST(whoever_does_not_finish_the_handshake_is_let_go),
        cmocka_unit_test(a_wrong_certificate_is_named),
    };

    return cmocka_run_group_tests(tests, make_certificate, remove_certificate);
}
