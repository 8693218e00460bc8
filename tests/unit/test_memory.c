/* test_memory.c - base/mem.c, base/arena.c, base/buf.c. */
#include "config.h"

#include <stdalign.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/mem.h"
#include "tests/check.h"

static void fresh_memory_is_zero(void **state)
{
    (void)state;
    char *p = mem_alloc(100), *q = mem_array(10, 10);
    for (int i = 0; i < 100; i++)
        assert_true(p[i] == 0 && q[i] == 0);
    free(p);
    free(q);
    free(mem_alloc(0));
}

static void copies_end_in_nul(void **state)
{
    (void)state;
    char *a = mem_dup("abc", 2), *b = mem_strdup("abc"), *c = mem_printf("%d-%s", 7, "x");
    assert_string_equal(a, "ab");
    assert_string_equal(b, "abc");
    assert_string_equal(c, "7-x");
    assert_null(mem_strdup(NULL));
    mem_wipe(b, 3);
    assert_memory_equal(b, "\0\0\0", 4);
    mem_wipe(NULL, 3);
    free(a);
    free(b);
    free(c);
    free(mem_dup(NULL, 0));
}

static void an_arena_gives_zeroed_aligned_memory_of_any_size(void **state)
{
    (void)state;
    struct arena *arena = arena_new(64);
    for (size_t size = 0; size < 3000; size += 7) {
        char *p = arena_alloc(arena, size);
        assert_int_equal((uintptr_t)p % alignof(max_align_t), 0);
        for (size_t i = 0; i < size; i++)
            assert_int_equal(p[i], 0);
        memset(p, 'x', size);
    }
    arena_free(&arena);
    assert_null(arena);
    arena_free(&arena);
}

static void an_arena_that_was_reset_starts_again_with_zeroes(void **state)
{
    (void)state;
    struct arena *arena = arena_new(0);
    char *first = arena_alloc(arena, 100);
    memset(first, 'x', 100);
    assert_true(arena_used(arena) >= 100);
    arena_alloc(arena, 100000);
    arena_reset(arena);
    assert_int_equal(arena_used(arena), 0);
    char *again = arena_array(arena, 10, 10);
    assert_ptr_equal(first, again);
    assert_memory_equal(again, (char[100]){ 0 }, 100);
    arena_free(&arena);
}

static void texts_in_an_arena_end_in_nul(void **state)
{
    (void)state;
    struct arena *arena = arena_new(16);
    assert_string_equal(arena_dup(arena, "abc", 2), "ab");
    assert_string_equal(arena_strdup(arena, "abc"), "abc");
    assert_null(arena_strdup(arena, NULL));
    assert_string_equal(arena_printf(arena, "%s %d", "a long enough text", 7),
                        "a long enough text 7");
    arena_free(&arena);
}

static void a_buffer_grows_and_always_ends_in_nul(void **state)
{
    (void)state;
    struct buf buf = { 0 };
    for (int i = 0; i < 1000; i++) {
        buf_char(&buf, 'a');
        buf_str(&buf, "bc");
        buf_printf(&buf, "%d", i % 10);
        buf_add(&buf, "\0", 1);
        assert_int_equal(buf.len, 5 * (size_t)(i + 1));
        assert_int_equal(buf.data[buf.len], '\0');
    }
    assert_memory_equal(buf.data + 5 * 999, "abc9\0", 6);
    buf_clear(&buf);
    assert_int_equal(buf.len, 0);
    assert_string_equal(buf.data, "");
    buf_fini(&buf);
    assert_null(buf.data);
}

static void a_number_is_added_in_decimal(void **state)
{
    (void)state;
    struct buf buf = { 0 };
    buf_uint(&buf, 0);
    buf_char(&buf, ' ');
    buf_uint(&buf, 1090);
    buf_char(&buf, ' ');
    buf_uint(&buf, UINT64_MAX);
    assert_string_equal(buf.data, "0 1090 18446744073709551615");
    buf_fini(&buf);
}

static void what_is_taken_from_a_buffer_belongs_to_the_taker(void **state)
{
    (void)state;
    struct buf buf = { 0 };
    char *empty = buf_take(&buf);
    assert_string_equal(empty, "");
    buf_str(&buf, "x");
    char *text = buf_take(&buf);
    assert_string_equal(text, "x");
    assert_null(buf.data);
    buf_clear(&buf);
    free(empty);
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fresh_memory_is_zero),
        cmocka_unit_test(copies_end_in_nul),
        cmocka_unit_test(an_arena_gives_zeroed_aligned_memory_of_any_size),
        cmocka_unit_test(an_arena_that_was_reset_starts_again_with_zeroes),
        cmocka_unit_test(texts_in_an_arena_end_in_nul),
        cmocka_unit_test(a_buffer_grows_and_always_ends_in_nul),
        cmocka_unit_test(a_number_is_added_in_decimal),
        cmocka_unit_test(what_is_taken_from_a_buffer_belongs_to_the_taker),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
