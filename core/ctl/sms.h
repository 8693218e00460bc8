/*
 * sms.h - tandemctl sms: what a text costs as short messages.
 *
 * Layer: ctl. Needs no daemon.
 */
#ifndef CTL_SMS_H
#define CTL_SMS_H

/* Prints how the text goes out: alphabet and why, parts and what is in each. The exit code. */
int sms_segments(const char *text, int as_json);

#endif
