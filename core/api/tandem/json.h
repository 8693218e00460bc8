/*
 * json.h - JSON from outside, bounded; JSON to outside, written without a tree.
 *
 * A help for plugin writers, not part of the ABI: everything here is inline, over cJSON.
 * Reading: td_json_parse() refuses what is too deep, too large, not UTF-8, holds NUL, has a key
 * twice, or has anything after the value; what it returns is a plain cJSON tree.
 * Writing: struct td_json appends to memory of its own; running out of memory sets `failed`.
 */
#ifndef TANDEM_JSON_H
#define TANDEM_JSON_H

#include <cjson/cJSON.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#ifdef __cplusplus
extern "C" {
#endif

#ifdef __cplusplus
}
#endif
#endif
