/*
 * rules.h - the rules of plugin.h that tandemtest judges, and what was found about each.
 *
 * Layer: kit. Threads: the judging process has one.
 */
#ifndef KIT_RULES_H
#define KIT_RULES_H

#include <stddef.h>

/* Numbered as in plugin.h; those from 100 stand at other places of it. */
enum rule {
    RULE_BORROW = 1,
    RULE_THREAD = 2,
    RULE_BLOCK = 3,
    RULE_SIZE = 5,
    RULE_ONCE = 6,
    RULE_CLOSE = 7,
    RULE_TWO = 8,
    RULE_TEXT = 10,
    RULE_BOUND = 11,
    RULE_OPEN = 100,
    RULE_FIT = 101,
    RULE_CRASH = 102,
    RULE_DESK = 103,
};

struct report;

struct report *report_new(const char *header); /* the path of plugin.h; NULL: the installed one */
void report_free(struct report **report);

/* The first sentence of a rule is kept. */
void report_fail(struct report *report, int rule, const char *sentence);
/* What has not failed was not judged to its end. */
void report_cut(struct report *report);
void report_desk(struct report *report); /* it is a desk: its rules are judged, too */
int report_has(const struct report *report, int rule); /* 1: this one has failed */
int report_failed(const struct report *report); /* 1: some rule */

/* A line a rule: "ok RULE: ..", "FAIL RULE: sentence (plugin.h:LINE)", "skip RULE: ..". */
void report_print(const struct report *report);

#endif
