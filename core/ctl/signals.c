/* signals.c - a message a line, what is found in it a line. */
#include "config.h"

#include "ctl/signals.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <tandem/json.h>

#include "base/err.h"
#include "base/mem.h"
#include "ctl/args.h"
#include "daemon/conf_tandem.h"
#include "daemon/packs.h"
#include "engine/phrases.h"

#define LINE_MAX_BYTES (1024 * 1024)

enum line_state { LINE_END, LINE_WHOLE, LINE_TOO_LONG };

/* A line without its end, at most LINE_MAX_BYTES of it. */
static enum line_state read_line(FILE *in, char *line, size_t *len_r)
{
    int c, state = LINE_END;

    *len_r = 0;
    while ((c = getc_unlocked(in)) != EOF) {
        state = state == LINE_END ? LINE_WHOLE : state;
        if (c == '\n')
            break;
        if (*len_r == LINE_MAX_BYTES)
            state = LINE_TOO_LONG;
        else
            line[(*len_r)++] = (char)c;
    }
    return (enum line_state)state;
}

static int is_blank(const char *line, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if (line[i] != ' ' && line[i] != '\t' && line[i] != '\r')
            return 0;
    }
    return 1;
}

/* As it came: a text or a number; nothing when there was none. */
static void write_id(const cJSON *row, struct td_json *out)
{
    const cJSON *id = td_json_get(row, "id");
    int64_t number = 0;

    if (cJSON_IsString(id)) {
        td_json_key_str(out, "id", id->valuestring);
    } else if (td_json_get_int(row, "id", &number)) {
        td_json_key(out, "id");
        td_json_int(out, number);
    }
}

static void write_found(struct phrases *phrases, const char *lang, const char *text,
                        struct td_json *out)
{
    const uint32_t bits = phrases_find(phrases, lang, text, strlen(text));

    td_json_key_str(out, "lang", lang);
    td_json_key(out, "signals");
    td_json_object(out);
    for (unsigned bit = 0; phrases_signal(bit); bit++) {
        if (bits >> bit & 1) {
            td_json_key(out, phrases_signal(bit));
            td_json_bool(out, 1);
        }
    }
    td_json_object_end(out);
}

/* -1: the row was none; the line that is written says why. */
static int answer(struct phrases *phrases, const char *line, size_t len, const char *lang,
                  struct td_json *out)
{
    char why[160] = "";
    cJSON *row = td_json_parse(line, len, NULL, why, sizeof why);
    const char *text = td_json_get_str(row, "text");
    const cJSON *said = td_json_get(row, "lang");

    if (row && !text)
        snprintf(why, sizeof why, "there is no text");
    else if (said && !cJSON_IsNull(said) && !cJSON_IsString(said))
        snprintf(why, sizeof why, "lang is no text");
    td_json_object(out);
    write_id(row, out);
    if (*why)
        td_json_key_str(out, "error", why);
    else
        write_found(phrases,
                    cJSON_IsString(said) && *said->valuestring ? said->valuestring
                    : lang ? lang : phrases_lang(phrases, text, strlen(text)), text, out);
    td_json_object_end(out);
    cJSON_Delete(row);
    return *why ? -1 : 0;
}

static int too_long(struct td_json *out)
{
    td_json_object(out);
    td_json_key_str(out, "error", "the line is longer than 1 MiB");
    td_json_object_end(out);
    return -1;
}

int signals_run(const char *lang)
{
    char *dir = tandem_packs_dir(), *line = mem_alloc(LINE_MAX_BYTES);
    struct err err;
    struct phrases *phrases = packs_read(dir, &err);
    int code = phrases ? CTL_OK : CTL_REFUSED;
    enum line_state state;
    size_t len;

    if (!phrases)
        fprintf(stderr, "tandemctl: %s\n", err.text);
    while (phrases && (state = read_line(stdin, line, &len)) != LINE_END) {
        struct td_json out = { 0 };

        if (state == LINE_WHOLE && is_blank(line, len))
            continue;
        if ((state == LINE_TOO_LONG ? too_long(&out)
                                    : answer(phrases, line, len, lang, &out)) < 0)
            code = CTL_REFUSED;
        if (printf("%s\n", td_json_text(&out)) < 0)
            code = CTL_REFUSED;
        td_json_free(&out);
    }
    if (fflush(stdout) != 0)
        code = CTL_REFUSED;
    phrases_free(&phrases);
    free(line);
    free(dir);
    return code;
}
