// SPDX-License-Identifier: GPL-2.0-only
/* Guests by name, and times on two clocks. */
#define _GNU_SOURCE
#include "guest/guest.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "common/util.h"

const char *const guest_kinds[] = { "bare", "linux" };
const char *const guest_states[] = { "created", "running", "paused", "dead" };

static struct guest *guest_list;

/**
 * guest_find() - Find a guest.
 * @name: its name
 *
 * Return: the guest, or NULL
 */
struct guest *guest_find(const char *name)
{
	for (struct guest *g = guest_list; g; g = g->next)
		if (!strcmp(g->name, name))
			return g;
	return NULL;
}

/**
 * guest_next() - Walk over all guests.
 * @g: the guest before, or NULL for the first
 *
 * Return: the next guest, or NULL
 */
struct guest *guest_next(const struct guest *g)
{
	return g ? g->next : guest_list;
}

/**
 * guest_of() - Find the guest that a request names.
 * @r: the request
 *
 * Return: the guest, or NULL after the request has failed with NOHANDLE
 */
struct guest *guest_of(struct request *r)
{
	const char *name = request_get(r, "guest");
	struct guest *g = guest_find(name);

	if (!g)
		fail_handle(r, "guest", name);
	return g;
}

/**
 * guest_name_free() - Check that no guest has the name in a request yet.
 * @r: the request
 *
 * Return: true, or false after the request has failed
 */
bool guest_name_free(struct request *r)
{
	const char *name = request_get(r, "guest");

	return !guest_find(name) || fail_request(r, "there is a guest %.80s already", name);
}

/**
 * guest_new() - Make an empty guest with the name in a request.
 * @r: the request
 * @kind: its kind
 *
 * Return: the guest, which is not in the table yet
 */
struct guest *guest_new(struct request *r, enum guest_kind kind)
{
	struct guest *g = calloc(1, sizeof(*g));
	static unsigned int made;
	pthread_condattr_t attr;

	if (!g)
		_exit(12);
	g->name = strdup(request_get(r, "guest"));
	if (!g->name)
		_exit(12);
	g->kind = kind;
	g->processor = made++;
	g->vm = -1;
	g->state_fd = -1;
	for (unsigned int i = 0; i < GUEST_VCPUS; i++)
		g->vcpu[i] = (struct vcpu){ .guest = g, .number = i, .fd = -1 };
	pthread_mutex_init(&g->lock, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&g->changed, &attr);
	pthread_condattr_destroy(&attr);
	return g;
}

/**
 * guest_add() - Add a guest to the table.
 * @g: the guest
 */
void guest_add(struct guest *g)
{
	g->next = guest_list;
	guest_list = g;
}

/**
 * guest_free() - Stop a guest and remove it.
 * @g: the guest
 */
void guest_free(struct guest *g)
{
	for (struct guest **at = &guest_list; *at; at = &(*at)->next) {
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

/**
 * guest_must_be() - Check the state of a guest.
 * @r: the request
 * @g: the guest
 * @a: a state that is accepted
 * @b: another one
 *
 * Return: true, or false after the request has failed
 */
bool guest_must_be(struct request *r, const struct guest *g, enum guest_state a, enum guest_state b)
{
	if (g->state == a || g->state == b)
		return true;
	return fail_request(r, "%s: guest %.80s is %s%s%.160s, not %s%s%s", r->op, g->name,
			    guest_states[g->state], g->why[0] ? ": " : "", g->why, guest_states[a],
			    a == b ? "" : " or ", a == b ? "" : guest_states[b]);
}

/**
 * stamp_now() - Read both clocks.
 *
 * Return: the moment
 */
struct stamp stamp_now(void)
{
	return (struct stamp){ now_us(), __builtin_ia32_rdtsc() };
}

#define SPAN_MAX 4e18

/**
 * tsc_span() - Turn a span of the TSC into time.
 * @then: TSC at its start
 * @now: TSC at its end
 * @khz: frequency of the TSC
 * @per_ms: units of the result for each millisecond
 *
 * The span is 0 if the TSC went back: a cold boot does that, and a state file may say anything.
 *
 * Return: the span
 */
uint64_t tsc_span(uint64_t then, uint64_t now, uint64_t khz, uint64_t per_ms)
{
	double span = now > then && khz ? (double)(now - then) * (double)per_ms / (double)khz : 0;

	return (uint64_t)(span < SPAN_MAX ? span : SPAN_MAX);
}

/**
 * put_stamp() - Add a moment to the reply.
 * @r: the request
 * @key: name of the member
 * @s: the moment
 */
void put_stamp(struct request *r, const char *key, struct stamp s)
{
	put_raw(r, key);
	text_str(r->body, "{\"us\":");
	text_u64(r->body, s.us);
	text_str(r->body, ",\"tsc\":");
	text_u64(r->body, s.tsc);
	text_str(r->body, "}");
}
