/* show_texts.c - what customers hear, as they would hear it. */
#include "config.h"

#include <stddef.h>
#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/zone.h"
#include "daemon/show.h"
#include "engine/policy.h"
#include "engine/texts.h"

static const char *const kinds[TEXT_CHANNELS] = { "chat", "sms", "email", "voice" };

/* One line each; the breaks of a mail are shown as " / ". */
static void print_said(const char *kind, const char *said, struct buf *out)
{
    buf_printf(out, "    %s: ", kind);
    for (; *said; said++) {
        if (*said != '\n')
            buf_char(out, *said);
        else if (said[1] != '\n')
            buf_str(out, " / ");
    }
    buf_char(out, '\n');
}

int show_texts(const struct policy *policy, const char *language, struct buf *out, struct err *err)
{
    const char *const wanted[] = { language ? language : policy->language, NULL };
    struct buf missing = { 0 };
    const int known = texts_check(policy->texts, wanted, &missing) == 0;

    buf_fini(&missing);
    if (!known)
        return err_set(err, "there are no texts in '%s'", wanted[0]);
    struct arena *arena = arena_new(0);
    const int64_t now = zone_moment(zone_utc(), 2026, 11, 23, 20, 0);
    const char *when = texts_moment(policy->texts, wanted[0], NULL, NULL,
                                    zone_moment(zone_utc(), 2026, 11, 24, 9, 0), now, arena);
    struct text_vars vars = { .of = {
        [TEXT_VAR_ISSUE] = "refund", [TEXT_VAR_HUMAN] = "Mia",
        [TEXT_VAR_BUSINESS] = *policy->business ? policy->business : "Example Ltd",
        [TEXT_VAR_POSITION] = "3",
        [TEXT_VAR_WAIT] = texts_wait(policy->texts, wanted[0], NULL, 8 * 60000, arena),
        [TEXT_VAR_NEXT_OPEN] = when, [TEXT_VAR_BY] = when,
        [TEXT_VAR_WHAT] = "refund", [TEXT_VAR_CHANNEL] = "web chat",
        [TEXT_VAR_LINK] = "https://example.com/c/7f3a",
    } };
    for (int state = 0; state < TEXT_STATES; state++) {
        const char *said[TEXT_CHANNELS];
        buf_printf(out, "%s\n", text_state_name((enum text_state)state));
        if (state == TEXT_CONTACT_NOTED)
            vars.of[TEXT_VAR_WHAT] = "+45 12 34 56 78";
        for (int k = 0; k < TEXT_CHANNELS; k++) {
            said[k] = texts_render(policy->texts, (enum text_state)state, (enum text_channel)k,
                                   wanted[0], NULL, &vars, arena);
            if (k == 0 || strcmp(said[k], said[0]) != 0)
                print_said(kinds[k], said[k], out);
        }
    }
    arena_free(&arena);
    return 0;
}
