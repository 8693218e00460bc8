/*
 * console.h - tandemctl without a command: lines are typed, or read from a pipe, one command each.
 *
 * Layer: ctl.
 */
#ifndef CTL_CONSOLE_H
#define CTL_CONSOLE_H

struct args;

/* Until the input ends or a line says so. At a terminal: 0. Else the exit code of the last command
 * that failed; 0 when none did. */
int console_run(const struct args *args);

#endif
