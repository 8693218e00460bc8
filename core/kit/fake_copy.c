/* fake_copy.c - deep copies of the structs of plugin.h. */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "kit/fake_host_private.h"

struct fake_chunk {
    struct fake_chunk *next;
    max_align_t data[];
};

void *fake_keep(struct fake_mem *mem, const void *p, size_t len)
{
    struct fake_chunk *chunk = calloc(1, sizeof *chunk + len + 1);

    if (chunk == NULL)
        abort();
    chunk->next = mem->chunks;
    mem->chunks = chunk;
    return p != NULL && len > 0 ? memcpy(chunk->data, p, len) : chunk->data;
}

void fake_mem_fini(struct fake_mem *mem)
{
    while (mem->chunks != NULL) {
        struct fake_chunk *chunk = mem->chunks;

        mem->chunks = chunk->next;
        free(chunk);
    }
}

const char *fake_str(struct fake_mem *mem, const char *s)
{
    return s != NULL ? fake_keep(mem, s, strlen(s)) : NULL;
}

/* A struct of an older header is shorter: what it has not is zero. */
static void *sized(struct fake_mem *mem, const void *from, size_t ours, size_t theirs)
{
    void *to = fake_keep(mem, NULL, ours);

    return memcpy(to, from, theirs < ours ? theirs : ours);
}

static const struct td_choice *choice(struct fake_mem *mem, const struct td_choice *from)
{
    struct td_choice *to = sized(mem, from, sizeof *from, from->size);

    to->title = fake_str(mem, from->title);
    to->value = fake_str(mem, from->value);
    return to;
}

static const struct td_attachment *const *attachments(struct fake_mem *mem,
                                                      const struct td_message *message)
{
    const struct td_attachment **list =
        fake_keep(mem, NULL, (message->n_attachments + 1) * sizeof *list);

    for (size_t i = 0; i < message->n_attachments; i++) {
        const struct td_attachment *from = message->attachments[i];
        struct td_attachment *to = sized(mem, from, sizeof *from, from->size);

        to->id = fake_str(mem, from->id);
        to->name = fake_str(mem, from->name);
        to->type = fake_str(mem, from->type);
        to->sha256 = fake_str(mem, from->sha256);
        to->url = fake_str(mem, from->url);
        list[i] = to;
    }
    return list;
}

static const struct td_message *fake_message(struct fake_mem *mem, const struct td_message *from)
{
    if (from == NULL)
        return NULL;
    struct td_message *to = sized(mem, from, sizeof *from, from->size);
    const struct td_choice **choices =
        fake_keep(mem, NULL, from->n_choices * sizeof(struct td_choice *));

    for (size_t i = 0; i < from->n_choices; i++)
        choices[i] = choice(mem, from->choices[i]);
    to->id = fake_str(mem, from->id);
    to->text = fake_str(mem, from->text);
    to->choice = fake_str(mem, from->choice);
    to->choices = choices;
    to->author_name = fake_str(mem, from->author_name);
    to->attachments = attachments(mem, to);
    to->raw = fake_str(mem, to->raw);
    return to;
}

static const struct td_customer *customer(struct fake_mem *mem, const struct td_customer *from)
{
    if (from == NULL)
        return NULL;
    struct td_customer *to = sized(mem, from, sizeof *from, from->size);

    to->id = fake_str(mem, from->id);
    to->name = fake_str(mem, from->name);
    to->email = fake_str(mem, from->email);
    return to;
}

static const struct td_owner *owner(struct fake_mem *mem, const struct td_owner *from)
{
    if (from == NULL)
        return NULL;
    struct td_owner *to = sized(mem, from, sizeof *from, from->size);

    to->name = fake_str(mem, from->name);
    return to;
}

const struct td_inbound *fake_inbound(struct fake_mem *mem, const struct td_inbound *from)
{
    struct td_inbound *to = sized(mem, from, sizeof *from, from->size);

    to->account = fake_str(mem, from->account);
    to->scope = fake_str(mem, from->scope);
    to->peer = fake_str(mem, from->peer);
    to->session = fake_str(mem, from->session);
    to->customer = customer(mem, from->customer);
    to->locale = fake_str(mem, from->locale);
    to->timezone = fake_str(mem, from->timezone);
    to->message = fake_message(mem, from->message);
    return to;
}

const struct td_attach *fake_attach(struct fake_mem *mem, const struct td_attach *from)
{
    struct td_attach *to = sized(mem, from, sizeof *from, from->size);

    to->session = fake_str(mem, from->session);
    to->customer = customer(mem, from->customer);
    to->locale = fake_str(mem, from->locale);
    to->timezone = fake_str(mem, from->timezone);
    return to;
}

const struct td_event *fake_event_copy(struct fake_mem *mem, const struct td_event *from)
{
    struct td_event *to = sized(mem, from, sizeof *from, from->size);

    to->session = fake_str(mem, from->session);
    to->text = fake_str(mem, from->text);
    to->message = fake_message(mem, from->message);
    to->owner = owner(mem, from->owner);
    return to;
}

const struct td_sent *fake_sent(struct fake_mem *mem, const struct td_sent *from)
{
    struct td_sent *to = sized(mem, from, sizeof *from, from->size);

    to->detail = fake_str(mem, from->detail);
    return to;
}

