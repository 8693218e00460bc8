/* test_resolve.c - io/resolve.c: names become addresses while the loop goes on. */
#include "config.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>
#include <time.h>
/* after the four it needs */
#include <cmocka.h>

#include "base/err.h"
#include "io/loop.h"
#include "io/resolve.h"

static struct loop *loop;
static int n_told, n_addresses, port;
static char reason[256];

static int begin(void **state)
{
    struct err err;

    (void)state;
    n_told = n_addresses = port = 0;
    loop = loop_new(&err);
    return loop == NULL ? -1 : 0;
}

static int end(void **state)
{
    (void)state;
    loop_free(&loop);
    return 0;
}

static void on_resolved(void *arg, struct addrinfo *list, const char *why)
{
    (void)arg;
    n_told++;
    strncpy(reason, why, sizeof reason - 1);
    for (const struct addrinfo *a = list; a != NULL; a = a->ai_next) {
        n_addresses++;
        port = ntohs(((struct sockaddr_in *)(void *)a->ai_addr)->sin_port); /* of v6: same place */
    }
    if (list != NULL)
        freeaddrinfo(list);
    loop_stop(loop);
}

static void stop(void *arg)
{
    (void)arg;
    loop_stop(loop);
}

static void look_up(const char *host)
{
    assert_non_null(resolve_start(loop, host, 8080, on_resolved, NULL));
    assert_int_equal(n_told, 0); /* never from inside */
    loop_run(loop);
    assert_int_equal(n_told, 1);
}

static void an_address_is_itself(void **state)
{
    (void)state;
    look_up("127.0.0.1");
    assert_int_equal(n_addresses, 1);
    assert_int_equal(port, 8080);
    n_told = n_addresses = 0;
    look_up("::1");
    assert_int_equal(n_addresses, 1);
    assert_int_equal(port, 8080);
}

static void a_name_of_the_hosts_file_is_found(void **state)
{
    (void)state;
    look_up("localhost");
    assert_true(n_addresses > 0);
    assert_int_equal(port, 8080);
    assert_string_equal(reason, "");
}

static void a_name_that_is_not_there_has_a_reason(void **state)
{
    (void)state;
    look_up("name.invalid");
    assert_int_equal(n_addresses, 0);
    assert_true(reason[0] != '\0');
}

static void what_is_cancelled_is_not_told(void **state)
{
    const char *const hosts[] = { "localhost", "127.0.0.1", "name.invalid" };

    (void)state;
    for (size_t i = 0; i < 30; i++) {
        struct resolve *resolve = resolve_start(loop, hosts[i % 3], 80, on_resolved, NULL);

        if (i % 2 == 0) { /* while it runs, and after it has ended unheard */
            struct timespec a_moment = { .tv_nsec = 3000000 };

            nanosleep(&a_moment, NULL);
        }
        resolve_cancel(&resolve);
        assert_null(resolve);
    }
    loop_timer_add(loop, 50, stop, NULL);
    loop_run(loop);
    assert_int_equal(n_told, 0);
}

static void too_many_at_once_are_told_so_as_well(void **state)
{
    (void)state;
    for (size_t i = 0; i < 100; i++)
        assert_non_null(resolve_start(loop, "localhost", 80, on_resolved, NULL));
    while (n_told < 100)
        loop_run(loop);
    assert_true(n_addresses > 0);
}

#define TEST(test_) cmocka_unit_test_setup_teardown(test_, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(an_address_is_itself),
        TEST(a_name_of_the_hosts_file_is_found),
        TEST(a_name_that_is_not_there_has_a_reason),
        TEST(what_is_cancelled_is_not_told),
        TEST(too_many_at_once_are_told_so_as_well),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
