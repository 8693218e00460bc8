/* view.h - parts of the engine's views; for view.c and view_desk.c only. */
#ifndef ENGINE_VIEW_H
#define ENGINE_VIEW_H

#include "engine/session.h"

struct arena;

const struct td_message *view_message(const struct session_message *message, struct arena *arena);
const struct td_stretch *view_stretch(const struct session *session, struct arena *arena);
const struct td_result *const *view_results(const struct session *session, struct arena *arena);

#endif
