/* report.h - tandemctl report: figures for people. Layer: ctl. */
#ifndef CTL_REPORT_H
#define CTL_REPORT_H

#include "ctl/args.h"

/* The exit code; all is said. */
int report_run(const struct args *args);

#endif
