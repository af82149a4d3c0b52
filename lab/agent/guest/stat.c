// SPDX-License-Identifier: GPL-2.0-only
/* guest-stat: what the VMM saw of a guest, and what the guest says of itself. */
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>

#include "common/bus-guard.h"
#include "guest/make.h"
#include "ops.h"
#include "common/util.h"

static void stat_put_stamp(struct request *r, const char *key, struct stamp s)
{
	if (s.us) {
		put_stamp(r, key, s);
		return;
	}
	put_raw(r, key);
	text_str(r->body, "null");
}

struct counter {
	const char *key;
	size_t offset;
};

#define COUNTER(key, field) { key, offsetof(struct share, field) }
static const struct counter counters[] = {
	COUNTER("bad", bad),
	COUNTER("fpuBad", fpu_bad),
	COUNTER("msrBad", msr_bad),
	COUNTER("debugBad", debug_bad),
	COUNTER("tscBack", tsc_back),
	COUNTER("systemBad", system_bad),
	COUNTER("staleBad", stale_bad),
	COUNTER("exception", exception),
};

static uint64_t stat_sum(const struct guest *g, const struct control *c, size_t offset)
{
	uint64_t n = 0;

	for (uint32_t v = 0; v < g->vcpus; v++)
		n += *(const volatile uint64_t *)((const char *)&c->share[v] + offset);
	return n;
}

/*
 * The control page as it is now. The guest can write it: its numbers are passed on, and never
 * used as an address.
 */
static void stat_put_bare(struct request *r, const struct guest *g)
{
	const struct control *c = (const struct control *)g->ram;
	uint64_t first_bad = 0, gap = 0;
	char head[80];

	put_bool(r, "control", c->magic == GUEST_MAGIC);
	for (size_t i = 0; i < ARRAY_SIZE(counters); i++)
		put_u64(r, counters[i].key, stat_sum(g, c, counters[i].offset));
	put_raw(r, "vcpu");
	for (uint32_t v = 0; v < g->vcpus; v++) {
		const struct share s = c->share[v];

		first_bad = first_bad ? first_bad : s.first_bad;
		gap = s.max_gap > gap ? s.max_gap : gap;
		text_str(r->body, v ? ",{\"ticks\":" : "[{\"ticks\":");
		text_u64(r->body, s.ticks);
		text_str(r->body, ",\"links\":");
		text_u64(r->body, s.links);
		snprintf(head, sizeof(head), ",\"head\":\"%08x%08x\"}", s.head.a, s.head.b);
		text_str(r->body, head);
	}
	text_str(r->body, "]");
	guest_put_devices(r, g);
	put_raw(r, "firstBad");
	if (first_bad)
		text_u64(r->body, first_bad);
	else
		text_str(r->body, "null");
	put_u64(r, "maxGapUs", tsc_span(0, gap, g->tsc_khz, 1000));
}

static void stat_put_linux(struct request *r, const struct guest *g)
{
	const struct guest_tick *t = &g->console.tick;
	char tail[CONSOLE_TAIL + 1];

	put_u64(r, "bad", t->bad);
	put_u64(r, "fpuBad", t->fpu_bad);
	put_str(r, "bootId", t->boot_id);
	put_u64(r, "bootIdChanged", t->boot_id_changed);
	put_u64(r, "tscBack", t->tsc_back);
	put_u64(r, "monoBack", t->mono_back);
	put_bool(r, "panicked", t->panicked);
	put_raw(r, "clock");
	text_str(r->body, "{\"boot\":");
	text_u64(r->body, t->boot_us);
	text_str(r->body, ",\"mono\":");
	text_u64(r->body, t->mono_us);
	text_str(r->body, ",\"real\":");
	text_u64(r->body, t->real_us);
	text_str(r->body, ",\"tsc\":");
	text_u64(r->body, t->tsc);
	text_str(r->body, "}");
	put_u64(r, "maxGapUs", g->max_gap_us);
	put_u64(r, "lines", g->console.lines);
	console_tail(&g->console, tail);
	put_str(r, "console", tail);
}

struct stat_bare {
	struct request *request;
	const struct guest *guest;
};

static void stat_put_bare_guarded(void *arg)
{
	const struct stat_bare *b = arg;

	stat_put_bare(b->request, b->guest);
}

/**
 * op_guest_stat() - Operation guest-stat: report the state of a guest.
 * @r: the request
 *
 * Return: true, or false after the request has failed
 */
bool op_guest_stat(struct request *r)
{
	struct guest *g = guest_of(r);

	if (!g)
		return false;
	pthread_mutex_lock(&g->lock);
	put_str(r, "state", guest_states[g->state]);
	put_str(r, "why", g->why);
	guest_put_identity(r, g);
	put_u64(r, "tscKhz", g->tsc_khz);
	put_u64(r, "ticks", g->ticks);
	put_u64(r, "reports", g->reports);
	put_u64(r, "jumped", g->jumped);
	put_u64(r, "failed", g->failed);
	stat_put_stamp(r, "firstTick", g->first_tick);
	stat_put_stamp(r, "lastTick", g->last_tick);
	put_raw(r, "sinceTickUs");
	if (g->last_tick.us)
		text_u64(r->body, now_us() - g->last_tick.us);
	else
		text_str(r->body, "null");
	if (g->kind == GUEST_BARE) {
		struct stat_bare b = { r, g };

		/* Caught here, because this function holds the lock. */
		if (!bus_guarded(stat_put_bare_guarded, &b)) {
			r->body->len = 0;
			fail_errno(r, EIO, "SIGBUS in the control page of the guest");
		}
	} else {
		stat_put_linux(r, g);
	}
	pthread_mutex_unlock(&g->lock);
	return !r->error;
}
