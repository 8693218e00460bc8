/* texts_say.c - texts with their values: rendered, waits and moments, words. */
#include "config.h"

#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/utf8.h"
#include "base/zone.h"
#include "engine/texts.h"
#include "engine/texts_private.h"

#define MINUTE_MS INT64_C(60000)
#define VALUE_MAX 200  /* bytes of a value; a link is never cut */
#define LEAVE_MAX 64   /* longer messages are not a leave word */

/* No space at the beginning, none after another, none before a line's end. */
static void put(struct buf *out, char c)
{
    if (c == ' ' && (out->len == 0 || out->data[out->len - 1] == ' ' ||
                     out->data[out->len - 1] == '\n'))
        return;
    if (c == '\n' && out->len > 0 && out->data[out->len - 1] == ' ')
        out->data[--out->len] = '\0';
    buf_char(out, c);
}

static int all_known(const char *at, const char *end, text_value_fn value, void *arg)
{
    for (; at < end; at++) {
        if (*at != '{')
            continue;
        const size_t len = strcspn(at + 1, "}");
        if (!value(arg, at + 1, len))
            return 0;
        at += 1 + len;
    }
    return 1;
}

static void fill_part(const char *at, const char *end, text_value_fn value, void *arg,
                      struct buf *out)
{
    for (; at < end; at++) {
        if (*at == '{') {
            const size_t len = strcspn(at + 1, "}");
            for (const char *v = value(arg, at + 1, len); v && *v; v++)
                put(out, *v);
            at += 1 + len;
        } else if (*at == '\\' && at + 1 < end && at[1] == 'n') {
            put(out, '\n');
            at++;
        } else {
            put(out, *at);
        }
    }
}

void text_fill(const char *text, text_value_fn value, void *arg, struct buf *out)
{
    while (*text) {
        const size_t plain = strcspn(text, "[");
        fill_part(text, text + plain, value, arg, out);
        text += plain;
        if (!*text)
            break;
        const char *part = text + 1, *end = part + strcspn(part, "]");
        while (part <= end) {
            const size_t left = (size_t)(end - part), bar = strcspn(part, "|");
            const char *part_end = part + (bar < left ? bar : left);
            if (all_known(part, part_end, value, arg)) {
                fill_part(part, part_end, value, arg, out);
                break;
            }
            part = part_end + 1;
        }
        text = *end ? end + 1 : end;
    }
    while (out->len > 0 && (out->data[out->len - 1] == ' ' || out->data[out->len - 1] == '\n'))
        out->data[--out->len] = '\0';
}

/* Values as they may be said: on one line, of bounded length; NULL: not known. */
struct values {
    const char *of[TEXT_VARS];
};

static const char *value_of(void *arg, const char *name, size_t len)
{
    const struct values *values = arg;

    for (size_t i = 0; i < TEXT_VARS; i++) {
        if (strlen(text_var_names[i]) == len && strncmp(text_var_names[i], name, len) == 0)
            return values->of[i];
    }
    return NULL;
}

static const char *clean(const char *value, int whole, struct arena *arena)
{
    size_t len = value ? strlen(value) : 0, n = 0;

    if (len == 0 || !utf8_valid(value, len))
        return NULL;
    const size_t cut = whole ? len : utf8_cut(value, len, VALUE_MAX);
    char *copy = arena_alloc(arena, cut + sizeof "\xe2\x80\xa6");
    for (size_t i = 0; i < cut; i++) {
        const char c = value[i] > 0 && value[i] <= ' ' ? ' ' : value[i];
        if (c != '\x7f' && (c != ' ' || (n > 0 && copy[n - 1] != ' ')))
            copy[n++] = c;
    }
    while (n > 0 && copy[n - 1] == ' ')
        n--;
    memcpy(copy + n, cut < len ? "\xe2\x80\xa6" : "", cut < len ? 4 : 1);
    return n > 0 ? copy : NULL;
}

static const char *fill(const char *text, struct values *values, struct arena *arena)
{
    struct buf out = { 0 };

    text_fill(text, value_of, values, &out);
    const char *copy = arena_dup(arena, out.data ? out.data : "", out.len);
    buf_fini(&out);
    return copy;
}

/* One part: with plainer letters, then without what the customer knows already, then with less. */
static const char *fill_sms(const char *text, struct values *values, struct arena *arena)
{
    static const enum text_var less[] = { TEXT_VAR_ISSUE,    TEXT_VAR_WHAT,     TEXT_VAR_BUSINESS,
                                          TEXT_VAR_AGENT,    TEXT_VAR_POSITION, TEXT_VAR_HUMAN,
                                          TEXT_VAR_CHANNEL,  TEXT_VAR_WAIT,     TEXT_VAR_BY,
                                          TEXT_VAR_NEXT_OPEN };
    const char *best = "";

    for (size_t i = 0; i <= sizeof less / sizeof *less; i++) {
        if (i > 0)
            values->of[less[i - 1]] = NULL;
        best = fill(text, values, arena);
        if (text_is_one_sms(best))
            return best;
        struct buf plain = { 0 };
        text_plain(best, &plain);
        const char *copy = arena_dup(arena, plain.data ? plain.data : "", plain.len);
        buf_fini(&plain);
        if (text_is_one_sms(copy))
            return copy;
    }
    return best;
}

