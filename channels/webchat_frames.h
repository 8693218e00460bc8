/*
 * webchat_frames.h - the frames of tandem.chat.v1 (one JSON object each): read and written.
 *
 * Knows the wire, not sockets or sessions. What frame_read() points to lives in its tree until
 * frame_free(). Writers clear the buffer they are given and leave one whole frame in it.
 */
#ifndef WEBCHAT_FRAMES_H
#define WEBCHAT_FRAMES_H

#include <tandem/json.h>
#include <tandem/plugin.h>

#define FRAME_FILES 10 /* attachments of a message */
#define FRAME_ID 128 /* bytes of a message's id, of a tab, of a locale .. */

enum frame_type {
    FRAME_HELLO,
    FRAME_MESSAGE,
    FRAME_TYPING,
    FRAME_READ,
    FRAME_RATING,
    FRAME_LEAVE,
    FRAME_N_TYPES,
};

struct frame {
    cJSON *tree;
    enum frame_type type;
    const char *id;             /* message: never NULL there, but in a frame that is wrong */
    const char *files[FRAME_FILES]; /* message: ids of attachments */
    size_t n_files;
    const char *text, *choice;  /* message, and the comment of a rating; NULL: none */
    const char *resume, *bridge, *tab, *locale, *timezone;          /* hello; NULL: none */
    const char *customer_id, *name, *email, *signature;    /* hello; NULL: none */
    int has_customer;
    uint64_t seq;               /* hello: last_seq; read: seq */
    int on, score;
};

struct frame_limits {
    size_t max_message; /* bytes of a frame */
    int64_t max_text;   /* characters */
    struct td_rate rate;
    int64_t max_attachment; /* bytes of a file */
};

enum frame_verdict {
    FRAME_OK,
    FRAME_BAD,      /* bad_request */
    FRAME_TOO_LONG, /* a text over max_text */
};

/* why: a sentence when it is not FRAME_OK; frame_r->id may be set then, to name the message. To be
 * ended with frame_free() in any case. */
enum frame_verdict frame_read(const char *text, size_t len, const struct frame_limits *limits,
                              struct frame *frame_r, char *why, size_t why_len);
void frame_free(struct frame *frame);

void frame_welcome(struct td_json *j, const struct td_attached *attached, const char *resume,
                   const struct frame_limits *limits, const char *upload);
/* An object of its own, or a value in one. */
void frame_attachment(struct td_json *j, const struct td_attachment *file);
void frame_accepted(struct td_json *j, const char *id, uint64_t seq);
void frame_message(struct td_json *j, uint64_t seq, const struct td_message *message);
void frame_echo(struct td_json *j, uint64_t seq, const struct td_message *message);
void frame_resync(struct td_json *j);
/* id NULL: not about a message; retry_after_ms 0: not said. */
void frame_error(struct td_json *j, const char *code, const char *message, const char *id,
                 uint32_t retry_after_ms);
/* What the host says with an event. 0, or -1 for an event that has no frame. */
int frame_event(struct td_json *j, const struct td_event *event);

#endif
