/*
 * webchat_expect.h - what a test of the web chat expects, in short words, on cmocka.
 *
 * Layer: tests. Included once a test program, after config.h.
 */
#ifndef TESTS_WEBCHAT_EXPECT_H
#define TESTS_WEBCHAT_EXPECT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "tests/unit/webchat_kit.h"

#define HELLO KIT_HELLO
#define SESSION KIT_SESSION
#define T(name_) cmocka_unit_test_setup_teardown(name_, start, stop)

static struct conf conf;

static inline int start(void **state)
{
    struct fake *f = fake_new("web");

    conf = kit_conf();
    *state = f;
    return fake_open(f, &td_plugin_0, &conf) == TD_OK ? 0 : -1;
}

static inline int stop(void **state)
{
    struct fake *f = *state;
    unsigned forgot = fake_close(f);

    fake_free(&f);
    return forgot == 0 ? 0 : -1;
}

/* The next frame goes to conn and starts like this. */
static inline void expect_frame(struct fake *f, uint64_t conn, const char *start_of)
{
    const struct fake_call *call = fake_next(f, FAKE_WS_SEND);

    assert_non_null(call);
    assert_int_equal(call->id, conn);
    if (strncmp(call->text, start_of, strlen(start_of)) != 0)
        assert_string_equal(call->text, start_of);
}

static inline void expect_error(struct fake *f, uint64_t conn, const char *code, const char *holds)
{
    const struct fake_call *call = fake_next(f, FAKE_WS_SEND);
    char want[80];

    snprintf(want, sizeof want, "{\"type\":\"error\",\"code\":\"%s\"", code);
    assert_non_null(call);
    assert_int_equal(call->id, conn);
    if (strncmp(call->text, want, strlen(want)) != 0)
        assert_string_equal(call->text, want);
    if (strstr(call->text, holds) == NULL)
        assert_string_equal(call->text, holds);
}

static inline void expect_close(struct fake *f, uint64_t conn, int code)
{
    const struct fake_call *call = fake_next(f, FAKE_WS_CLOSE);

    assert_non_null(call);
    assert_int_equal(call->id, conn);
    assert_int_equal(call->code, code);
    fake_run(f);
}

static inline void expect_silence(struct fake *f)
{
    const struct fake_call *call = fake_next(f, FAKE_WS_SEND);

    if (call != NULL)
        assert_string_equal(call->text, "silence");
    assert_null(fake_next(f, FAKE_WS_CLOSE));
}

/* A socket that has said hello; what the host was asked. */
static inline const struct fake_call *come(struct fake *f, uint64_t *conn_r, const char *hello)
{
    *conn_r = fake_ws_open(f, "192.0.2.1", NULL);
    fake_ws_text(f, *conn_r, hello);
    return fake_next(f, FAKE_ATTACH);
}

static inline uint64_t come_in(struct fake *f)
{
    uint64_t conn;
    const struct fake_call *call = come(f, &conn, HELLO);

    assert_non_null(call);
    kit_attached(f, call->id, SESSION, 0);
    expect_frame(f, conn, "{\"type\":\"welcome\"");
    return conn;
}

static inline uint64_t say(struct fake *f, uint64_t conn, const char *id)
{
    const struct fake_call *call;
    char text[128];

    snprintf(text, sizeof text, "{\"type\":\"message\",\"id\":\"%s\",\"text\":\"hi\"}", id);
    fake_ws_text(f, conn, text);
    call = fake_next(f, FAKE_DELIVER);
    return call != NULL ? call->id : 0;
}

#endif
