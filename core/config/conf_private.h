/* conf_private.h - what conf.c and conf_report.c share. Layer: config. */
#ifndef CONFIG_CONF_PRIVATE_H
#define CONFIG_CONF_PRIVATE_H

#include <sys/types.h>

#include "config/conf.h"

struct conf_file {
    char *name;           /* as it was opened: relative to where the daemon runs, or absolute */
    char *text;           /* ends in NUL; wiped */
    size_t len;
    unsigned index;       /* in the order of reading */
    unsigned depth;
    struct conf_pos from; /* the include line; file NULL: the first file */
    dev_t dev;
    ino_t ino;
    mode_t mode;
};

struct conf_note {
    struct conf_pos pos; /* file NULL: no place */
    int is_warning;
    unsigned number; /* in the order of reporting */
    char *text;
};

struct conf {
    struct conf_file **files;
    size_t n_files;
    struct conf_section *sections;
    size_t n_sections, sections_cap;
    struct conf_note *notes;
    size_t n_notes, notes_cap;
    unsigned n_errors, n_warnings;
    struct conf_pos *hidden; /* where values begin that are not shown */
    size_t n_hidden;
};

#endif
