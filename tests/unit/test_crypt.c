/* test_crypt.c - base/crypt.c against published vectors. */
#include "config.h"

#include "base/crypt.h"

#include <openssl/evp.h>

#include "tests/check.h"

static void assert_hex(const uint8_t *p, size_t len, const char *expected)
{
    char hex[2 * CRYPT_HASH + 1];
    crypt_hex(p, len, hex);
    assert_string_equal(hex, expected);
}

static void sha256_is_that_of_fips_180(void **state)
{
    (void)state;
    uint8_t out[CRYPT_HASH];
    crypt_sha256("abc", 3, out);
    assert_hex(out, 32, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    crypt_sha256("", 0, out);
    assert_hex(out, 32, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
}

static void hmac_is_that_of_rfc_4231(void **state)
{
    (void)state;
    uint8_t out[CRYPT_HASH];
    crypt_hmac("Jefe", 4, "what do ya want for nothing?", 28, out);
    assert_hex(out, 32, "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
    crypt_hmac("", 0, "", 0, out);
    assert_hex(out, 32, "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad");
}

/* The same by OpenSSL. */
static void sip_by_openssl(const uint8_t key[16], const uint8_t *p, size_t len, uint8_t out[16])
{
    EVP_MAC *mac = EVP_MAC_fetch(NULL, "SIPHASH", NULL);
    EVP_MAC_CTX *ctx = EVP_MAC_CTX_new(mac);
    size_t out_len = 0;
    assert_int_equal(EVP_MAC_init(ctx, key, 16, NULL), 1);
    assert_int_equal(EVP_MAC_update(ctx, p, len), 1);
    assert_int_equal(EVP_MAC_final(ctx, out, &out_len, 16), 1);
    assert_int_equal(out_len, 16);
    EVP_MAC_CTX_free(ctx);
    EVP_MAC_free(mac);
}

static void the_look_up_hash_is_siphash_2_4_128(void **state)
{
    (void)state;
    uint8_t key[16], in[100], out[16], expected[16];
    for (int i = 0; i < 16; i++)
        key[i] = (uint8_t)i;
    for (int i = 0; i < 100; i++)
        in[i] = (uint8_t)i;
    crypt_key128(key, in, 0, out);
    assert_hex(out, 16, "a3817f04ba25a8e66df67214c7550293");
    crypt_key128(key, in, 15, out);
    assert_hex(out, 16, "5493e99933b0a8117e08ec0f97cfc3d9");
    for (size_t len = 0; len <= 100; len++) {
        crypt_key128(key, in, len, out);
        sip_by_openssl(key, in, len, expected);
        assert_memory_equal(out, expected, 16);
    }
}

static void equal_compares_all_bytes(void **state)
{
    (void)state;
    assert_true(crypt_equal("abc", "abc", 3));
    assert_false(crypt_equal("abc", "abd", 3));
    assert_true(crypt_equal("abc", "abd", 2));
    assert_true(crypt_equal("a", "b", 0));
}

static void random_is_not_the_same_twice(void **state)
{
    (void)state;
    uint8_t a[32] = { 0 }, b[32] = { 0 };
    crypt_random(a, sizeof(a));
    crypt_random(b, sizeof(b));
    assert_memory_not_equal(a, b, 32);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sha256_is_that_of_fips_180),
        cmocka_unit_test(hmac_is_that_of_rfc_4231),
        cmocka_unit_test(the_look_up_hash_is_siphash_2_4_128),
        cmocka_unit_test(equal_compares_all_bytes),
        cmocka_unit_test(random_is_not_the_same_twice),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
