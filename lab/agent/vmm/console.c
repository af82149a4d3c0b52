// SPDX-License-Identifier: GPL-2.0-only
#define _GNU_SOURCE
#include "vmm/console.h"

#include <stdio.h>
#include <string.h>

/* LAB-TICK t=12 bad=0 fpu=0 id=... boot=.. mono=.. real=.. tsc=..: lab/guest/linux says it. */
static bool parse_tick(struct guest_tick *tick, const char *line)
{
	struct guest_tick now = *tick;
	unsigned long long t, bad, fpu, boot, mono, real, tsc;
	char id[BOOT_ID] = "";
	int end = 0;

	if (sscanf(line, "LAB-TICK t=%llu bad=%llu fpu=%llu id=%36[0-9a-f-] boot=%llu mono=%llu real=%llu tsc=%llu%n", &t, &bad, &fpu, id, &boot, &mono,
		   &real, &tsc, &end) != 8 || line[end])
		return false;
	now.tick = t;
	now.bad = bad;
	now.fpu_bad = fpu;
	now.boot_us = boot;
	now.mono_us = mono;
	now.real_us = real;
	now.tsc = tsc;
	if (!now.seen)
		memcpy(now.boot_id, id, sizeof(id));
	else if (strcmp(now.boot_id, id))
		now.boot_id_changed++;
	now.tsc_back += now.seen && tsc < tick->tsc;
	now.mono_back += now.seen && mono < tick->mono_us;
	now.seen++;
	*tick = now;
	return true;
}

bool console_put(struct console *c, char byte)
{
	c->tail[c->written++ % CONSOLE_TAIL] = byte ? byte : ' ';
	if (byte == '\r' || !byte)
		return false;
	if (byte != '\n') {
		if (c->line_len < CONSOLE_LINE - 1)
			c->line[c->line_len++] = byte;
		return false;
	}
	c->line[c->line_len] = 0;
	c->line_len = 0;
	c->lines++;
	c->tick.panicked |= !!strstr(c->line, "Kernel panic - ");
	c->found |= c->wanted && strstr(c->line, c->wanted);
	return parse_tick(&c->tick, c->line);
}

void console_tail(const struct console *c, char *to)
{
	uint64_t len = c->written < CONSOLE_TAIL ? c->written : CONSOLE_TAIL;

	for (uint64_t i = 0; i < len; i++)
		to[i] = c->tail[(c->written - len + i) % CONSOLE_TAIL];
	to[len] = 0;
}

void console_want(struct console *c, char *text)
{
	char tail[CONSOLE_TAIL + 1];

	console_tail(c, tail);
	c->wanted = text;
	c->found = text && strstr(tail, text);
}
