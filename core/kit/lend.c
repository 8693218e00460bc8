/* lend.c - one region of address space, handed out from its start and never again. */
#include "config.h"

#include "kit/lend.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define REGION ((size_t)1 << 32)

/* Bytes of a struct up to its last field of ABI 0.1. */
#define UPTO(type_, field_) (offsetof(struct type_, field_) + sizeof(((struct type_ *)0)->field_))

static char *region;
static size_t used, revoked, page;
static int to_desk;

int lend_init(void)
{
    page = (size_t)sysconf(_SC_PAGESIZE);
    region = mmap(NULL, REGION, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    used = revoked = 0;
    return region == MAP_FAILED ? -1 : 0;
}

void lend_to(enum td_kind kind)
{
    to_desk = kind == TD_DESK;
}

void lend_revoke(void)
{
    if (used == revoked)
        return;
    madvise(region + revoked, used - revoked, MADV_DONTNEED);
    if (mprotect(region + revoked, used - revoked, PROT_NONE) != 0)
        abort();
    revoked = used;
}

enum lend_touch lend_whose(const void *address)
{
    const char *p = address;

    if (region == NULL || p < region || p >= region + used)
        return LEND_NOT_OURS;
    return p < region + revoked ? LEND_REVOKED : LEND_BEYOND;
}

/* The object ends where its page does; the next page is not there. */
static void *lend_at(const void *from, size_t size, int is_struct)
{
    const size_t pages = (size + page - 1) / page * page;
    char *to;

    if (REGION - used < pages + page || mprotect(region + used, pages, PROT_READ | PROT_WRITE) != 0)
        abort();
    to = region + used + pages - size;
    if (size >= sizeof(void *) && is_struct)
        to -= (uintptr_t)to % sizeof(void *);
    used += pages + page;
    return memcpy(to, from, size);
}

static void *lend(const void *from, size_t size)
{
    return lend_at(from, size, 1);
}

#define LEND(type_, field_, from_) lend_struct((from_), UPTO(type_, field_))

static void *lend_struct(const void *from, size_t size)
{
    uint32_t *to = lend(from, size);

    *to = (uint32_t)size;
    return to;
}

const char *lend_text(const char *text)
{
    return text != NULL ? lend_at(text, strlen(text) + 1, 0) : NULL;
}

static const struct td_customer *lend_customer(const struct td_customer *from)
{
    if (from == NULL)
        return NULL;
    struct td_customer *to = LEND(td_customer, verified, from);

    to->id = lend_text(from->id);
    to->name = lend_text(from->name);
    to->email = lend_text(from->email);
    return to;
}

static const struct td_choice *const *lend_choices(const struct td_choice *const *from, size_t n)
{
    const struct td_choice **to;

    if (n == 0)
        return NULL;
    to = lend(from, n * sizeof *to);
    for (size_t i = 0; i < n; i++) {
        struct td_choice *choice = LEND(td_choice, value, from[i]);

        choice->title = lend_text(from[i]->title);
        choice->value = lend_text(from[i]->value);
        to[i] = choice;
    }
    return to;
}

static const struct td_attachment *lend_attachment(const struct td_attachment *from)
{
    struct td_attachment *to = LEND(td_attachment, url, from);

    to->id = lend_text(from->id);
    to->name = lend_text(from->name);
    to->type = lend_text(from->type);
    to->sha256 = lend_text(from->sha256);
    to->url = lend_text(from->url);
    return to;
}

static void lend_attachments(const struct td_message *from, struct td_message *to)
{
    const struct td_attachment **list;

    if (from->n_attachments == 0)
        return;
    list = lend(from->attachments, from->n_attachments * sizeof *list);
    for (size_t i = 0; i < from->n_attachments; i++)
        list[i] = lend_attachment(from->attachments[i]);
    to->attachments = list;
}

static const struct td_message *lend_message(const struct td_message *from)
{
    if (from == NULL)
        return NULL;
    struct td_message *to =
        to_desk ? LEND(td_message, raw, from) : LEND(td_message, at_ms, from);

    if (to_desk)
        lend_attachments(from, to);

    to->id = lend_text(from->id);
    to->text = lend_text(from->text);
    to->choice = lend_text(from->choice);
    to->choices = lend_choices(from->choices, from->n_choices);
    to->author_name = lend_text(from->author_name);
    return to;
}

const struct td_message *const *lend_messages(const struct td_message *from, size_t n)
{
    const struct td_message *list[64];

    if (n == 0)
        return NULL;
    if (n > sizeof list / sizeof list[0])
        abort();
    for (size_t i = 0; i < n; i++)
        list[i] = lend_message(&from[i]);
    return lend(list, n * sizeof list[0]);
}

const struct td_outbound *lend_outbound(const struct td_outbound *from)
{
    struct td_outbound *to = LEND(td_outbound, maybe_duplicate, from);

    to->session = lend_text(from->session);
    to->peer = lend_text(from->peer);
    to->account = lend_text(from->account);
    to->message = lend_message(from->message);
    return to;
}

const struct td_accepted *lend_accepted(const struct td_accepted *from)
{
    struct td_accepted *to = LEND(td_accepted, detail, from);

    to->session = lend_text(from->session);
    to->detail = lend_text(from->detail);
    return to;
}

static const struct td_owner *lend_owner(const struct td_owner *from)
{
    if (from == NULL)
        return NULL;
    struct td_owner *to = LEND(td_owner, pending, from);

    to->name = lend_text(from->name);
    return to;
}

const struct td_event *lend_event(const struct td_event *from)
{
    struct td_event *to = LEND(td_event, promised, from);

    to->session = lend_text(from->session);
    to->text = lend_text(from->text);
    to->promise = lend_text(from->promise);
    to->message = lend_message(from->message);
    to->owner = lend_owner(from->owner);
    return to;
}

const struct td_attached *lend_attached(const struct td_attached *from)
{
    struct td_attached *to = LEND(td_attached, resync, from);
    const struct td_event **replay;

    to->detail = lend_text(from->detail);
    to->session = lend_text(from->session);
    to->owner = lend_owner(from->owner);
    if (from->n_replay > 0) {
        replay = lend(from->replay, from->n_replay * sizeof *replay);
        for (size_t i = 0; i < from->n_replay; i++)
            replay[i] = lend_event(from->replay[i]);
        to->replay = replay;
    }
    return to;
}

const struct td_turn *lend_turn(const struct td_turn *from)
{
    struct td_turn *to = LEND(td_turn, state, from);
    struct td_session_info *session = LEND(td_session_info, customer, from->session);

    session->id = lend_text(from->session->id);
    session->channel = lend_text(from->session->channel);
    session->kind = lend_text(from->session->kind);
    session->locale = lend_text(from->session->locale);
    session->timezone = lend_text(from->session->timezone);
    session->customer = lend_customer(from->session->customer);
    to->session = session;
    to->id = lend_text(from->id);
    to->state = lend_text(from->state);
    return to;
}

const struct td_http_response *lend_response(const struct td_http_response *from)
{
    struct td_http_response *to = LEND(td_http_response, location, from);

    to->detail = lend_text(from->detail);
    to->body = lend_text(from->body);
    to->content_type = lend_text(from->content_type);
    to->location = lend_text(from->location);
    return to;
}

const struct td_web_request *lend_request(const struct td_web_request *from)
{
    struct td_web_request *to = LEND(td_web_request, n_headers, from);
    struct td_header *headers;

    to->method = lend_text(from->method);
    to->path = lend_text(from->path);
    to->query = lend_text(from->query);
    to->peer = lend_text(from->peer);
    to->body = lend_text(from->body);
    if (from->n_headers > 0) {
        headers = lend(from->headers, from->n_headers * sizeof *headers);
        for (size_t i = 0; i < from->n_headers; i++)
            headers[i] = (struct td_header){ lend_text(from->headers[i].name),
                                             lend_text(from->headers[i].value) };
        to->headers = headers;
    }
    return to;
}

const struct td_filed *lend_filed(const struct td_filed *from)
{
    struct td_filed *to = LEND(td_filed, retry_after_ms, from);

    to->detail = lend_text(from->detail);
    if (from->attachment != NULL)
        to->attachment = lend_attachment(from->attachment);
    return to;
}

const struct td_kept *lend_kept(const struct td_kept *from)
{
    struct td_kept *to = LEND(td_kept, more, from);
    const struct td_pair **pairs;

    to->detail = lend_text(from->detail);
    if (from->n_pairs == 0)
        return to;
    pairs = lend(from->pairs, from->n_pairs * sizeof *pairs);
    for (size_t i = 0; i < from->n_pairs; i++) {
        struct td_pair *pair = LEND(td_pair, until_ms, from->pairs[i]);

        pair->key = lend_text(pair->key);
        pair->value = lend_at(pair->value, pair->len + 1, 0);
        pairs[i] = pair;
    }
    to->pairs = pairs;
    return to;
}

const struct td_handoff *lend_handoff(const struct td_handoff *from)
{
    struct td_handoff *to = LEND(td_handoff, human, from);

    to->id = lend_text(from->id);
    to->session = lend_text(from->session);
    to->queue = lend_text(from->queue);
    to->reason = lend_text(from->reason);
    to->package = lend_text(from->package);
    to->human = lend_text(from->human);
    return to;
}

const struct td_relay *lend_relay(const struct td_relay *from)
{
    if (from == NULL)
        return NULL;
    struct td_relay *to = LEND(td_relay, delta, from);

    to->handoff = lend_text(from->handoff);
    to->session = lend_text(from->session);
    to->message = lend_message(from->message);
    return to;
}

const struct td_desk_event *lend_desk_event(const struct td_desk_event *from)
{
    struct td_desk_event *to = LEND(td_desk_event, on, from);

    to->handoff = lend_text(from->handoff);
    to->session = lend_text(from->session);
    to->queue = lend_text(from->queue);
    to->human = lend_text(from->human);
    to->text = lend_text(from->text);
    to->relay = lend_relay(from->relay);
    return to;
}

const struct td_desk_done *lend_done(const struct td_desk_done *from)
{
    struct td_desk_done *to = LEND(td_desk_done, retry_after_ms, from);

    to->code = lend_text(from->code);
    to->detail = lend_text(from->detail);
    to->holder = lend_text(from->holder);
    to->handoff = lend_text(from->handoff);
    to->session = lend_text(from->session);
    to->json = lend_text(from->json);
    return to;
}
