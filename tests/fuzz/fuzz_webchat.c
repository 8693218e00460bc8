/*
 * fuzz_webchat.c - a web chat driven by a script of bytes, against a model of what must be shown.
 *
 * The model keeps each session's journal. Whatever the script does, each socket is shown exactly
 * the entries after the last_seq of its hello, in order, but for its own messages, and each job is
 * answered once. A step is two bytes, what and whom; 'x' takes a length and raw text as well.
 */
#include "config.h"

#include <stdio.h>
#include <stdlib.h>

#include "tests/unit/webchat_kit.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define SESSIONS 3
#define CONNS 6
#define ENTRIES 512
#define JOBS 1024

struct entry {
    uint64_t author; /* the connection that got `accepted` for it; 0: ours */
    char id[160];
    int job; /* 1: a send() of it was asked for and is not answered with TD_OK */
    int away;
};

struct talk {
    char id[27];
    uint64_t seq;
    struct entry journal[ENTRIES + 1]; /* by seq */
};

struct peer {
    uint64_t conn; /* 0: none */
    int live;
    struct talk *talk;
    uint64_t shown;
};

struct job {
    uint64_t id, conn;
    struct talk *talk; /* NULL: a new one */
    uint64_t last_seq, known; /* known: the journal when the host was asked */
};

struct model {
    struct fake *f;
    struct talk talks[SESSIONS];
    struct peer peers[CONNS];
    struct job attaches[JOBS], deliveries[JOBS];
    size_t n_attaches, n_deliveries;
    unsigned opened;
};

static void must(int holds, const char *sentence)
{
    if (holds)
        return;
    fprintf(stderr, "webchat: %s\n", sentence);
    abort();
}

static struct peer *peer_of(struct model *m, uint64_t conn)
{
    for (int i = 0; i < CONNS; i++) {
        if (m->peers[i].conn == conn && conn != 0)
            return &m->peers[i];
    }
    return NULL;
}

static struct talk *talk_of(struct model *m, const char *id)
{
    for (int i = 0; i < SESSIONS; i++) {
        if (id != NULL && strcmp(m->talks[i].id, id) == 0)
            return &m->talks[i];
    }
    return NULL;
}

/* The next entry that this peer must be shown; 0: none. */
static uint64_t next_of(const struct peer *p)
{
    for (uint64_t seq = p->shown + 1; seq <= p->talk->seq; seq++) {
        if (p->talk->journal[seq].author != p->conn)
            return seq;
    }
    return 0;
}

static void check_frame(struct model *m, const struct fake_call *call)
{
    struct peer *p = peer_of(m, call->id);
    char why[160];
    cJSON *tree = td_json_parse(call->text, call->len, NULL, why, sizeof why);
    const char *type = td_json_get_str(tree, "type");
    int64_t seq = 0;

    must(p != NULL, "a frame for nobody");
    must(tree != NULL && type != NULL, "a frame is not JSON with a type");
    td_json_get_int(tree, "seq", &seq);
    if (strcmp(type, "message") == 0 || strcmp(type, "echo") == 0 || strcmp(type, "owner") == 0) {
        must(p->talk != NULL, "an event before the welcome");
        must((uint64_t)seq == next_of(p), "an event is missing, doubled or out of order");
        p->shown = (uint64_t)seq;
    } else if (strcmp(type, "accepted") == 0) {
        must(seq > 0, "accepted without a seq");
    }
    cJSON_Delete(tree);
}

static void take_calls(struct model *m)
{
    const struct fake_call *call;

    while ((call = fake_next(m->f, FAKE_WS_SEND)) != NULL)
        check_frame(m, call);
    while ((call = fake_next(m->f, FAKE_WS_CLOSE)) != NULL) {
        struct peer *p = peer_of(m, call->id);

        must(p != NULL, "closed what is not open");
        *p = (struct peer){ 0 };
    }
    while ((call = fake_next(m->f, FAKE_SENT)) != NULL) {
        struct entry *e = &m->talks[call->id / ENTRIES].journal[call->id % ENTRIES];

        must(e->job, "an answer that nobody waits for");
        e->job = 0;
        e->away = call->sent->status != TD_OK;
    }
    while ((call = fake_next(m->f, FAKE_ATTACH)) != NULL) {
        struct talk *t = talk_of(m, call->attach->session);

        if (m->n_attaches < JOBS)
            m->attaches[m->n_attaches++] = (struct job){
                .id = call->id, .conn = call->id, .talk = t, .last_seq = call->attach->last_seq,
                .known = t != NULL ? t->seq : 0,
            };
    }
    while ((call = fake_next(m->f, FAKE_DELIVER)) != NULL) {
        struct talk *t = talk_of(m, call->in->session);

        must(t != NULL, "a message of no session");
        if (m->n_deliveries < JOBS) {
            m->deliveries[m->n_deliveries] = (struct job){ .id = call->id, .talk = t };
            m->n_deliveries++;
        }
    }
    fake_forget(m->f);
    fake_run(m->f);
}

