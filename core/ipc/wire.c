/* wire.c - the tables: every struct that crosses, and every frame. */
#include "config.h"

#include "ipc/wire.h"

#define ROW_(struct_, field_, ...)                                                 \
    {                                                                              \
        .name = #field_, .offset = offsetof(struct struct_, field_),               \
        .size = sizeof(((struct struct_ *)0)->field_), __VA_ARGS__                 \
    }
#define N32(s_, f_) ROW_(s_, f_, .kind = IPC_32)
#define N64(s_, f_) ROW_(s_, f_, .kind = IPC_64)
#define ENUM(s_, f_, max_) ROW_(s_, f_, .kind = IPC_ENUM, .max = (max_))
#define STR(s_, f_) ROW_(s_, f_, .kind = IPC_STR)
#define BYTES(s_, f_, n_) ROW_(s_, f_, .kind = IPC_BYTES, .count = offsetof(struct s_, n_))
#define PTR(s_, f_, of_) ROW_(s_, f_, .kind = IPC_PTR, .of = &(of_))
#define LIST(s_, f_, n_, of_) \
    ROW_(s_, f_, .kind = IPC_LIST, .count = offsetof(struct s_, n_), .of = &(of_))
#define STRS(s_, f_, n_) ROW_(s_, f_, .kind = IPC_STRS, .count = offsetof(struct s_, n_))
#define STRZ(s_, f_) ROW_(s_, f_, .kind = IPC_STRZ)
#define HEADERS(s_, f_, n_) ROW_(s_, f_, .kind = IPC_HEADERS, .count = offsetof(struct s_, n_))
#define SKIP(s_, f_) ROW_(s_, f_, .kind = IPC_SKIP)
#define STRUCT(s_, ...)                                                             \
    static const struct ipc_field s_##_fields[] = { __VA_ARGS__, { .name = NULL } }; \
    static const struct ipc_struct s_##_type = { #s_, sizeof(struct s_), s_##_fields }

/* ---- Messages and events ------------------------------------------------------------------ */

STRUCT(td_choice, STR(td_choice, title), STR(td_choice, value));
STRUCT(td_attachment, STR(td_attachment, id), STR(td_attachment, name), STR(td_attachment, type),
       N64(td_attachment, bytes), STR(td_attachment, sha256), STR(td_attachment, url));
STRUCT(td_part, STR(td_part, type), STR(td_part, text), STR(td_part, data));
STRUCT(td_message, STR(td_message, id), STR(td_message, text), STR(td_message, choice),
       LIST(td_message, choices, n_choices, td_choice_type),
       ENUM(td_message, author, TD_SYSTEM), STR(td_message, author_name), N64(td_message, seq),
       N64(td_message, at_ms),
       LIST(td_message, attachments, n_attachments, td_attachment_type),
       LIST(td_message, parts, n_parts, td_part_type), STR(td_message, raw));
STRUCT(td_customer, STR(td_customer, id), STR(td_customer, name), STR(td_customer, email),
       N32(td_customer, verified));
STRUCT(td_owner, ENUM(td_owner, kind, TD_OWNER_HUMAN), STR(td_owner, name),
       N32(td_owner, pending));
STRUCT(td_event, ENUM(td_event, type, TD_EV_PROMISE), STR(td_event, session),
       N64(td_event, seq), N64(td_event, at_ms), N64(td_event, of),
       ENUM(td_event, status, TD_FAILED), N32(td_event, on), N32(td_event, score),
       STR(td_event, text), PTR(td_event, message, td_message_type),
       PTR(td_event, owner, td_owner_type), STR(td_event, turn), N32(td_event, position),
       N64(td_event, wait_ms), N32(td_event, code), STR(td_event, promise),
       N64(td_event, due_at_ms), ENUM(td_event, promised, TD_PROMISE_VOID));

/* ---- Channels ----------------------------------------------------------------------------- */

STRUCT(td_inbound, STR(td_inbound, account), STR(td_inbound, scope), STR(td_inbound, peer),
       STR(td_inbound, session), PTR(td_inbound, customer, td_customer_type),
       STR(td_inbound, locale), STR(td_inbound, timezone),
       PTR(td_inbound, message, td_message_type), N64(td_inbound, reply_until_at_ms));
