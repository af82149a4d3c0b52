/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a Linux guest writes to its serial port. The guest may be hostile. So everything has a
 * limit, and only lines of one form are parsed.
 */
#ifndef AGENT_GUEST_CONSOLE_H
#define AGENT_GUEST_CONSOLE_H

#include <stdbool.h>
#include <stdint.h>

#define CONSOLE_TAIL 4096
#define CONSOLE_LINE 256
#define BOOT_ID 37

/* The last LAB-TICK line. The state file has it in this form. */
struct guest_tick {
	uint64_t tick, bad, fpu_bad, boot_us, mono_us, real_us, tsc;
	char boot_id[BOOT_ID + 3]; /* the first one that the guest reported */
	/* How often the boot id was not the first one, and how often a clock went back. */
	uint32_t boot_id_changed, tsc_back, mono_back;
	uint32_t panicked;
	uint64_t seen; /* how many lines */
};

struct console {
	char tail[CONSOLE_TAIL];
	uint64_t written; /* all bytes so far; the tail is a ring */
	uint64_t lines;
	char line[CONSOLE_LINE];
	uint32_t line_len;
	struct guest_tick tick;
	char *wanted; /* text that somebody waits for */
	bool found;
};

bool console_put(struct console *c, char byte);
void console_want(struct console *c, char *text);
void console_tail(const struct console *c, char *to);

#endif