/* ---- Steps ------------------------------------------------------------------------------- */

static void send_entry(struct model *m, struct talk *t, uint64_t seq)
{
    t->journal[seq].job = 1;
    t->journal[seq].away = 0;
    kit_send(m->f, (uint64_t)(t - m->talks) * ENTRIES + seq, t->id, seq);
}

static void step_open(struct model *m, unsigned who, const char *hello)
{
    struct peer *p = &m->peers[who % CONNS];

    if (p->conn != 0 || m->opened++ > 200)
        return;
    const struct td_ws_info info = {
        .size = sizeof info, .peer = "::1", .exempt = 1, .origin = "",
    };

    p->conn = fake_ws_open(m->f, info.peer, &info);
    if (hello != NULL && fake_ws_is_open(m->f, p->conn))
        fake_ws_text(m->f, p->conn, hello);
}

static void step_resume(struct model *m, unsigned who)
{
    struct talk *t = &m->talks[who / CONNS % SESSIONS];
    char token[TOKEN_TEXT], hello[256];

    snprintf(hello, sizeof hello,
             "{\"type\":\"hello\",\"resume\":\"%s\",\"last_seq\":%llu,\"tab\":\"%u\"}",
             kit_token(m->f, t->id, token), (unsigned long long)(t->seq > 3 ? t->seq - who % 4 : 0),
             who % 3);
    step_open(m, who, hello);
}

/* An entry of the journal as it is replayed. */
static struct td_event replayed(uint64_t seq)
{
    static const struct td_message message = { .size = sizeof message, .id = "m", .text = "t" };

    return (struct td_event){ .size = sizeof(struct td_event), .type = TD_EV_MESSAGE, .seq = seq,
                              .message = &message };
}

static void step_attached(struct model *m, unsigned who)
{
    if (m->n_attaches == 0)
        return;
    size_t at = who % m->n_attaches;
    struct job job = m->attaches[at];
    struct peer *p = peer_of(m, job.conn);
    struct talk *t = job.talk != NULL ? job.talk : &m->talks[who % SESSIONS];
    uint64_t seq = job.talk == NULL || who % 2 ? t->seq : job.known;
    struct td_event events[ENTRIES];
    const struct td_event *replay[ENTRIES];
    size_t n = 0;

    m->attaches[at] = m->attaches[--m->n_attaches];
    if (who % 16 == 15) {
        const struct td_attached no = {
            .size = sizeof no, .status = who % 32 == 31 ? TD_AUTH : TD_RETRY,
        };

        fake_attached(m->f, job.id, &no);
        return;
    }
    for (uint64_t i = job.last_seq + 1; i <= seq; i++) {
        events[n] = replayed(i);
        replay[n] = &events[n];
        n++;
    }
    const struct td_attached yes = {
        .size = sizeof yes, .status = TD_OK, .session = t->id, .seq = seq, .replay = replay,
        .n_replay = n,
    };

    if (p != NULL)
        *p = (struct peer){ .conn = p->conn, .live = 1, .talk = t, .shown = job.last_seq };
    fake_attached(m->f, job.id, &yes);
    take_calls(m);
    for (uint64_t i = 1; i <= t->seq && p != NULL && p->conn == job.conn; i++) {
        if (t->journal[i].away)
            send_entry(m, t, i); /* what was away comes again */
    }
}

static uint64_t add_entry(struct talk *t)
{
    return t->seq + 1 < ENTRIES ? ++t->seq : 0;
}

