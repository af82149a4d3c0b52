// SPDX-License-Identifier: GPL-2.0-only
#define _GNU_SOURCE
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#include "wire/wire.h"

static char in[LINE_MAX_BYTES * 2];
static size_t in_from, in_to;

/* Waits for input. Replies are held back while more requests are already there, so a batch is answered in few writes. */
static bool read_more(void)
{
	struct pollfd ready = { .fd = STDIN_FILENO, .events = POLLIN };
	ssize_t n;

	if (in_from) {
		memmove(in, in + in_from, in_to - in_from);
		in_to -= in_from;
		in_from = 0;
	}
	if (wire_holds_back() && poll(&ready, 1, 0) <= 0)
		wire_flush();
	do
		n = read(STDIN_FILENO, in + in_to, sizeof(in) - in_to);
	while (n < 0 && errno == EINTR);
	if (n <= 0)
		return false;
	in_to += (size_t)n;
	return true;
}

char *wire_line(size_t *len, bool *too_long)
{
	size_t looked = 0;
	bool skipping = false;

	*too_long = false;
	for (;;) {
		char *start = in + in_from;
		char *end = memchr(start + looked, '\n', in_to - in_from - looked);

		if (end && !skipping && end - start < LINE_MAX_BYTES) {
			in_from = (size_t)(end - in) + 1;
			*end = 0;
			*len = (size_t)(end - start);
			if (*len && start[*len - 1] == '\r')
				start[--*len] = 0;
			return start;
		}
		if (end && skipping) {
			in_from = (size_t)(end - in) + 1;
			*too_long = true;
			*len = 0;
			return (char *)"";
		}
		looked = in_to - in_from;
		if (end || looked >= LINE_MAX_BYTES) {
			/* Too long: throw away up to the newline, keeping nothing. */
			skipping = true;
			in_from = end ? (size_t)(end - in) : in_to;
			looked = 0;
			if (end)
				continue;
		} else if (skipping) {
			in_from = in_to;
			looked = 0;
		}
		if (!read_more()) {
			/* Half a line at the end of the input is no request. */
			wire_flush();
			return NULL;
		}
	}
}