struct frame {
    const char *text, *business;
};

static const char *frame_value(void *arg, const char *name, size_t len)
{
    const struct frame *frame = arg;

    if (len == 4 && strncmp(name, "text", len) == 0)
        return frame->text;
    return len == 8 && strncmp(name, "business", len) == 0 ? frame->business : NULL;
}

/* found: the language of the text. */
static const char *render(const char *text, const struct text_language *found,
                          enum text_channel channel, const struct text_vars *vars,
                          struct arena *arena)
{
    struct values values = { { NULL } };

    for (size_t i = 0; vars && i < TEXT_VARS; i++)
        values.of[i] = clean(vars->of[i], i == TEXT_VAR_LINK, arena);
    if (channel == TEXT_VOICE && values.of[TEXT_VAR_ISSUE] &&
        strstr(values.of[TEXT_VAR_ISSUE], "://"))
        values.of[TEXT_VAR_ISSUE] = NULL; /* is not read out */
    if (channel == TEXT_SMS)
        return fill_sms(text, &values, arena);
    text = fill(text, &values, arena);
    const char *form = found->phrase[PHRASE_FRAME_EMAIL];
    if (channel != TEXT_EMAIL || !form)
        return text;
    struct frame frame = { text, values.of[TEXT_VAR_BUSINESS] };
    struct buf out = { 0 };
    text_fill(form, frame_value, &frame, &out);
    text = arena_dup(arena, out.data ? out.data : "", out.len);
    buf_fini(&out);
    return text;
}

const char *texts_render(const struct texts *texts, enum text_state state,
                         enum text_channel channel, const char *language, const char *fallback,
                         const struct text_vars *vars, struct arena *arena)
{
    const struct text_language *found = text_language(texts, language, fallback);
    const char *text = found ? text_of(&found->text[state], channel) : NULL;

    if (!text && fallback) {
        found = text_language(texts, fallback, NULL);
        text = found ? text_of(&found->text[state], channel) : NULL;
    }
    return text ? render(text, found, channel, vars, arena) : "";
}

const char *texts_render_rule(const struct texts *texts, const char *rule,
                              enum text_channel channel, const char *language,
                              const char *fallback, const struct text_vars *vars,
                              struct arena *arena)
{
    const struct text_by_kind *kinds = text_of_rule(texts, language, rule);
    const char *text = kinds ? text_of(kinds, channel) : NULL;

    if (!text) {
        language = fallback;
        kinds = text_of_rule(texts, language, rule);
        text = kinds ? text_of(kinds, channel) : NULL;
    }
    return text ? render(text, text_language(texts, language, NULL), channel, vars, arena) : NULL;
}

/* Lower case without accents and without the punctuation around it. */
static size_t normal(const char *text, size_t len, char out_r[2 * LEAVE_MAX])
{
    struct buf plain = { 0 };
    size_t n = 0;
    char copy[LEAVE_MAX + 1];

    if (len > LEAVE_MAX || !utf8_valid(text, len))
        return 0;
    memcpy(copy, text, len);
    copy[len] = '\0';
    text_plain(copy, &plain);
    for (size_t i = 0; i < plain.len && n < 2 * LEAVE_MAX - 1; i++) {
        char c = plain.data[i];
        const char before = i > 0 ? plain.data[i - 1] : '\0';
        if (c >= 'A' && c <= 'Z')
            c = (char)(c | 0x20);
        else if (before == '\xc3' && (unsigned char)c <= 0x9e) /* a capital of Latin-1 */
            c = (char)(c + 0x20);
        if (c != ' ' || (n > 0 && out_r[n - 1] != ' '))
            out_r[n++] = c;
    }
    buf_fini(&plain);
    while (n > 0 && strchr(" .!?,\"'\n\t\r", out_r[n - 1]))
        n--;
    size_t skip = 0;
    while (skip < n && strchr(" \"'\n\t\r", out_r[skip]))
        skip++;
    memmove(out_r, out_r + skip, n - skip);
    return n - skip;
}

static int is_in(const char *list, const char *word, size_t len)
{
    for (; list && *list; list += *list == ',') {
        char item[2 * LEAVE_MAX];
        const size_t bytes = strcspn(list, ","), n = normal(list, bytes, item);
        if (n > 0 && n == len && memcmp(item, word, n) == 0)
            return 1;
        list += bytes;
    }
    return 0;
}

