// SPDX-License-Identifier: GPL-2.0-only
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <unistd.h>

#include "common/util.h"
#include "wire/wire.h"

#define OUT_HIGH (256 * 1024)
#define HELD_BACK_MS 200 /* no reply waits for longer, whatever the request behind it takes */
#define PROGRESS_US 250000

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

bool wire_holds_back(void)
{
	bool any;

	pthread_mutex_lock(&out_lock);
	any = out.len;
	pthread_mutex_unlock(&out_lock);
	return any;
}