static void copy_asks(struct fake_mem *mem, const struct td_answer *from, struct td_answer *to)
{
    const struct td_call **calls = fake_keep(mem, NULL, from->n_calls * sizeof *calls);
    const char **claims = fake_keep(mem, NULL, from->n_claims * sizeof *claims);

    for (size_t i = 0; i < from->n_calls; i++) {
        struct td_call *call = sized(mem, from->calls[i], sizeof *call, from->calls[i]->size);

        call->call = fake_str(mem, call->call);
        call->name = fake_str(mem, call->name);
        call->arguments = fake_str(mem, call->arguments);
        calls[i] = call;
    }
    for (size_t i = 0; i < from->n_claims; i++)
        claims[i] = fake_str(mem, from->claims[i]);
    to->calls = calls;
    to->claims = claims;
}

const struct td_answer *fake_answer(struct fake_mem *mem, const struct td_answer *from)
{
    struct td_answer *to = sized(mem, from, sizeof *from, from->size);
    const struct td_message **messages =
        fake_keep(mem, NULL, from->n_messages * sizeof(struct td_message *));

    for (size_t i = 0; i < from->n_messages; i++)
        messages[i] = fake_message(mem, from->messages[i]);
    to->messages = messages;
    to->detail = fake_str(mem, from->detail);
    to->silent = fake_str(mem, from->silent);
    to->clarify_slot = fake_str(mem, from->clarify_slot);
    to->escalate_code = fake_str(mem, from->escalate_code);
    to->escalate_text = fake_str(mem, from->escalate_text);
    to->escalate_queue = fake_str(mem, from->escalate_queue);
    to->pass = fake_str(mem, from->pass);
    to->intent = fake_str(mem, from->intent);
    to->sources = fake_str(mem, from->sources);
    to->entities = fake_str(mem, from->entities);
    to->summary = fake_str(mem, from->summary);
    to->language = fake_str(mem, from->language);
    to->state = fake_str(mem, from->state);
    if (TD_HAS(from, n_claims))
        copy_asks(mem, from, to);
    return to;
}

static const struct td_header *headers(struct fake_mem *mem, const struct td_header *from, size_t n)
{
    struct td_header *to = fake_keep(mem, NULL, n * sizeof *to);

    for (size_t i = 0; i < n; i++)
        to[i] = (struct td_header){ fake_str(mem, from[i].name), fake_str(mem, from[i].value) };
    return to;
}

const struct td_http_request *fake_request_copy(struct fake_mem *mem,
                                                const struct td_http_request *from)
{
    struct td_http_request *to = sized(mem, from, sizeof *from, from->size);

    to->method = fake_str(mem, from->method);
    to->url = fake_str(mem, from->url);
    to->headers = headers(mem, from->headers, from->n_headers);
    to->body = fake_keep(mem, from->body, from->body_len);
    return to;
}

const struct td_web_reply *fake_reply(struct fake_mem *mem, const struct td_web_reply *from)
{
    struct td_web_reply *to = sized(mem, from, sizeof *from, from->size);

    to->content_type = fake_str(mem, from->content_type);
    to->headers = headers(mem, from->headers, from->n_headers);
    to->body = fake_keep(mem, from->body, from->body_len);
    return to;
}

const struct td_offered *fake_offered(struct fake_mem *mem, const struct td_offered *from)
{
    struct td_offered *to = sized(mem, from, sizeof *from, from->size);

    to->human = fake_str(mem, from->human);
    to->detail = fake_str(mem, from->detail);
    return to;
}

const struct td_desk_request *fake_desk_request(struct fake_mem *mem,
                                                const struct td_desk_request *from)
{
    struct td_desk_request *to = sized(mem, from, sizeof *from, from->size);

    to->id = fake_str(mem, to->id);
    to->handoff = fake_str(mem, to->handoff);
    to->session = fake_str(mem, to->session);
    to->human = fake_str(mem, to->human);
    to->message = fake_message(mem, to->message);
    to->text = fake_str(mem, to->text);
    to->queue = fake_str(mem, to->queue);
    to->to_human = fake_str(mem, to->to_human);
    to->wrapup = fake_str(mem, to->wrapup);
    return to;
}

const struct td_file *fake_file(struct fake_mem *mem, const struct td_file *from)
{
    struct td_file *to = sized(mem, from, sizeof *from, from->size);

    to->session = fake_str(mem, from->session);
    to->name = fake_str(mem, from->name);
    to->type = fake_str(mem, from->type);
    to->data = fake_keep(mem, from->data, from->len);
    to->peer = fake_str(mem, to->peer);
    return to;
}

const struct td_keep *fake_keep_copy(struct fake_mem *mem, const struct td_keep *from)
{
    struct td_keep *to = sized(mem, from, sizeof *from, from->size);

    to->key = fake_str(mem, from->key);
    to->after = fake_str(mem, from->after);
    to->shared = fake_str(mem, to->shared);
    to->value = fake_keep(mem, from->value, from->len);
    return to;
}

const struct td_ws_conf *fake_ws_conf_copy(struct fake_mem *mem, const struct td_ws_conf *from)
{
    struct td_ws_conf *to = sized(mem, from, sizeof *from, from->size);
    size_t n = 0;

    to->path = fake_str(mem, from->path);
    to->subprotocol = fake_str(mem, from->subprotocol);
    while (from->origins != NULL && from->origins[n] != NULL)
        n++;
    const char **origins = fake_keep(mem, NULL, (n + 1) * sizeof *origins);

    for (size_t i = 0; i < n; i++)
        origins[i] = fake_str(mem, from->origins[i]);
    to->origins = origins;
    return to;
}