STRUCT(td_accepted, ENUM(td_accepted, status, TD_FAIL), N32(td_accepted, duplicate),
       STR(td_accepted, session), N64(td_accepted, seq), N32(td_accepted, retry_after_ms),
       STR(td_accepted, detail),
       LIST(td_accepted, attachments, n_attachments, td_attachment_type));
STRUCT(td_attach, STR(td_attach, session), N64(td_attach, known_at_ms),
       N64(td_attach, idle_limit_ms), N64(td_attach, last_seq), N32(td_attach, max_replay),
       PTR(td_attach, customer, td_customer_type), STR(td_attach, locale),
       STR(td_attach, timezone), STR(td_attach, bridge));
STRUCT(td_attached, ENUM(td_attached, status, TD_FAIL), STR(td_attached, detail),
       STR(td_attached, session), N64(td_attached, seq), PTR(td_attached, owner, td_owner_type),
       LIST(td_attached, replay, n_replay, td_event_type), N32(td_attached, resync));
STRUCT(td_outbound, STR(td_outbound, session), STR(td_outbound, peer), STR(td_outbound, account),
       PTR(td_outbound, message, td_message_type), N32(td_outbound, maybe_duplicate));
STRUCT(td_sent, ENUM(td_sent, status, TD_FAIL), N32(td_sent, uncertain), N32(td_sent, away),
       N32(td_sent, retry_after_ms), STR(td_sent, detail), N32(td_sent, unreachable));
STRUCT(td_file, STR(td_file, session), STR(td_file, name), STR(td_file, type),
       BYTES(td_file, data, len), STR(td_file, peer));
STRUCT(td_filed, ENUM(td_filed, status, TD_FAIL), STR(td_filed, detail),
       PTR(td_filed, attachment, td_attachment_type), N32(td_filed, retry_after_ms));

STRUCT(td_keep, ENUM(td_keep, op, TD_KEEP_SCAN), STR(td_keep, key), BYTES(td_keep, value, len),
       N64(td_keep, until_ms), STR(td_keep, after), N32(td_keep, max),
       STR(td_keep, shared));
STRUCT(td_pair, STR(td_pair, key), BYTES(td_pair, value, len), N64(td_pair, until_ms));
STRUCT(td_kept, ENUM(td_kept, status, TD_FAIL), STR(td_kept, detail),
       N32(td_kept, retry_after_ms), LIST(td_kept, pairs, n_pairs, td_pair_type),
       N32(td_kept, more));

/* ---- Agents ------------------------------------------------------------------------------- */

STRUCT(td_session_info, STR(td_session_info, id), STR(td_session_info, channel),
       STR(td_session_info, kind), STR(td_session_info, locale), STR(td_session_info, timezone),
       N64(td_session_info, started_at_ms), PTR(td_session_info, customer, td_customer_type));
STRUCT(td_action, STR(td_action, name), STR(td_action, description), STR(td_action, arguments));
STRUCT(td_call, STR(td_call, call), STR(td_call, name), STR(td_call, arguments));
STRUCT(td_result, STR(td_result, call), STR(td_result, name), STR(td_result, receipt),
       STR(td_result, failed), STR(td_result, detail), STR(td_result, data));
STRUCT(td_stretch, STR(td_stretch, by), STR(td_stretch, summary), STR(td_stretch, promises),
       STR(td_stretch, wrapup), N64(td_stretch, started_at_ms), N64(td_stretch, ended_at_ms));
STRUCT(td_turn, STR(td_turn, id), N64(td_turn, epoch), ENUM(td_turn, cause, TD_BY_TIMER),
       N32(td_turn, attempt), PTR(td_turn, session, td_session_info_type),
       LIST(td_turn, messages, n_messages, td_message_type),
       LIST(td_turn, history, n_history, td_message_type), N32(td_turn, deadline_ms),
       N32(td_turn, clarify_left), STR(td_turn, state),
       LIST(td_turn, actions, n_actions, td_action_type),
       LIST(td_turn, results, n_results, td_result_type),
       PTR(td_turn, stretch, td_stretch_type));
