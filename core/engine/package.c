/* package.c - how much of a package fits, and the whole of what does. */
#include "config.h"

#include "engine/package_private.h"

#include <string.h>

#include <tandem/json_write.h>

#include "base/arena.h"
#include "base/utf8.h"

/* A text that is only measured while data is NULL. */
struct out {
    char *data;
    size_t len;
    enum package_group open; /* JSON: the innermost array or object */
    int comma;
};

static void put(struct out *out, const char *s, size_t len)
{
    if (out->data)
        memcpy(out->data + out->len, s, len);
    out->len += len;
}

static void put_str(struct out *out, const char *s)
{
    put(out, s, strlen(s));
}

static int mandatory(const struct package_unit *unit)
{
    return unit->group == GROUP_HANDOFF || unit->group == GROUP_SUMMARY;
}

/* Whether the unit is there when the first `kept` of all are. */
static int is_kept(const struct package_units *units, size_t i, size_t kept)
{
    return !units->unit[i].refused && (i < kept || mandatory(&units->unit[i]));
}

/* Why the unit is named in dropped; NULL: it is not. */
static const char *why_dropped(const struct package_units *units, size_t i, size_t kept)
{
    const struct package_unit *unit = &units->unit[i];

    if (unit->refused)
        return unit->refused;
    return !is_kept(units, i, kept) || unit->cut ? "too_large" : NULL;
}

/* ---- dropped ----------------------------------------------------------------------------- */

static void put_dropped(const struct package_units *units, struct out *out, const char *field,
                        const char *key, const char *why, int first)
{
    const char *reason = strcmp(why, "not_permitted") == 0 ? "not permitted"
                         : strcmp(why, "too_large") == 0   ? "too large"
                                                           : why;
    if (units->format == TD_PACKAGE_JSON) {
        struct td_json j = { 0 };
        if (!first)
            put_str(out, ",");
        td_json_str(&j, key ? key : "");
        put_str(out, "{\"field\":\"");
        put_str(out, field);
        if (key) { /* its quotes are there already */
            put_str(out, ".");
            put(out, td_json_text(&j) + 1, td_json_len(&j) - 2);
        }
        put_str(out, "\",\"reason\":\"");
        put_str(out, why);
        put_str(out, "\"}");
        td_json_free(&j);
        return;
    }
    int flat = units->format == TD_PACKAGE_FLAT;
    put_str(out, first ? "" : flat ? "," : ", ");
    put_str(out, field);
    for (const char *c = key ? key : ""; *c; c++) {
        if (c == key)
            put_str(out, ".");
        put(out, flat && (*c == '"' || *c == '\\') ? "_" : c, 1);
    }
    put_str(out, flat ? ":" : " (");
    put_str(out, flat ? why : reason);
    put_str(out, flat ? "" : ")");
}

/* Appends the names; `all`: one name, "*", for what did not fit. */
static void put_all_dropped(const struct package_units *units, struct out *out, size_t kept,
                            int all)
{
    int first = 1, rest = 0;

    for (size_t i = 0; i < units->n; i++) {
        const char *why = why_dropped(units, i, kept), *key = units->unit[i].key;
        enum package_group group = units->unit[i].group;
        int whole = 1, said = 0;
        if (!why)
            continue;
        if (all) {
            rest = 1;
            continue;
        }
        for (size_t k = 0; k < units->n; k++) {
            if (units->unit[k].group != group)
                continue;
            const char *other = why_dropped(units, k, kept);
            int same = other && strcmp(other, why) == 0;
            whole = whole && same && !is_kept(units, k, kept);
            said = said || (k < i && same && (!key || !units->unit[k].key));
        }
        /* A group that is all out is named as one, with its first. */
        if (whole && i > 0 && units->unit[i - 1].group == group)
            continue;
        if (said)
            continue;
        put_dropped(units, out, package_rules[group].path, whole ? NULL : key, why, first);
        first = 0;
    }
    if (rest)
        put_dropped(units, out, "*", NULL, "too_large", 1);
}

/* ---- The whole --------------------------------------------------------------------------- */

static void close_to(struct out *out, enum package_group group)
{
    while (out->open != GROUP_NONE && out->open != group &&
           (group == GROUP_NONE || package_rules[group].parent != out->open)) {
        put_str(out, package_rules[out->open].shape == SHAPE_ARRAY ? "]" : "}");
        out->open = package_rules[out->open].parent;
        out->comma = 1;
    }
}

static void open_group(struct out *out, enum package_group group)
{
    const struct package_rule *rule = &package_rules[group];

    close_to(out, rule->shape == SHAPE_ONE ? GROUP_NONE : group);
    if (rule->shape == SHAPE_ONE || out->open == group)
        return;
    if (rule->parent != GROUP_NONE && out->open != rule->parent)
        open_group(out, rule->parent);
    put_str(out, out->comma ? ",\"" : "\"");
    put_str(out, rule->name);
    put_str(out, rule->shape == SHAPE_ARRAY ? "\":[" : "\":{");
    out->open = group;
    out->comma = 0;
}

