// SPDX-License-Identifier: GPL-2.0-only
/* Text that grows, and JSON strings. */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "wire/wire.h"

static void text_room(struct text *t, size_t more)
{
	size_t cap = t->cap ? t->cap : 4096;

	if (t->cap - t->len >= more)
		return;
	while (cap - t->len < more)
		cap *= 2;
	t->at = realloc(t->at, cap);
	if (!t->at)
		_exit(12);
	t->cap = cap;
}

/**
 * text_add() - Append bytes.
 * @t: the text
 * @bytes: the bytes
 * @len: how many
 */
void text_add(struct text *t, const char *bytes, size_t len)
{
	text_room(t, len);
	memcpy(t->at + t->len, bytes, len);
	t->len += len;
}

/**
 * text_str() - Append a string.
 * @t: the text
 * @s: the string
 */
void text_str(struct text *t, const char *s)
{
	text_add(t, s, strlen(s));
}

/**
 * text_u64() - Append a number in decimal digits.
 * @t: the text
 * @n: the number
 */
void text_u64(struct text *t, uint64_t n)
{
	char digits[20];
	int at = sizeof(digits);

	do
		digits[--at] = (char)('0' + n % 10);
	while (n /= 10);
	text_add(t, digits + at, sizeof(digits) - at);
}

/**
 * text_free() - Free the memory of a text.
 * @t: the text, which is empty afterwards
 */
void text_free(struct text *t)
{
	free(t->at);
	*t = (struct text){ 0 };
}

/**
 * text_json() - Append a JSON string with its quotes.
 * @t: the text
 * @s: the string
 *
 * Bytes that are not ASCII become \u00XX. So the reply stays valid JSON whatever a file name or
 * a kernel holds.
 */
void text_json(struct text *t, const char *s)
{
	text_add(t, "\"", 1);
	for (; *s; s++) {
		unsigned char c = (unsigned char)*s;

		if (c == '"' || c == '\\') {
			char two[2] = { '\\', (char)c };

			text_add(t, two, 2);
		} else if (c < 0x20 || c >= 0x7f) {
			char six[8];

			text_add(t, six, (size_t)snprintf(six, sizeof(six), "\\u%04x", c));
		} else {
			text_add(t, s, 1);
		}
	}
	text_add(t, "\"", 1);
}
