// SPDX-License-Identifier: GPL-2.0-only
#define _GNU_SOURCE
/* A guest runs, stands, goes on, is gone. */
#include <sys/ioctl.h>

#include "guest/guest.h"
#include "ops.h"

static bool go_on(struct request *r, struct guest *g)
{
	pthread_mutex_lock(&g->lock);
	g->state = GUEST_RUNNING;
	g->first_tick = g->last_tick = (struct stamp){ 0 };
	pthread_mutex_unlock(&g->lock);
	if (!vcpus_start(r, g)) {
		pthread_mutex_lock(&g->lock);
		guest_dies(g, "%s", r->at);
		pthread_mutex_unlock(&g->lock);
		return false;
	}
	return true;
}

bool op_guest_run(struct request *r)
{
	struct guest *g = guest_of(r);

	if (!g || !guest_must_be(r, g, GUEST_CREATED, GUEST_CREATED) || !go_on(r, g))
		return false;
	put_stamp(r, "at", stamp_now());
	return true;
}

bool op_guest_pause(struct request *r)
{
	struct guest *g = guest_of(r);
	struct stamp first = stamp_now();

	if (!g || !guest_must_be(r, g, GUEST_RUNNING, GUEST_RUNNING) || !vcpus_park(r, g))
		return false;
	/* It may have ended just now: that is the more important thing to know. */
	if (!guest_must_be(r, g, GUEST_RUNNING, GUEST_RUNNING))
		return false;
	g->state = GUEST_PAUSED;
	g->pause_first = first;
	g->pause_last = stamp_now();
	g->pause_khz = g->tsc_khz;
	put_stamp(r, "first", g->pause_first);
	put_stamp(r, "last", g->pause_last);
	return true;
}

bool op_guest_resume(struct request *r)
{
	struct guest *g = guest_of(r);
	struct stamp at;

	if (!g || !guest_must_be(r, g, GUEST_PAUSED, GUEST_PAUSED) || !go_on(r, g))
		return false;
	at = stamp_now();
	put_stamp(r, "at", at);
	put_u64(r, "stoppedUs", tsc_span(g->pause_first.tsc, at.tsc, g->pause_khz, 1000));
	return true;
}

bool op_guest_close(struct request *r)
{
	struct guest *g = guest_of(r);

	if (!g)
		return false;
	guest_free(g);
	return true;
}