/* In the order of survival, but what the customer said last comes oldest first. */
static size_t in_order(const struct package_units *units, size_t i, size_t kept)
{
    size_t from = i, to = i;

    if (units->unit[i].group != GROUP_LAST)
        return i;
    while (from > 0 && units->unit[from - 1].group == GROUP_LAST)
        from--;
    while (to + 1 < kept && units->unit[to + 1].group == GROUP_LAST)
        to++;
    return from + (to - i);
}

static void put_package(const struct package_units *units, struct out *out, size_t kept, int all)
{
    int text = units->format == TD_PACKAGE_TEXT, flat = units->format == TD_PACKAGE_FLAT;

    out->open = GROUP_NONE;
    if (!text)
        put_str(out, flat ? "{\"version\":\"1\"" : "{\"version\":1");
    out->comma = !text;
    for (size_t i = 0; i < units->n; i++) {
        const struct package_unit *unit = &units->unit[i];
        if (!is_kept(units, i, kept))
            continue;
        if (units->format == TD_PACKAGE_JSON)
            open_group(out, unit->group);
        if (out->comma)
            put_str(out, ",");
        unit = &units->unit[in_order(units, i, kept)];
        put(out, unit->text, unit->len);
        out->comma = !text;
    }
    struct out names = { .data = NULL };
    put_all_dropped(units, &names, kept, all);
    if (!text) {
        close_to(out, GROUP_NONE);
        put_str(out, flat ? ",\"dropped\":\"" : ",\"dropped\":[");
        put_all_dropped(units, out, kept, all);
        put_str(out, flat ? "\"}" : "]}");
    } else if (names.len) {
        put_str(out, "Left out: ");
        put_all_dropped(units, out, kept, all);
        put_str(out, "\n");
    }
}

static size_t measure(const struct package_units *units, size_t kept, int all)
{
    struct out out = { .data = NULL };

    put_package(units, &out, kept, all);
    return out.len;
}

static const char *print(const struct package_units *units, size_t kept, int all)
{
    struct out out = { .data = arena_alloc(units->arena, measure(units, kept, all) + 1) };

    put_package(units, &out, kept, all);
    return out.data;
}

static const char *least(const struct package_units *units, size_t summary_len)
{
    struct td_json j = { 0 };
    const char *text;

    if (units->format == TD_PACKAGE_TEXT)
        return arena_printf(units->arena, "Handoff: %s\nSummary: %.*s\n", units->handoff,
                            (int)summary_len, units->summary);
    td_json_object(&j);
    td_json_key_str(&j, "handoff_id", units->handoff);
    td_json_key(&j, "summary");
    td_json_strn(&j, units->summary, summary_len);
    td_json_object_end(&j);
    text = arena_strdup(units->arena, td_json_text(&j));
    td_json_free(&j);
    return text;
}

/* The smallest form: what it is about, and as much of the summary as there is room for. */
static const char *print_least(const struct package_units *units, size_t limit)
{
    size_t len = strlen(units->summary), all;

    /* Each byte of the summary is at least one of what is written. */
    while ((all = strlen(least(units, len))) > limit && len)
        len = utf8_cut(units->summary, len, len > all - limit ? len - (all - limit) : 0);
    if (all <= limit)
        return least(units, len);
    return units->format == TD_PACKAGE_TEXT || limit < 2 ? "" : "{}";
}

/* A reference that fits a SIP header: tokens only, whole parts only. */
static const char *print_header(const struct package *package, size_t limit, struct arena *arena)
{
    const char *const parts[][2] = { { "handoff=", package->handoff },
                                     { ";session=", package->session },
                                     { ";reason=", package->code } };
    struct out out = { .data = arena_alloc(arena, limit + 1) };

    for (size_t i = 0; i < 3; i++) {
        const char *value = parts[i][1];
        size_t len = value ? strnlen(value, limit + 1) : 0;
        if (!len || out.len + strlen(parts[i][0]) + len > limit)
            break;
        put_str(&out, parts[i][0]);
        for (const char *c = value; c < value + len; c++)
            put(&out, (*c >= 'a' && *c <= 'z') || (*c >= 'A' && *c <= 'Z') ||
                      (*c >= '0' && *c <= '9') || *c == '_' || *c == '.' ? c : "-", 1);
    }
    return out.data;
}

const char *package_compile(const struct package *package, const struct package_target *target,
                            struct arena *arena)
{
    int header = target->format == TD_PACKAGE_HEADER;
    size_t limit = target->bytes ? target->bytes : header ? 128 : 4096;
    size_t content = 0;
    struct package_units units = { .arena = arena, .format = target->format,
                                   .allow = target->allow };

    if (header)
        return print_header(package, limit < 128 ? limit : 128, arena);
    package_units(package, &units);
    for (size_t i = 0; i < units.n; i++)
        content += units.unit[i].refused ? 0 : units.unit[i].len;
    /* Whole names of what is left out come before more of the content. */
    for (int all = 0; all <= 1; all++) {
        size_t most = content;
        for (size_t kept = units.n + 1; kept-- > 0;) {
            if (most <= limit && measure(&units, kept, all) <= limit)
                return print(&units, kept, all);
            if (kept && !units.unit[kept - 1].refused && !mandatory(&units.unit[kept - 1]))
                most -= units.unit[kept - 1].len;
        }
    }
    return print_least(&units, limit);
}
