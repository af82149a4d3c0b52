// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a Linux guest writes to its serial port. The guest may be hostile. So everything has a
 * limit, and only lines of one form are parsed.
 */
#define _GNU_SOURCE
#include "vmm/console.h"

#include <stdio.h>
#include <string.h>

#define TICK_COUNTS "t=%llu bad=%llu fpu=%llu"
#define TICK_CLOCKS "boot=%llu mono=%llu real=%llu tsc=%llu"

/*
 * LAB-TICK t=12 bad=0 fpu=0 id=... boot=.. mono=.. real=.. tsc=.., written by lab/guest/linux.
 */
static bool console_parse_tick(struct guest_tick *tick, const char *line)
{
	struct guest_tick now = *tick;
	unsigned long long t, bad, fpu, boot, mono, real, tsc;
	char id[BOOT_ID] = "";
	int end = 0;

	if (sscanf(line, "LAB-TICK " TICK_COUNTS " id=%36[0-9a-f-] " TICK_CLOCKS "%n", &t, &bad,
		   &fpu, id, &boot, &mono, &real, &tsc, &end) != 8 ||
	    line[end])
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

/**
 * console_put() - Add a character to the console.
 * @c: the console
 * @byte: the character
 *
 * Return: true if it ended a LAB-TICK line; the tick is then in c->tick
 */
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
	return console_parse_tick(&c->tick, c->line);
}

/**
 * console_tail() - Copy the last characters of the console in order.
 * @c: the console
 * @to: where they go, with room for CONSOLE_TAIL + 1
 */
void console_tail(const struct console *c, char *to)
{
	uint64_t len = c->written < CONSOLE_TAIL ? c->written : CONSOLE_TAIL;

	for (uint64_t i = 0; i < len; i++)
		to[i] = c->tail[(c->written - len + i) % CONSOLE_TAIL];
	to[len] = 0;
}

/**
 * console_want() - Wait for a text on the console; it may be there already.
 * @c: the console
 * @text: the text, or NULL to stop waiting
 */
void console_want(struct console *c, char *text)
{
	char tail[CONSOLE_TAIL + 1];

	console_tail(c, tail);
	c->wanted = text;
	c->found = text && strstr(tail, text);
}