int texts_is_word(const struct texts *texts, enum text_words words, const char *language,
                  const char *fallback, const char *message)
{
    char word[2 * LEAVE_MAX];
    const size_t len = normal(message, strlen(message), word);
    const struct text_language *own = text_language(texts, language, NULL);
    const struct text_language *other = text_language(texts, fallback, NULL);

    return len > 0 && ((own && is_in(own->words[words], word, len)) ||
                       (other && is_in(other->words[words], word, len)));
}

/* The item of a list by comma, without the spaces around it. */
static const char *item_of(const char *list, int index, struct arena *arena)
{
    for (; index > 0 && *list; index--) {
        list += strcspn(list, ",");
        list += *list == ',';
    }
    list += strspn(list, " ");
    size_t len = strcspn(list, ",");
    while (len > 0 && list[len - 1] == ' ')
        len--;
    return arena_dup(arena, list, len);
}

const char *texts_first_word(const struct texts *texts, enum text_words words,
                             const char *language, const char *fallback, struct arena *arena)
{
    const struct text_language *found = text_language(texts, language, fallback);

    return found && found->words[words] ? item_of(found->words[words], 0, arena) : NULL;
}

struct phrase_values {
    const char *hour, *minute, *time, *weekday, *day, *month, *n;
};

static const char *phrase_value(void *arg, const char *name, size_t len)
{
    const struct phrase_values *v = arg;
    const struct {
        const char *name, *value;
    } all[] = { { "hour", v->hour },       { "minute", v->minute }, { "time", v->time },
                { "weekday", v->weekday }, { "day", v->day },       { "month", v->month },
                { "n", v->n } };

    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        if (strlen(all[i].name) == len && strncmp(all[i].name, name, len) == 0)
            return all[i].value;
    }
    return NULL;
}

static const char *phrase(const struct text_language *language, enum text_phrase which,
                          struct phrase_values *values, struct arena *arena)
{
    struct buf out = { 0 };

    if (!language || !language->phrase[which])
        return "";
    text_fill(language->phrase[which], phrase_value, values, &out);
    const char *copy = arena_dup(arena, out.data ? out.data : "", out.len);
    buf_fini(&out);
    return copy;
}

const char *texts_wait(const struct texts *texts, const char *language, const char *fallback,
                       int64_t wait_ms, struct arena *arena)
{
    static const int steps[] = { 1, 2, 3, 5, 10, 15, 20, 30, 45, 60, 120, 180 }; /* minutes */
    const struct text_language *found = text_language(texts, language, fallback);
    struct phrase_values values = { 0 };

    if (wait_ms < 0)
        return "";
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
        const int minutes = steps[i];
        if (wait_ms > minutes * MINUTE_MS)
            continue;
        values.n = arena_printf(arena, "%d", minutes < 60 ? minutes : minutes / 60);
        return phrase(found, minutes == 1 ? PHRASE_WAIT_MINUTE
                             : minutes < 60 ? PHRASE_WAIT_MINUTES
                             : minutes == 60 ? PHRASE_WAIT_HOUR
                                             : PHRASE_WAIT_HOURS, &values, arena);
    }
    return phrase(found, PHRASE_WAIT_LONG, &values, arena);
}

const char *texts_moment(const struct texts *texts, const char *language, const char *fallback,
                         const struct zone *zone, int64_t at_ms, int64_t now_ms,
                         struct arena *arena)
{
    const struct text_language *found = text_language(texts, language, fallback);
    struct phrase_values values = { 0 };
    struct zone_time at, now;

    if (at_ms == INT64_MAX || !found || !found->phrase[PHRASE_WEEKDAYS] ||
        !found->phrase[PHRASE_MONTHS])
        return "";
    zone_local(zone ? zone : zone_utc(), at_ms, &at);
    zone_local(zone ? zone : zone_utc(), now_ms, &now);
    values.hour = arena_printf(arena, "%d", at.hour);
    values.minute = arena_printf(arena, "%02d", at.minute);
    values.time = phrase(found, at.minute == 0 ? PHRASE_TIME_FULL : PHRASE_TIME, &values, arena);
    values.weekday = item_of(found->phrase[PHRASE_WEEKDAYS], (at.weekday + 6) % 7, arena);
    values.day = arena_printf(arena, "%d", at.day);
    values.month = item_of(found->phrase[PHRASE_MONTHS], at.month - 1, arena);
    const int64_t days = zone_day(at.year, at.month, at.day) -
                         zone_day(now.year, now.month, now.day);
    return phrase(found, days == 0 ? PHRASE_TODAY
                         : days == 1 ? PHRASE_TOMORROW
                         : days > 1 && days < 7 ? PHRASE_THIS_WEEK
                                                : PHRASE_ON_DATE, &values, arena);
}
