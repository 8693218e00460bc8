/*
 * child.h - runs a plugin in a process of its own, so that its crash or hang is a finding.
 *
 * Layer: kit. The child tells what it found through a pipe; where it is stands in shared memory.
 * Threads: child_fail() may come from any of the child's, the rest is for one.
 */
#ifndef KIT_CHILD_H
#define KIT_CHILD_H

struct report;

/* Runs fn(arg) in a child and gathers what it finds. 0, or -1: it did not come to its end. */
int child_run(struct report *report, void (*fn)(void *arg), void *arg);

/* In the child: what is found; the names of calls are those of fake_host.h. */
void child_fail(int rule, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void child_before(const char *op);
void child_after(const char *op);

#endif