STRUCT(td_answer, ENUM(td_answer, status, TD_FAIL), STR(td_answer, detail),
       N32(td_answer, retry_after_ms), ENUM(td_answer, decision, TD_REFUSE),
       LIST(td_answer, messages, n_messages, td_message_type), STR(td_answer, silent),
       STR(td_answer, clarify_slot), STR(td_answer, escalate_code), STR(td_answer, escalate_text),
       STR(td_answer, escalate_queue), STR(td_answer, pass), STR(td_answer, intent),
       N64(td_answer, confidence), N32(td_answer, grounded), STR(td_answer, sources),
       STR(td_answer, entities), STR(td_answer, summary), STR(td_answer, language),
       STR(td_answer, state), LIST(td_answer, calls, n_calls, td_call_type),
       STRS(td_answer, claims, n_claims));

/* ---- Desks -------------------------------------------------------------------------------- */

STRUCT(td_package_limits, ENUM(td_package_limits, format, TD_PACKAGE_HEADER),
       N32(td_package_limits, bytes));
STRUCT(td_handoff, STR(td_handoff, id), STR(td_handoff, session), STR(td_handoff, queue),
       N64(td_handoff, epoch), ENUM(td_handoff, state, TD_HANDOFF_ENDED), STR(td_handoff, reason),
       N32(td_handoff, priority), N64(td_handoff, since_at_ms), STR(td_handoff, package),
       STR(td_handoff, human));
STRUCT(td_offered, ENUM(td_offered, status, TD_FAIL), STR(td_offered, human),
       N32(td_offered, position), N64(td_offered, wait_ms), STR(td_offered, detail),
       N32(td_offered, retry_after_ms));
STRUCT(td_desk_request, ENUM(td_desk_request, op, TD_OP_BRIDGE), STR(td_desk_request, id),
       STR(td_desk_request, handoff), STR(td_desk_request, session), STR(td_desk_request, human),
       PTR(td_desk_request, message, td_message_type), STR(td_desk_request, text),
       STR(td_desk_request, queue), STR(td_desk_request, to_human), STR(td_desk_request, wrapup),
       N32(td_desk_request, on), N64(td_desk_request, before));
STRUCT(td_desk_done, ENUM(td_desk_done, status, TD_FAIL), STR(td_desk_done, code),
       STR(td_desk_done, detail), STR(td_desk_done, holder), STR(td_desk_done, handoff),
       STR(td_desk_done, session), N64(td_desk_done, seq), STR(td_desk_done, json),
       N32(td_desk_done, retry_after_ms));
STRUCT(td_relay, STR(td_relay, handoff), STR(td_relay, session),
       PTR(td_relay, message, td_message_type), N32(td_relay, delta));
STRUCT(td_desk_event, ENUM(td_desk_event, type, TD_DESK_PRESENCE), STR(td_desk_event, handoff),
       STR(td_desk_event, session), STR(td_desk_event, queue), STR(td_desk_event, human),
       STR(td_desk_event, text), PTR(td_desk_event, relay, td_relay_type),
       N32(td_desk_event, position), N32(td_desk_event, waiting), N64(td_desk_event, wait_ms),
       N64(td_desk_event, seq), N32(td_desk_event, on));

/* ---- The network -------------------------------------------------------------------------- */

STRUCT(td_http_data, N32(td_http_data, status), STR(td_http_data, content_type),
       BYTES(td_http_data, data, len));
STRUCT(td_http_request, STR(td_http_request, method), STR(td_http_request, url),
       HEADERS(td_http_request, headers, n_headers), BYTES(td_http_request, body, body_len),
       N32(td_http_request, timeout_ms), N32(td_http_request, connect_timeout_ms),
       N64(td_http_request, max_response), SKIP(td_http_request, on_data),
       N32(td_http_request, public_only));
STRUCT(td_http_response, ENUM(td_http_response, failure, TD_HTTP_TOO_LARGE),
       STR(td_http_response, detail), N32(td_http_response, status),
       BYTES(td_http_response, body, body_len), STR(td_http_response, content_type),
       N64(td_http_response, retry_after_ms), STR(td_http_response, location));
