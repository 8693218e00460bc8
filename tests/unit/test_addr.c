/* test_addr.c - io/addr.c: which addresses are those of hosts of the Internet. */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>
/* after the four it needs */
#include <cmocka.h>

#include "io/addr.h"

static void expect_public(const char *const *list, size_t n, int is_public)
{
    struct in6_addr addr;

    for (size_t i = 0; i < n; i++) {
        if (addr_parse(list[i], strlen(list[i]), &addr) < 0)
            fail_msg("%s is not read", list[i]);
        if (addr_is_public(&addr) != is_public)
            fail_msg("%s is %s", list[i], is_public ? "not public" : "public");
    }
}

static void addresses_of_this_machine_and_its_networks_are_not_public(void **state)
{
    static const char *const list[] = {
        "0.0.0.0", "0.1.2.3", "10.0.0.0", "10.255.255.255", "100.64.0.0", "100.127.255.255",
        "127.0.0.1", "127.255.255.255", "169.254.0.0", "169.254.169.254", "172.16.0.0",
        "172.31.255.255", "192.0.0.0", "192.0.0.170", "192.0.2.1", "192.88.99.1", "192.168.0.0",
        "192.168.255.255", "198.18.0.0", "198.19.255.255", "198.51.100.7", "203.0.113.255",
        "224.0.0.1", "239.255.255.255", "240.0.0.1", "255.255.255.255",
        "::", "::1", "::2", "::10.0.0.1", "::8.8.8.8", "fc00::1", "fd12:3456::1", "fdff::", "fe80::1",
        "febf::1", "fec0::1", "ff02::1", "100::1", "1fff::1", "4000::1", "2001::1", "2001:db8::1",
        "2001:10::1", "2001:0:4136:e378::1", "2002:7f00:1::1", "2002:808:808::1", "3fff::1",
    };

    (void)state;
    expect_public(list, sizeof list / sizeof list[0], 0);
}

static void addresses_that_hold_an_ipv4_address_are_judged_by_it(void **state)
{
    static const char *const inside[] = {
        "::ffff:10.0.0.1", "::ffff:127.0.0.1", "::ffff:a9fe:a9fe", "::ffff:0.0.0.0",
        "64:ff9b::10.0.0.1", "64:ff9b::7f00:1", "64:ff9b::169.254.169.254", "64:ff9b:1::8.8.8.8",
        "::ffff:0:8.8.8.8",
    };
    static const char *const outside[] = { "::ffff:8.8.8.8", "64:ff9b::8.8.8.8" };

    (void)state;
    expect_public(inside, sizeof inside / sizeof inside[0], 0);
    expect_public(outside, sizeof outside / sizeof outside[0], 1);
}

static void the_neighbours_of_those_networks_are_public(void **state)
{
    static const char *const list[] = {
        "1.0.0.0", "8.8.8.8", "9.255.255.255", "11.0.0.0", "100.63.255.255", "100.128.0.0",
        "126.255.255.255", "128.0.0.0", "169.253.255.255", "169.255.0.0", "172.15.255.255",
        "172.32.0.0", "192.0.1.0", "192.0.3.0", "192.88.98.0", "192.167.255.255", "192.169.0.0",
        "198.17.255.255", "198.20.0.0", "198.51.101.0", "203.0.114.0", "223.255.255.255",
        "2001:200::1", "2001:4860:4860::8888", "2003::1", "2606:4700::1111", "2a00:1450::1",
    };

    (void)state;
    expect_public(list, sizeof list / sizeof list[0], 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(addresses_of_this_machine_and_its_networks_are_not_public),
        cmocka_unit_test(addresses_that_hold_an_ipv4_address_are_judged_by_it),
        cmocka_unit_test(the_neighbours_of_those_networks_are_public),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
