// SPDX-License-Identifier: GPL-2.0-only
/* guest-wait: waits for ticks or for a line on the console. */
#define _GNU_SOURCE
#include <time.h>

#include "guest/guest.h"
#include "ops.h"
#include "common/util.h"

#define WAIT_MS_MAX 600000

static bool wait_reached(const struct guest *g, bool has_ticks, uint64_t ticks)
{
	return has_ticks ? g->ticks >= ticks : g->console.found;
}

#define LOOK_MS 200

/*
 * What all guests have shown: while this guest is waited for, the others may have the
 * processor.
 */
static uint64_t wait_progress(void)
{
	uint64_t sum = 0;

	for (struct guest *g = guest_next(NULL); g; g = guest_next(g)) {
		pthread_mutex_lock(&g->lock);
		sum += g->ticks + g->console.written;
		pthread_mutex_unlock(&g->lock);
	}
	return sum;
}

static struct timespec wait_deadline(uint64_t ms)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	t.tv_sec += (time_t)(ms / 1000);
	t.tv_nsec += (long)(ms % 1000) * 1000000;
	if (t.tv_nsec >= 1000000000) {
		t.tv_sec++;
		t.tv_nsec -= 1000000000;
	}
	return t;
}

/**
 * op_guest_wait() - Operation guest-wait: wait for a guest, no longer than requested, and not
 *   for one that is dead.
 * @r: the request
 *
 * Return: true, or false after the request has failed
 */
bool op_guest_wait(struct request *r)
{
	struct guest *g = guest_of(r);
	char *line = (char *)request_get(r, "line");
	bool has_ticks = request_get(r, "ticks"), done;
	uint64_t ms = 0, ticks = 0, start = now_us();

	if (!g || !request_number(r, "ms", WAIT_MS_MAX, &ms) ||
	    !request_number(r, "ticks", UINT64_MAX, &ticks))
		return false;
	if (has_ticks == !!line || (line && !*line))
		return fail_request(r, "guest-wait waits for ticks or for a line");
	pthread_mutex_lock(&g->lock);
	console_want(&g->console, line);
	while (!wait_reached(g, has_ticks, ticks) && g->state == GUEST_RUNNING) {
		uint64_t waited = (now_us() - start) / 1000;
		struct timespec next;

		if (waited >= ms)
			break;
		next = wait_deadline(ms - waited < LOOK_MS ? ms - waited : LOOK_MS);
		pthread_cond_timedwait(&g->changed, &g->lock, &next);
		if (now_us() - r->reported < LOOK_MS * 1000)
			continue;
		pthread_mutex_unlock(&g->lock);
		wire_progress(r, wait_progress());
		pthread_mutex_lock(&g->lock);
	}
	done = wait_reached(g, has_ticks, ticks);
	g->console.wanted = NULL;
	put_bool(r, "reached", done);
	put_u64(r, "ticks", g->ticks);
	put_u64(r, "waitedUs", now_us() - start);
	pthread_mutex_unlock(&g->lock);
	return true;
}