STRUCT(td_web_request, N64(td_web_request, id), STR(td_web_request, method),
       STR(td_web_request, path), STR(td_web_request, query), STR(td_web_request, peer),
       N32(td_web_request, control), BYTES(td_web_request, body, body_len),
       HEADERS(td_web_request, headers, n_headers));
STRUCT(td_web_route, STR(td_web_route, path), N64(td_web_route, max_body),
       SKIP(td_web_route, head)); /* the guest calls it */
STRUCT(td_web_reply, N32(td_web_reply, status), STR(td_web_reply, content_type),
       HEADERS(td_web_reply, headers, n_headers), BYTES(td_web_reply, body, body_len));
STRUCT(td_ws_conf, STR(td_ws_conf, path), STR(td_ws_conf, subprotocol), STRZ(td_ws_conf, origins),
       N32(td_ws_conf, require_origin), N64(td_ws_conf, max_message),
       N64(td_ws_conf, send_buffer), N32(td_ws_conf, ping_ms), N32(td_ws_conf, pong_timeout_ms),
       N32(td_ws_conf, max_connections), N32(td_ws_conf, max_connections_per_ip));
STRUCT(td_ws_info, STR(td_ws_info, peer), N32(td_ws_info, exempt), STR(td_ws_info, origin),
       STR(td_ws_info, authorization));

/* ---- Our own ------------------------------------------------------------------------------ */

STRUCT(ipc_key, STR(ipc_key, name), STR(ipc_key, def), STR(ipc_key, help),
       ENUM(ipc_key, type, TD_TYPE_SECRET), N64(ipc_key, offset), N32(ipc_key, flags),
       N64(ipc_key, min), N64(ipc_key, max), STRZ(ipc_key, choices));
STRUCT(ipc_about, STR(ipc_about, build), N32(ipc_about, abi_major), N32(ipc_about, abi_minor),
       ENUM(ipc_about, kind, TD_DESK), STR(ipc_about, name), STR(ipc_about, version),
       N64(ipc_about, caps), N64(ipc_about, ops), N64(ipc_about, conf_size),
       LIST(ipc_about, keys, n_keys, ipc_key_type), PTR(ipc_about, limits, td_package_limits_type));
STRUCT(ipc_value, N64(ipc_value, number), N64(ipc_value, per_ms), STR(ipc_value, text),
       STRZ(ipc_value, list));
STRUCT(ipc_open, STR(ipc_open, name), LIST(ipc_open, values, n_values, ipc_value_type));
STRUCT(ipc_late, N64(ipc_late, job), PTR(ipc_late, request, td_web_request_type));
STRUCT(ipc_release, STR(ipc_release, handoff), STR(ipc_release, outcome));

/* In whatever order, for those who look at all of them. */
const struct ipc_struct *const ipc_structs[] = {
    &td_choice_type, &td_attachment_type, &td_part_type, &td_message_type, &td_customer_type,
    &td_owner_type, &td_event_type, &td_inbound_type, &td_accepted_type, &td_attach_type,
    &td_attached_type, &td_outbound_type, &td_sent_type, &td_file_type, &td_filed_type,
    &td_keep_type, &td_pair_type, &td_kept_type,
    &td_session_info_type, &td_action_type, &td_call_type, &td_result_type, &td_stretch_type,
    &td_turn_type, &td_answer_type, &td_package_limits_type, &td_handoff_type, &td_offered_type,
    &td_desk_request_type, &td_desk_done_type, &td_relay_type, &td_desk_event_type,
    &td_http_data_type, &td_http_request_type, &td_http_response_type, &td_web_request_type,
    &td_web_route_type, &td_web_reply_type, &td_ws_conf_type, &td_ws_info_type, &ipc_key_type,
    &ipc_about_type, &ipc_value_type, &ipc_open_type, &ipc_late_type, &ipc_release_type, NULL,
};

/* ---- Frames ------------------------------------------------------------------------------- */

#define OF(name_, type_) { .name = (name_), .payload = IPC_A_STRUCT, .type = &(type_) }
#define TEXT(name_) { .name = (name_), .payload = IPC_A_TEXT }
#define RAW(name_) { .name = (name_), .payload = IPC_SOME_BYTES }
#define BARE(name_) { .name = (name_), .payload = IPC_NO_PAYLOAD }

