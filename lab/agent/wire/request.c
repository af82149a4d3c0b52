// SPDX-License-Identifier: GPL-2.0-only
/* Requests: one line becomes an operation with keys and values. See docs/agent-protocol.md. */
#define _GNU_SOURCE
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "wire/wire.h"

#define ID_MAX 9007199254740991ULL /* a JSON reader keeps these exactly */

static bool request_fail(struct request *r, const char *error, const char *fmt, va_list args)
{
	r->error = error;
	vsnprintf(r->at, sizeof(r->at), fmt, args);
	return false;
}

/**
 * fail_errno() - Fail a request with an error of the kernel.
 * @r: the request
 * @err: the errno
 * @fmt: format of the text that says what was tried
 * @...: arguments of @fmt
 *
 * Return: false, so that an operation can end with this call
 */
bool fail_errno(struct request *r, int err, const char *fmt, ...)
{
	static char unnamed[16];
	const char *name = strerrorname_np(err);
	va_list args;

	if (!name) {
		/*
		 * The kernel returns a few numbers that no header names. Report them as they
		 * are.
		 */
		snprintf(unnamed, sizeof(unnamed), "E%d", err);
		name = err == 524 ? "ENOTSUPP" : unnamed;
	}
	va_start(args, fmt);
	request_fail(r, name, fmt, args);
	va_end(args);
	return false;
}

/**
 * fail_request() - Fail a request that makes no sense (BADREQ).
 * @r: the request
 * @fmt: format of the text that says what is wrong
 * @...: arguments of @fmt
 *
 * Return: false, so that an operation can end with this call
 */
bool fail_request(struct request *r, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	request_fail(r, "BADREQ", fmt, args);
	va_end(args);
	return false;
}

/**
 * fail_handle() - Fail a request that names what the agent does not have (NOHANDLE).
 * @r: the request
 * @kind: session, file, device or guest
 * @name: the name in the request
 *
 * Return: false, so that an operation can end with this call
 */
bool fail_handle(struct request *r, const char *kind, const char *name)
{
	r->error = "NOHANDLE";
	snprintf(r->at, sizeof(r->at), "%s %s", kind, name);
	return false;
}

/**
 * parse_decimal() - Read a decimal number; nothing but digits is accepted.
 * @s: the first digit
 * @end: behind the last digit
 * @max: the largest number that is accepted
 * @out: where the number goes
 *
 * Return: false if it is not such a number
 */
bool parse_decimal(const char *s, const char *end, uint64_t max, uint64_t *out)
{
	uint64_t n = 0;

	if (s == end)
		return false;
	for (; s < end; s++) {
		unsigned int digit = (unsigned int)(*s - '0');

		if (digit > 9 || n > (UINT64_MAX - digit) / 10)
			return false;
		n = n * 10 + digit;
	}
	if (n > max)
		return false;
	*out = n;
	return true;
}

static int request_hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool request_percent_decode(char *s)
{
	char *to = s;

	for (; *s; s++) {
		if (*s != '%') {
			*to++ = *s;
			continue;
		}
		int high = request_hex_digit(s[1]), low = high < 0 ? -1 : request_hex_digit(s[2]);

		if (low < 0 || (high | low) == 0)
			return false;
		*to++ = (char)(high << 4 | low);
		s += 2;
	}
	*to = 0;
	return true;
}

/**
 * request_parse() - Turn a line into a request.
 * @r: the request; on failure its error and at say why, and its id is 0 if the line had none
 * @line: the line, NUL-terminated; it is changed in place
 * @len: its length
 *
 * Return: true, or false after the request has failed
 */
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
		return fail_request(r, "a request must begin with its number");
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
		if (!request_percent_decode(eq + 1))
			return fail_request(r, "bad percent-coding in %.80s", word);
		r->key[r->keys] = word;
		r->value[r->keys++] = eq + 1;
	}
	return true;
}

/**
 * request_get() - Find the value of a key.
 * @r: the request
 * @key: the key
 *
 * Return: the value, or NULL if the request does not have the key
 */
const char *request_get(const struct request *r, const char *key)
{
	for (int i = 0; i < r->keys; i++)
		if (!strcmp(r->key[i], key))
			return r->value[i];
	return NULL;
}

/**
 * request_number() - Read the value of a key as a decimal number.
 * @r: the request
 * @key: the key
 * @max: the largest number that is accepted
 * @out: where the number goes; it stays as it is if the request does not have the key
 *
 * Return: true, or false after the request has failed
 */
bool request_number(struct request *r, const char *key, uint64_t max, uint64_t *out)
{
	const char *value = request_get(r, key);

	if (!value || parse_decimal(value, value + strlen(value), max, out))
		return true;
	return fail_request(r, "%s is not a decimal number up to %llu: %.80s", key,
			    (unsigned long long)max, value);
}
