// SPDX-License-Identifier: GPL-2.0-only
#define _GNU_SOURCE
#include "wire.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "util.h"

#define ID_MAX 9007199254740991ULL /* what a JSON reader keeps exactly */
#define OUT_HIGH (256 * 1024)
#define HELD_BACK_MS 200    /* no reply waits for longer, whatever the request behind it takes */
#define PROGRESS_US 250000

/* ---- text ---- */

static void text_room(struct text *t, size_t more)
{
	if (t->cap - t->len >= more)
		return;
	size_t cap = t->cap ? t->cap : 4096;
	while (cap - t->len < more)
		cap *= 2;
	t->at = realloc(t->at, cap);
	if (!t->at)
		_exit(12);
	t->cap = cap;
}

void text_add(struct text *t, const char *bytes, size_t len)
{
	text_room(t, len);
	memcpy(t->at + t->len, bytes, len);
	t->len += len;
}

void text_str(struct text *t, const char *s)
{
	text_add(t, s, strlen(s));
}

void text_u64(struct text *t, uint64_t n)
{
	char digits[20];
	int at = sizeof(digits);

	do
		digits[--at] = (char)('0' + n % 10);
	while (n /= 10);
	text_add(t, digits + at, sizeof(digits) - at);
}

void text_free(struct text *t)
{
	free(t->at);
	*t = (struct text){ 0 };
}

/* Bytes that are not ASCII are written as \u00XX: the reply stays valid JSON whatever a file name or a kernel says. */
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

/* ---- requests ---- */

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

/* ---- replies ---- */

void put_raw(struct request *r, const char *key)
{
	text_str(r->body, ",\"");
	text_str(r->body, key);
	text_str(r->body, "\":");
}

void put_u64(struct request *r, const char *key, uint64_t n)
{
	put_raw(r, key);
	text_u64(r->body, n);
}

void put_bool(struct request *r, const char *key, bool b)
{
	put_raw(r, key);
	text_str(r->body, b ? "true" : "false");
}

void put_str(struct request *r, const char *key, const char *s)
{
	put_raw(r, key);
	text_json(r->body, s);
}

static struct text out;
static pthread_mutex_t out_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t out_waits = PTHREAD_COND_INITIALIZER;

static void flush_locked(void)
{
	size_t done = 0;

	while (done < out.len) {
		ssize_t n = write(STDOUT_FILENO, out.at + done, out.len - done);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			_exit(0); /* nobody listens any more */
		done += (size_t)n;
	}
	out.len = 0;
}

void wire_flush(void)
{
	pthread_mutex_lock(&out_lock);
	flush_locked();
	pthread_mutex_unlock(&out_lock);
}

/* Replies are held back while more input waits; the request behind them may be in the kernel for minutes. */
static void *flush_late(void *unused)
{
	pthread_mutex_lock(&out_lock);
	for (;;) {
		while (!out.len)
			pthread_cond_wait(&out_waits, &out_lock);
		pthread_mutex_unlock(&out_lock);
		pause_ms(HELD_BACK_MS);
		pthread_mutex_lock(&out_lock);
		flush_locked();
	}
	return unused;
}

/* Without it nothing is lost: replies then come when the input is empty. */
static void start_flushing(void)
{
	static bool started;
	pthread_t thread;

	if (!started && !pthread_create(&thread, NULL, flush_late, NULL))
		pthread_detach(thread);
	started = true;
}

void wire_progress(struct request *r, uint64_t done)
{
	uint64_t now = now_us();

	if (now - r->told < PROGRESS_US)
		return;
	r->told = now;
	pthread_mutex_lock(&out_lock);
	text_str(&out, "{\"id\":");
	text_u64(&out, r->id);
	text_str(&out, ",\"progress\":");
	text_u64(&out, done);
	text_str(&out, "}\n");
	flush_locked();
	pthread_mutex_unlock(&out_lock);
}

void wire_reply(const struct request *r, uint64_t us)
{
	start_flushing();
	pthread_mutex_lock(&out_lock);
	text_str(&out, "{\"id\":");
	text_u64(&out, r->id);
	if (r->error) {
		text_str(&out, ",\"ok\":false,\"errno\":");
		text_json(&out, r->error);
		text_str(&out, ",\"at\":");
		text_json(&out, r->at);
	} else {
		text_str(&out, ",\"ok\":true");
	}
	text_str(&out, ",\"us\":");
	text_u64(&out, us);
	text_add(&out, r->body->at, r->body->len);
	text_str(&out, "}\n");
	if (out.len > OUT_HIGH)
		flush_locked();
	else
		pthread_cond_signal(&out_waits);
	pthread_mutex_unlock(&out_lock);
}

/* ---- lines ---- */

static char in[LINE_MAX_BYTES * 2];
static size_t in_from, in_to;

static bool holds_back(void)
{
	bool any;

	pthread_mutex_lock(&out_lock);
	any = out.len;
	pthread_mutex_unlock(&out_lock);
	return any;
}

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
	if (holds_back() && poll(&ready, 1, 0) <= 0)
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
