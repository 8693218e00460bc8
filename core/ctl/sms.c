/* sms.c - the parts of a text, as a channel of short messages sends them. */
#include "config.h"

#include "ctl/sms.h"

#include <stdio.h>
#include <string.h>

#include <tandem/json_write.h>

#include "channels/shared/sms_split.h"
#include "channels/shared/sms_text.h"
#include "ctl/args.h"

static int is_utf8(const char *text, size_t len)
{
    size_t step;

    for (size_t i = 0; i < len; i += step) {
        if (sms_point(text + i, len - i, &step) == 0xfffd && step == 1)
            return 0;
    }
    return 1;
}

static void say(const struct sms_plan *plan, const char *text, size_t len)
{
    size_t step = 0, at = 0;

    printf("%s, %zu %s, %zu part%s of at most %zu\n", plan->is_gsm ? "GSM 7-bit" : "UCS-2",
           plan->units, plan->is_gsm ? "septets" : "16-bit units", plan->n, plan->n == 1 ? "" : "s",
           plan->n == 1 ? plan->one : plan->each);
    while (!plan->is_gsm && at < len && sms_point(text + at, len - at, &step) != plan->odd)
        at += step;
    if (!plan->is_gsm)
        printf("UCS-2 because of \"%.*s\" (U+%04X), which the GSM alphabet has not\n", (int)step,
               text + at, (unsigned)plan->odd);
    for (size_t i = 0; i < plan->n; i++)
        printf("%3zu: %3zu  %.*s\n", i + 1, plan->parts[i].units, (int)plan->parts[i].len,
               text + plan->parts[i].from);
    if (plan->too_long)
        printf("there would be more than %d parts: no message has so many\n", SMS_MAX_PARTS);
}

static void say_json(const struct sms_plan *plan, const char *text)
{
    struct td_json j = { 0 };

    td_json_object(&j);
    td_json_key_str(&j, "encoding", plan->is_gsm ? "gsm7" : "ucs2");
    if (!plan->is_gsm)
        td_json_key_int(&j, "because", plan->odd);
    td_json_key_int(&j, "units", (int64_t)plan->units);
    td_json_key(&j, "parts");
    td_json_array(&j);
    for (size_t i = 0; i < plan->n; i++)
        td_json_strn(&j, text + plan->parts[i].from, plan->parts[i].len);
    td_json_array_end(&j);
    td_json_key_bool(&j, "too_long", plan->too_long);
    td_json_object_end(&j);
    printf("%s\n", td_json_text(&j));
    td_json_free(&j);
}

int sms_segments(const char *text, int as_json)
{
    static struct sms_plan plan;
    const size_t len = strlen(text);

    if (!is_utf8(text, len)) {
        fputs("tandemctl: the text is not UTF-8\n", stderr);
        return CTL_USAGE;
    }
    sms_split(text, len, SMS_UDH8, &plan);
    if (as_json)
        say_json(&plan, text);
    else
        say(&plan, text, len);
    return plan.too_long ? CTL_REFUSED : CTL_OK;
}
