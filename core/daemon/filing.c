/* filing.c - attachments as the conf wants them. */
#include "config.h"

#include "daemon/filing.h"

#include <string.h>

#include "base/err.h"
#include "config/conf.h"
#include "daemon/setup.h"
#include "files/files.h"
#include "gate/gate.h"
#include "io/clamd.h"
#include "io/loop.h"

#define CLAMD "clamd:"

static const char *scanner_address(const struct setup *setup)
{
    const char *scanner = setup->tandem.scanner;

    return scanner && strncmp(scanner, CLAMD, strlen(CLAMD)) == 0 ? scanner + strlen(CLAMD) : NULL;
}

void filing_check(const struct setup *setup, const struct conf_section *section)
{
    const struct conf_pair *scanner = conf_get(section, "scanner");
    const struct conf_pair *url = conf_get(section, "public_url");
    const char *address = scanner_address(setup);
    struct err err;

    if (scanner && !address)
        conf_error(setup->conf, &scanner->value_pos,
                   "'%s' is not a scanner: use clamd:/PATH or clamd:ADDRESS:PORT", scanner->value);
    else if (scanner && clamd_check_address(address, &err) != 0)
        conf_error(setup->conf, &scanner->value_pos, "%s", err.text);
    if (url && strncmp(url->value, "https://", 8) != 0 && strncmp(url->value, "http://", 7) != 0)
        conf_error(setup->conf, &url->value_pos,
                   "'%s' does not begin with https:// or http://", url->value);
    else if (url && url->value[strlen(url->value) - 1] == '/')
        conf_error(setup->conf, &url->value_pos, "'%s' must not end in /", url->value);
}

static void post(void *loop, void (*fn)(void *arg), void *arg)
{
    loop_post(loop, fn, arg);
}

int filing_open(const struct setup *setup, struct loop *loop, struct files **files_r,
                struct err *err)
{
    const struct files_conf conf = {
        .post = post, .loop = loop, .dir = setup->tandem.files,
        .min_free = setup->tandem.min_free,
    };

    *files_r = NULL;
    if (!setup->tandem.files)
        return 0;
    *files_r = files_open(&conf, err);
    return *files_r ? 0 : -1;
}

void filing_set(struct gate *gate, struct files *files, const struct setup *setup, const char *url)
{
    const struct tandem_conf *tandem = &setup->tandem;
    const struct gate_files_conf conf = {
        .files = files,
        .max_file = tandem->max_file,
        .types = tandem->file_types,
        .denied = tandem->file_types_denied,
        .quota = { .count = tandem->file_count, .bytes = tandem->file_bytes,
                   .window_ms = tandem->file_window },
        .link_ms = tandem->file_link,
        .unused_ms = tandem->file_unused,
        .retention_ms = tandem->retention,
        .public_url = tandem->public_url ? tandem->public_url : url,
        .scanner = scanner_address(setup),
    };

    gate_set_files(gate, &conf);
}
