/* drive_private.h - what drive.c and drive_desk.c share. */
#ifndef KIT_DRIVE_PRIVATE_H
#define KIT_DRIVE_PRIVATE_H

#include <stddef.h>
#include <stdint.h>

struct fake;
struct td_message;

#define MAX_ID 128
#define MAX_ADDRESS 320
#define SESSION "01JDBXKQ7Z0000000000000000"

void check_text(const char *what, const char *text, size_t max);
void check_size(const char *what, uint32_t size, size_t least);
void check_message(const struct td_message *message);

/* Handoffs, their messages and their ends; *job and *turn count on. */
void desk_round(struct fake *fake, unsigned round, uint64_t *job, unsigned *turn);
/* Judges and answers what the desk has said since. */
void desk_serve(struct fake *fake, unsigned *turn);

#endif
