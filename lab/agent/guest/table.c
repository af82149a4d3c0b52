// SPDX-License-Identifier: GPL-2.0-only
#define _GNU_SOURCE
/* Guests by name. */
#include "guest/guest.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "common/util.h"

const char *const guest_kinds[] = { "bare", "linux" };
const char *const guest_states[] = { "created", "running", "paused", "dead" };

static struct guest *all;

struct guest *guest_find(const char *name)
{
	for (struct guest *g = all; g; g = g->next)
		if (!strcmp(g->name, name))
			return g;
	return NULL;
}

struct guest *guest_next(const struct guest *g)
{
	return g ? g->next : all;
}

struct guest *guest_of(struct request *r)
{
	const char *name = request_get(r, "guest");
	struct guest *g = guest_find(name);

	if (!g)
		fail_handle(r, "guest", name);
	return g;
}

bool guest_name_free(struct request *r)
{
	const char *name = request_get(r, "guest");

	return !guest_find(name) || fail_request(r, "there is a guest %.80s already", name);
}

struct guest *guest_new(struct request *r, enum guest_kind kind)
{
	struct guest *g = calloc(1, sizeof(*g));
	static unsigned made;
	pthread_condattr_t attr;

	if (!g || !(g->name = strdup(request_get(r, "guest"))))
		_exit(12);
	g->kind = kind;
	g->processor = made++;
	g->vm = g->state_fd = -1;
	for (unsigned i = 0; i < GUEST_VCPUS; i++)
		g->vcpu[i] = (struct vcpu){ .guest = g, .number = i, .fd = -1 };
	pthread_mutex_init(&g->lock, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&g->changed, &attr);
	pthread_condattr_destroy(&attr);
	return g;
}

void guest_add(struct guest *g)
{
	g->next = all;
	all = g;
}

void guest_free(struct guest *g)
{
	for (struct guest **at = &all; *at; at = &(*at)->next) {
		if (*at == g) {
			*at = g->next;
			break;
		}
	}
	vcpus_quit(g);
	vm_remove(g);
	if (g->state_fd >= 0)
		close(g->state_fd);
	pthread_cond_destroy(&g->changed);
	pthread_mutex_destroy(&g->lock);
	free(g->name);
	free(g);
}

bool guest_must_be(struct request *r, const struct guest *g, enum guest_state a, enum guest_state b)
{
	if (g->state == a || g->state == b)
		return true;
	return fail_request(r, "%s: guest %.80s is %s%s%.160s, not %s%s%s", r->op, g->name, guest_states[g->state], g->why[0] ? ": " : "", g->why,
			    guest_states[a], a == b ? "" : " or ", a == b ? "" : guest_states[b]);
}

struct stamp stamp_now(void)
{
	return (struct stamp){ now_us(), __builtin_ia32_rdtsc() };
}

#define SPAN_MAX 4e18

/* TSC ticks as time, `per_ms` units a millisecond. None where it went back: a cold boot does that, and a state file may say anything. */
uint64_t tsc_span(uint64_t then, uint64_t now, uint64_t khz, uint64_t per_ms)
{
	double span = now > then && khz ? (double)(now - then) * (double)per_ms / (double)khz : 0;

	return (uint64_t)(span < SPAN_MAX ? span : SPAN_MAX);
}

void put_stamp(struct request *r, const char *key, struct stamp s)
{
	put_raw(r, key);
	text_str(r->body, "{\"us\":");
	text_u64(r->body, s.us);
	text_str(r->body, ",\"tsc\":");
	text_u64(r->body, s.tsc);
	text_str(r->body, "}");
}
