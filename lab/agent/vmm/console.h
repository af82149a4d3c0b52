/* SPDX-License-Identifier: GPL-2.0-only */
/* What a Linux guest writes to its serial port. The guest is hostile: everything is bounded, nothing is believed but lines of one form. */
#ifndef AGENT_GUEST_CONSOLE_H
#define AGENT_GUEST_CONSOLE_H

#include <stdbool.h>
#include <stdint.h>

#define CONSOLE_TAIL 4096
#define CONSOLE_LINE 256
#define BOOT_ID 37

/* The last LAB-TICK line. Goes into the state file as it is. */
struct guest_tick {
	uint64_t tick, bad, fpu_bad, boot_us, mono_us, real_us, tsc;
	char boot_id[BOOT_ID + 3]; /* the first that was told */
	uint32_t boot_id_changed, tsc_back, mono_back; /* times that it was another than the first; that it went back */
	uint32_t panicked;
	uint64_t seen; /* lines */
};

struct console {
	char tail[CONSOLE_TAIL];
	uint64_t written; /* bytes ever; the tail is a ring */
	uint64_t lines;
	char line[CONSOLE_LINE];
	uint32_t line_len;
	struct guest_tick tick;
	char *wanted; /* text that somebody waits for */
	bool found;
};

/* True if this character ended a LAB-TICK line; it is in c->tick then. */
bool console_put(struct console *c, char byte);
/* Waits may ask for what was shown already. */
void console_want(struct console *c, char *text);
/* The tail in order, NUL-terminated; room for CONSOLE_TAIL + 1. */
void console_tail(const struct console *c, char *to);

#endif