const struct ipc_row ipc_rows[IPC_N_TYPES] = {
    [IPC_ABOUT] = OF("about", ipc_about_type),
    [IPC_REFUSED] = TEXT("refused"),
    [IPC_OPENED] = TEXT("opened"),
    [IPC_PONG] = BARE("pong"),
    [IPC_BROKEN] = TEXT("broken"),
    [IPC_LOG] = TEXT("log"),
    [IPC_COUNT] = TEXT("count"),
    [IPC_DELIVER] = OF("deliver", td_inbound_type),
    [IPC_ATTACH] = OF("attach", td_attach_type),
    [IPC_DETACH] = TEXT("detach"),
    [IPC_EVENT_IN] = OF("event", td_event_type),
    [IPC_SENT] = OF("sent", td_sent_type),
    [IPC_ANSWER] = OF("answer", td_answer_type),
    [IPC_DELTA] = TEXT("delta"),
    [IPC_FILE] = OF("file", td_file_type),
    [IPC_KEEP] = OF("keep", td_keep_type),
    [IPC_REPORT] = TEXT("report"),
    [IPC_NOTICE] = TEXT("notice"),
    [IPC_OFFERED] = OF("offered", td_offered_type),
    [IPC_DESK] = OF("desk", td_desk_request_type),
    [IPC_HTTP_START] = OF("http_start", td_http_request_type),
    [IPC_HTTP_CANCEL] = BARE("http_cancel"),
    [IPC_WEB_REPLY] = OF("reply", td_web_reply_type),
    [IPC_WS_SEND] = RAW("ws_send"),
    [IPC_WS_CLOSE] = TEXT("ws_close"),
    [IPC_ROUTE] = TEXT("route"),
    [IPC_ROUTE_WITH] = OF("route_with", td_web_route_type),
    [IPC_WS_LISTEN] = OF("ws_listen", td_ws_conf_type),
    [IPC_KEY] = TEXT("key"),
    [IPC_HUMAN] = TEXT("human"),
    [IPC_STREAM] = OF("stream", td_web_reply_type),
    [IPC_STREAM_SEND] = RAW("stream_send"),
    [IPC_STREAM_END] = BARE("stream_end"),
    [IPC_LATE_DONE] = TEXT("late_done"),
    [IPC_OPEN] = OF("open", ipc_open_type),
    [IPC_RETURN] = RAW("return"),
    [IPC_PING] = BARE("ping"),
    [IPC_SEND] = OF("send", td_outbound_type),
    [IPC_ACCEPTED] = OF("accepted", td_accepted_type),
    [IPC_ATTACHED] = OF("attached", td_attached_type),
    [IPC_EVENT] = OF("event", td_event_type),
    [IPC_PAUSE] = BARE("pause"),
    [IPC_FILED] = OF("filed", td_filed_type),
    [IPC_KEPT] = OF("kept", td_kept_type),
    [IPC_ASK] = OF("ask", td_turn_type),
    [IPC_CANCEL] = BARE("cancel"),
    [IPC_LATE] = OF("late", ipc_late_type),
    [IPC_OFFER] = OF("offer", td_handoff_type),
    [IPC_RELAY] = OF("relay", td_relay_type),
    [IPC_RELEASE] = OF("release", ipc_release_type),
    [IPC_DESK_EVENT] = OF("desk_event", td_desk_event_type),
    [IPC_DONE] = OF("done", td_desk_done_type),
    [IPC_HTTP_DATA] = OF("http_data", td_http_data_type),
    [IPC_HTTP_END] = OF("http_end", td_http_response_type),
    [IPC_WEB_REQUEST] = OF("web_request", td_web_request_type),
    [IPC_WS_OPENED] = OF("ws_opened", td_ws_info_type),
    [IPC_WS_TEXT] = RAW("ws_text"),
    [IPC_WS_CLOSED] = BARE("ws_closed"),
    [IPC_STREAM_CLOSED] = BARE("stream_closed"),
    [IPC_CLOSE] = BARE("close"),
};