static void step_accepted(struct model *m, unsigned who)
{
    static const struct td_accepted busy = { .size = sizeof busy, .status = TD_RETRY };

    if (m->n_deliveries == 0)
        return;
    struct job job = m->deliveries[0]; /* in order, as one mailbox does */
    uint64_t seq;

    memmove(m->deliveries, m->deliveries + 1, --m->n_deliveries * sizeof job);
    if (who % 8 == 7 || (seq = add_entry(job.talk)) == 0) {
        fake_accepted(m->f, job.id, &busy);
        return;
    }
    /* Whose it is shows by who gets `accepted`: look before the frames are checked. */
    kit_accepted(m->f, job.id, job.talk->id, seq, 0);
    const struct fake_call *first = fake_next(m->f, FAKE_WS_SEND);

    if (first != NULL && strstr(first->text, "\"accepted\"") != NULL) {
        struct peer *p = peer_of(m, first->id);

        must(p != NULL && p->talk == job.talk, "accepted for somebody else");
        job.talk->journal[seq].author = first->id;
    } else if (first != NULL) {
        check_frame(m, first);
    }
}

static void step_send(struct model *m, unsigned who)
{
    struct talk *t = &m->talks[who % SESSIONS];
    uint64_t seq = add_entry(t);
    const struct td_event owner = { .size = sizeof owner, .type = TD_EV_OWNER, .session = t->id,
                                    .seq = seq };

    if (seq == 0)
        return;
    if (who % 8 == 7)
        fake_event(m->f, &owner);
    else
        send_entry(m, t, seq);
}

static void step_say(struct model *m, unsigned who, const uint8_t *text, size_t len)
{
    struct peer *p = &m->peers[who % CONNS];
    char *copy = calloc(1, len + 1);

    memcpy(copy, text, len);
    if (p->conn != 0 && fake_ws_is_open(m->f, p->conn))
        fake_ws_text(m->f, p->conn, copy);
    free(copy);
}

static void step_message(struct model *m, unsigned who)
{
    char text[80];
    int len = snprintf(text, sizeof text, "{\"type\":\"message\",\"id\":\"m%u\",\"text\":\"hi\"}",
                       who);

    step_say(m, who, (const uint8_t *)text, (size_t)len);
}

static void step_leave(struct model *m, unsigned who)
{
    struct peer *p = &m->peers[who % CONNS];

    if (p->conn != 0 && fake_ws_is_open(m->f, p->conn)) {
        uint64_t conn = p->conn;

        *p = (struct peer){ 0 };
        fake_ws_closed(m->f, conn, 1006);
    }
}

static size_t step(struct model *m, const uint8_t *data, size_t size)
{
    unsigned who = data[1];
    size_t len = 0;

    switch (data[0]) {
    case 'o': step_open(m, who, NULL); break;
    case 'h': step_open(m, who, KIT_HELLO); break;
    case 'r': step_resume(m, who); break;
    case 'a': step_attached(m, who); break;
    case 'm': step_message(m, who); break;
    case 'k': step_accepted(m, who); break;
    case 's': step_send(m, who); break;
    case 'c': step_leave(m, who); break;
    case 'w': fake_advance(m->f, who * 100); break;
    case 'x':
        if (size < 3)
            break;
        len = data[2] < size - 3 ? data[2] : size - 3;
        step_say(m, who, data + 3, len);
        len++;
        break;
    default: break;
    }
    take_calls(m);
    return 2 + len;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct model *m = calloc(1, sizeof *m);
    struct conf conf = kit_conf();

    if (m == NULL || size > 4096) {
        free(m);
        return 0;
    }
    conf.rate.count = 0;
    m->f = fake_new("web");
    for (int i = 0; i < SESSIONS; i++)
        snprintf(m->talks[i].id, sizeof m->talks[i].id, "01JDBZ0000000000000000000%d", i);
    must(fake_open(m->f, &td_plugin_0, &conf) == TD_OK, "it does not open");
    for (size_t at = 0; at + 2 <= size;)
        at += step(m, data + at, size - at);
    while (m->n_attaches > 0)
        step_attached(m, 1), take_calls(m);
    for (int i = 0; i < CONNS; i++)
        must(!m->peers[i].live || next_of(&m->peers[i]) == 0, "an event was never shown");
    for (int i = 0; i < SESSIONS; i++) {
        for (uint64_t seq = 1; seq <= m->talks[i].seq; seq++)
            must(!m->talks[i].journal[seq].job, "a job was never answered");
    }
    must(fake_close(m->f) == 0, "a timer was forgotten");
    fake_free(&m->f);
    free(m);
    return 0;
}
