/* disk.c - the store of the simulated world: what is durable, and reading it back. */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "tests/sim/world.h"

void disk_init(struct disk *disk, const struct ulid *id)
{
    disk->id = *id;
    disk->n = 0;
    disk->snapshot_seq = 0;
    buf_clear(&disk->bytes);
    buf_clear(&disk->bodies);
    buf_clear(&disk->snapshot);
    buf_clear(&disk->snapshot_body);
}

void disk_fini(struct disk *disk)
{
    free(disk->facts);
    buf_fini(&disk->bytes);
    buf_fini(&disk->bodies);
    buf_fini(&disk->snapshot);
    buf_fini(&disk->snapshot_body);
}

static int said_of(const struct record *r)
{
    return r->type == RECORD_MESSAGE && r->ext_id != NULL ? (int)strtol(r->ext_id, NULL, 10) : -1;
}

void disk_encode(struct fact *fact, const struct record *r, struct buf *bytes, struct buf *bodies)
{
    *fact = (struct fact){
        .type = r->type, .seq = r->seq, .epoch = r->epoch, .upto = r->upto, .of = r->of,
        .attempt = r->attempt, .at = r->at, .due = r->due, .deadline = r->deadline,
        .turn = r->turn, .outcome = r->outcome, .decision = r->decision, .status = r->status, .author = r->author,
        .by_start = r->cause != NULL && strcmp(r->cause, "start") == 0, .said = said_of(r),
        .handoff = r->handoff, .owner = r->owner, .state = r->state, .text = r->said,
        .quiet = r->cause != NULL && strcmp(r->cause, "promise") == 0,
        .facts_at = bytes->len, .body_at = bodies->len,
    };
    if (r->name != NULL)
        strncpy(fact->name, r->name, sizeof fact->name - 1);
    if (r->type == RECORD_TURN && r->cause != NULL && !fact->by_start &&
        strcmp(r->cause, "message") != 0)
        fact->by_start = 2; /* after a human, or about results */
    if (r->type == RECORD_OWNER && r->cause != NULL && strcmp(r->cause, "opened") == 0)
        fact->by_start = 1; /* the first owner is part of the opening */
    record_encode(r, bytes);
    record_encode_body(&r->body, bodies);
    fact->facts_len = bytes->len - fact->facts_at;
    fact->body_len = bodies->len - fact->body_at;
}

void disk_append(struct world *w, struct person *p, const struct fact *fact, const char *bytes,
                 const char *body)
{
    struct disk *disk = &p->disk;

    if (disk->n == disk->cap) {
        disk->cap = disk->cap > 0 ? disk->cap * 2 : 64;
        disk->facts = mem_grow(disk->facts, disk->cap * sizeof *disk->facts);
    }
    struct fact *kept = &disk->facts[disk->n++];
    *kept = *fact;
    kept->facts_at = disk->bytes.len;
    kept->body_at = disk->bodies.len;
    buf_add(&disk->bytes, bytes, fact->facts_len);
    if (fact->body_len > 0)
        buf_add(&disk->bodies, body, fact->body_len);
    for (size_t i = 0; i < fact->facts_len; i += 3) /* every third byte is plenty */
        w->hash = (w->hash ^ (unsigned char)bytes[i]) * 1099511628211u;
    check_durable(w, p, kept);
}

void disk_snapshot(struct person *p)
{
    buf_clear(&p->disk.snapshot);
    buf_clear(&p->disk.snapshot_body);
    planted_snapshot(&p->state, &p->disk.snapshot, &p->disk.snapshot_body);
    p->disk.snapshot_seq = p->state.seq;
}

static const char *body_of(const struct disk *disk, const struct fact *fact)
{
    return fact->body_len > 0 ? disk->bodies.data + fact->body_at : NULL;
}

/* Read and written again, a record is the same bytes. */
static void check_encoding(struct world *w, const struct disk *disk, const struct fact *fact,
                           const struct record *record)
{
    struct buf *bytes = &w->bytes, *body = &w->body;

    buf_clear(bytes);
    buf_clear(body);
    record_encode(record, bytes);
    record_encode_body(&record->body, body);
    if (bytes->len != fact->facts_len || body->len != fact->body_len ||
        memcmp(bytes->data, disk->bytes.data + fact->facts_at, bytes->len) != 0 ||
        (body->len > 0 && memcmp(body->data, body_of(disk, fact), body->len) != 0))
        broken(w, "a record read and written again is the same bytes", "%s", bytes->data);
}

void disk_load(struct world *w, struct person *p, int use_snapshot, struct session *state_r)
{
    const struct disk *disk = &p->disk;
    struct arena *arena = w->scratch2;
    struct err err = { "" };
    size_t from = 0;

    session_init(state_r, &disk->id);
    if (use_snapshot && disk->snapshot_seq > 0) {
        if (session_restore(state_r, disk->snapshot.data, disk->snapshot.len,
                            disk->snapshot_body.data, disk->snapshot_body.len, &err) != 0)
            broken(w, "a snapshot can be read back", "%s", err.text);
        from = disk->snapshot_seq;
    }
    for (size_t i = from; i < disk->n; i++) {
        const struct fact *fact = &disk->facts[i];
        struct record record;
        arena_reset(arena);
        if (record_decode(disk->bytes.data + fact->facts_at, fact->facts_len, arena, &record,
                          &err) != 0 ||
            record_decode_body(body_of(disk, fact), fact->body_len, arena, &record.body, &err) != 0)
            broken(w, "a record can be read back", "%s in %.*s", err.text, (int)fact->facts_len,
                   disk->bytes.data + fact->facts_at);
        if (!use_snapshot)
            check_encoding(w, disk, fact, &record);
        planted_apply(state_r, &record);
    }
}
