// SPDX-License-Identifier: GPL-2.0-only
/* Runs, pauses, resumes and closes a guest. */
#define _GNU_SOURCE
#include <sys/ioctl.h>

#include "guest/guest.h"
#include "ops.h"

static bool guest_go_on(struct request *r, struct guest *g)
{
	pthread_mutex_lock(&g->lock);
	g->state = GUEST_RUNNING;
	g->first_tick = (struct stamp){ 0 };
	g->last_tick = g->first_tick;
	pthread_mutex_unlock(&g->lock);
	if (!vcpus_start(r, g)) {
		pthread_mutex_lock(&g->lock);
		guest_dies(g, "%s", r->at);
		pthread_mutex_unlock(&g->lock);
		return false;
	}
	return true;
}

/**
 * op_guest_run() - Operation guest-run: start a new guest.
 * @r: the request
 *
 * Return: true, or false after the request has failed
 */
bool op_guest_run(struct request *r)
{
	struct guest *g = guest_of(r);

	if (!g || !guest_must_be(r, g, GUEST_CREATED, GUEST_CREATED) || !guest_go_on(r, g))
		return false;
	put_stamp(r, "at", stamp_now());
	return true;
}

/**
 * op_guest_pause() - Operation guest-pause: stop all vCPUs of a guest.
 * @r: the request
 *
 * Return: true, or false after the request has failed
 */
bool op_guest_pause(struct request *r)
{
	struct guest *g = guest_of(r);
	struct stamp first = stamp_now();

	if (!g || !guest_must_be(r, g, GUEST_RUNNING, GUEST_RUNNING) || !vcpus_park(r, g))
		return false;
	/* The guest may have died just now. That is more important. */
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

/**
 * op_guest_resume() - Operation guest-resume: continue a paused guest.
 * @r: the request
 *
 * Return: true, or false after the request has failed
 */
bool op_guest_resume(struct request *r)
{
	struct guest *g = guest_of(r);
	struct stamp at;

	if (!g || !guest_must_be(r, g, GUEST_PAUSED, GUEST_PAUSED) || !guest_go_on(r, g))
		return false;
	at = stamp_now();
	put_stamp(r, "at", at);
	put_u64(r, "stoppedUs", tsc_span(g->pause_first.tsc, at.tsc, g->pause_khz, 1000));
	return true;
}

/**
 * op_guest_close() - Operation guest-close: stop a guest and remove it.
 * @r: the request
 *
 * Return: true, or false after the request has failed
 */
bool op_guest_close(struct request *r)
{
	struct guest *g = guest_of(r);

	if (!g)
		return false;
	guest_free(g);
	return true;
}
