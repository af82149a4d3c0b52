// SPDX-License-Identifier: GPL-2.0-only
#define _GNU_SOURCE
#include <time.h>

#include "guest.h"
#include "ops.h"
#include "util.h"

#define WAIT_MS_MAX 600000

static bool reached(const struct guest *g, bool has_ticks, uint64_t ticks)
{
	return has_ticks ? g->ticks >= ticks : g->console.found;
}

/* Waits no longer than asked, and not for a dead guest. */
bool op_guest_wait(struct request *r)
{
	struct guest *g = guest_of(r);
	char *line = (char *)request_get(r, "line");
	bool has_ticks = request_get(r, "ticks"), done;
	uint64_t ms = 0, ticks = 0, start = now_us();
	struct timespec end;

	if (!g || !request_number(r, "ms", WAIT_MS_MAX, &ms) || !request_number(r, "ticks", UINT64_MAX, &ticks))
		return false;
	if (has_ticks == !!line || (line && !*line))
		return fail_request(r, "guest-wait waits for ticks or for a line");
	clock_gettime(CLOCK_MONOTONIC, &end);
	end.tv_sec += (time_t)(ms / 1000);
	end.tv_nsec += (long)(ms % 1000) * 1000000;
	if (end.tv_nsec >= 1000000000) {
		end.tv_sec++;
		end.tv_nsec -= 1000000000;
	}
	pthread_mutex_lock(&g->lock);
	console_want(&g->console, line);
	while (!(done = reached(g, has_ticks, ticks)) && g->state == GUEST_RUNNING && !pthread_cond_timedwait(&g->changed, &g->lock, &end))
		;
	done = reached(g, has_ticks, ticks);
	g->console.wanted = NULL;
	put_bool(r, "reached", done);
	put_u64(r, "ticks", g->ticks);
	put_u64(r, "waitedUs", now_us() - start);
	pthread_mutex_unlock(&g->lock);
	return true;
}
