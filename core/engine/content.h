/*
 * content.h - what a message holds beside its words: choices, files, parts. As bytes and as memory.
 *
 * Layer: engine, pure. For record.c, session.c, snapshot.c and view.c. A file is here by what is
 * known of it; its bytes and its links are the shell's.
 */
#ifndef ENGINE_CONTENT_H
#define ENGINE_CONTENT_H

#include "engine/record.h"
#include "engine/session.h"

struct td_json;

#define CONTENT_FILES 10 /* of one message */
#define CONTENT_PARTS 10
#define CONTENT_DATA 16384 /* bytes of a part's data; of a message's raw */

int content_any(const struct record_body *body);
/* As members of the object that is being written. */
void content_put(struct td_json *j, const struct record_body *body);
/* Out of a body's object; memory from the arena. 0, or -1 with what is wrong. */
int content_get(const struct cJSON *object, struct arena *arena, struct record_body *body_r,
                struct err *err);

/* The message owns copies from now on; what it had is freed. */
void content_set(struct session_message *message, const struct record_body *body);
void content_free(struct session_message *message);

/* What a body and a view say of a message; borrowed. */
struct record_body content_body(const struct session_message *message);

#endif
