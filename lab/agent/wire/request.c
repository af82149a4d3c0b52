// SPDX-License-Identifier: GPL-2.0-only
#define _GNU_SOURCE
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "wire/wire.h"

#define ID_MAX 9007199254740991ULL /* what a JSON reader keeps exactly */

static bool fail(struct request *r, const char *error, const char *fmt, va_list args)
{
	r->error = error;
	vsnprintf(r->at, sizeof(r->at), fmt, args);
	return false;
}

bool fail_errno(struct request *r, int err, const char *fmt, ...)
{
	static char unnamed[16];
	const char *name = strerrorname_np(err);
	va_list args;

	if (!name) {
		/* The kernel has a few that no header names; they are worth seeing as they are. */
		snprintf(unnamed, sizeof(unnamed), "E%d", err);
		name = err == 524 ? "ENOTSUPP" : unnamed;
	}
	va_start(args, fmt);
	fail(r, name, fmt, args);
	va_end(args);
	return false;
}

bool fail_request(struct request *r, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	fail(r, "BADREQ", fmt, args);
	va_end(args);
	return false;
}

bool fail_handle(struct request *r, const char *kind, const char *name)
{
	r->error = "NOHANDLE";
	snprintf(r->at, sizeof(r->at), "%s %s", kind, name);
	return false;
}

bool parse_decimal(const char *s, const char *end, uint64_t max, uint64_t *out)
{
	uint64_t n = 0;

	if (s == end)
		return false;
	for (; s < end; s++) {
		unsigned digit = (unsigned)(*s - '0');

		if (digit > 9 || n > (UINT64_MAX - digit) / 10)
			return false;
		n = n * 10 + digit;
	}
	if (n > max)
		return false;
	*out = n;
	return true;
}

static int hex(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool percent_decode(char *s)
{
	char *to = s;

	for (; *s; s++) {
		if (*s != '%') {
			*to++ = *s;
			continue;
		}
		int high = hex(s[1]), low = high < 0 ? -1 : hex(s[2]);

		if (low < 0 || (high | low) == 0)
			return false;
		*to++ = (char)(high << 4 | low);
		s += 2;
	}
	*to = 0;
	return true;
}

bool request_parse(struct request *r, char *line, size_t len)
{
	char *save = NULL, *word;

	r->id = 0;
	r->op = "";
	r->keys = 0;
	r->error = NULL;
	r->at[0] = 0;
	if (strlen(line) != len)
		return fail_request(r, "a NUL byte in the request");
	word = strtok_r(line, " ", &save);
	if (!word || !parse_decimal(word, word + strlen(word), ID_MAX, &r->id))
		return fail_request(r, "a request begins with its number");
	word = strtok_r(NULL, " ", &save);
	if (!word)
		return fail_request(r, "no operation");
	r->op = word;
	while ((word = strtok_r(NULL, " ", &save))) {
		char *eq = strchr(word, '=');

		if (!eq || eq == word)
			return fail_request(r, "not key=value: %.80s", word);
		*eq = 0;
		if (request_get(r, word))
			return fail_request(r, "key given twice: %.80s", word);
		if (r->keys == KEYS_MAX)
			return fail_request(r, "more than %d keys", KEYS_MAX);
		if (!percent_decode(eq + 1))
			return fail_request(r, "bad percent-coding in %.80s", word);
		r->key[r->keys] = word;
		r->value[r->keys++] = eq + 1;
	}
	return true;
}

const char *request_get(const struct request *r, const char *key)
{
	for (int i = 0; i < r->keys; i++)
		if (!strcmp(r->key[i], key))
			return r->value[i];
	return NULL;
}

bool request_number(struct request *r, const char *key, uint64_t max, uint64_t *out)
{
	const char *value = request_get(r, key);

	if (!value || parse_decimal(value, value + strlen(value), max, out))
		return true;
	return fail_request(r, "%s is not a decimal number up to %llu: %.80s", key, (unsigned long long)max, value);
}
