/*
 * agent_openai_reply.h - what a chat completions endpoint answered, read as hostile JSON.
 *
 * Either one object (a chat completion) or, streamed, the data of one event after the other (chunks).
 * The content is an object of the schema in agent_openai_request.c, or has one somewhere in it, or is
 * plain text: then that is the message. Pure. Source: the API reference of OpenAI, "Chat completions"
 * and "Streaming".
 */
#ifndef AGENT_OPENAI_REPLY_H
#define AGENT_OPENAI_REPLY_H

#include <tandem/json.h>
#include <tandem/plugin.h>

#define OPENAI_WHY 320
#define OPENAI_CALLS 10
#define OPENAI_CONTENT_MAX (128 << 10) /* bytes of content, and of the arguments of all calls */

struct openai_reply;

/* Gets the message's text as it comes: parts that together are the answer's message. */
typedef void openai_text_fn(void *arg, const char *text);

/* as_text: content is the message, whatever it looks like. fn may be NULL. NULL: out of memory. */
struct openai_reply *openai_reply_new(int as_text, openai_text_fn *fn, void *arg);
void openai_reply_free(struct openai_reply **reply); /* NULL is fine */

/* 0, or -1 with a sentence: then no more may be given. chunk: "[DONE]" ends the stream. */
int openai_reply_chunk(struct openai_reply *reply, const char *json, size_t len,
                       char why[OPENAI_WHY]);
int openai_reply_whole(struct openai_reply *reply, const char *json, size_t len,
                       char why[OPENAI_WHY]);
int openai_reply_ended(const struct openai_reply *reply); /* 1: nothing more is to come */

/* The answer, which lives as long as the reply. known: the sources that the model was shown: others do
 * not count, and grounded without one is not grounded. 0, or -1 with a sentence. */
int openai_reply_answer(struct openai_reply *reply, const char *turn, const char *const *known,
                        size_t n_known, const struct td_answer **answer_r, char why[OPENAI_WHY]);

/* The server's own sentence in the body of an error, cut to size; "" when there is none. */
void openai_error_text(const char *body, size_t len, char *text_r, size_t size);

#endif
