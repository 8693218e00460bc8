/*
 * agent_http_request.h - a turn as the JSON that an HTTP agent gets, without its signature.
 *
 * Layer: plugins/agent_http. Knows the protocol's version 1, no HTTP client.
 */
#ifndef AGENT_HTTP_REQUEST_H
#define AGENT_HTTP_REQUEST_H

#include <tandem/json.h>
#include <tandem/plugin.h>

/* Writes over what is in `json`, whose memory is used again. */
void http_request_write(struct td_json *json, const struct td_turn *turn);

#endif
