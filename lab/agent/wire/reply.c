// SPDX-License-Identifier: GPL-2.0-only
/* Replies: members of the JSON object, and lines on standard output. */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <unistd.h>

#include "common/util.h"
#include "wire/wire.h"

#define OUT_HIGH (256 * 1024)
#define HELD_BACK_MS 200 /* no reply waits longer than this, whatever the next request does */
#define PROGRESS_US 250000

/**
 * put_raw() - Add a member to the reply; the caller then appends its value to the body.
 * @r: the request
 * @key: name of the member
 */
void put_raw(struct request *r, const char *key)
{
	text_str(r->body, ",\"");
	text_str(r->body, key);
	text_str(r->body, "\":");
}

/**
 * put_u64() - Add a number to the reply.
 * @r: the request
 * @key: name of the member
 * @n: the number
 */
void put_u64(struct request *r, const char *key, uint64_t n)
{
	put_raw(r, key);
	text_u64(r->body, n);
}

/**
 * put_bool() - Add true or false to the reply.
 * @r: the request
 * @key: name of the member
 * @b: the value
 */
void put_bool(struct request *r, const char *key, bool b)
{
	put_raw(r, key);
	text_str(r->body, b ? "true" : "false");
}

/**
 * put_str() - Add a string to the reply.
 * @r: the request
 * @key: name of the member
 * @s: the string
 */
void put_str(struct request *r, const char *key, const char *s)
{
	put_raw(r, key);
	text_json(r->body, s);
}

/**
 * put_hex() - Add a number to the reply as a hexadecimal string, because a JSON number keeps
 *   only 53 bits.
 * @r: the request
 * @key: name of the member
 * @n: the number
 */
void put_hex(struct request *r, const char *key, uint64_t n)
{
	char text[24];

	snprintf(text, sizeof(text), "0x%llx", (unsigned long long)n);
	put_str(r, key, text);
}

static struct text reply_text;
static pthread_mutex_t reply_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t reply_waiting = PTHREAD_COND_INITIALIZER;

static void reply_flush_locked(void)
{
	size_t done = 0;

	while (done < reply_text.len) {
		ssize_t n = write(STDOUT_FILENO, reply_text.at + done, reply_text.len - done);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			_exit(0); /* nobody reads the output any more */
		done += (size_t)n;
	}
	reply_text.len = 0;
}

/**
 * wire_flush() - Write out all replies that are held back.
 */
void wire_flush(void)
{
	pthread_mutex_lock(&reply_lock);
	reply_flush_locked();
	pthread_mutex_unlock(&reply_lock);
}

/*
 * Replies are held back while more input waits. But the next request may spend minutes in the
 * kernel.
 */
static void *reply_flush_late(void *unused)
{
	pthread_mutex_lock(&reply_lock);
	for (;;) {
		while (!reply_text.len)
			pthread_cond_wait(&reply_waiting, &reply_lock);
		pthread_mutex_unlock(&reply_lock);
		pause_ms(HELD_BACK_MS);
		pthread_mutex_lock(&reply_lock);
		reply_flush_locked();
	}
	return unused;
}

/**
 * wire_start() - Start the thread that writes out replies that are held back for too long.
 *
 * If the thread cannot be made, nothing is lost: replies then go out when the input is empty.
 */
void wire_start(void)
{
	pthread_t thread;

	if (!pthread_create(&thread, NULL, reply_flush_late, NULL))
		pthread_detach(thread);
}

/**
 * wire_progress() - Report that a request is still being worked on, a few times a second at
 *   most.
 * @r: the request
 * @done: a number that grows; what it counts is up to the operation
 */
void wire_progress(struct request *r, uint64_t done)
{
	uint64_t now = now_us();

	if (now - r->reported < PROGRESS_US)
		return;
	r->reported = now;
	pthread_mutex_lock(&reply_lock);
	text_str(&reply_text, "{\"id\":");
	text_u64(&reply_text, r->id);
	text_str(&reply_text, ",\"progress\":");
	text_u64(&reply_text, done);
	text_str(&reply_text, "}\n");
	reply_flush_locked();
	pthread_mutex_unlock(&reply_lock);
}

/**
 * wire_reply() - Write the reply to a request.
 * @r: the request
 * @us: how long the operation took, in microseconds
 */
void wire_reply(const struct request *r, uint64_t us)
{
	pthread_mutex_lock(&reply_lock);
	text_str(&reply_text, "{\"id\":");
	text_u64(&reply_text, r->id);
	if (r->error) {
		text_str(&reply_text, ",\"ok\":false,\"errno\":");
		text_json(&reply_text, r->error);
		text_str(&reply_text, ",\"at\":");
		text_json(&reply_text, r->at);
	} else {
		text_str(&reply_text, ",\"ok\":true");
	}
	text_str(&reply_text, ",\"us\":");
	text_u64(&reply_text, us);
	text_add(&reply_text, r->body->at, r->body->len);
	text_str(&reply_text, "}\n");
	if (reply_text.len > OUT_HIGH)
		reply_flush_locked();
	else
		pthread_cond_signal(&reply_waiting);
	pthread_mutex_unlock(&reply_lock);
}

/**
 * wire_holds_back() - Tell whether there are replies that were not written yet.
 *
 * Return: true if there are
 */
bool wire_holds_back(void)
{
	bool any;

	pthread_mutex_lock(&reply_lock);
	any = reply_text.len;
	pthread_mutex_unlock(&reply_lock);
	return any;
}
