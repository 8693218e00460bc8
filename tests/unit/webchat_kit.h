/*
 * webchat_kit.h - a web chat on a fake host, and short words to talk to it.
 *
 * Layer: tests. Used by test_webchat*.c and by fuzz_webchat.c; needs no cmocka.
 */
#ifndef TESTS_WEBCHAT_KIT_H
#define TESTS_WEBCHAT_KIT_H

#include "channels/webchat_private.h"
#include "kit/fake_host.h"

extern const struct td_plugin td_plugin_0;

#define KIT_SESSION "01JDBZ0000000000000000000A"
#define KIT_HELLO "{\"type\":\"hello\"}"

static const char *const kit_no_origins[] = { NULL };

/* The defaults. */
static inline struct conf kit_conf(void)
{
    return (struct conf){
        .origins = kit_no_origins, .require_origin = 1, .max_message = 65536, .max_text = 8000,
        .rate = { 20, 10000 }, .max_connections = 20000, .max_connections_per_ip = 100,
        .new_sessions = { 30, 60000 }, .hello_timeout = 10000, .ping = 25000,
        .pong_timeout = 10000, .send_buffer = 262144, .replay = 500, .token_ttl = 86400000,
        .max_attachment = 4096,
    };
}

static inline void kit_attached(struct fake *f, uint64_t job, const char *session, uint64_t seq)
{
    const struct td_owner owner = { .size = sizeof owner, .kind = TD_OWNER_AGENT, .name = "Ada" };
    const struct td_attached attached = {
        .size = sizeof attached, .status = TD_OK, .session = session, .seq = seq, .owner = &owner,
    };

    fake_attached(f, job, &attached);
}

static inline void kit_accepted(struct fake *f, uint64_t delivery, const char *session,
                                uint64_t seq, int duplicate)
{
    const struct td_accepted accepted = {
        .size = sizeof accepted, .status = TD_OK, .session = session, .seq = seq,
        .duplicate = duplicate,
    };

    fake_accepted(f, delivery, &accepted);
}

/* The gateway says something. */
static inline void kit_send(struct fake *f, uint64_t job, const char *session, uint64_t seq)
{
    const struct td_message message = {
        .size = sizeof message, .id = "01JDBZMESSAGE", .text = "well", .author = TD_AI,
        .author_name = "Ada", .seq = seq, .at_ms = FAKE_START_MS,
    };
    const struct td_outbound out = { .size = sizeof out, .session = session, .message = &message };

    fake_send(f, job, &out);
}

/* A resume token of the session, made now. */
static inline const char *kit_token(struct fake *f, const char *session, char text[TOKEN_TEXT])
{
    uint8_t key[TOKEN_KEY];

    fake_host()->key(fake_instance(f), "resume", key);
    token_make(key, session, fake_now(f), text);
    return text;
}

#endif
