/*
 * agent_openai_request.h - a turn as a chat completions request.
 *
 * Who may say what: the system message holds the operator's prompt, the rules below it and the
 * snippets of the knowledge base, and never a word of a customer. What customers write stands in user
 * messages between two lines that carry the turn's id, which nobody outside knows, so that no text can
 * end its own frame; notes of humans and results of actions are framed in the same way.
 * Pure. Source: the API reference of OpenAI, "Create chat completion".
 */
#ifndef AGENT_OPENAI_REQUEST_H
#define AGENT_OPENAI_REQUEST_H

#include <tandem/json.h>
#include <tandem/plugin.h>

#include "plugins/shared/kb.h"

/* OPENAI_SCHEMA: response_format json_schema; OBJECT: json_object, and the schema in words; TEXT:
 * neither, what is answered is the message. */
enum openai_format { OPENAI_SCHEMA, OPENAI_OBJECT, OPENAI_TEXT };

struct openai_ask {
    const char *model, *prompt; /* prompt: the operator's; "" for none */
    enum openai_format format;
    int stream;
    int64_t max_tokens;  /* of the answer */
    int64_t max_history; /* bytes of what was said before: the oldest goes first */
    const struct kb_hit *snippets;
    size_t n_snippets;
};

/* Replaces what is in j. */
void openai_request_write(struct td_json *j, const struct openai_ask *ask,
                          const struct td_turn *turn);

/* What the agent keeps as its state, so that the results of these calls can be told to the model. */
void openai_state_write(struct td_json *j, const struct td_answer *answer);

#endif
