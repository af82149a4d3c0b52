// SPDX-License-Identifier: GPL-2.0-only
/* Lines from standard input. */
#define _GNU_SOURCE
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#include "wire/wire.h"

static char input_bytes[LINE_MAX_BYTES * 2];
static size_t input_from, input_to;

/*
 * Waits for input. While more requests are there already, replies are held back: so a batch is
 * answered in few writes.
 */
static bool input_read_more(void)
{
	struct pollfd ready = { .fd = STDIN_FILENO, .events = POLLIN };
	ssize_t n;

	if (input_from) {
		memmove(input_bytes, input_bytes + input_from, input_to - input_from);
		input_to -= input_from;
		input_from = 0;
	}
	if (wire_holds_back() && poll(&ready, 1, 0) <= 0)
		wire_flush();
	do
		n = read(STDIN_FILENO, input_bytes + input_to, sizeof(input_bytes) - input_to);
	while (n < 0 && errno == EINTR);
	if (n <= 0)
		return false;
	input_to += (size_t)n;
	return true;
}

/**
 * wire_line() - Read the next line.
 * @len: where its length goes
 * @too_long: set if the line was too long and was skipped
 *
 * Return: the line without its newline, or NULL at the end of the input
 */
char *wire_line(size_t *len, bool *too_long)
{
	size_t looked = 0;
	bool skipping = false;

	*too_long = false;
	for (;;) {
		char *start = input_bytes + input_from;
		char *end = memchr(start + looked, '\n', input_to - input_from - looked);

		if (end && !skipping && end - start < LINE_MAX_BYTES) {
			input_from = (size_t)(end - input_bytes) + 1;
			*end = 0;
			*len = (size_t)(end - start);
			if (*len && start[*len - 1] == '\r')
				start[--*len] = 0;
			return start;
		}
		if (end && skipping) {
			input_from = (size_t)(end - input_bytes) + 1;
			*too_long = true;
			*len = 0;
			return (char *)"";
		}
		looked = input_to - input_from;
		if (end || looked >= LINE_MAX_BYTES) {
			/* Too long: skip up to the newline and keep nothing. */
			skipping = true;
			input_from = end ? (size_t)(end - input_bytes) : input_to;
			looked = 0;
			if (end)
				continue;
		} else if (skipping) {
			input_from = input_to;
			looked = 0;
		}
		if (!input_read_more()) {
			/* Half a line at the end of the input is not a request. */
			wire_flush();
			return NULL;
		}
	}
}
